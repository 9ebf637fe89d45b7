// Who gets which right in a test: RoleBindings, and Roles of one rule. They count when these
// functions return.
#pragma once

#include <string>
#include <vector>

#include "crds/json.hpp"

namespace holdpoint::cluster {

// Subjects of a RoleBinding.
[[nodiscard]] Json user_named(const std::string& name);
[[nodiscard]] Json group_named(const std::string& name);
[[nodiscard]] Json account_named(const std::string& namespace_, const std::string& name);

// Binds `subject` to a ClusterRole (or Role) in one namespace; returns the RoleBinding's name.
std::string grant_role(const std::string& namespace_, const std::string& role, const Json& subject,
                       const char* kind = "ClusterRole");
// The same to a Role with this one rule.
void grant(const std::string& namespace_, const Json& subject, const std::string& group,
           const std::string& resource, const std::vector<std::string>& verbs);

}  // namespace holdpoint::cluster
