#include "operator/release.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "core/change/sync_again.hpp"
#include "docket/origin.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kMostWords = 1024;

bool is_finished(const RawObject& job) {
  const Json* conditions = member_at(job, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  return std::any_of(conditions->begin(), conditions->end(), [](const Json& condition) {
    const std::string type = string_at(condition, {"type"});
    return (type == "Complete" || type == "Failed" || type == "FailureTarget" ||
            type == "SuccessCriteriaMet") &&
           string_at(condition, {"status"}) == "True";
  });
}

// Not ours to tell, or not there.
Result<Release::Told> refused(const Error& error) {
  if (error.kind == ErrorKind::NotFound || error.kind == ErrorKind::Forbidden)
    return Release::Told::No;
  return error;
}

Release::Told told_of(SyncAgain::Is is) {
  return is == SyncAgain::Is::Busy ? Release::Told::Busy : Release::Told::No;
}

}  // namespace

Result<Done> Release::resume(const ApprovalRequest& request, const RawObject& target,
                             Deadline deadline) const {
  const Target& of = request.spec.target;
  const Pausable how = pausable(of.group, of.resource);
  Json patch =
      marks_patch(target, how, without_hold(read_marks(target, how), request.spec.policy.name));
  patch.insert(patch.begin(), if_unchanged(target));
  HP_TRY(client_.patch({of.group, of.version, of.resource, of.namespace_, of.name, ""},
                       kube::PatchType::Json, patch, {}, deadline));
  return Done{};
}

Result<Done> Release::start_pods(const std::string& namespace_, const std::string& name,
                                 Deadline deadline) const {
  const auto job = client_.get({"batch", "v1", "jobs", namespace_, name, ""}, deadline);
  if (!job.ok() && job.error().kind == ErrorKind::NotFound) return Done{};
  if (!job.ok()) return job.error();
  if (!read_marks(*job, Pausable::Job).held.empty()) return Done{};
  HP_ASSIGN(const kube::ListResult pods,
            client_.list({"", "v1", "pods", namespace_, "", ""},
                         {{"labelSelector", gated_pods_of(*job)}}, deadline));
  for (const Json& pod : pods.items) {
    // Labels can be typed; the owner tells.
    const bool own = string_at(controller_of(pod), {"uid"}) == string_at(*job, {"metadata", "uid"});
    if (!own || !has_gate(member_at(pod, {"spec"}))) continue;
    const auto patched =
        client_.patch({"", "v1", "pods", namespace_, string_at(pod, {"metadata", "name"}), ""},
                      kube::PatchType::Json, ungate_patch(pod), {}, deadline);
    if (!patched.ok() && patched.error().kind != ErrorKind::NotFound) return patched.error();
  }
  return Done{};
}

Result<Done> Release::fail(const RawObject& job, const std::string& reason,
                           const std::string& message, Deadline deadline) const {
  if (job.is_null() || is_finished(job)) return Done{};
  const std::string now = to_rfc3339(clock_.now());
  const Json condition{{"type", "FailureTarget"},   {"status", "True"},
                       {"reason", reason},          {"message", visible_cut(message, kMostWords)},
                       {"lastTransitionTime", now}, {"lastProbeTime", now}};
  const Json* conditions = member_at(job, {"status", "conditions"});
  Json patch = Json::array({if_unchanged(job)});
  if (conditions != nullptr && conditions->is_array()) {
    patch.push_back({{"op", "add"}, {"path", "/status/conditions/-"}, {"value", condition}});
  } else {
    patch.push_back(
        {{"op", "add"}, {"path", "/status/conditions"}, {"value", Json::array({condition})}});
  }
  HP_TRY(client_.patch({"batch", "v1", "jobs", string_at(job, {"metadata", "namespace"}),
                        string_at(job, {"metadata", "name"}), "status"},
                       kube::PatchType::Json, patch, {}, deadline));
  return Done{};
}

Result<Release::Told> Release::retrigger(const Origin& origin, const std::string& token,
                                         Deadline deadline) const {
  Json patch;
  switch (origin.kind) {
    case OriginKind::Release:
      return Told::No;
    case OriginKind::Kustomization:
      patch["metadata"]["annotations"] = {{"reconcile.fluxcd.io/requestedAt", token}};
      break;
    case OriginKind::HelmRelease:
      // It has given up; the same value in both starts it over.
      patch["metadata"]["annotations"] = {{"reconcile.fluxcd.io/requestedAt", token},
                                          {"reconcile.fluxcd.io/resetAt", token}};
      break;
    case OriginKind::Application: {
      const auto live = client_.get(path_of(origin), deadline);
      if (!live.ok()) return refused(live.error());
      SyncAgain again = sync_again(*live, token);
      if (again.is != SyncAgain::Is::Failed) return told_of(again.is);
      patch = std::move(again.patch);
      break;
    }
  }
  return tell(origin, std::move(patch), deadline);
}

Result<Release::Told> Release::show_denial(const Origin& origin, const std::string& token,
                                           Deadline deadline) const {
  if (origin.kind != OriginKind::Application) return retrigger(origin, token, deadline);
  const auto live = client_.get(path_of(origin), deadline);
  if (!live.ok()) return refused(live.error());
  SyncAgain again = sync_again(*live, token);
  if (again.is != SyncAgain::Is::Failed || !again.patch.contains("operation") || ran_hooks(*live))
    return Told::No;
  again.patch["operation"].erase("retry");
  again.patch["operation"].erase("info");
  return tell(origin, std::move(again.patch), deadline);
}

Result<Release::Told> Release::tell(const Origin& origin, Json patch, Deadline deadline) const {
  const auto told = client_.patch(path_of(origin), kube::PatchType::Merge, patch, {}, deadline);
  if (told.ok()) return Told::Yes;
  // Its controller wrote meanwhile: what it does now is worth a look.
  if (told.error().kind == ErrorKind::Conflict) return Told::Busy;
  return refused(told.error());
}

}  // namespace holdpoint::operator_
