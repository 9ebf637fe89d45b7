// What `doctor` finds in objects that it was given: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/live.hpp"
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

// Who holds one of `verbs` on a resource of a group, wildcards included; a rule for some names of
// it counts like one for all.
[[nodiscard]] std::vector<Holder> holders_of(const AccessRules& rules, const std::string& group,
                                             const std::vector<std::string>& resources,
                                             const std::vector<std::string>& verbs);

// Powers that everybody or every service account holds are a hole, whatever else is right.
[[nodiscard]] bool is_everybody(const Holder& holder);

[[nodiscard]] Finding judge_policy(const ApprovalPolicy& policy, const Json& namespaces);
// `server` is a time that the API server stamped between `before` and `after` of ours.
[[nodiscard]] Finding judge_clock(Instant server, Instant before, Instant after);

// All configurations of ours as listed; `watching`: names of the policies in mode Warn, whose
// entries let pass on purpose.
[[nodiscard]] Finding judge_configurations(const Json& configurations,
                                           const std::vector<std::string>& watching);

// A probe in one configuration: an object whose creation, tried by dry run, must be refused with
// these words.
struct Probe {
  std::string configuration;
  Json object;
  std::string words;
};
[[nodiscard]] std::vector<Probe> probes_in(const Json& configurations, const std::string& home);
// `answers`: what kubectl wrote to stderr when it tried all of them.
[[nodiscard]] Finding judge_probes(const std::vector<Probe>& probes, const std::string& answers);

// The authorities that the API server trusts with the webhook, as the configurations name them.
[[nodiscard]] Finding judge_authority(const Json& configurations, Instant now);
[[nodiscard]] Finding judge_leaf(const std::string& cert_pem, Instant now);

// Who may call the webhook, by the arguments of its Deployment among those listed; unknown where
// there is none.
[[nodiscard]] Finding judge_callers(const Json& deployments);

// The operator's Lease: whether somebody leads.
[[nodiscard]] Finding judge_lease(const Json& lease, Instant now);

// The ConfigMap in which people take the gate down; nullopt where it says nothing of that.
[[nodiscard]] std::optional<Finding> judge_arming(const Json& config_map, Instant now);

// Reviews that are owed after somebody broke the glass; nullopt: none.
[[nodiscard]] std::optional<Finding> judge_reviews(const std::vector<ApprovalRequest>& requests,
                                                   Instant now);

// What ended requests left held; nullopt: nothing, as far as is known.
[[nodiscard]] std::optional<Finding> judge_leftovers(const Leftovers& left);

}  // namespace holdpoint::cli
