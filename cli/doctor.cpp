#include "cli/doctor.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "core/approval/selector.hpp"

namespace holdpoint::cli {
namespace {

constexpr Duration kSkew{5'000};  // what the gate allows for

const Json& items_of(const Json& list) {
  static const Json kNone = Json::array();
  const Json* const items = member_at(list, {"items"});
  return items == nullptr || !items->is_array() ? kNone : *items;
}

bool has_any(const Json& rule, const char* key, const std::vector<std::string>& wanted) {
  const Json* const given = member_at(rule, {key});
  if (given == nullptr || !given->is_array()) return false;
  return std::any_of(given->begin(), given->end(), [&](const Json& value) {
    return value.is_string() &&
           (value == "*" ||
            std::find(wanted.begin(), wanted.end(), value.get<std::string>()) != wanted.end());
  });
}

bool grants(const Json& role, const std::string& group, const std::vector<std::string>& resources,
            const std::vector<std::string>& verbs) {
  const Json* const rules = member_at(role, {"rules"});
  return rules != nullptr && rules->is_array() &&
         std::any_of(rules->begin(), rules->end(), [&](const Json& rule) {
           return has_any(rule, "apiGroups", {group}) && has_any(rule, "resources", resources) &&
                  has_any(rule, "verbs", verbs);
         });
}

std::string subject_of(const Json& subject) {
  const std::string kind = string_at(subject, {"kind"}), name = string_at(subject, {"name"});
  if (kind == "ServiceAccount")
    return "service account " + string_at(subject, {"namespace"}) + "/" + name;
  return (kind == "Group" ? "group " : "user ") + name;
}

}  // namespace

std::vector<Holder> holders_of(const AccessRules& rules, const std::string& group,
                               const std::vector<std::string>& resources,
                               const std::vector<std::string>& verbs) {
  std::set<std::string> powerful;  // "ClusterRole//name", "Role/namespace/name"
  for (const Json& role : items_of(rules.cluster_roles))
    if (grants(role, group, resources, verbs))
      powerful.insert("ClusterRole//" + string_at(role, {"metadata", "name"}));
  for (const Json& role : items_of(rules.roles))
    if (grants(role, group, resources, verbs))
      powerful.insert("Role/" + string_at(role, {"metadata", "namespace"}) + "/" +
                      string_at(role, {"metadata", "name"}));
  std::vector<Holder> holders;
  for (const Json* const bindings : {&rules.cluster_role_bindings, &rules.role_bindings})
    for (const Json& binding : items_of(*bindings)) {
      const std::string where = string_at(binding, {"metadata", "namespace"});
      const std::string kind = string_at(binding, {"roleRef", "kind"});
      const std::string name = string_at(binding, {"roleRef", "name"});
      if (!powerful.contains(kind + "/" + (kind == "Role" ? where : "") + "/" + name)) continue;
      const Json* const subjects = member_at(binding, {"subjects"});
      if (subjects == nullptr || !subjects->is_array()) continue;
      for (const Json& subject : *subjects)
        holders.push_back(
            {visible_cut(subject_of(subject), 200),
             visible_cut((where.empty() ? "ClusterRoleBinding " : "RoleBinding ") +
                             string_at(binding, {"metadata", "name"}) + " to " + kind + " " + name,
                         300),
             where});
    }
  return holders;
}

Finding judge_policy(const ApprovalPolicy& policy, const Json& namespaces) {
  const std::string name = visible(policy.metadata.name);
  const auto ready =
      std::find_if(policy.status.conditions.begin(), policy.status.conditions.end(),
                   [](const Condition& condition) { return condition.type == "Ready"; });
  if (ready == policy.status.conditions.end())
    return {Finding::Kind::Bad, "policy " + name + ": the operator has not looked at it", {}};
  if (ready->status != "True")
    return {
        Finding::Kind::Bad,
        "policy " + name + ": " + visible(ready->reason) + ": " + visible_cut(ready->message, 400),
        {}};
  if (policy.status.observed_generation != policy.metadata.generation)
    return {Finding::Kind::Warning, "policy " + name + ": its latest edit is not in force yet", {}};
  const auto& selector = policy.spec.match.namespace_selector;
  const Json& all = items_of(namespaces);
  const bool gates = std::any_of(
      all.begin(), all.end(), [&](const Json& one) { return matches(selector, labels_of(one)); });
  if (!gates)
    return {Finding::Kind::Warning,
            "policy " + name + ": no namespace has the labels that it selects, so it gates nothing",
            {}};
  return {Finding::Kind::Good, "policy " + name + ": " + visible(ready->reason), {}};
}

Finding judge_clock(Instant server, Instant before, Instant after) {
  // The API server stamps whole seconds.
  const Duration late = std::chrono::duration_cast<Duration>(before - server) - Duration(1'000);
  const Duration early = std::chrono::duration_cast<Duration>(server - after);
  const Duration apart = std::max({late, early, Duration(0)});
  const std::string text =
      "clock of the API server and of this machine: " + std::to_string(apart.count() / 1'000) +
      " s apart";
  return {apart > kSkew ? Finding::Kind::Warning : Finding::Kind::Good, text, {}};
}

}  // namespace holdpoint::cli
