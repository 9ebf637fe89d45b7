#include "core/approval/wording.hpp"

#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

std::string needs(const Standing& standing) {
  return standing.waiting_for.empty() ? standing.message : standing.waiting_for;
}

std::string warning(const std::string& text) {
  return visible_cut(harmless(text), kWarningColumns);
}

std::string answer(const std::string& text) { return visible_cut(harmless(text), kAnswerColumns); }

}  // namespace

std::string harmless(std::string text) {
  static constexpr std::string_view kWord = "immutable";
  for (auto at = text.begin();;) {
    at = std::search(at, text.end(), kWord.begin(), kWord.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == b;
    });
    if (at == text.end()) return text;
    at = text.insert(at + 2, '-') + 1;  // "im-mutable"
  }
}

std::string describe_target(const Target& target) {
  const std::string name = target.name.empty() ? target.generate_name + "*" : target.name;
  return visible(target.kind + " " + (target.namespace_.empty() ? "" : target.namespace_ + "/") +
                 name);
}

std::vector<std::string> held_warnings(const Target& target, const std::string& request,
                                       const Standing& standing) {
  const std::string see =
      "see: kubectl holdpoint show " + request + " -n " + namespace_of_requests(target.namespace_);
  if (standing.phase == RequestPhase::Approved)
    return {warning("holdpoint: approved, being released: " + request)};
  if (standing.phase == RequestPhase::Denied)
    return {warning("holdpoint: still held, " + standing.message),
            warning(ask_again_command(target, request))};
  if (standing.phase == RequestPhase::Scheduled || standing.only_checks)
    return {warning("holdpoint: " + describe_target(target) +
                    " is stored but held: " + standing.message),
            warning(see)};
  return {warning("holdpoint: " + describe_target(target) +
                  " is stored but held until approved: " + needs(standing)),
          warning(see)};
}

std::vector<std::string> would_hold_warnings(const Target& target, const ApprovalPolicy& policy,
                                             RequestHold hold, const Standing& standing,
                                             const Risk& risk) {
  const std::string level(to_string(risk.level));
  if (standing.by_policy && standing.phase == RequestPhase::Approved)
    return {answer("holdpoint: " + describe_target(target) + " flows: policy " +
                   policy.metadata.name + " asks nobody at risk " + level)};
  const std::string how = is_stored_held(hold) ? "held" : "refused";
  std::vector<std::string> lines{
      answer("holdpoint: " + describe_target(target) + " would be " + how +
             (standing.only_checks ? ": policy " : " until approved: policy ") +
             policy.metadata.name + ": " + needs(standing))};
  if (!standing.frozen.empty()) lines.push_back(answer("holdpoint: " + standing.frozen));
  std::vector<std::string> checks;
  for (const CheckState& check : standing.checks)
    if (check.mode == CheckMode::Require) checks.push_back(check.name);
  if (!checks.empty())
    lines.push_back(answer("holdpoint: must pass checks: " + join(checks, ", ")));
  std::vector<std::string> stages;
  for (const Stage& stage : policy.spec.stages)
    if (applies(stage, risk.level))
      stages.push_back(stage.name + " (" + std::to_string(stage.required) + " of " +
                       who_may(stage) + ")");
  if (stages.size() > 1) lines.push_back(answer("holdpoint: stages: " + join(stages, ", then ")));
  for (std::size_t i = 0; i < std::min<std::size_t>(risk.hits.size(), 3); ++i)
    lines.push_back(answer("holdpoint: risk " + std::string(to_string(risk.hits[i].level)) + ": " +
                           risk.hits[i].what));
  return lines;
}

std::string denied_message(const Target& target, Operation operation, const std::string& request,
                           const ApprovalPolicy& policy, const Standing& standing,
                           const std::vector<std::string>& summary) {
  const bool denied = standing.phase == RequestPhase::Denied;
  const bool scheduled = standing.phase == RequestPhase::Scheduled;
  const bool deletes = operation == Operation::Delete;
  const std::string again = deletes ? "delete it again" : "apply again";
  std::string text =
      describe_target(target) + (deletes ? " was not deleted: " : " was not stored: ") +
      (denied                 ? "request " + request + " was denied"
       : standing.only_checks ? "it is approved, but waits for a check, as " + request
       : scheduled            ? "it is approved, but not for now, as " + request
                              : "it waits for approval as " + request);
  const auto line = [&](std::string_view label, const std::string& value) {
    text += "\n  " + std::string(label) + visible_cut(value, 160);
  };
  for (std::size_t i = 0; i < std::min<std::size_t>(summary.size(), 3); ++i)
    line(i == 0 ? "change:  " : "         ", summary[i]);
  line("policy:  ", policy.metadata.name);
  if (denied) {
    line("denied:  ", standing.message);
    line("next:    ", "talk to them; to ask again set this annotation on the object and " +
                          std::string(deletes ? "delete" : "apply") + " it again:");
    text += "\n" + std::string(kAskAgainAnnotation) + ": " + request;
  } else {
    line("waits:   ", needs(standing));
    line("next:    ", scheduled ? again + " then; look with the command below"
                      : standing.only_checks
                          ? again + " when it passes; look with the command below"
                          : "pass the command below to an approver, then " + again);
    text += std::string("\nkubectl holdpoint ") +
            (standing.only_checks || scheduled ? "show " : "approve ") + request + " -n " +
            namespace_of_requests(target.namespace_);
  }
  return harmless(text);
}

}  // namespace holdpoint
