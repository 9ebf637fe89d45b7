// Where a request stands: one pure function over what is true now.
//
// States and what holds in each:
//   Pending     waits for approvals or checks; nothing of it may be stored unheld
//   Scheduled   has all it needs, but not yet: a freeze window, or an approval's notBefore
//   Approved    has all it needs, not older than expiry.approved; may be stored once
//   Released    its content is stored and runs: used up
//   Denied      an eligible approver or a step of a ladder said no; sticks until asked again
//   Expired     waited longer than expiry.pending, or was not used within expiry.approved
//   Superseded  a newer change of the same target came while this one waited
//   Stale       what was asked is no longer what would happen (reference, content or policy moved)
//   Withdrawn   the requester took it back
// Pending, Scheduled and Approved can go anywhere; all others are ends. While a write that claimed
// the request may still be stored it is Approved and its only end is Released. What the policy
// asked when the request was made and what it asks now must both be met, checks included: a request
// that has its approvals is Pending while a check does not pass, and Approved again when it does,
// without being asked anew. A fact that is missing or cannot be read never helps: no policy, no
// right, no time stamp, no result count against the request. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/approval/checks.hpp"
#include "core/approval/stages.hpp"
#include "core/change/moved_on.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// A decision and what the API server says of its author now.
struct Ballot {
  Approval approval;
  bool authorized = false;       // SubjectAccessReview: verb approve on approvalpolicies/<policy>
  bool may_break_glass = false;  // likewise: verb break-glass
  std::string barred;            // why the author cannot count, whatever the stages say
  std::string voided = {};       // why what it lets pass no longer counts, whoever the author is
};

struct StandingInput {
  const ApprovalRequest* request = nullptr;  // required
  const ApprovalPolicy* policy = nullptr;    // as it is now; nullptr: it is gone
  std::vector<Ballot> ballots;  // any order; of ended requests too, where a review is owed
  std::vector<Identity>
      writers;  // besides the requester, whose write it is: they may not approve either
  // Newer requests of the same policy and target: their name and when they were created.
  struct Newer {
    std::string name;
    Instant created;
  };
  std::vector<Newer> newer;
  std::optional<std::string> stale;  // found by whoever looked at the target: why it is stale
  OriginState origin;     // of the Flux or Argo CD object, or the Helm release, it is a part of
  bool released = false;  // found by whoever looked at the target: its content is stored, unheld
  Instant now;
};

struct Standing {
  RequestPhase phase = RequestPhase::Pending;
  std::string message;  // one line for people
  std::int64_t have = 0, needed = 0;
  std::string waiting_for;  // "1 of 2, needs group leads": what is missing, empty unless Pending
  // Of Pending, whatever its checks say: "1 of 2, needs group leads" or "1 of 1, approved by lead".
  std::string approved_so_far;
  std::vector<DecisionLine> decisions;
  std::optional<Instant> approved_at;
  std::optional<Instant> expires_at;   // of Pending, Scheduled and Approved
  std::optional<Instant> starts_at;    // of Scheduled: when it may run
  std::optional<Instant> next_change;  // when time alone may change something
  std::vector<Escalation> escalations;
  std::vector<Approvers> asked;      // who can help now
  std::optional<ReviewDebt> review;  // what break-glass left behind
  bool by_policy = false;            // needs nobody, for its risk is low
  std::vector<CheckState> checks;
  bool only_checks = false;     // Pending, and has its approvals
  std::string glass_broken_by;  // approved by this person alone
  std::string frozen;           // of Pending: the freeze that it would wait for once approved
  std::string unseen;           // what nobody can see of its origin, and how long that may last
};

[[nodiscard]] bool is_end(RequestPhase phase);

// What the API server was allowed to store is stored within 34 s, or never (its time-outs of calls
// and of etcd); clocks of ours may differ by the rest.
inline constexpr Duration kLateStore{60'000};
// Until then somebody's claim may still end in a store; nullopt: it cannot, or there is none.
[[nodiscard]] std::optional<Instant> may_be_stored_until(const ApprovalRequest& request,
                                                         Instant now);

// "by policy" or "1 of 2", as the status has it.
[[nodiscard]] std::string tally_of(const Standing& standing);
// How many are missing by that; nullopt where it says nothing of the kind.
[[nodiscard]] std::optional<std::int64_t> approvals_missing(const ApprovalRequestStatus& status);

// A phase in request.status that is an end stays; any other phase there is ignored.
[[nodiscard]] Standing next_state(const StandingInput& input);

// Whether somebody broke the glass, and nobody has reviewed it.
[[nodiscard]] bool is_owed(const std::optional<ReviewDebt>& review);
// Equal by user name, or by uid where both have one.
[[nodiscard]] bool same_person(const Identity& a, const Identity& b);
// The command that asks anew for what is stored held; to apply it again changes nothing.
[[nodiscard]] std::string ask_again_command(const Target& target, const std::string& request);
// What to do so that an ended request is asked anew, as the end of a sentence.
[[nodiscard]] std::string ask_anew(const ApprovalRequest& request);

// May this decision be made at all? nullopt: yes. Else why not in one line, and the next step. The
// same rules next_state() counts by; `mine` is the decision with its author's rights.
[[nodiscard]] std::optional<std::string> objection(const StandingInput& input, const Ballot& mine);

}  // namespace holdpoint
