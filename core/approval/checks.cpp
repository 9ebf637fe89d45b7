#include "core/approval/checks.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "core/approval/digest.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr Duration kSkew{30'000};  // by which the clocks of operator and webhook may differ
constexpr std::size_t kMostText = 300;

Json looked_up(const Check& check) {
  Json parts = encode_part(check);
  for (const char* key : {"name", "mode", "maxAge"}) parts.erase(key);
  return parts;
}

CheckState state_of(const Demanded& demanded, const ApprovalRequest& request, Instant now) {
  CheckState state;
  state.name = demanded.check.name;
  state.mode = demanded.check.mode;
  const auto& results = request.status.checks;
  const auto result = std::find_if(results.begin(), results.end(), [&](const CheckResult& one) {
    return one.definition == demanded.definition;
  });
  if (result == results.end()) {
    state.text = "not looked up yet";
    return state;
  }
  const auto at = parse_rfc3339(result->observed_at);
  state.text = visible_cut(result->text, kMostText);
  if (!at.ok() || *at > now + kSkew) {
    state.text = "its result has no time that can be right: " + state.text;
    return state;
  }
  state.observed_at = *at;
  if (now - *at >= demanded.max_age) {
    state.text = "its last result is older than " + visible_cut(demanded.check.max_age, 20) + ": " +
                 state.text;
    return state;
  }
  state.outcome = result->result;
  if (state.outcome == CheckOutcome::Pass) state.until = *at + demanded.max_age;
  return state;
}

std::string between(Instant from, Instant to) {
  return humanize(std::chrono::duration_cast<Duration>(to - from));
}

std::string outcome_of(const CheckState& check, Instant at) {
  std::string told = check.name + " " + std::string(to_string(check.outcome));
  if (check.observed_at.has_value()) told += " " + between(*check.observed_at, at) + " ago";
  return check.mode == CheckMode::Show ? told + " (shown only)" : told;
}

}  // namespace

std::string definition_of(const Check& check) {
  // What comes from the API server is valid UTF-8; should it not be, no result fits.
  const auto text = canonical_json(looked_up(check));
  return text.ok() ? sha256_hex("holdpoint-check/1\n" + *text) : "invalid";
}

std::vector<Demanded> demanded_checks(const ApprovalRequest& request,
                                      const ApprovalPolicy* policy) {
  std::vector<Demanded> demanded;
  const auto demand = [&](const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      const auto parsed = parse_duration(check.max_age);
      Demanded wanted{check, definition_of(check), parsed.ok() ? *parsed : Duration(0)};
      const auto same = std::find_if(demanded.begin(), demanded.end(), [&](const Demanded& one) {
        return one.check.name == check.name && one.definition == wanted.definition;
      });
      if (same == demanded.end()) {
        demanded.push_back(std::move(wanted));
        continue;
      }
      if (check.mode == CheckMode::Require) same->check.mode = CheckMode::Require;
      if (wanted.max_age < same->max_age) {
        same->max_age = wanted.max_age;
        same->check.max_age = check.max_age;
      }
    }
  };
  demand(request.spec.checks);
  if (policy != nullptr) demand(policy->spec.checks);
  return demanded;
}

std::vector<CheckState> check_states(const ApprovalRequest& request, const ApprovalPolicy* policy,
                                     Instant now) {
  std::vector<CheckState> states;
  for (const Demanded& demanded : demanded_checks(request, policy))
    states.push_back(state_of(demanded, request, now));
  return states;
}

std::string held_up_by(const std::vector<CheckState>& checks) {
  std::string first;
  std::size_t count = 0;
  for (const CheckState& check : checks)
    if (check.holds_up() && count++ == 0) first = "check " + check.name + ": " + check.text;
  if (count > 1) first += "; and " + count_of(count - 1, "other check");
  return first;
}

std::string names_of_held_up(const std::vector<CheckState>& checks) {
  std::vector<std::string> names;
  for (const CheckState& check : checks)
    if (check.holds_up()) names.push_back(check.name);
  return names.empty() ? "" : (names.size() == 1 ? "check " : "checks ") + join(names, ", ");
}

std::string describe_check(const CheckState& check, Instant at) {
  std::string told = check.name + " " + std::string(to_string(check.outcome));
  if (check.mode == CheckMode::Show) told += " (shown only)";
  if (check.observed_at.has_value()) told += ", seen " + between(*check.observed_at, at) + " ago";
  if (check.mode == CheckMode::Require && check.until.has_value() && *check.until > at)
    told += ", counts for " + between(at, *check.until) + " more";
  return told + ": " + check.text;
}

std::string tell_checks(const std::vector<CheckState>& checks, Instant at) {
  std::vector<std::string> parts;
  for (const CheckState& check : checks) parts.push_back(outcome_of(check, at));
  return parts.empty() ? "" : "checks: " + join(parts, ", ");
}

}  // namespace holdpoint
