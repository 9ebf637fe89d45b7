#include "operator/plan.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/approval/wording.hpp"
#include "core/audit/chain.hpp"
#include "crds/codec.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr const char* kOperator = "holdpoint-operator";
constexpr Duration kWatchHeld{5'000};      // how often the target of a hold is looked at
constexpr Duration kWatchClaimed{1'000};   // and of a claim
constexpr Duration kWatchRefused{30'000};  // and of what is not stored at all

Fact recorded_as(Decision decision) {
  switch (decision) {
    case Decision::Approve:
      return Fact::Approved;
    case Decision::Deny:
      return Fact::Denied;
    case Decision::Withdraw:
      return Fact::Withdrawn;
    case Decision::BreakGlass:
      return Fact::BreakGlass;
    case Decision::Review:
      return Fact::Reviewed;
  }
  return Fact::Approved;
}

// What the checks said when the change was let through: by the claim's clock, where there is one.
std::string and_checks(const ApprovalRequest& request, const Standing& standing, Instant now) {
  const auto claimed =
      parse_rfc3339(request.status.claim.has_value() ? request.status.claim->time : "");
  const std::string told = tell_checks(standing.checks, claimed.ok() ? *claimed : now);
  return told.empty() ? "" : "; " + told;
}

std::vector<AuditRecordSpec> facts_of(const ApprovalRequest& request, const Standing& standing,
                                      const std::vector<Ballot>& ballots, Instant now) {
  std::vector<AuditRecordSpec> facts;
  AuditRecordSpec asked = fact_of(request, Fact::Requested, request.metadata.uid, "");
  asked.actor = request.spec.requester;
  asked.reason = request.spec.reason;
  asked.occurred_at = request.metadata.creation_timestamp;
  // A review alone names nobody for certain: the message says what the name rests on.
  asked.message = "requester as named by the admission review; " + join(request.spec.summary, "; ");
  asked.message = visible_cut(asked.message, 2000);
  facts.push_back(std::move(asked));

  std::vector<const Approval*> approvals;
  for (const Ballot& ballot : ballots) approvals.push_back(&ballot.approval);
  std::sort(approvals.begin(), approvals.end(), [](const Approval* a, const Approval* b) {
    return std::tie(a->metadata.creation_timestamp, a->metadata.name) <
           std::tie(b->metadata.creation_timestamp, b->metadata.name);
  });
  for (const Approval* approval : approvals) {
    const Decision decision = approval->spec.decision;
    AuditRecordSpec decided = fact_of(request, recorded_as(decision), approval->metadata.uid, "");
    decided.actor = approval->spec.author;
    decided.reason = approval->spec.reason;
    decided.occurred_at = approval->metadata.creation_timestamp;
    decided.message = "by Approval " + approval->metadata.name;
    if (decision == Decision::BreakGlass) {
      const std::string passed = who_may(request.spec.stages, request.spec.risk.level);
      if (!passed.empty()) decided.message += "; passed over: " + passed;
      decided.message = visible_cut(decided.message + and_checks(request, standing, now), 2000);
    }
    if (!approval->spec.not_before.empty())
      decided.message += "; not before " + visible(approval->spec.not_before);
    facts.push_back(std::move(decided));
  }
  if (standing.approved_at.has_value()) {
    AuditRecordSpec granted =
        fact_of(request, Fact::Granted, request.metadata.uid, to_rfc3339(*standing.approved_at));
    granted.occurred_at = to_rfc3339(*standing.approved_at);
    granted.message =
        standing.by_policy ? "by policy: risk " + std::string(to_string(request.spec.risk.level))
        : !standing.glass_broken_by.empty()
            ? "glass broken by " + visible(standing.glass_broken_by)
            : std::to_string(standing.have) + " of " + std::to_string(standing.needed);
    granted.message = visible_cut(granted.message + and_checks(request, standing, now), 2000);
    facts.push_back(std::move(granted));
  }
  for (const Escalation& step : standing.escalations) {
    AuditRecordSpec escalated = fact_of(request, Fact::Escalated, request.metadata.uid,
                                        step.stage + "/" + std::to_string(step.step));
    escalated.occurred_at = to_rfc3339(step.at);
    const Approvers& added = step.what.add_approvers;
    const bool asks =
        !added.groups.empty() || !added.users.empty() || !added.service_accounts.empty();
    escalated.message = "stage " + step.stage + " waited " + step.what.after + ": " +
                        (step.what.action.has_value() ? "denied"
                         : asks                       ? "asks " + who_may(added) + " as well"
                                                      : "tells " + join(step.what.notify, ", "));
    facts.push_back(std::move(escalated));
  }
  if (request.status.claim.has_value()) {
    const Claim& claim = *request.status.claim;
    AuditRecordSpec claimed = fact_of(request, Fact::Claimed, request.metadata.uid, claim.time);
    claimed.actor = claim.writer;
    claimed.occurred_at = claim.time;
    claimed.message = "for the object with uid " + claim.object_uid;
    facts.push_back(std::move(claimed));
  }
  // Denied and Withdrawn are told by the Approval itself.
  std::optional<Fact> end;
  switch (standing.phase) {
    case RequestPhase::Released:
      end = Fact::Released;
      break;
    case RequestPhase::Expired:
      end = Fact::Expired;
      break;
    case RequestPhase::Superseded:
      end = Fact::Superseded;
      break;
    case RequestPhase::Stale:
      end = Fact::Stale;
      break;
    case RequestPhase::Pending:
    case RequestPhase::Scheduled:
    case RequestPhase::Approved:
    case RequestPhase::Denied:
    case RequestPhase::Withdrawn:
      break;
  }
  if (end.has_value()) {
    AuditRecordSpec ended = fact_of(request, *end, request.metadata.uid, "");
    ended.message = standing.message;
    if (*end == Fact::Released) ended.message += and_checks(request, standing, now);
    ended.message = visible_cut(ended.message, 2000);
    facts.push_back(std::move(ended));
  }
  return facts;
}

void set_condition(std::vector<Condition>& conditions, const ApprovalRequest& request,
                   const std::string& type, bool holds, const std::string& reason,
                   const std::string& message, Instant now) {
  Condition condition{type,    holds ? "True" : "False", reason,
                      message, to_rfc3339(now),          request.metadata.generation};
  for (const Condition& old : request.status.conditions)
    if (old.type == type && old.status == condition.status)
      condition.last_transition_time = old.last_transition_time;
  conditions.push_back(std::move(condition));
}

// kstatus: Reconciling while it waits, Stalled where it ended without a release, neither once it is
// released.
std::vector<Condition> conditions_of(const ApprovalRequest& request, const Standing& standing,
                                     Instant now) {
  std::vector<Condition> conditions;
  const std::string reason(to_string(standing.phase));
  const bool released = standing.phase == RequestPhase::Released;
  const bool approved = released || standing.phase == RequestPhase::Approved ||
                        standing.phase == RequestPhase::Scheduled;
  set_condition(conditions, request, "Approved", approved, reason, standing.message, now);
  set_condition(conditions, request, "Released", released, reason, standing.message, now);
  if (!is_end(standing.phase))
    set_condition(conditions, request, "Reconciling", true, reason, standing.message, now);
  else if (!released)
    set_condition(conditions, request, "Stalled", true, reason, standing.message, now);
  if (!standing.unseen.empty())
    set_condition(conditions, request, "OriginSeen", false, "Unknown", standing.unseen, now);
  return conditions;
}

// When the last thing that it waited for came: the approval, or the last look at a check that it
// needs. One that turns and passes again is a new moment.
Instant free_since(const Standing& standing) {
  Instant since = standing.approved_at.value_or(Instant{});
  for (const CheckState& check : standing.checks)
    if (check.mode == CheckMode::Require && check.observed_at.has_value())
      since = std::max(since, *check.observed_at);
  return since;
}

}  // namespace

AuditRecordSpec fact_of(const ApprovalRequest& request, Fact fact, std::string_view uid,
                        std::string_view detail) {
  AuditRecordSpec spec;
  spec.fact = fact;
  spec.fact_id = fact_id(fact, uid, detail);
  spec.actor.username = kOperator;
  spec.subject.request = request.metadata.name;
  spec.subject.request_uid = request.metadata.uid;
  spec.subject.policy = request.spec.policy.name;
  const Target& target = request.spec.target;
  spec.subject.group = target.group;
  spec.subject.kind = target.kind;
  spec.subject.namespace_ = target.namespace_;
  spec.subject.name = target.name.empty() ? target.generate_name : target.name;
  spec.content_digest = request.spec.content_digest;
  spec.binding_digest = request.spec.binding_digest;
  return spec;
}

Plan plan_request(const ApprovalRequest& request, const Standing& standing,
                  const std::vector<Ballot>& ballots, const Observation& observation, Instant now) {
  Plan plan;
  plan.facts = facts_of(request, standing, ballots, now);
  ApprovalRequestStatus& status = plan.status;
  status.phase = standing.phase;
  status.message = visible_cut(standing.message, 2000);
  status.approvals = tally_of(standing);
  status.decisions = standing.decisions;
  if (standing.approved_at.has_value()) status.approved_at = to_rfc3339(*standing.approved_at);
  if (standing.expires_at.has_value()) status.expires_at = to_rfc3339(*standing.expires_at);
  status.review = standing.review;
  if (is_end(standing.phase))
    status.ended_at = request.status.ended_at.empty() ? to_rfc3339(now) : request.status.ended_at;
  status.conditions = conditions_of(request, standing, now);
  status.observed_generation = request.metadata.generation;

  ApprovalRequestStatus before = request.status;
  before.claim.reset();
  before.notified.clear();
  before.checks.clear();
  plan.changes = encode_part(status) != encode_part(before);
  plan.resume = standing.phase == RequestPhase::Approved && observation.held_here;

  plan.fail = request.spec.hold == RequestHold::Gate && is_end(standing.phase) &&
              standing.phase != RequestPhase::Released && observation.held_here;
  if (request.status.phase != standing.phase && !is_stored_held(request.spec.hold) &&
      request.spec.origin.has_value() && request.spec.origin->kind != OriginKind::Release) {
    const Origin& origin = *request.spec.origin;
    // To apply a Kustomization once more does no harm, and its state then has the denial's words;
    // an Application too, where it has no hooks. A HelmRelease would run its hooks again for that.
    const bool denied = standing.phase == RequestPhase::Denied;
    if (standing.phase == RequestPhase::Approved ||
        (denied &&
         (origin.kind == OriginKind::Kustomization || origin.kind == OriginKind::Application))) {
      plan.retrigger = denied ? status.ended_at : to_rfc3339(free_since(standing));
      plan.retriggered = fact_of(request, Fact::Retriggered, request.metadata.uid, plan.retrigger);
      plan.retriggered->message = std::string(to_string(origin.kind)) + " " + origin.namespace_ +
                                  "/" + origin.name + " was told " +
                                  (denied ? "of the denial" : "to try again");
    }
  }

  const bool first = request.status.observed_generation == 0;
  const std::string what = request.spec.summary.empty() ? "" : request.spec.summary.front();
  if (first)
    plan.events.push_back({is_stored_held(request.spec.hold) ? "Held" : "WaitsForApproval",
                           "policy " + request.spec.policy.name + ": " + what, false});
  if (standing.only_checks && (first || request.status.phase != standing.phase))
    plan.events.push_back({"CheckNotPassed", standing.message, true});
  if (standing.phase != RequestPhase::Pending && (first || standing.phase != request.status.phase))
    plan.events.push_back({std::string(to_string(standing.phase)), standing.message,
                           is_end(standing.phase) && standing.phase != RequestPhase::Released});

  if (is_end(standing.phase)) return plan;
  Duration again = may_be_stored_until(request, now).has_value() ? kWatchClaimed
                   : is_stored_held(request.spec.hold)           ? kWatchHeld
                                                                 : kWatchRefused;
  if (standing.next_change.has_value()) {
    const auto left =
        std::chrono::duration_cast<Duration>(*standing.next_change - now) + Duration(1);
    again = std::clamp(left, Duration(10), again);
  }
  plan.again = again;
  return plan;
}

}  // namespace holdpoint::operator_
