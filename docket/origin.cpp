#include "docket/origin.hpp"

#include "base/text.hpp"
#include "crds/json.hpp"

namespace holdpoint {

kube::ResourcePath path_of(const Origin& origin) {
  switch (origin.kind) {
    case OriginKind::Kustomization:
      return {"kustomize.toolkit.fluxcd.io",
              "v1",
              "kustomizations",
              origin.namespace_,
              origin.name,
              ""};
    case OriginKind::HelmRelease:
      return {"helm.toolkit.fluxcd.io", "v2", "helmreleases", origin.namespace_, origin.name, ""};
    case OriginKind::Application:
      return {"argoproj.io", "v1alpha1", "applications", origin.namespace_, origin.name, ""};
    case OriginKind::Release:
      break;
  }
  return {};
}

std::string revision_of(const kube::Client& client, const Origin& origin, Deadline deadline) {
  if (origin.kind == OriginKind::Release) return origin.revision;
  const auto live = client.get(path_of(origin), deadline);
  if (!live.ok()) return {};
  std::string revision = string_at(*live, {"status", "lastAttemptedRevision"});
  if (revision.empty())
    revision = string_at(*live, {"status", "operationState", "operation", "sync", "revision"});
  if (revision.empty()) revision = string_at(*live, {"status", "sync", "revision"});
  return visible_cut(revision, kMostRevision);
}

Result<OriginState> origin_state(const kube::Client& client, const ApprovalRequest& request,
                                 Records records, Deadline deadline) {
  const ApprovalRequestSpec& spec = request.spec;
  if (!follows_origin(spec)) return OriginState{};
  const bool readable = spec.origin->kind != OriginKind::Release;
  if (!readable && (records == Records::Unread || !is_held_hook(spec))) return OriginState{};
  if (!readable && spec.origin->name.empty()) return state_unseen(spec);
  if (readable) {
    const auto live = client.get(path_of(*spec.origin), deadline);
    if (live.ok()) return state_by_object(request, *live);
    if (live.error().kind == ErrorKind::NotFound) return state_by_object(request, {});
    if (live.error().kind == ErrorKind::Forbidden) return state_unseen(spec);
    return live.error();
  }
  const auto found =
      client.list_metadata({"", "v1", "secrets", spec.origin->namespace_, "", ""},
                           {{"labelSelector", "owner=helm,name=" + spec.origin->name}}, deadline);
  if (found.ok()) return state_by_records(request, found->items);
  if (found.error().kind == ErrorKind::Forbidden) return state_unseen(spec);
  return found.error();
}

}  // namespace holdpoint
