// What follows from where a request stands: facts for the trail, the new status, Events, and when
// to look again.
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/approval/standing.hpp"
#include "operator/observation.hpp"

namespace holdpoint::operator_ {

struct Plan {
  std::vector<AuditRecordSpec> facts;  // in order; the ledger leaves out what it has
  ApprovalRequestStatus status;        // all but the claim (the webhook's), notified and checks
  bool changes = false;                // the status differs from what is there
  bool resume = false;                 // take the hold off the target
  bool fail = false;                   // it waits for what will never come: tell its clients
  std::string retrigger;  // the token by which the controller of its origin is told, once; or none
  std::optional<AuditRecordSpec> retriggered;  // to be recorded once it was
  struct Tell {
    std::string reason, message;
    bool warning = false;
  };
  std::vector<Tell> events;
  std::optional<Duration> again;  // look again after this; nullopt: when something happens
};

// One for the trail about a request; message and reason are the caller's. See core/audit for the
// id.
[[nodiscard]] AuditRecordSpec fact_of(const ApprovalRequest& request, Fact fact,
                                      std::string_view uid, std::string_view detail);

[[nodiscard]] Plan plan_request(const ApprovalRequest& request, const Standing& standing,
                                const std::vector<Ballot>& ballots, const Observation& observation,
                                Instant now);

}  // namespace holdpoint::operator_
