// Whether a decision may be made at all: the text that somebody reads who may not.
#include <algorithm>

#include "base/text.hpp"
#include "core/approval/standing.hpp"
#include "core/approval/standing_rules.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

std::string lacks(const std::string& verb, const Identity& author, const ApprovalRequest& request) {
  const std::string policy = request.spec.policy.name;
  const std::string place = " -n " + request.metadata.namespace_;
  return "you (" + person(author.username) + ") lack the right to decide on " +
         request.metadata.name + ": the verb " + verb + " on approvalpolicies.holdpoint.dev/" +
         policy + " in namespace " + request.metadata.namespace_ +
         "\n  next:  ask for the ClusterRole holdpoint-" +
         (verb == "approve" ? "approver" : "break-glass") +
         ", then check with the command below\nkubectl auth can-i " + verb +
         " approvalpolicies.holdpoint.dev/" + policy + place;
}

std::string asked_of(const Standing& standing) {
  std::vector<std::string> names;
  for (const Approvers& approvers : standing.asked) names.push_back(who_may(approvers));
  return names.empty() ? "nobody" : join(names, ", then ");
}

// Named only by a step of a ladder that has not come: what they say now would never count.
bool is_asked_later(const StandingInput& input, const Standing& standing, const Identity& who) {
  const auto names = [&](const std::vector<Stage>& stages) {
    return std::any_of(stages.begin(), stages.end(),
                       [&](const Stage& stage) { return is_eligible(stage, who); });
  };
  if (names(input.request->spec.stages)) return false;
  if (input.policy != nullptr) {
    const ApprovalPolicySpec& policy = input.policy->spec;
    if (names(policy.stages)) return false;
    for (const FreezeWindow& window : policy.freeze)
      if (is_named(window.pass_with, who)) return false;
  }
  return std::none_of(
      standing.escalations.begin(), standing.escalations.end(),
      [&](const Escalation& step) { return is_named(step.what.add_approvers, who); });
}

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

std::optional<std::string> objection_to_glass(const StandingInput& input, const Ballot& mine,
                                              const Standing& standing) {
  const ApprovalRequest& request = *input.request;
  const std::string name = request.metadata.name;
  if (input.policy == nullptr || !input.policy->spec.break_glass.allowed)
    return "policy " + request.spec.policy.name + " lets nobody break the glass; it asks " +
           asked_of(standing);
  if (!mine.may_break_glass) return lacks("break-glass", mine.approval.spec.author, request);
  if (is_blank(mine.approval.spec.reason))
    return "to break the glass say why in spec.reason: it goes to the audit trail and to everybody "
           "who was passed over\nkubectl holdpoint break-glass " +
           name + " -n " + request.metadata.namespace_ + " --reason '...'";
  if (standing.phase == RequestPhase::Approved)
    return "request " + name + " is approved already: " + standing.message;
  return std::nullopt;
}

std::optional<std::string> objection_to_review(const StandingInput& input, const Ballot& mine,
                                               const Standing& standing) {
  const std::string name = input.request->metadata.name;
  const Identity& author = mine.approval.spec.author;
  if (!standing.review.has_value())
    return "request " + name + " needs no review: no glass was broken";
  if (!is_owed(standing.review))
    return "request " + name + " was reviewed already, by " + person(standing.review->reviewed_by);
  if (standing.review->by == author.username || is_theirs(input, author))
    return "you (" + person(author.username) + ") broke the glass for " + name +
           " or asked for it, so somebody else must review it";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> objection(const StandingInput& input, const Ballot& mine) {
  const ApprovalRequest& request = *input.request;
  const ApprovalSpec& decision = mine.approval.spec;
  const Identity& author = decision.author;
  const Standing standing = next_state(input);
  const std::string name = request.metadata.name;
  const std::string place = " -n " + request.metadata.namespace_;
  const std::string you = "you (" + person(author.username) + ")";
  if (decision.decision != Decision::Review && is_end(standing.phase))
    return "request " + name + " is over: " + std::string(to_string(standing.phase)) + ", " +
           standing.message;
  if (decision.decision == Decision::Withdraw) {
    if (same_person(author, request.spec.requester)) return std::nullopt;
    return "only " + person(request.spec.requester.username) + ", who asked for it, may withdraw " +
           name + "\n  next:  deny it instead\nkubectl holdpoint deny " + name + place;
  }
  if (decision.decision == Decision::BreakGlass) return objection_to_glass(input, mine, standing);
  if (!is_named_at_all(input, author) && standing.asked.empty())
    return you + " may not decide on " + name + ": policy " + request.spec.policy.name +
           " names you in no stage\nkubectl holdpoint show " + name + place;
  if (!is_named_at_all(input, author))
    return you + " may not decide on " + name + ": policy " + request.spec.policy.name + " asks " +
           asked_of(standing) + "\n  next:  pass it on to one of them\nkubectl holdpoint show " +
           name + place;
  if (!mine.authorized) return lacks("approve", author, request);
  if (decision.decision == Decision::Deny && is_blank(decision.reason))
    return "say in spec.reason why you deny " + name +
           ": whoever asked reads it\nkubectl holdpoint deny " + name + place + " --reason '...'";
  if (decision.decision == Decision::Deny) return std::nullopt;
  if (decision.decision == Decision::Review) {
    if (auto why = objection_to_review(input, mine, standing); why.has_value()) return why;
  } else if (!requester_may(input) && is_theirs(input, author)) {
    return you + " asked for this change or wrote it, so you cannot approve it; somebody else " +
           "must: " + asked_of(standing) +
           "\n  next:  pass them this command\nkubectl holdpoint approve " + name + place;
  }
  if (!mine.barred.empty())
    return you + " cannot approve " + name + ": " + mine.barred +
           "\n  next:  somebody else must: " + asked_of(standing) + "\nkubectl holdpoint show " +
           name + place;
  if (decision.decision == Decision::Review) return std::nullopt;
  if (is_asked_later(input, standing, author))
    return you + " are asked about " + name +
           " only when it escalates; until then it waits: " + standing.waiting_for +
           "\nkubectl holdpoint show " + name + place;
  if (!decision.not_before.empty() && !parse_rfc3339(decision.not_before).ok())
    return "spec.notBefore '" + visible_cut(decision.not_before, 60) +
           "' is no RFC 3339 time such as 2026-11-23T22:00:00Z";
  for (const Ballot& ballot : input.ballots)
    if (ballot.approval.spec.decision == Decision::Approve &&
        same_person(ballot.approval.spec.author, author) &&
        ballot.approval.spec.request.uid == request.metadata.uid &&
        ballot.approval.metadata.deletion_timestamp.empty())
      return you + " approved " + name + " already, by " + ballot.approval.metadata.name + "; " +
             (standing.waiting_for.empty() ? "nothing more is needed"
                                           : "it waits: " + standing.waiting_for);
  if (standing.phase == RequestPhase::Approved)
    return "request " + name + " is approved already: " + standing.message;
  return std::nullopt;
}

}  // namespace holdpoint
