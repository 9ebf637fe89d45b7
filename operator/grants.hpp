// What to say where Holdpoint lacks a right on a kind: the grant to make. Pure; thread-safe.
#pragma once

#include <string>

namespace holdpoint::operator_ {

// "deployments.apps"; "configmaps" of the core group.
[[nodiscard]] inline std::string kind_name(const std::string& group, const std::string& resource) {
  return resource + (group.empty() ? "" : "." + group);
}

// `role`: gated-kinds or checked-kinds, whose ClusterRole collects those with its label.
[[nodiscard]] inline std::string grant_to_make(const std::string& role, const std::string& group,
                                               const std::string& resource,
                                               const std::string& verbs) {
  return "Holdpoint may not read " + kind_name(group, resource) +
         ": make a ClusterRole with the label holdpoint.dev/" + role +
         "=\"true\" and the rule {apiGroups: [\"" + group + "\"], resources: [" + resource +
         "], verbs: [" + verbs + "]}";
}

}  // namespace holdpoint::operator_
