#include "tests/cluster/support/rights.hpp"

#include "base/text.hpp"
#include "tests/cluster/support/cluster.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char *kRbac = "rbac.authorization.k8s.io",
                     *kRbacVersion = "rbac.authorization.k8s.io/v1";

Json subject(const char* kind, const std::string& name) {
  return {{"apiGroup", kRbac}, {"kind", kind}, {"name", name}};
}

kube::Client::Attributes first_right(const kube::ResourcePath& role,
                                     const std::string& namespace_) {
  const Json rules = must(client_as("admin").get(role, soon())).at("rules");
  const Json& rule = rules.at(0);
  const auto first = [&](const char* key) {
    return rule.contains(key) ? rule[key].at(0).get<std::string>() : std::string();
  };
  const std::vector<std::string> resource = split(first("resources"), '/');
  return {first("verbs"), first("apiGroups"),
          resource[0],    resource.size() > 1 ? resource[1] : "",
          namespace_,     first("resourceNames")};
}

}  // namespace

Json user_named(const std::string& name) { return subject("User", name); }
Json group_named(const std::string& name) { return subject("Group", name); }
Json account_named(const std::string& namespace_, const std::string& name) {
  return {{"kind", "ServiceAccount"}, {"name", name}, {"namespace", namespace_}};
}

std::string grant_role(const std::string& namespace_, const std::string& role, const Json& subject,
                       const char* kind) {
  // The API server has seen the binding once it gives the same to somebody who has nothing else.
  const std::string name = unique(role), nobody = unique("nobody");
  must(
      client_as("admin").create(path_of(kRbacVersion, "rolebindings", namespace_),
                                {{"apiVersion", kRbacVersion},
                                 {"kind", "RoleBinding"},
                                 {"metadata", {{"name", name}}},
                                 {"roleRef", {{"apiGroup", kRbac}, {"kind", kind}, {"name", role}}},
                                 {"subjects", Json::array({subject, user_named(nobody)})}},
                                {}, soon()));
  const bool everywhere = std::string(kind) == "ClusterRole";
  const auto right = first_right(path_of(kRbacVersion, everywhere ? "clusterroles" : "roles",
                                         everywhere ? "" : namespace_, role),
                                 namespace_);
  if (!eventually([&] { return must(client_as("admin").may({nobody, {}, {}}, right, soon())); }))
    fail_test("the API server never saw the binding of " + role);
  return name;
}

void grant(const std::string& namespace_, const Json& subject, const std::string& group,
           const std::string& resource, const std::vector<std::string>& verbs) {
  const std::string role = unique("test");
  must(client_as("admin").create(
      path_of(kRbacVersion, "roles", namespace_),
      {{"apiVersion", kRbacVersion},
       {"kind", "Role"},
       {"metadata", {{"name", role}}},
       {"rules",
        Json::array({{{"apiGroups", {group}}, {"resources", {resource}}, {"verbs", verbs}}})}},
      {}, soon()));
  grant_role(namespace_, role, subject, "Role");
}

}  // namespace holdpoint::cluster
