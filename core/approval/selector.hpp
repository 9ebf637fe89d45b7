// Label selectors (metav1.LabelSelector) over labels; the API server's rules. Pure; thread-safe.
#pragma once

#include <map>
#include <string>

#include "crds/kinds.hpp"

namespace holdpoint {

using LabelMap = std::map<std::string, std::string>;

// An empty selector matches everything; an unknown operator matches nothing.
[[nodiscard]] bool matches(const LabelSelector& selector, const LabelMap& labels);

// metadata.labels of a raw object.
[[nodiscard]] LabelMap labels_of(const RawObject& object);

}  // namespace holdpoint
