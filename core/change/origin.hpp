// Where a change comes from, by what deployers write on their objects. All of it can be forged: it
// groups and excludes, it never lets anybody in. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

// Typed by users: what belongs together.
inline constexpr const char* kChangeSetAnnotation = "holdpoint.dev/change-set";

// "argocd/<application>", "flux/<namespace>/<name>", "helm/<namespace>/<release>", or what the
// annotation kChangeSetAnnotation says; empty where nothing tells. At most 512 characters.
[[nodiscard]] std::string change_set_of(const RawObject& object);

// The Flux or Argo CD object that an object is made from, or its Helm release, without a revision;
// nullopt where nothing tells, or what tells it is no name of an object.
[[nodiscard]] std::optional<Origin> origin_of(const RawObject& object);

// The values of these annotations, each at most 1,024 characters, without doubles.
[[nodiscard]] std::vector<std::string> authors_of(const RawObject& object,
                                                  const std::vector<std::string>& annotations);

}  // namespace holdpoint
