#include <algorithm>

#include "base/text.hpp"
#include "cli/change_set.hpp"
#include "cli/commands.hpp"
#include "cli/screen.hpp"
#include "core/approval/wording.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kMaxReason = 2048;
constexpr Duration kPatience{3000}, kPatienceOfSet{10'000}, kPause{200};

bool tells_of(const ApprovalRequest& request, const std::string& approval) {
  const auto& lines = request.status.decisions;
  return std::any_of(lines.begin(), lines.end(),
                     [&](const DecisionLine& line) { return line.approval == approval; });
}

// Nothing more will come of this decision by itself.
bool has_settled(const ApprovalRequest& request, const std::string& approval) {
  if (is_end(request.status.phase) || request.status.phase == RequestPhase::Scheduled)
    return tells_of(request, approval);
  if (request.status.phase == RequestPhase::Approved) return !is_stored_held(request.spec.hold);
  return tells_of(request, approval);
}

// The requests once nothing more will come of their Approvals, or as they are when patience ends.
// An Approval of each, in the same order; empty where there is none.
std::vector<ApprovalRequest> await(const Kubectl& kubectl, std::vector<ApprovalRequest> requests,
                                   const std::vector<std::string>& approvals, Duration patience) {
  const Deadline deadline = Deadline::in(patience);
  while (true) {
    requests = read_again(kubectl, std::move(requests));
    bool settled = true;
    for (std::size_t i = 0; i < requests.size(); ++i)
      settled = settled && (approvals[i].empty() || has_settled(requests[i], approvals[i]));
    if (settled || deadline.over()) return requests;
    wait_for(std::min(kPause, deadline.left()), {});
  }
}

// The name of the Approval that was made.
Result<std::string> create_approval(const Kubectl& kubectl, const ApprovalRequest& shown,
                                    Decision decision, const std::string& reason,
                                    const std::string& not_before) {
  Approval approval;
  approval.metadata.generate_name = shown.metadata.name + "-";
  approval.metadata.namespace_ = shown.metadata.namespace_;
  // Bound to what was shown: were it another request by now, the decision would be refused.
  approval.spec.request = {shown.metadata.name, shown.metadata.uid, shown.spec.binding_digest};
  approval.spec.decision = decision;
  approval.spec.reason = reason;
  approval.spec.not_before = not_before;
  Json object = encode(approval);
  object.at("spec").erase("author");  // stamped at admission
  const std::string input = dump_json(object);
  HP_ASSIGN(const Json created, kubectl.json({"create", "-f", "-", "-o", "json"}, &input));
  return string_at(created, {"metadata", "name"});
}

Result<Done> check_reason(const std::string& reason) {
  if (!is_valid_utf8(reason)) return invalid("the reason is no valid UTF-8; type it again");
  if (reason.size() > kMaxReason)
    return invalid("the reason is longer than 2048 bytes; say it shorter");
  return Done{};
}

}  // namespace

Result<Done> approve_set(const Kubectl& kubectl, const std::string& change_set, Namespaces which,
                         const std::string& seen, const std::string& reason,
                         const std::string& not_before) {
  HP_TRY(check_reason(reason));
  HP_ASSIGN(std::vector<ApprovalRequest> requests, read_requests(kubectl, which));
  HP_ASSIGN(requests, set_of(pending_of(std::move(requests)), change_set));
  print(set_card(requests, system_clock().now(), colour_of_stdout()) + "\n");
  if (!seen.empty() && seen != set_digest(requests))
    return Error{ErrorKind::Conflict,
                 "change set " + visible_cut(change_set, 120) +
                     " has changed since it was shown, so nothing was approved\n  next:  look at "
                     "what it is now, above, and approve that\n" +
                     approve_set_command(requests, which) +
                     (reason.empty() ? "" : " --reason " + shell_word(reason)) +
                     (not_before.empty() ? "" : " --not-before " + shell_word(not_before)),
                 {}};
  if (seen.empty() && can_ask() &&
      !ask("Approve " +
           (requests.size() == 1 ? "this change" : "these " + count_of(requests.size(), "change")) +
           "?"))
    return invalid("nothing was approved");
  std::vector<std::string> approvals, refusals;
  std::size_t refused = 0;
  for (const ApprovalRequest& request : requests) {
    const auto name = create_approval(kubectl, request, Decision::Approve, reason, not_before);
    approvals.push_back(name.ok() ? *name : "");
    refusals.push_back(name.ok() ? "" : name.error().message + role_step(name.error().message));
    if (!name.ok()) ++refused;
  }
  if (refused < requests.size())
    requests = await(kubectl, std::move(requests), approvals, kPatienceOfSet);
  for (std::size_t i = 0; i < requests.size(); ++i)
    print(describe_target(requests[i].spec.target) + ": " +
          (approvals[i].empty()
               ? refusals[i]
               : outcome(requests[i], Decision::Approve, approvals[i],
                         tells_of(requests[i], approvals[i]), system_clock().now())));
  if (refused == 0) return Done{};
  return Error{ErrorKind::Forbidden,
               std::to_string(refused) + " of " + std::to_string(requests.size()) +
                   " were not approved, as told above",
               {}};
}

Result<Done> decide(const Kubectl& kubectl, const std::string& typed, Decision decision,
                    const std::string& reason, const std::string& not_before) {
  HP_TRY(check_reason(reason));
  HP_ASSIGN(ApprovalRequest request, read_request(kubectl, typed));
  const Dossier dossier = read_dossier(kubectl, std::move(request));
  print(card(dossier, colour_of_stdout()) + "\n");

  const ApprovalRequest& shown = dossier.request;
  HP_ASSIGN(const std::string name, create_approval(kubectl, shown, decision, reason, not_before));

  const ApprovalRequest now = await(kubectl, {shown}, {name}, kPatience).front();
  print(outcome(now, decision, name, tells_of(now, name), system_clock().now()));
  return Done{};
}

}  // namespace holdpoint::cli
