#include "core/approval/standing_rules.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/approval/calendar.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

bool passes(const StandingInput& input, const FreezeWindow& window) {
  const Times times = times_of(input);
  return std::any_of(input.ballots.begin(), input.ballots.end(), [&](const Ballot& ballot) {
    return ballot.approval.spec.decision == Decision::Approve &&
           is_named(window.pass_with, ballot.approval.spec.author) &&
           void_because(input, ballot, times).empty();
  });
}

bool is_debtor(const StandingInput& input, const Identity& who) {
  const auto& debt = input.request->status.review;
  return debt.has_value() && debt->by == who.username;
}

}  // namespace

void sooner(std::optional<Instant>& at, std::optional<Instant> other) {
  if (other.has_value() && (!at.has_value() || *other < *at)) at = other;
}

Times times_of(const StandingInput& input) {
  Times times;
  if (input.policy != nullptr) {
    if (const auto parsed = parse_duration(input.policy->spec.expiry.pending); parsed.ok())
      times.pending_for = *parsed;
    if (const auto parsed = parse_duration(input.policy->spec.expiry.approved); parsed.ok())
      times.approved_for = *parsed;
  }
  const auto created = parse_rfc3339(input.request->metadata.creation_timestamp);
  times.known = created.ok();
  times.created = created.ok() ? *created : Instant::min();
  times.pending_until = created.ok() ? *created + times.pending_for : Instant::min();
  return times;
}

bool requester_may(const StandingInput& input) {
  return input.policy != nullptr && input.policy->spec.separation_of_duties.requester_may_approve &&
         input.request->spec.separation_of_duties.requester_may_approve;
}

bool is_theirs(const StandingInput& input, const Identity& who) {
  const auto& authors = input.request->spec.authors;
  return same_person(who, input.request->spec.requester) ||
         std::find(authors.begin(), authors.end(), who.username) != authors.end() ||
         std::any_of(input.writers.begin(), input.writers.end(),
                     [&](const Identity& writer) { return same_person(who, writer); });
}

bool is_named_at_all(const StandingInput& input, const Identity& who) {
  if (is_named_somewhere(input.request->spec.stages, who)) return true;
  if (input.policy == nullptr) return false;
  const ApprovalPolicySpec& policy = input.policy->spec;
  return is_named_somewhere(policy.stages, who) ||
         std::any_of(policy.freeze.begin(), policy.freeze.end(),
                     [&](const FreezeWindow& window) { return is_named(window.pass_with, who); });
}

std::string void_because(const StandingInput& input, const Ballot& ballot, const Times& times) {
  const ApprovalSpec& decision = ballot.approval.spec;
  const Identity& author = decision.author;
  if (decision.request.uid != input.request->metadata.uid ||
      decision.request.binding_digest != input.request->spec.binding_digest)
    return "it decides on another request";
  if (!ballot.approval.metadata.deletion_timestamp.empty()) return "it is being revoked";
  const auto at = parse_rfc3339(ballot.approval.metadata.creation_timestamp);
  if (!at.ok() || *at < times.created) return "it has no time that can be right";
  if (author.username.empty()) return "it names nobody";
  if (decision.decision == Decision::Withdraw)
    return same_person(author, input.request->spec.requester) ? "" : "only the requester withdraws";
  const bool lets_pass =
      decision.decision == Decision::Approve || decision.decision == Decision::BreakGlass;
  if (lets_pass && !ballot.voided.empty()) return ballot.voided;
  if (decision.decision == Decision::BreakGlass) {
    if (input.policy == nullptr || !input.policy->spec.break_glass.allowed)
      return "the policy does not let anybody break the glass";
    if (!ballot.may_break_glass) return "the author lacks the verb break-glass on the policy";
    if (decision.reason.empty()) return "it gives no reason";
    return *at > times.pending_until ? "it came after the request had expired" : "";
  }
  if (!is_named_at_all(input, author)) return "the policy does not name the author";
  if (!ballot.authorized) return "the author lacks the verb approve on the policy";
  if (decision.decision == Decision::Deny) return "";
  if (!requester_may(input) && is_theirs(input, author)) return "it is the author's own change";
  if (!ballot.barred.empty()) return ballot.barred;
  if (decision.decision == Decision::Review)
    return is_debtor(input, author) ? "nobody reviews what they passed themselves" : "";
  if (!decision.not_before.empty() && !parse_rfc3339(decision.not_before).ok())
    return "its notBefore is no time";
  return *at > times.pending_until ? "it came after the request had expired" : "";
}

std::optional<Frozen> frozen_at(const StandingInput& input, Instant at) {
  std::optional<Frozen> frozen;
  if (input.policy == nullptr) return frozen;
  for (const FreezeWindow& window : input.policy->spec.freeze) {
    if (passes(input, window)) continue;
    const auto calendar = Calendar::of(window);
    const std::string pass = " (passes with " + who_may(window.pass_with) + ")";
    if (!calendar.ok())
      return Frozen{Instant::max(), "a freeze window cannot be read: " + calendar.error().message};
    const auto interval = calendar->window_at(at);
    if (interval.has_value() && (!frozen.has_value() || frozen->until < interval->end))
      frozen = Frozen{interval->end, "after the freeze \"" + visible_cut(window.schedule, 64) +
                                         "\" " + visible_cut(window.time_zone, 40) + pass};
  }
  return frozen;
}

std::optional<Instant> next_freeze(const StandingInput& input, Instant after) {
  std::optional<Instant> next;
  if (input.policy == nullptr) return next;
  for (const FreezeWindow& window : input.policy->spec.freeze)
    if (const auto calendar = Calendar::of(window); calendar.ok())
      sooner(next, calendar->next_start(after));
  return next;
}

std::optional<ReviewDebt> review_of(const StandingInput& input, const Standing& standing,
                                    const Approval* review) {
  std::optional<ReviewDebt> debt = input.request->status.review;
  if (!debt.has_value() && !standing.glass_broken_by.empty()) {
    Duration within{0};
    if (input.policy != nullptr)
      if (const auto parsed = parse_duration(input.policy->spec.break_glass.review.within);
          parsed.ok())
        within = *parsed;
    debt = ReviewDebt{standing.glass_broken_by, to_rfc3339(*standing.approved_at + within), ""};
  }
  if (is_owed(debt) && review != nullptr) debt->reviewed_by = review->spec.author.username;
  return debt;
}

}  // namespace holdpoint
