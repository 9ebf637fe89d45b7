// The rules that next_state() and objection() share: which decision counts, and which time is
// frozen.
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "core/approval/standing.hpp"

namespace holdpoint {

// The request's own clocks, by the API server's time stamps and the policy as it is now.
struct Times {
  bool known = false;  // the request has a time of creation
  Instant created, pending_until;
  Duration pending_for{0}, approved_for{0};
};
[[nodiscard]] Times times_of(const StandingInput& input);

// Why a decision does not count; empty where it does.
[[nodiscard]] std::string void_because(const StandingInput& input, const Ballot& ballot,
                                       const Times& times);

// Whose change it is: the one who asked, whose write it is, or whom an annotation names as author.
[[nodiscard]] bool is_theirs(const StandingInput& input, const Identity& who);
// Both the policy and what it said when this was asked must let the requester approve.
[[nodiscard]] bool requester_may(const StandingInput& input);
// By a stage, a step of a ladder, or (as the policy is now) a freeze window's passWith.
[[nodiscard]] bool is_named_at_all(const StandingInput& input, const Identity& who);

struct Frozen {
  Instant until;  // Instant::max(): no end is known
  std::string why;
};
// The freeze windows of the policy that nobody passes for this request; what cannot be read is
// frozen.
[[nodiscard]] std::optional<Frozen> frozen_at(const StandingInput& input, Instant at);
[[nodiscard]] std::optional<Instant> next_freeze(const StandingInput& input, Instant after);

// The debt of break-glass: as recorded or as it arises now, paid where `review` is there.
[[nodiscard]] std::optional<ReviewDebt> review_of(const StandingInput& input,
                                                  const Standing& standing, const Approval* review);

void sooner(std::optional<Instant>& at, std::optional<Instant> other);

}  // namespace holdpoint
