#include "docket/origin.hpp"

#include "base/text.hpp"
#include "crds/json.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostRevision = 512;

}  // namespace

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
  if (origin.kind == OriginKind::Release) return {};
  const auto live = client.get(path_of(origin), deadline);
  if (!live.ok()) return {};
  std::string revision = string_at(*live, {"status", "lastAttemptedRevision"});
  if (revision.empty())
    revision = string_at(*live, {"status", "operationState", "operation", "sync", "revision"});
  if (revision.empty()) revision = string_at(*live, {"status", "sync", "revision"});
  return visible_cut(revision, kMostRevision);
}

}  // namespace holdpoint
