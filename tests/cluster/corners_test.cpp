// Doors that are easily forgotten: subresources that write metadata, names that may be changed
// later, bytes that JSON does not show, and what the trail tells of who wrote a policy.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io/v1";

Json annotation(const char* key, const Json& value) {
  return {{"metadata", {{"annotations", {{key, value}}}}}};
}

// What roles such as `apps/*` give without anybody thinking of it.
void grant_everywhere(const std::string& name, const std::string& user, const Json& rule) {
  const kube::Client& admin = client_as("admin");
  must(admin.create(path_of(kRbac, "clusterroles"),
                    {{"apiVersion", kRbac},
                     {"kind", "ClusterRole"},
                     {"metadata", {{"name", name}}},
                     {"rules", Json::array({rule})}},
                    {}, soon()));
  must(admin.create(
      path_of(kRbac, "clusterrolebindings"),
      {{"apiVersion", kRbac},
       {"kind", "ClusterRoleBinding"},
       {"metadata", {{"name", name}}},
       {"roleRef",
        {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", name}}},
       {"subjects",
        Json::array(
            {{{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", user}}})}},
      {}, soon()));
}

struct Granted {
  Granted(const std::string& user, const Json& rule) : name(unique("corners")) {
    grant_everywhere(name, user, rule);
    const std::vector<std::string> of = split(rule["resources"].front().get<std::string>(), '/');
    const kube::Client::Attributes any{rule["verbs"].front().get<std::string>(),
                                       rule["apiGroups"].front().get<std::string>(),
                                       of.front(),
                                       of.size() > 1 ? of.back() : "",
                                       "",
                                       ""};
    CHECK(eventually([&] { return must(client_as(user).may_i(any, soon())); }));
  }
  ~Granted() {
    for (const char* kind : {"clusterroles", "clusterrolebindings"})
      (void)client_as("admin").remove(path_of(kRbac, kind, "", name), "", soon());
  }
  Granted(const Granted&) = delete;
  Granted& operator=(const Granted&) = delete;
  std::string name;
};

TEST_CASE("B9: another generateName on what is held frees nothing") {
  const Scene scene;
  SUBCASE("typed onto a Deployment that was not generated") {
    must(scene.create("developer", scene.deployments(), scene.deployment("web")));
    const std::string mark = held_mark(scene.get(scene.deployments("web")));
    must(scene.merge("developer", scene.deployments("web"),
                     {{"metadata", {{"generateName", "other-"}}}}));
    must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"paused", false}}}}));
    const Json now = scene.get(scene.deployments("web"));
    CHECK(is_paused(now));
    CHECK(held_mark(now) == mark);
  }
  SUBCASE("taken from a Job that was") {
    Json job = scene.job("");
    job["metadata"].erase("name");
    job["metadata"]["generateName"] = "migrate-";
    const Json made = must(scene.create("developer", scene.jobs(), job));
    const std::string name = made["metadata"]["name"];
    const std::string request = scene.open_request(name).metadata.name;
    for (const Json& other : {Json(nullptr), Json("other-")}) {
      must(scene.merge("developer", scene.jobs(name), {{"metadata", {{"generateName", other}}}}));
      must(scene.merge("developer", scene.jobs(name), {{"spec", {{"suspend", false}}}}));
      CHECK(is_suspended(scene.get(scene.jobs(name))));
    }
    // What waits is still decided, and runs then.
    const std::string open = scene.open_request(name).metadata.name;
    scene.approve("lead", open);
    scene.await_phase(open, RequestPhase::Released);
    CHECK_FALSE(is_suspended(scene.get(scene.jobs(name))));
  }
}

TEST_CASE("B9, B12: who may write a status takes no hold off by it, and nobody from its writers") {
  const Scene scene;
  const Granted granted("developer", {{"apiGroups", {"apps", "batch"}},
                                      {"resources", {"deployments/status", "jobs/status"}},
                                      {"verbs", {"patch", "update", "get"}}});
  const auto status_of = [](kube::ResourcePath path) {
    path.subresource = "status";
    return path;
  };
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  for (const auto& path : {scene.deployments("web"), scene.jobs("migrate")}) {
    CAPTURE(path.resource);
    const Json before = scene.get(path);
    REQUIRE_FALSE(held_mark(before).empty());
    for (const char* key : {kHeldAnnotation, kHeldByAnnotation})
      for (const Json& to : {Json(nullptr), Json("[]")}) {
        const auto answer = scene.merge("developer", status_of(path), annotation(key, to));
        REQUIRE_FALSE(answer.ok());
        CHECK(answer.error().kind == ErrorKind::Forbidden);
      }
    // Its own business it does.
    must(scene.merge("developer", status_of(path), annotation("note", "seen")));
    const Json unpaused{{"spec", {{path.resource == "jobs" ? "suspend" : "paused", false}}}};
    must(scene.merge("developer", path, unpaused));
    const Json now = scene.get(path);
    CHECK(held_mark(now) == held_mark(before));
    CHECK((path.resource == "jobs" ? is_suspended(now) : is_paused(now)));
  }
}

TEST_CASE("M2: a namespace does not leave the policy's scope by its subresources either") {
  Scene scene;
  const auto space = path_of("v1", "namespaces", "", scene.ns());
  must(client_as("admin").patch(space, kube::PatchType::Merge,
                                {{"metadata", {{"labels", {{"tier", "prod"}}}}}}, {}, soon()));
  scene.patch_policy(
      {{"spec", {{"match", {{"namespaceSelector", {{"matchLabels", {{"tier", "prod"}}}}}}}}}});
  const auto refused = [&](const Result<Json>& answer) {
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find("waits for approval") != std::string::npos);
  };
  kube::ResourcePath by = space;
  by.subresource = "status";
  refused(client_as("admin").patch(by, kube::PatchType::Merge,
                                   {{"metadata", {{"labels", {{"tier", nullptr}}}}}}, {}, soon()));
  by.subresource = "finalize";
  Json bare = scene.get(space);
  bare["metadata"]["labels"].erase("tier");
  refused(client_as("admin").update(by, bare, {}, soon()));
  CHECK(string_at(scene.get(space), {"metadata", "labels", "tier"}) == "prod");
}

TEST_CASE("M1: a Job does not lose the label that a policy selects by, with its status") {
  PolicyShape shape;
  shape.hold = "Deny";
  shape.spec_patch = {{"match", {{"objectSelector", {{"matchLabels", {{"kind", "migration"}}}}}}}};
  const Scene scene(shape);
  Json job = scene.job("migrate");
  job["metadata"]["labels"] = {{"kind", "migration"}};
  REQUIRE_FALSE(scene.create("developer", scene.jobs(), job).ok());
  scene.approve("lead", scene.open_request("migrate").metadata.name);
  must(scene.create("developer", scene.jobs(), job));
  kube::ResourcePath status = scene.jobs("migrate");
  status.subresource = "status";
  CHECK_FALSE(scene.merge("admin", status, {{"metadata", {{"labels", {{"kind", nullptr}}}}}}).ok());
}

TEST_CASE("B5: no pod is handed to another owner by a write of its status") {
  PolicyShape shape;
  shape.spec_patch = {{"guard", true}};
  const Scene scene(shape);
  scene.running_deployment("web");
  std::string pod;
  REQUIRE(eventually([&] {
    const auto pods = must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon()));
    if (!pods.items.empty()) pod = string_at(pods.items.front(), {"metadata", "name"});
    return !pod.empty();
  }));
  kube::ResourcePath status = path_of("v1", "pods", scene.ns(), pod);
  status.subresource = "status";
  const auto answer = scene.merge("admin", status, {{"metadata", {{"labels", {{"app", "else"}}}}}});
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.find("guards this namespace") != std::string::npos);
  CHECK(scene.merge("admin", status, {{"status", {{"message", "seen"}}}}).ok());
}

TEST_CASE("A14: nobody asks ahead for more than for what is sent") {
  const Scene scene;
  const auto ask = [&](int i) {
    return scene.create("developer", scene.requests(),
                        {{"apiVersion", kApiVersion},
                         {"kind", "ApprovalRequest"},
                         {"metadata", {{"generateName", "ahead-"}}},
                         {"spec",
                          {{"policy", {{"name", scene.policy()}}},
                           {"proposed", scene.config_map("app-" + std::to_string(i), "1")}}}});
  };
  for (int i = 0; i < 100; ++i) must(ask(i));
  const auto more = ask(100);
  REQUIRE_FALSE(more.ok());
  CHECK(more.error().message.find("the limit") != std::string::npos);
}

// The definitions of an OpenAPI document that `json` refers to.
void collect_references(const Json& json, std::set<std::string>& found) {
  if (json.is_object())
    if (const auto at = json.find("$ref"); at != json.end() && at->is_string())
      found.insert(at->get<std::string>().substr(std::string_view("#/definitions/").size()));
  if (json.is_structured())
    for (const Json& one : json) collect_references(one, found);
}

TEST_CASE("B3: every kind of this API server that makes pods is known to the guard") {
  PolicyShape shape;
  shape.spec_patch = {{"guard", true}};
  const Scene scene(shape);
  const Json api = must(client_as("admin").get_raw("/openapi/v2", soon()));
  std::map<std::string, std::set<std::string>> refers;
  for (const auto& [name, definition] : api.at("definitions").items())
    collect_references(definition, refers[name]);
  std::set<std::string> with_pods{"io.k8s.api.core.v1.PodSpec"};
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [name, others] : refers)
      if (std::any_of(others.begin(), others.end(),
                      [&](const std::string& other) { return with_pods.contains(other); }))
        grew = with_pods.insert(name).second || grew;
  }
  std::set<std::string> makers;
  for (const std::string& name : with_pods) {
    const Json* kinds = member_at(api, {"definitions", name, "x-kubernetes-group-version-kind"});
    if (kinds == nullptr || name.ends_with("List")) continue;
    for (const Json& kind : *kinds) {
      std::string resource = string_at(kind, {"kind"});
      std::transform(resource.begin(), resource.end(), resource.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      makers.insert(string_at(kind, {"group"}) + "/" + resource + "s");
    }
  }
  REQUIRE(makers.contains("batch/cronjobs"));
  std::set<std::string> guarded{"/podtemplates"};  // nothing is made of them
  for (const Json& configuration :
       must(client_as("admin").list(
                path_of("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"), {},
                soon()))
           .items)
    for (const Json& one : configuration.value("webhooks", Json::array()))
      if (string_at(one, {"name"}) == scene.policy() + ".guard.holdpoint.dev" ||
          string_at(one, {"name"}) == scene.policy() + ".gate.holdpoint.dev")
        for (const Json& rule : one.at("rules"))
          for (const Json& group : rule.at("apiGroups"))
            for (const Json& resource : rule.at("resources"))
              guarded.insert(group.get<std::string>() + "/" + resource.get<std::string>());
  for (const std::string& maker : makers) CHECK_MESSAGE(guarded.contains(maker), maker);
}

// ---- protobuf by hand: what Go clients send, with bytes that no JSON can say

std::string varint(std::size_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  return out + static_cast<char>(value);
}
std::string field(std::size_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string entry(const std::string& key, const std::string& value) {
  return field(1, key) + field(2, value);
}
// runtime.Unknown of k8s.io/apimachinery/pkg/runtime/generated.proto
std::string message(const std::string& api_version, const std::string& kind,
                    const std::string& raw) {
  return std::string("k8s\0", 4) + field(1, field(1, api_version) + field(2, kind)) + field(2, raw);
}
std::string metadata(const Scene& scene, const std::string& name) {
  return field(1, field(1, name) + field(3, scene.ns()));
}
std::string config_map_with(const Scene& scene, const std::string& value) {
  return message("v1", "ConfigMap", metadata(scene, "app") + field(2, entry("value", value)));
}
std::string deployment_with(const Scene& scene, const std::string& value) {
  const std::string label = entry("app", "test");
  const std::string container =
      field(1, "main") + field(2, "web:1") + field(7, field(1, "A") + field(2, value));
  const std::string pod = field(1, field(11, label)) + field(2, field(2, container));
  return message("apps/v1", "Deployment",
                 metadata(scene, "web") + field(2, field(2, field(1, label)) + field(3, pod)));
}

net::HttpResponse send(const char* method, const kube::ResourcePath& path,
                       const std::string& body) {
  return send_raw("developer", method, path.text(), "application/vnd.kubernetes.protobuf", body);
}

TEST_CASE("M7: bytes that were no text, sent as protobuf, are refused, and so is one for another") {
  Scene scene;
  const auto refused = [](const net::HttpResponse& answer) {
    CHECK_MESSAGE(answer.status == 403, answer.body);
    CHECK(answer.body.find("U+FFFD") != std::string::npos);
  };
  // B15: what is sent is understood, and has the digest of the same in JSON.
  CHECK(send("POST", scene.deployments(), deployment_with(scene, "text")).status == 201);
  const std::string digest = scene.open_request("web").spec.content_digest;
  Json same = scene.deployment("web");
  same["spec"]["template"]["spec"]["containers"][0]["env"] =
      Json::array({{{"name", "A"}, {"value", "text"}}});
  must(scene.merge("developer", scene.deployments("web"), same));
  CHECK(scene.open_request("web").spec.content_digest == digest);
  CHECK(scene.requests_for("web").size() == 1);
  REQUIRE(client_as("developer").remove(scene.deployments("web"), "", soon()).ok());
  refused(send("POST", scene.config_maps(), config_map_with(scene, "\xff")));
  refused(send("POST", scene.deployments(), deployment_with(scene, "\xff")));
  CHECK(scene.requests_for("app").empty());

  // They may be there from before the policy: then no other bytes take their place.
  const auto mode = [&](const char* to) { scene.patch_policy({{"spec", {{"mode", to}}}}); };
  mode("Off");
  REQUIRE(eventually([&] {
    return send("POST", scene.config_maps(), config_map_with(scene, "\xff")).status == 201;
  }));
  REQUIRE(send("POST", scene.deployments(), deployment_with(scene, "\xff")).status == 201);
  mode("Enforce");
  refused(send("PUT", scene.config_maps("app"), config_map_with(scene, "\xfe")));
  refused(send("PUT", scene.deployments("web"), deployment_with(scene, "\xfe")));
}

// ---- who wrote a policy

// Of the newest record about this policy, once there is one for this generation.
std::string told_of(const std::string& policy, const std::string& begins) {
  std::string who;
  CHECK(eventually([&] {
    for (const Json& record :
         must(client_as("admin").list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {},
                                      soon()))
             .items)
      if (string_at(record, {"spec", "fact"}) == "PolicyChanged" &&
          string_at(record, {"spec", "subject", "policy"}) == policy &&
          string_at(record, {"spec", "message"}).starts_with(begins))
        who = string_at(record, {"spec", "actor", "username"});
    return !who.empty();
  }));
  return who;
}

TEST_CASE("the trail names who wrote a policy, and nobody writes another's name into it") {
  Scene scene;
  const Granted granted("sre", {{"apiGroups", {"holdpoint.dev"}},
                                {"resources", {"approvalpolicies"}},
                                {"verbs", {"patch", "update", "get"}}});
  const auto path = path_of(kApiVersion, "approvalpolicies", "", scene.policy());
  const auto stamp = [&] {
    return string_at(scene.get(path), {"metadata", "annotations", kChangedByAnnotation});
  };
  CHECK(stamp() == "1 admin");
  CHECK(told_of(scene.policy(), "generation 1,") == "admin");

  must(scene.merge("sre", path, {{"spec", {{"retention", "48h"}}}}));
  CHECK(stamp() == "2 sre");
  CHECK(told_of(scene.policy(), "generation 2,") == "sre");
  // Typed names are overwritten; where the spec stays, so does the name.
  for (const Json& typed : {Json("2 lead"), Json("3 lead"), Json("2 admin"), Json(nullptr)}) {
    must(scene.merge("admin", path, annotation(kChangedByAnnotation, typed)));
    CHECK(stamp() == "2 sre");
  }
  Json both = annotation(kChangedByAnnotation, "3 lead");
  both["spec"] = {{"retention", "49h"}};
  must(scene.merge("sre", path, both));
  CHECK(stamp() == "3 sre");
  CHECK(told_of(scene.policy(), "generation 3,") == "sre");

  // Without the webhook policies are written all the same, and the trail names nobody falsely.
  struct Stopped {
    Stopped() {
      for (const std::string& name : webhook_names())
        CHECK(cluster_command("stop", {name, "--kill"}).ok());
    }
    ~Stopped() {
      for (const std::string& name : webhook_names()) CHECK(cluster_command("start", {name}).ok());
    }
  };
  {
    const Stopped stopped;
    must(scene.merge("admin", path, {{"spec", {{"retention", "50h"}}}}));
    CHECK(told_of(scene.policy(), "generation 4,") == "unknown");
    for (const char* typed : {"5 lead", "4 sre", "4 admin"}) {
      Json forged = annotation(kChangedByAnnotation, typed);
      forged["spec"] = {{"retention", "51h"}};
      const auto answer = scene.merge("sre", path, forged);
      REQUIRE_FALSE(answer.ok());
      CHECK(answer.error().message.find("holdpoint-policy-author") != std::string::npos);
    }
    CHECK_FALSE(scene.merge("sre", path, annotation(kChangedByAnnotation, "4 sre")).ok());
  }
}

TEST_CASE("A8: whom the requester may act as approves nothing of theirs") {
  Scene scene;
  const Namespace robots("robots");
  const kube::Client& admin = client_as("admin");
  must(admin.create(
      path_of("v1", "serviceaccounts", robots.name()),
      {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "robot"}}}}, {},
      soon()));
  scene.patch_policy(
      {{"spec",
        {{"stages",
          Json::array({{{"name", "robots"},
                        {"approvers", {{"serviceAccounts", {robots.name() + "/robot"}}}}}})}}}});
  grant_role(scene.ns(), "holdpoint-approver", account_named(robots.name(), "robot"));
  const kube::Client& robot = as_service_account(robots.name(), "robot");
  const auto approve = [&](const std::string& request) {
    return robot.create(scene.approvals(),
                        {{"apiVersion", kApiVersion},
                         {"kind", "Approval"},
                         {"metadata", {{"generateName", "robot-"}}},
                         {"spec", {{"request", {{"name", request}}}, {"decision", "Approve"}}}},
                        {}, soon());
  };
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("a", "1")).ok());
  CHECK(eventually([&] { return approve(scene.open_request("a").metadata.name).ok(); }));
  // `edit` lets the developer mint tokens of the robot: its word is the developer's own.
  grant_role(robots.name(), "edit", user_named("developer"));
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("a", "1")).ok());
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("b", "1")).ok());
  const auto own = approve(scene.open_request("b").metadata.name);
  REQUIRE_FALSE(own.ok());
  CHECK(own.error().message.find("would be their own") != std::string::npos);
}

}  // namespace
}  // namespace holdpoint::cluster
