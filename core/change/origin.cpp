#include "core/change/origin.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostColumns = 512;
constexpr std::size_t kMostAuthor = 1024;

}  // namespace

std::string change_set_of(const RawObject& object) {
  const auto annotation = [&](const char* key) {
    return string_at(object, {"metadata", "annotations", key});
  };
  const auto label = [&](const char* key) {
    return string_at(object, {"metadata", "labels", key});
  };
  std::string found = annotation(kChangeSetAnnotation);
  if (found.empty()) {
    const std::string tracking = annotation("argocd.argoproj.io/tracking-id");
    if (!tracking.empty()) found = "argocd/" + tracking.substr(0, tracking.find(':'));
  }
  for (const char* controller : {"kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"}) {
    const std::string prefix(controller);
    const std::string name = label((prefix + "/name").c_str());
    if (found.empty() && !name.empty())
      found = "flux/" + label((prefix + "/namespace").c_str()) + "/" + name;
  }
  const std::string release = annotation("meta.helm.sh/release-name");
  if (found.empty() && !release.empty())
    found = "helm/" + annotation("meta.helm.sh/release-namespace") + "/" + release;
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
