#include "cli/doctor.hpp"

#include <doctest/doctest.h>

namespace holdpoint::cli {
namespace {

Json role(const char* name, const char* group, const char* resource, const char* verb,
          const char* namespace_ = "") {
  Json object{
      {"metadata", {{"name", name}}},
      {"rules",
       Json::array({{{"apiGroups", {group}}, {"resources", {resource}}, {"verbs", {verb}}}})}};
  if (*namespace_ != '\0') object["metadata"]["namespace"] = namespace_;
  return object;
}

Json binding(const char* name, const char* kind, const char* role_name, Json subject,
             const char* namespace_ = "") {
  Json object{{"metadata", {{"name", name}}},
              {"roleRef", {{"kind", kind}, {"name", role_name}}},
              {"subjects", Json::array({std::move(subject)})}};
  if (*namespace_ != '\0') object["metadata"]["namespace"] = namespace_;
  return object;
}

Json list_of(Json items) { return {{"items", std::move(items)}}; }

Json group(const char* name) { return {{"kind", "Group"}, {"name", name}}; }

TEST_CASE("A7: who may impersonate is found through roles, bindings and wildcards") {
  AccessRules rules;
  rules.cluster_roles =
      list_of(Json::array({role("all", "*", "*", "*"), role("actors", "", "users", "impersonate"),
                           role("readers", "", "users", "get")}));
  rules.roles = list_of(Json::array({role("local", "", "serviceaccounts", "impersonate", "prod"),
                                     role("local", "", "pods", "get", "dev")}));
  rules.cluster_role_bindings =
      list_of(Json::array({binding("admins", "ClusterRole", "all", group("admins")),
                           binding("nobody", "ClusterRole", "readers", group("everybody"))}));
  rules.role_bindings = list_of(Json::array(
      {binding("a", "ClusterRole", "actors", {{"kind", "User"}, {"name", "eve"}}, "prod"),
       binding("b", "Role", "local",
               {{"kind", "ServiceAccount"}, {"namespace", "ci"}, {"name", "bot"}}, "prod"),
       binding("c", "Role", "local", group("other-namespace"), "dev")}));
  const auto found = holders_of(rules, "", {"users", "groups", "serviceaccounts"}, {"impersonate"});
  std::vector<std::string> subjects;
  for (const Holder& holder : found) subjects.push_back(holder.subject + "@" + holder.where);
  CHECK(subjects ==
        std::vector<std::string>{"group admins@", "user eve@prod", "service account ci/bot@prod"});
}

TEST_CASE("hostile names are shown, not obeyed") {
  AccessRules rules;
  rules.cluster_roles = list_of(Json::array({role("x", "*", "*", "*")}));
  rules.cluster_role_bindings =
      list_of(Json::array({binding("y\x1b[2J", "ClusterRole", "x", group("z\n\u202e"))}));
  const auto found = holders_of(rules, "", {"users"}, {"impersonate"});
  REQUIRE(found.size() == 1);
  CHECK(found[0].subject.find('\n') == std::string::npos);
  CHECK(found[0].through.find('\x1b') == std::string::npos);
  // Nothing that is no list of objects is an end of the program.
  rules.cluster_roles = "text";
  rules.role_bindings = list_of({{"rules", 3}});
  CHECK(holders_of(rules, "", {"users"}, {"impersonate"}).empty());
}

TEST_CASE("a policy is judged by its condition, its generation, and whether it selects anything") {
  ApprovalPolicy policy;
  policy.metadata.name = "prod";
  policy.metadata.generation = policy.status.observed_generation = 2;
  const Json production =
      list_of(Json::array({{{"metadata", {{"labels", {{"env", "production"}}}}}}}));
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Bad);
  policy.status.conditions = {{"Ready", "True", "Enforced", "", "", 2}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Good);
  policy.spec.match.namespace_selector.match_labels = {{"env", "staging"}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Warning);
  policy.metadata.generation = 3;
  CHECK(judge_policy(policy, production).text.find("latest edit") != std::string::npos);
  policy.status.conditions = {{"Ready", "False", "Disarmed", "by x", "", 2}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Bad);
}

TEST_CASE("a clock is judged by more than what rounding and the call itself explain") {
  const Instant now = *parse_rfc3339("2026-01-01T10:00:00Z");
  const auto after = now + std::chrono::seconds(1);
  CHECK(judge_clock(now, now, after).kind == Finding::Kind::Good);
  CHECK(judge_clock(now - std::chrono::seconds(5), now, after).kind == Finding::Kind::Good);
  CHECK(judge_clock(now - std::chrono::seconds(9), now, after).kind == Finding::Kind::Warning);
  CHECK(judge_clock(now + std::chrono::seconds(9), now, after).kind == Finding::Kind::Warning);
}

}  // namespace
}  // namespace holdpoint::cli
