// What is true now about requests: every answer here is read live from the API server, never from a
// cache.
//
// Turns live objects into the inputs of next_state(). Blocking; thread-safe.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/approval/verdict.hpp"
#include "docket/origin.hpp"
#include "kube/client.hpp"
#include "kube/discovery.hpp"

namespace holdpoint {

class Docket {
 public:
  // `home` is Holdpoint's own namespace.
  Docket(const kube::Client& client, const Clock& clock, std::string home,
         Records records = Records::Unread)
      : client_(client),
        clock_(clock),
        home_(std::move(home)),
        records_(records),
        discovery_(client) {}

  [[nodiscard]] Result<ApprovalPolicy> policy(const std::string& name, Deadline deadline) const;
  [[nodiscard]] Result<ApprovalRequest> request(const std::string& namespace_,
                                                const std::string& name, Deadline deadline) const;
  // nullptr where there is none.
  [[nodiscard]] Result<std::shared_ptr<const ApprovalRequest>> find_request(
      const std::string& namespace_, const std::string& name, Deadline deadline) const;
  // All requests of one policy for one target.
  [[nodiscard]] Result<std::vector<std::shared_ptr<const ApprovalRequest>>> siblings(
      const std::string& namespace_, const std::string& target_key, Deadline deadline) const;
  // The Approvals of a request, each with what the API server says of its author now.
  [[nodiscard]] Result<std::vector<Ballot>> ballots(const ApprovalRequest& request,
                                                    const ApprovalPolicy* policy,
                                                    Deadline deadline) const;
  // Everything next_state() and objection() ask for. `policy` nullptr: it is gone. `writers` are
  // user names.
  [[nodiscard]] Result<StandingInput> standing_input(
      const ApprovalRequest& request, const ApprovalPolicy* policy,
      const std::set<std::string>& writers,
      const std::vector<std::shared_ptr<const ApprovalRequest>>& siblings, Deadline deadline) const;
  // Whether its origin goes on without it; Current for what has ended.
  [[nodiscard]] Result<OriginState> origin(const ApprovalRequest& request, Deadline deadline) const;
  // Whether changes by `who` can really come from this origin: it may change that object itself, as
  // its controller may, or is the account that the object says its changes are made by.
  [[nodiscard]] Result<bool> speaks_for(const Identity& who, const Origin& origin,
                                        Deadline deadline) const;
  // Those of a namespace that have not ended, or in a way that may leave them undecided; of all
  // namespaces where it is empty.
  [[nodiscard]] Result<std::vector<ApprovalRequest>> open_or_undecided(
      const std::string& namespace_, Deadline deadline) const;
  // A decision with what is true of its author now: rights, and what bars them.
  [[nodiscard]] Result<Ballot> ballot(Approval approval, const ApprovalRequest& request,
                                      const ApprovalPolicy* policy, Deadline deadline) const;
  // A request for which this person broke the glass and nobody has reviewed it: "namespace/name".
  [[nodiscard]] Result<std::optional<std::string>> unpaid_review(const Identity& who,
                                                                 Deadline deadline) const;
  // The live target of a request; null where it is gone.
  [[nodiscard]] Result<RawObject> target(const Target& target, Deadline deadline) const;

  [[nodiscard]] Instant now() const { return clock_.now(); }

 private:
  // SubjectAccessReview: this verb on approvalpolicies/<policy> in the request's namespace.
  [[nodiscard]] Result<bool> may(const Identity& who, const char* verb,
                                 const ApprovalRequest& request, Deadline deadline) const;
  const kube::Client& client_;
  const Clock& clock_;
  const std::string home_;
  const Records records_;
  const kube::Discovery discovery_;
};

}  // namespace holdpoint
