#include "webhook/approvals.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "crds/codec.hpp"

namespace holdpoint::webhook {
namespace {

Answer denied(std::string message) { return refused({403, std::move(message), 0}); }

Result<Approval> approval_of(const RawObject& object) {
  auto approval = decode<Approval>(object);
  if (approval.ok()) return approval;
  return invalid("this Approval cannot be read: " + approval.error().message +
                     "\nkubectl explain approval.spec",
                 approval.error().cause);
}

Answer no_such_request(const std::string& name, const std::string& namespace_) {
  return denied("there is no ApprovalRequest '" + visible_cut(name, 200) + "' in namespace " +
                visible(namespace_) +
                "\n  next:  take the name from the list\nkubectl get approvalrequests -n " +
                visible(namespace_));
}

bool has_ladder(const std::vector<Stage>& stages) {
  return std::any_of(stages.begin(), stages.end(),
                     [](const Stage& stage) { return !stage.escalation.empty(); });
}

// What the operator has counted already makes this decision useless: why, or empty.
std::string settled_already(const ApprovalRequest& request, const ApprovalSpec& decision) {
  const std::string& name = request.metadata.name;
  const ApprovalRequestStatus& status = request.status;
  if (decision.decision != Decision::Approve && decision.decision != Decision::BreakGlass)
    return "";
  if (status.phase == RequestPhase::Approved)
    return "request " + name + " is approved already: " + status.message;
  for (const DecisionLine& line : status.decisions)
    if (decision.decision == Decision::Approve && line.decision == "Approve" && line.note.empty() &&
        line.username == decision.author.username)
      return "you (" + visible_cut(line.username, 80) + ") approved " + name + " already, by " +
             line.approval + "; " + status.message;
  return "";
}

}  // namespace

Answer Approvals::stamp(const Write& write, Deadline deadline) const {
  auto read = approval_of(write.object);
  if (!read.ok()) return denied(read.error().message);
  Approval& approval = *read;
  RequestReference& reference = approval.spec.request;
  const auto request = docket_.find_request(write.namespace_, reference.name, deadline);
  if (!request.ok()) return not_judged(request.error());
  if (*request == nullptr) return no_such_request(reference.name, write.namespace_);
  const ApprovalRequest& target = **request;
  const bool another =
      (!reference.uid.empty() && reference.uid != target.metadata.uid) ||
      (!reference.binding_digest.empty() && reference.binding_digest != target.spec.binding_digest);
  if (another)
    return denied(
        "this Approval names the uid or digest of another request than " + target.metadata.name +
        " is now: it was meant for something else\n  next:  look at the request, then leave "
        "spec.request.uid and spec.request.bindingDigest out\nkubectl holdpoint show " +
        target.metadata.name + " -n " + target.metadata.namespace_);
  reference.uid = target.metadata.uid;
  reference.binding_digest = target.spec.binding_digest;
  approval.spec.policy = target.spec.policy.name;
  approval.spec.author = write.user;
  approval.metadata.labels[kRequestLabel] = target.metadata.uid;
  approval.metadata.labels[kDecisionLabel] = to_string(approval.spec.decision);
  approval.metadata.labels[kPolicyLabel] = target.spec.policy.name;
  const Json owner = Json::array({{{"apiVersion", kApiVersion},
                                   {"kind", kind_info<ApprovalRequest>().kind},
                                   {"name", target.metadata.name},
                                   {"uid", target.metadata.uid}}});
  const Json stamped = encode(approval);
  Answer answer = allowed("stamped");
  answer.request = target.metadata.name;
  answer.patch = Json::array(
      {{{"op", "add"}, {"path", "/spec"}, {"value", stamped.at("spec")}},
       {{"op", "add"}, {"path", "/metadata/labels"}, {"value", approval.metadata.labels}},
       {{"op", "add"}, {"path", "/metadata/ownerReferences"}, {"value", owner}}});
  return answer;
}

Answer Approvals::check(const Write& write, Deadline deadline) const {
  auto checked = write.operation == Operation::Delete ? check_deleted(write, deadline)
                                                      : check_created(write, deadline);
  return checked.ok() ? *checked : not_judged(checked.error());
}

Result<Answer> Approvals::check_created(const Write& write, Deadline deadline) const {
  HP_ASSIGN(const Approval approval, approval_of(write.object));
  HP_ASSIGN(const auto request,
            docket_.find_request(write.namespace_, approval.spec.request.name, deadline));
  if (request == nullptr) return no_such_request(approval.spec.request.name, write.namespace_);
  const Identity& author = approval.spec.author;
  if (approval.spec.request.uid != request->metadata.uid ||
      approval.spec.request.binding_digest != request->spec.binding_digest ||
      author.username != write.user.username || author.uid != write.user.uid ||
      author.groups != write.user.groups)
    return denied(
        "this Approval is not stamped as it has to be; something changed it after Holdpoint did");

  ApprovalPolicy policy;
  const ApprovalPolicy* live_policy = nullptr;
  if (auto found = docket_.policy(request->spec.policy.name, deadline); found.ok()) {
    policy = std::move(*found);
    live_policy = &policy;
  } else if (found.error().kind != ErrorKind::NotFound) {
    return found.error();
  }
  std::set<std::string> writers;
  if (is_stored_held(request->spec.hold)) {
    HP_ASSIGN(const RawObject target, docket_.target(request->spec.target, deadline));
    const Target& of = request->spec.target;
    const Marks marks = read_marks(target, pausable(of.group, of.resource));
    if (held_request(marks, request->spec.policy.name, target) == request->metadata.name)
      writers = marks.held_by;
  }
  // A list waits until the API server's cache has caught up, up to 100 ms: what the status tells
  // will do here, for the count itself is made live. A ladder needs to know when its stage began.
  StandingInput input;
  if (has_ladder(request->spec.stages) ||
      (live_policy != nullptr && has_ladder(live_policy->spec.stages))) {
    HP_ASSIGN(input, docket_.standing_input(*request, live_policy, writers, {}, deadline));
  } else {
    if (auto why = settled_already(*request, approval.spec); !why.empty()) return denied(why);
    input.request = request.get();
    input.policy = live_policy;
    for (const std::string& writer : writers) input.writers.push_back(Identity{writer, "", {}});
    HP_ASSIGN(input.origin, docket_.origin(*request, deadline));
    input.now = docket_.now();
  }
  HP_ASSIGN(const Ballot mine, docket_.ballot(approval, *request, live_policy, deadline));
  if (const auto why = objection(input, mine)) return denied(*why);
  if (approval.spec.decision == Decision::BreakGlass) {
    HP_ASSIGN(const auto unpaid, docket_.unpaid_review(author, deadline));
    if (unpaid.has_value()) {
      const auto slash = unpaid->find('/');
      return denied("you (" + visible(author.username) +
                    ") broke the glass before, and nobody has reviewed that yet: " + *unpaid +
                    "\n  next:  pass the command below to somebody who may approve it\n"
                    "kubectl holdpoint review " +
                    unpaid->substr(slash + 1) + " -n " + unpaid->substr(0, slash));
    }
  }
  Answer answer = allowed("accepted");
  if (const Decision what = approval.spec.decision;
      (what == Decision::Deny || what == Decision::Withdraw) &&
      may_be_stored_until(*request, input.now).has_value())
    answer.warnings = {
        "holdpoint: a write was let through just before and may still be stored; "
        "every later one is refused"};
  answer.request = request->metadata.name;
  return answer;
}

// Who may delete is decided by the ValidatingAdmissionPolicy, webhook or not; here: only what is
// not used yet.
Result<Answer> Approvals::check_deleted(const Write& write, Deadline deadline) const {
  HP_ASSIGN(const Approval approval, approval_of(write.old_object));
  HP_ASSIGN(const auto request,
            docket_.find_request(write.namespace_, approval.spec.request.name, deadline));
  if (request == nullptr || request->metadata.uid != approval.spec.request.uid)
    return allowed("revoked");
  const std::string name = request->metadata.name + " -n " + request->metadata.namespace_;
  if (request->status.phase == RequestPhase::Released)
    return denied("this Approval cannot be revoked any more: " + request->metadata.name +
                  " was released by it\n  next:  change the object back, which is a change of its "
                  "own\nkubectl holdpoint show " +
                  name);
  const auto& told = request->status.decisions;
  const bool recorded = std::any_of(told.begin(), told.end(), [&](const DecisionLine& line) {
    return line.approval == approval.metadata.name;
  });
  if (request->status.claim.has_value() &&
      (!recorded || may_be_stored_until(*request, docket_.now()).has_value()))
    return denied("this Approval cannot be revoked now: " + request->metadata.name +
                  " is being stored by it, and within a minute it is known whether it was\n"
                  "  next:  deny it, which stops every later write\nkubectl holdpoint deny " +
                  name);
  Answer answer = allowed("revoked");
  answer.request = request->metadata.name;
  return answer;
}

}  // namespace holdpoint::webhook
