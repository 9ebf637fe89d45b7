// Where a request stands: one pure function over what is true now.
//
// States and what holds in each:
//   Pending     waits for approvals; nothing of it may be stored unheld
//   Approved    has all it needs, not older than expiry.approved; may be stored once
//   Released    its content is stored and runs: used up
//   Denied      an eligible approver said no; sticks until somebody asks again explicitly
//   Expired     waited longer than expiry.pending, or was not used within expiry.approved
//   Superseded  a newer change of the same target came while this one waited
//   Stale       what was asked is no longer what would happen (reference, content or policy moved)
//   Withdrawn   the requester took it back
// Pending and Approved can go anywhere; all others are ends. A fact that is missing or cannot be read never
// helps: no policy, no right, no time stamp count against the request. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// An Approval and what the API server says of its author now.
struct Ballot {
  Approval approval;
  bool authorized = false;  // SubjectAccessReview: verb approve on approvalpolicies/<policy>
};

struct StandingInput {
  const ApprovalRequest* request = nullptr;  // required
  const ApprovalPolicy* policy = nullptr;    // as it is now; nullptr: it is gone
  std::vector<Ballot> ballots;               // any order
  std::vector<Identity> writers;             // besides the requester, whose write it is: they may not approve either
  // Newer requests of the same policy and target: their name and when they were created.
  struct Newer {
    std::string name;
    Instant created;
  };
  std::vector<Newer> newer;
  std::optional<std::string> stale;  // found by whoever looked at the target: why it is stale
  bool released = false;             // found by whoever looked at the target: its content is stored, unheld
  Instant now;
};

struct Standing {
  RequestPhase phase = RequestPhase::Pending;
  std::string message;  // one line for people
  std::int64_t have = 0, needed = 0;
  std::string waiting_for;  // "1 of 2, needs group leads": what is missing, empty unless Pending
  std::vector<DecisionLine> decisions;
  std::optional<Instant> approved_at;
  std::optional<Instant> expires_at;  // of Pending and Approved
};

[[nodiscard]] bool is_end(RequestPhase phase);

// A phase in request.status that is an end stays; any other phase there is ignored.
[[nodiscard]] Standing next_state(const StandingInput& input);

// Whether `who` is named by the stage, by user name, group or service account.
[[nodiscard]] bool is_eligible(const Stage& stage, const Identity& who);
// Equal by user name, or by uid where both have one.
[[nodiscard]] bool same_person(const Identity& a, const Identity& b);
// "group leads or user anna": who can fill a stage, for messages; at most 120 characters.
[[nodiscard]] std::string who_may(const Stage& stage);

// May this decision be made at all? nullopt: yes. Else one line why not, and the next step. The same rules
// next_state() counts by.
[[nodiscard]] std::optional<std::string> objection(const StandingInput& input, const ApprovalSpec& decision,
                                                   bool authorized);

}  // namespace holdpoint
