// Where a change comes from, by what deployers write on their objects. All of it can be forged: it
// groups and excludes, it never lets anybody in. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "crds/json.hpp"

namespace holdpoint {

// Typed by users: what belongs together.
inline constexpr const char* kChangeSetAnnotation = "holdpoint.dev/change-set";

// "argocd/<application>", "flux/<namespace>/<name>", "helm/<namespace>/<release>", or what the
// annotation kChangeSetAnnotation says; empty where nothing tells. At most 512 characters.
[[nodiscard]] std::string change_set_of(const RawObject& object);

// The values of these annotations, each at most 1,024 characters, without doubles.
[[nodiscard]] std::vector<std::string> authors_of(const RawObject& object,
                                                  const std::vector<std::string>& annotations);

}  // namespace holdpoint
