#include "core/change/origin.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostColumns = 512;
constexpr std::size_t kMostAuthor = 1024;
constexpr std::size_t kMostHook = 120;
constexpr std::int64_t kFarthestWave = 1'000'000;
const std::string kArgocd = "argocd";  // the namespace that a tracking id leaves out

// What is no number counts as 0, as its deployer has it.
std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return 0;
  return std::clamp(value, -kFarthestWave, kFarthestWave);
}

std::string group_of(const std::string& api_version) {
  const auto slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

// Whether what follows the application, "GROUP/KIND:NAMESPACE/NAME", is this object, by the rule
// that Argo CD prunes by (isSelfReferencedObj, controller/state.go). Objects without a namespace
// carry that of the Application's destination; hooks with generateName are named after the tracking
// id is written.
bool tracks(const std::string& tracking, const RawObject& object) {
  const std::string own =
      ":" + group_of(string_at(object, {"apiVersion"})) + "/" + string_at(object, {"kind"}) + ":";
  const auto colon = tracking.find(':');
  if (colon == std::string::npos || tracking.compare(colon, own.size(), own) != 0) return false;
  const std::string place = tracking.substr(colon + own.size());
  const auto slash = place.find('/');
  if (slash == std::string::npos) return false;
  const std::string namespace_ = string_at(object, {"metadata", "namespace"});
  if (!namespace_.empty() && place.compare(0, slash, namespace_) != 0) return false;
  const std::string name = place.substr(slash + 1);
  return name == string_at(object, {"metadata", "name"}) ||
         (name.empty() && !string_at(object, {"metadata", "generateName"}).empty());
}

}  // namespace

std::optional<Origin> origin_of(const RawObject& object, const std::string& field_manager) {
  const auto annotation = [&](const char* key) {
    return string_at(object, {"metadata", "annotations", key});
  };
  const auto label = [&](const char* key) {
    return string_at(object, {"metadata", "labels", key});
  };
  const bool is_helm_hook = !annotation("helm.sh/hook").empty();
  // "[NAMESPACE_]APPLICATION:GROUP/KIND:NAMESPACE/NAME", or by its setting one of two labels that
  // stop before the colon. The second is Helm's convention too, so only Argo CD's own writes count.
  // An id of another object came along with a copy and tells of no Application.
  std::string tracking = annotation("argocd.argoproj.io/tracking-id");
  const bool is_copied = !tracking.empty() && !tracks(tracking, object);
  if (tracking.empty()) tracking = label("argocd.argoproj.io/instance");
  if (tracking.empty() && field_manager == "argocd-controller")
    tracking = label("app.kubernetes.io/instance");
  Origin origin;
  if (!tracking.empty() && !is_copied) {
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
    // Helm does not write its name on hooks; charts do, by convention.
    if (is_helm_hook && origin.name.empty()) {
      origin.namespace_ = string_at(object, {"metadata", "namespace"});
      if (is_name(label("app.kubernetes.io/instance")))
        origin.name = label("app.kubernetes.io/instance");
    }
    origin.revision = visible_cut(label("helm.sh/chart"), kMostColumns);
  }
  origin.hook = is_helm_hook ? annotation("helm.sh/hook") : annotation("argocd.argoproj.io/hook");
  origin.hook = visible_cut(origin.hook, kMostHook);
  const std::string wave = annotation("argocd.argoproj.io/sync-wave");
  origin.wave = number(wave.empty() ? annotation("helm.sh/hook-weight") : wave);
  const bool nameless = origin.name.empty() && is_helm_hook;
  if ((!is_name(origin.name) && !nameless) || !is_name(origin.namespace_)) return std::nullopt;
  return origin;
}

std::string change_set_of(const Origin& origin) {
  if (origin.name.empty()) return {};
  switch (origin.kind) {
    case OriginKind::Application:
      // As the tracking id has it: applications of one name in two namespaces are two sets.
      return visible_cut(
          "argocd/" + (origin.namespace_ == kArgocd ? "" : origin.namespace_ + "_") + origin.name,
          kMostColumns);
    case OriginKind::Kustomization:
    case OriginKind::HelmRelease:
      return visible_cut("flux/" + origin.namespace_ + "/" + origin.name, kMostColumns);
    case OriginKind::Release:
      break;
  }
  return visible_cut("helm/" + origin.namespace_ + "/" + origin.name, kMostColumns);
}

std::string change_set_of(const RawObject& object, const std::string& field_manager) {
  const std::string typed = visible_cut(
      string_at(object, {"metadata", "annotations", kChangeSetAnnotation}), kMostColumns);
  const bool claims_an_origin =
      typed.starts_with("argocd/") || typed.starts_with("flux/") || typed.starts_with("helm/");
  if (!typed.empty() && !claims_an_origin) return typed;
  const auto origin = origin_of(object, field_manager);
  return origin.has_value() ? change_set_of(*origin) : "";
}

std::vector<Owner> owners_of(const RawObject& object) {
  constexpr std::size_t kMostOwners = 64, kMostName = 253;
  std::vector<Owner> owners;
  const Json* references = member_at(object, {"metadata", "ownerReferences"});
  if (references == nullptr || !references->is_array()) return owners;
  for (const Json& reference : *references) {
    Owner owner{group_of(string_at(reference, {"apiVersion"})), string_at(reference, {"kind"}),
                string_at(reference, {"name"})};
    const auto fits = [](const std::string& text) { return text.size() <= kMostName; };
    // The API server takes any group here: what is no name is served by nobody.
    if (!owner.group.empty() && !is_name(owner.group)) continue;
    if (owner.kind.empty() || !fits(owner.kind) || !fits(owner.name)) continue;
    owners.push_back(std::move(owner));
    if (owners.size() == kMostOwners) break;
  }
  return owners;
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
