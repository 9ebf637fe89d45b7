// Looks up the checks of open requests, ahead of the moment when they count, on threads of its own:
// whatever an endpoint does, reconciling goes on.
//
// What was seen is kept in the request's status.checks with the moment when looking began, written
// by resourceVersion; that write brings the request to be reconciled. Each is looked up again at
// half of its maxAge, and sooner while it does not pass. Objects and reports have one thread, HTTP
// endpoints a few, each with its own share of Secrets; an endpoint that was silent is left alone
// for a while. Addresses and tokens come from Secrets of Holdpoint's own namespace and appear in no
// result; the service account's token never goes out. want() is thread-safe; run() is for one
// thread.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "core/approval/checks.hpp"
#include "core/context/checks.hpp"
#include "docket/docket.hpp"
#include "kube/client.hpp"
#include "kube/discovery.hpp"
#include "operator/inbox.hpp"

namespace holdpoint::operator_ {

class Checks {
 public:
  Checks(const kube::Client& client, const Docket& docket, const Clock& clock, Metrics& metrics,
         std::string home);

  // Takes over what has to be looked up for a request that has not ended. Never waits.
  void want(const ApprovalRequest& request, const ApprovalPolicy* policy);
  // Looks up until asked to stop.
  void run(const std::stop_token& stop);

  // Why this check can never be looked up as things stand; empty: nothing is in the way.
  [[nodiscard]] std::string obstacle(const Check& check, Deadline deadline);

 private:
  struct Lane {
    Inbox names;                            // "namespace/name" of requests
    std::map<std::string, Instant> silent;  // Secret: its endpoint is left alone until then
  };

  [[nodiscard]] static std::size_t lane_of(const Check& check);
  [[nodiscard]] std::vector<Demanded> demanded_in(std::size_t lane, const ApprovalRequest& request,
                                                  const ApprovalPolicy* policy) const;
  void work(std::size_t lane, const std::stop_token& stop);
  // When to look again; nullopt: not before somebody wants it.
  [[nodiscard]] Result<std::optional<Duration>> look(std::size_t lane, const std::string& key,
                                                     const std::stop_token& stop);
  [[nodiscard]] Result<Done> record(const ApprovalRequest& request, const ApprovalPolicy* policy,
                                    const std::vector<CheckResult>& results, Deadline deadline);
  [[nodiscard]] Finding find_out(Lane& lane, const Check& check, const ApprovalRequest& request,
                                 const std::stop_token& stop);
  [[nodiscard]] Finding look_at_object(const ObjectCheck& check, const ApprovalRequest& request,
                                       Deadline deadline);
  [[nodiscard]] Finding look_at_reports(const VulnerabilityCheck& check,
                                        const ApprovalRequest& request, Deadline deadline) const;
  [[nodiscard]] Finding ask(Lane& lane, const HttpCheck& check, const std::string& name,
                            const ApprovalRequest& request, const std::stop_token& stop) const;

  const kube::Client& client_;
  const Docket& docket_;
  const Clock& clock_;
  Metrics& metrics_;
  const std::string home_;
  kube::Discovery discovery_;
  std::array<Lane, 5> lanes_;  // the first: objects and reports
};

}  // namespace holdpoint::operator_
