// Reconciles one ApprovalRequest by name: read what is true, plan in a pure function, then apply:
// first the trail, then the release, then the status, then Events. Blocking; called by one thread,
// accessors of others are not needed.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/metrics.hpp"
#include "docket/docket.hpp"
#include "kube/client.hpp"
#include "operator/checks.hpp"
#include "operator/events.hpp"
#include "operator/ledger.hpp"
#include "operator/notifier.hpp"
#include "operator/plan.hpp"
#include "operator/release.hpp"

namespace holdpoint::operator_ {

class Requests {
 public:
  Requests(const kube::Client& client, const Docket& docket, const Clock& clock, Ledger& ledger,
           const Events& events, Notifier& notifier, Checks& checks, const Release& release,
           std::string secret_key)
      : client_(client),
        docket_(docket),
        clock_(clock),
        ledger_(ledger),
        events_(events),
        notifier_(notifier),
        checks_(checks),
        release_(release),
        secret_key_(std::move(secret_key)) {}

  // When to look again; nullopt: when something happens. NotFound ends are ok.
  // `siblings` are the requests of the same policy and target that the watch has seen: a newer one
  // ends this one, and the event that brings it brings us here again.
  [[nodiscard]] Result<std::optional<Duration>> reconcile(
      const std::string& namespace_, const std::string& name,
      const std::vector<std::shared_ptr<const ApprovalRequest>>& siblings);
  // A request was deleted, with its namespace or by its keeper: recorded unless it was over.
  [[nodiscard]] Result<Done> gone(const ApprovalRequest& request);
  // An Approval was deleted: recorded unless its request is over or gone.
  [[nodiscard]] Result<Done> revoked(const Approval& approval);

 private:
  [[nodiscard]] Result<ObservationInput> look(const ApprovalRequest& request,
                                              const ApprovalPolicy* policy,
                                              std::shared_ptr<const ApprovalRequest>& holder,
                                              Deadline deadline);
  [[nodiscard]] Result<RawObject> find_target(const ApprovalRequest& request,
                                              Deadline deadline) const;
  [[nodiscard]] Result<std::optional<Duration>> retire(const ApprovalRequest& request,
                                                       const ApprovalPolicy* policy,
                                                       Deadline deadline) const;
  [[nodiscard]] Result<bool> set_waits(const ApprovalRequest& request, Deadline deadline) const;
  // No write can claim it from here on. Error: Conflict when one was faster.
  [[nodiscard]] Result<ApprovalRequest> close(const ApprovalRequest& request,
                                              Deadline deadline) const;
  [[nodiscard]] Result<Done> put_status(const ApprovalRequest& request, const Plan& plan,
                                        Deadline deadline) const;

  const kube::Client& client_;
  const Docket& docket_;
  const Clock& clock_;
  Ledger& ledger_;
  const Events& events_;
  Notifier& notifier_;
  Checks& checks_;
  const Release& release_;
  const std::string secret_key_;
  std::set<std::string> seen_held_;  // uids of requests whose change was seen stored held
  // What is owed to the controller of an approved request that was busy when it was to be told, by
  // the request's uid. Lost with this process: then its own retries, or people, go on.
  struct Owed {
    Origin origin;
    std::string token;
    AuditRecordSpec fact;
    Duration next;  // after which it is asked again
  };
  std::map<std::string, Owed> busy_;
};

}  // namespace holdpoint::operator_
