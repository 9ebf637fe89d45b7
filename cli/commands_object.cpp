#include <algorithm>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/names.hpp"
#include "cli/screen.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

// The controllers write status all the time: each write makes another resourceVersion.
constexpr int kTries = 5;

Result<RawObject> read_object(const Kubectl& kubectl, const Holdable& object) {
  return kubectl.json({"get", object.path(), "-o", "json"});
}

std::string place(const Holdable& object, const RawObject& live) {
  return object.typed() + " -n " + visible(string_at(live, {"metadata", "namespace"}));
}

std::string title(const Holdable& object, const RawObject& live) {
  return object.kind + " " + visible(string_at(live, {"metadata", "namespace"})) + "/" +
         object.name;
}

std::string api_path(const Holdable& object, const RawObject& live) {
  return "/apis/" + string_at(live, {"apiVersion"}) + "/namespaces/" +
         string_at(live, {"metadata", "namespace"}) + "/" + object.resource + "/" + object.name +
         "?fieldManager=kubectl-holdpoint";
}

Error changed_meanwhile(const Holdable& object) {
  return Error{ErrorKind::Conflict,
               object.typed() + " changes all the time: somebody else writes it; try again",
               {}};
}

// What is typed may also name the request: then its target is meant.
Result<Holdable> holdable_of(const Kubectl& kubectl, const std::string& typed) {
  if (typed.find('/') != std::string::npos) return parse_holdable(typed);
  HP_ASSIGN(const ApprovalRequest request, read_request(kubectl, typed));
  return parse_holdable(typed_target(request.spec.target));
}

// Whether the mark of this request may go: nullopt, or why not and the next step.
Result<std::optional<std::string>> why_held(const Kubectl& kubectl, const Holdable& object,
                                            const RawObject& live, const std::string& request) {
  auto found = read_named_request(kubectl, string_at(live, {"metadata", "namespace"}), request);
  if (!found.ok()) {
    // A mark that names nothing proves nothing: whether it may go is the webhook's to say.
    if (found.error().kind == ErrorKind::NotFound) return std::optional<std::string>();
    return found.error();
  }
  const Dossier dossier = read_dossier(kubectl, std::move(*found));
  const Standing standing = standing_of(dossier);
  const std::string name = visible(request);
  switch (standing.phase) {
    case RequestPhase::Approved:
    case RequestPhase::Released:
      return std::optional<std::string>();
    case RequestPhase::Pending:
    case RequestPhase::Scheduled:
      return std::optional(
          name + " is not approved: " +
          visible_cut(standing.waiting_for.empty() ? standing.message : standing.waiting_for, 160) +
          "\n  next:  look at it\nkubectl holdpoint show " + name + " -n " +
          visible(dossier.request.metadata.namespace_));
    case RequestPhase::Denied:
    case RequestPhase::Expired:
    case RequestPhase::Superseded:
    case RequestPhase::Stale:
    case RequestPhase::Withdrawn:
      break;
  }
  return std::optional(name + " is over: " + std::string(to_string(standing.phase)) + ", " +
                       visible_cut(standing.message, 160) +
                       "\n  next:  put back what ran (kubectl holdpoint abandon " +
                       place(object, live) + "), or ask again\n" +
                       ask_again_command(dossier.request.spec.target, name));
}

// Pods that wait for the scheduling gate of a Job that is not held any more: the operator starts
// them, or, where none runs, whoever resumes the Job.
Result<Done> start_pods(const Kubectl& kubectl, const RawObject& job) {
  const std::string space = "--namespace=" + string_at(job, {"metadata", "namespace"});
  HP_ASSIGN(const Json pods,
            kubectl.json({"get", "pods", "--selector=" + gated_pods_of(job), "-o", "json", space}));
  for (const Json& pod : pods.at("items")) {
    if (!has_gate(member_at(pod, {"spec"}))) continue;
    const auto patched =
        kubectl.json({"patch", "pods/" + string_at(pod, {"metadata", "name"}), "--type=json",
                      "--patch=" + dump_json(ungate_patch(pod)), "-o", "json", space});
    if (!patched.ok() && patched.error().kind != ErrorKind::Conflict &&
        patched.error().kind != ErrorKind::NotFound)
      return patched.error();
  }
  return Done{};
}

}  // namespace

Result<Done> resume(const Kubectl& kubectl, const std::string& typed) {
  HP_ASSIGN(const Holdable object, holdable_of(kubectl, typed));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    HP_ASSIGN(const RawObject live, read_object(kubectl, object));
    const Marks marks = read_marks(live, object.how);
    if (marks.held.empty()) {
      print(title(object, live) + " is not held" +
            (marks.paused ? "; it is paused by its owner" : ""));
      return Done{};
    }
    Marks wanted = marks;
    std::vector<std::string> taken, kept;
    for (const auto& [policy, mark] : marks.held) {
      const std::string request = held_request(marks, policy, live);
      HP_ASSIGN(const auto why, why_held(kubectl, object, live, request));
      if (why) {
        kept.push_back(*why);
        continue;
      }
      wanted = without_hold(std::move(wanted), policy);
      taken.push_back(request);
    }
    if (taken.empty())
      return Error{ErrorKind::Forbidden, title(object, live) + " stays held: " + kept.front(), {}};
    Json patch = Json::array({if_unchanged(live)});
    for (const Json& step : marks_patch(live, object.how, wanted)) patch.push_back(step);
    const auto patched = kubectl.json(
        {"patch", object.path(), "--type=json", "--patch=" + dump_json(patch), "-o", "json"});
    if (!patched.ok() && patched.error().kind == ErrorKind::Conflict) continue;
    if (!patched.ok()) return patched.error();
    const Marks now = read_marks(*patched, object.how);
    if (now.holds()) {
      return Error{
          ErrorKind::Forbidden,
          title(object, live) + " stays held" +
              (kept.empty() ? ": Holdpoint's webhook put the hold back\n  next:  look at the "
                              "request\nkubectl holdpoint show " +
                                  visible(held_request(now, now.held.begin()->first, *patched)) +
                                  " -n " + visible(string_at(live, {"metadata", "namespace"}))
                            : ": " + kept.front()),
          {}};
    }
    if (now.gated) HP_TRY(start_pods(kubectl, live));
    print(title(object, live) + " is resumed: " + visible(join(taken, ", ")) +
          (now.paused ? "; it stays paused, as its owner had it" : ""));
    return Done{};
  }
  return changed_meanwhile(object);
}

Result<Done> abandon(const Kubectl& kubectl, const std::string& typed) {
  HP_ASSIGN(const Holdable object, holdable_of(kubectl, typed));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    HP_ASSIGN(const RawObject live, read_object(kubectl, object));
    const Marks marks = read_marks(live, object.how);
    if (!marks.holds()) {
      print(title(object, live) + " is not held: there is nothing to put back");
      return Done{};
    }
    RawObject before = live;
    for (const auto& [policy_name, mark] : marks.held) {
      const std::string name = held_request(marks, policy_name, live);
      HP_ASSIGN(const ApprovalRequest request,
                read_named_request(kubectl, string_at(live, {"metadata", "namespace"}), name));
      const Json& base = request.spec.base;
      if (!base.is_object()) {
        return Error{ErrorKind::Invalid,
                     title(object, live) + " is held since it was made (" + visible(name) +
                         "), so there is nothing to put back\n  next:  delete it, if it is not "
                         "wanted any more\nkubectl delete " +
                         place(object, live),
                     {}};
      }
      std::vector<std::string> pointers;
      for (const auto& [pointer, value] : base.items()) pointers.push_back(pointer);
      // What the policy covers but the base lacks was not there before. Who may not read the policy
      // gets what the kind covers.
      HP_TRY(check_name("policy", request.spec.policy.name));
      const auto raw = kubectl.json(
          {"get",
           kind_info<ApprovalPolicy>().plural + "." + kGroup + "/" + request.spec.policy.name, "-o",
           "json"});
      std::vector<std::string> changes;
      if (raw.ok()) {
        HP_ASSIGN(const ApprovalPolicy policy, decode<ApprovalPolicy>(*raw));
        changes = policy.spec.match.changes;
      }
      for (const std::string& pointer : covered_pointers(changes, object.group, object.resource))
        if (std::find(pointers.begin(), pointers.end(), pointer) == pointers.end())
          pointers.push_back(pointer);
      HP_ASSIGN(before, with_covered_part(std::move(before), base, pointers));
    }
    Marks wanted;
    wanted.paused = marks.user_paused;
    try {
      before = before.patch(marks_patch(before, object.how, wanted));
    } catch (const Json::exception& broken) {
      return Error{ErrorKind::Internal, "what was before cannot be put together", broken.what()};
    }
    // A plain PUT: without --raw, kubectl would take all of this for what its user applied last.
    const std::string input = dump_json(before);
    const auto replaced =
        kubectl.json({"replace", "--raw=" + api_path(object, live), "-f", "-"}, &input);
    if (!replaced.ok() && replaced.error().kind == ErrorKind::Conflict) continue;
    if (!replaced.ok()) return replaced.error();
    const Marks now = read_marks(*replaced, object.how);
    if (now.holds())
      return Error{ErrorKind::Forbidden,
                   title(object, live) +
                       " stays held: what was before would itself need approval\n  next:  look at "
                       "what waits\nkubectl holdpoint list -n " +
                       visible(string_at(live, {"metadata", "namespace"})),
                   {}};
    print(title(object, live) + " is what it was before" +
          (now.paused ? "; it stays paused, as its owner had it" : ""));
    return Done{};
  }
  return changed_meanwhile(object);
}

}  // namespace holdpoint::cli
