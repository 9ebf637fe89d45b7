// What `doctor` finds in objects that it was given: pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::cli {

struct Finding {
  enum class Kind { Good, Warning, Bad };
  Kind kind = Kind::Good;
  std::string text;               // one line
  std::vector<std::string> more;  // lines below it
};

// A subject and the rule by which it holds a power.
struct Holder {
  std::string subject;  // "group leads", "service account ns/name"
  std::string through;  // "ClusterRoleBinding x to ClusterRole y"
  std::string where;    // namespace; empty: everywhere
};

// Roles and bindings as `kubectl get -o json` lists them, of all namespaces.
struct AccessRules {
  Json cluster_roles, roles, cluster_role_bindings, role_bindings;
};

// Who holds one of `verbs` on a resource of a group, wildcards included; `only_named` resource
// names do not count against it when the rule names others.
[[nodiscard]] std::vector<Holder> holders_of(const AccessRules& rules, const std::string& group,
                                             const std::vector<std::string>& resources,
                                             const std::vector<std::string>& verbs);

[[nodiscard]] Finding judge_policy(const ApprovalPolicy& policy, const Json& namespaces);
// `server` is a time that the API server stamped between `before` and `after` of ours.
[[nodiscard]] Finding judge_clock(Instant server, Instant before, Instant after);

}  // namespace holdpoint::cli
