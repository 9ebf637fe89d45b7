#include "core/change/origin.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostColumns = 512;
constexpr std::size_t kMostAuthor = 1024;
const std::string kArgocd = "argocd";  // the namespace that a tracking id leaves out

}  // namespace

std::optional<Origin> origin_of(const RawObject& object) {
  const auto annotation = [&](const char* key) {
    return string_at(object, {"metadata", "annotations", key});
  };
  const auto label = [&](const char* key) {
    return string_at(object, {"metadata", "labels", key});
  };
  Origin origin;
  // "[NAMESPACE_]APPLICATION:GROUP/KIND:NAMESPACE/NAME"
  if (const std::string tracking = annotation("argocd.argoproj.io/tracking-id");
      !tracking.empty()) {
    const std::string name = tracking.substr(0, tracking.find(':'));
    const auto bar = name.find('_');
    origin.kind = OriginKind::Application;
    origin.namespace_ = bar == std::string::npos ? kArgocd : name.substr(0, bar);
    origin.name = bar == std::string::npos ? name : name.substr(bar + 1);
  } else if (!label("kustomize.toolkit.fluxcd.io/name").empty()) {
    origin.kind = OriginKind::Kustomization;
    origin.namespace_ = label("kustomize.toolkit.fluxcd.io/namespace");
    origin.name = label("kustomize.toolkit.fluxcd.io/name");
  } else if (!label("helm.toolkit.fluxcd.io/name").empty()) {
    origin.kind = OriginKind::HelmRelease;
    origin.namespace_ = label("helm.toolkit.fluxcd.io/namespace");
    origin.name = label("helm.toolkit.fluxcd.io/name");
  } else {
    origin.namespace_ = annotation("meta.helm.sh/release-namespace");
    origin.name = annotation("meta.helm.sh/release-name");
  }
  if (!is_name(origin.name) || !is_name(origin.namespace_)) return std::nullopt;
  return origin;
}

std::string change_set_of(const RawObject& object) {
  std::string found = string_at(object, {"metadata", "annotations", kChangeSetAnnotation});
  if (const auto origin = origin_of(object); found.empty() && origin.has_value()) {
    switch (origin->kind) {
      case OriginKind::Application:
        // As the tracking id has it: applications of one name in two namespaces are two sets.
        found = "argocd/" + (origin->namespace_ == kArgocd ? "" : origin->namespace_ + "_") +
                origin->name;
        break;
      case OriginKind::Kustomization:
      case OriginKind::HelmRelease:
        found = "flux/" + origin->namespace_ + "/" + origin->name;
        break;
      case OriginKind::Release:
        found = "helm/" + origin->namespace_ + "/" + origin->name;
        break;
    }
  }
  return visible_cut(found, kMostColumns);
}

std::vector<std::string> authors_of(const RawObject& object,
                                    const std::vector<std::string>& annotations) {
  std::vector<std::string> authors;
  for (const std::string& key : annotations) {
    std::string author = string_at(object, {"metadata", "annotations", key.c_str()});
    // Nobody's user name is longer, so a longer one excludes nobody.
    if (author.empty() || author.size() > kMostAuthor ||
        std::find(authors.begin(), authors.end(), author) != authors.end())
      continue;
    authors.push_back(std::move(author));
  }
  return authors;
}

}  // namespace holdpoint
