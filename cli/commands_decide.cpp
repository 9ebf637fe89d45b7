#include <algorithm>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/screen.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kMaxReason = 2048;
constexpr Duration kPatience{3000}, kPause{200};

bool tells_of(const ApprovalRequest& request, const std::string& approval) {
  const auto& lines = request.status.decisions;
  return std::any_of(lines.begin(), lines.end(), [&](const DecisionLine& line) { return line.approval == approval; });
}

// Nothing more will come of this decision by itself.
bool has_settled(const ApprovalRequest& request, const std::string& approval) {
  if (is_end(request.status.phase)) return true;
  if (request.status.phase == RequestPhase::Approved) return request.spec.hold != RequestHold::Suspend;
  return tells_of(request, approval);
}

}  // namespace

Result<Done> decide(const Kubectl& kubectl, const std::string& typed, Decision decision, const std::string& reason) {
  if (!is_valid_utf8(reason)) return invalid("the reason is no valid UTF-8; type it again");
  if (reason.size() > kMaxReason) return invalid("the reason is longer than 2048 bytes; say it shorter");
  HP_ASSIGN(ApprovalRequest request, read_request(kubectl, typed));
  const Dossier dossier = read_dossier(kubectl, std::move(request));
  print(card(dossier, colour_of_stdout()) + "\n");

  const ApprovalRequest& shown = dossier.request;
  Approval approval;
  approval.metadata.generate_name = shown.metadata.name + "-";
  approval.metadata.namespace_ = shown.metadata.namespace_;
  // Bound to what was shown: were it another request by now, the decision would be refused.
  approval.spec.request = {shown.metadata.name, shown.metadata.uid, shown.spec.binding_digest};
  approval.spec.decision = decision;
  approval.spec.reason = reason;
  Json object = encode(approval);
  object.at("spec").erase("author");  // stamped at admission
  const std::string input = dump_json(object);
  HP_ASSIGN(const Json created, kubectl.json({"create", "-f", "-", "-o", "json"}, &input));
  const std::string name = string_at(created, {"metadata", "name"});

  ApprovalRequest now = shown;
  const Deadline deadline = Deadline::in(kPatience);
  while (true) {
    if (auto read = read_named_request(kubectl, shown.metadata.namespace_, shown.metadata.name); read.ok()) now = std::move(*read);
    if (has_settled(now, name) || deadline.over()) break;
    wait_for(std::min(kPause, deadline.left()), {});
  }
  print(outcome(now, decision, name, tells_of(now, name)));
  return Done{};
}

}  // namespace holdpoint::cli
