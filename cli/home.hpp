// Where Holdpoint itself is installed. Blocking; thread-safe.
#pragma once

#include <string>

#include "cli/kubectl.hpp"

namespace holdpoint::cli {

// Selects what belongs to Holdpoint.
inline constexpr const char* kOwnLabel = "app.kubernetes.io/part-of=holdpoint";

// What is told by the webhook configurations: the namespace of the Service that they call, or that
// of the probe in them; empty where they tell nothing. Pure.
[[nodiscard]] std::string home_told_by(const Json& configurations);

// `given` where it is not empty; else the namespace of the operator's account, as its
// ClusterRoleBinding names it, or as the webhook configurations do; else "holdpoint-system", for
// who may read neither. Error: Invalid, for a name that is none.
[[nodiscard]] Result<std::string> find_home(const Kubectl& kubectl, const std::string& given);

}  // namespace holdpoint::cli
