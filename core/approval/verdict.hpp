// The judgement of one write against one policy: from the objects involved to what happens with it.
//
// classify() and decide() are the only evaluators: a write, a dry run and a simulation meet the
// same questions in the same order. They are two as I/O comes between them: classify() tells from
// the objects alone whether the write is gated and which request it is bound to; decide() takes the
// standing of that request. Neither reads anything. Pure; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/standing.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// One write as the API server describes it, of either admission phase.
struct Write {
  Operation operation = Operation::Create;
  std::string group, version, kind, resource;
  std::string subresource;  // such as "status"; object and old_object are the whole object
  std::string namespace_, name;
  Identity user;
  std::string field_manager;
  bool dry_run = false;
  RawObject object;      // null for a deletion
  RawObject old_object;  // null for a creation
};

// Whether its name can have been made by the API server: generateName, cut to 58 characters, and
// five of the letters and digits that it takes (k8s.io/apiserver, names.SimpleNameGenerator).
// Beside any other name generateName is a word without meaning.
[[nodiscard]] bool has_generated_name(const RawObject& object);

// What a write is measured against: R. `held` is the request of this policy that holds the live
// object, if any.
struct Reference {
  Json covered;        // null: there was no object
  std::string digest;  // kAbsent for null
  const ApprovalRequest* held = nullptr;
  // A new Deployment would take over ReplicaSets that another left behind. Paused it would run
  // them, so it cannot be stored held.
  bool adopts = false;
};

// R of a write. `held_request` is the live request that the old object's marks name for this
// policy, or nullptr; it counts only where it really holds this very object for this very policy.
// Where the marks say that this policy holds the object, and no such request explains it, nothing
// is known to have been approved: R is absent, so all of it has to be.
[[nodiscard]] Result<Reference> reference_of(const Write& write, const ApprovalPolicy& policy,
                                             const ApprovalRequest* held_request,
                                             const std::string& secret_key);

// True when nothing that the policy covers is touched: same covered part, no hold before or after,
// same scope. Needs no I/O; the hot path.
[[nodiscard]] bool is_untouched(const Write& write, const ApprovalPolicy& policy,
                                const std::string& secret_key);

// A gated write and the request it is bound to.
struct Gated {
  Binding binding;
  Target target;
  Json content;  // covered part of the new object; null for a deletion
  RequestHold hold = RequestHold::Deny;
  ClientKind client = ClientKind::Plain;
  bool leaves_scope = false;
  Risk risk;
  std::set<std::string> writers;  // user names whose writes are part of the content
};

// nullopt: not gated (back to R, or nothing covered changes). `cluster_id` is the uid of
// kube-system. Error: Invalid where the content cannot be judged (replacement characters, numbers
// out of range).
[[nodiscard]] Result<std::optional<Gated>> classify(const Write& write,
                                                    const ApprovalPolicy& policy,
                                                    const Reference& reference,
                                                    const std::string& cluster_id,
                                                    const std::string& secret_key);

// Whether an object has the content that a request asks for. Error: Invalid where that cannot be
// judged.
[[nodiscard]] Result<bool> carries(const RawObject& object, const ApprovalRequestSpec& asked,
                                   const std::vector<std::string>& pointers,
                                   const std::string& secret_key);

// The mark that names attempt `attempt` on the object, and the request's full name.
[[nodiscard]] std::string mark_of(const Gated& gated, std::int64_t attempt);
[[nodiscard]] std::string name_of(const Gated& gated, std::int64_t attempt);

// Which attempt a write belongs to: the newest one, or the one after it where that has ended. A
// denial sticks until the object's annotation kAskAgainAnnotation names the denied request.
struct Attempt {
  std::int64_t number = 1;
  const ApprovalRequest* request = nullptr;  // nullptr: it has to be created
  Standing standing;                         // Pending where it has to be created
};
struct Candidate {
  const ApprovalRequest* request = nullptr;
  Standing standing;
};
[[nodiscard]] Attempt choose_attempt(const std::vector<Candidate>& candidates,
                                     const RawObject& object);

// The request that a gated write asks for, ready to be created.
[[nodiscard]] ApprovalRequest make_request(const Gated& gated, const Write& write,
                                           const ApprovalPolicy& policy, const Reference& reference,
                                           std::int64_t attempt, Instant now);

// Ended without anybody's approval or denial: superseded, stale or taken back. What changes with
// every write leaves many of these.
[[nodiscard]] bool is_undecided(const ApprovalRequest& request);
inline constexpr Duration kUndecidedKept{
    3'600'000};  // at most; then its records are all that stays

// Nobody hides a request among thousands of others, or fills etcd with them.
struct Limits {
  int open_per_user = 100;  // requests of one user that have not ended, in one namespace
  int open_per_namespace = 1000;
  // Open ones and undecided ones of one user that were asked within kUndecidedKept.
  [[nodiscard]] int asked_per_user() const { return 10 * open_per_user; }
};
// Why `wanted` cannot be made besides those that are there (of the same namespace, open or
// undecided). nullopt: it can.
[[nodiscard]] std::optional<std::string> objection_to_more(
    const std::vector<ApprovalRequest>& there, const ApprovalRequest& wanted, const Limits& limits,
    Instant now);

// ---- what happens with the write

struct Allow {
  std::vector<std::string> warnings;
  bool claim = false;  // the approved content is stored unheld by this write: claim first
};
struct Held {  // stored, but held
  std::vector<std::string> warnings;
};
struct Denied {
  int code = 403;  // or 429
  std::string message;
  int retry_after_seconds = 0;  // with 429
};
using Verdict = std::variant<Allow, Held, Denied>;

// Policies, other than `policy`, by which a write newly says that the object is held.
[[nodiscard]] std::vector<std::string> newly_named(const Write& write, const std::string& policy);
// Marks are Holdpoint's own: nobody writes that a request holds the object, or whose writes are
// part of it, but the companions of policies in force. A mark that was put there by hand would pass
// what the named request recorded as running before. `known`: those of newly_named() that are
// enforced.
[[nodiscard]] std::optional<Denied> objection_to_marks(const Write& write,
                                                       const std::string& policy,
                                                       const Gated* gated, const Attempt& attempt,
                                                       const std::set<std::string>& known);

// The marks that the object must carry after this write, as far as this policy has a say. The
// companion patches towards them and the validator checks them. `gated` nullptr: back to R, the
// hold ends.
[[nodiscard]] Marks wanted_marks(const Write& write, const std::string& policy, const Gated* gated,
                                 const Attempt& attempt);

// Decides over the final object of a gated write.
[[nodiscard]] Verdict decide(const Write& write, const ApprovalPolicy& policy, const Gated& gated,
                             const Attempt& attempt, Instant now);

// A paused Deployment must not go from 0 to N replicas, be it held or paused by its user: with no
// active ReplicaSet its controller scales the newest that is there, whatever was approved. nullopt:
// no objection.
[[nodiscard]] std::optional<Denied> objection_to_scale(const RawObject& deployment,
                                                       std::int64_t old_replicas,
                                                       std::int64_t new_replicas);
// The same for a write of the Deployment itself.
[[nodiscard]] std::optional<Denied> objection_to_scale(const Write& write);
// By an account of its own, or that of the whole controller manager.
[[nodiscard]] bool is_deployment_controller(const std::string& username);
// Whether this write pauses a Deployment of which something is to run: its ReplicaSets tell whether
// that would be another revision.
[[nodiscard]] bool pauses(const Write& write);
// Whether its controller could scale up a ReplicaSet that has no replicas, the one of the template
// or the newest, if `write` paused the Deployment now: what was let through last is not active, or
// may not be by the time that the controller looks, as it has not seen the last change; or it is
// about to adopt one that was left behind. `replica_sets` are those that its selector selects.
[[nodiscard]] bool could_revive(const Write& write, const std::vector<Json>& replica_sets);

}  // namespace holdpoint
