// Which checks a change must pass, and whether it passes them at a moment: by what the operator saw
// last (status.checks) and how long ago that was.
//
// What the policy asked when the request was made and what it asks now are both demanded, each by
// its own maxAge and mode. A result counts for the very definition that it was looked up by; one
// that is missing, Unknown, too old or dated ahead is none. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// SHA-256, in hex, of what a check looks up: of its kind's part, whatever its name, mode and age.
[[nodiscard]] std::string definition_of(const Check& check);

struct Demanded {
  Check check;  // the stricter mode and age, where both ask the same
  std::string definition;
  Duration max_age{0};  // zero where it cannot be read: nothing is young enough
};
// In the order of the policy as it was, then of what it asks besides by now. `policy` may be null.
[[nodiscard]] std::vector<Demanded> demanded_checks(const ApprovalRequest& request,
                                                    const ApprovalPolicy* policy);

struct CheckState {
  std::string name;
  CheckMode mode = CheckMode::Require;
  CheckOutcome outcome = CheckOutcome::Unknown;  // what counts: Unknown where the result is too old
  std::string text;
  std::optional<Instant> observed_at;
  std::optional<Instant> until;  // of one that passes: then it is too old
  [[nodiscard]] bool holds_up() const {
    return mode == CheckMode::Require && outcome != CheckOutcome::Pass;
  }
};
[[nodiscard]] std::vector<CheckState> check_states(const ApprovalRequest& request,
                                                   const ApprovalPolicy* policy, Instant now);

// "check scan: 2 critical (at most 0)" of the first that holds it up, and how many others do; empty
// where none does.
[[nodiscard]] std::string held_up_by(const std::vector<CheckState>& checks);
// "check scan", "checks scan, canary": of all that hold it up; empty where none does.
[[nodiscard]] std::string names_of_held_up(const std::vector<CheckState>& checks);
// "scan Fail, seen 2m ago: 2 critical (at most 0)", "scan Pass, seen 12s ago, counts for 4m 48s
// more: ...".
[[nodiscard]] std::string describe_check(const CheckState& check, Instant at);
// "checks: scan Pass 2m ago, canary Fail 10s ago (shown only)"; empty where there are none.
[[nodiscard]] std::string tell_checks(const std::vector<CheckState>& checks, Instant at);

}  // namespace holdpoint
