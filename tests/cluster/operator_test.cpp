// What the operator owns it keeps: configurations, CRDs, and promises while parts are down.
#include <doctest/doctest.h>

#include <algorithm>

#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

kube::ResourcePath configuration(const std::string& resource, const std::string& name = {}) {
  return path_of("admissionregistration.k8s.io/v1", resource, "", name);
}

// The configuration object that holds an entry of this policy.
std::string shard_of(const std::string& resource, const std::string& policy) {
  for (const Json& item : must(client_as("admin").list(configuration(resource), {}, soon())).items)
    for (const Json& entry : item.value("webhooks", Json::array()))
      if (string_at(entry, {"name"}).starts_with(policy + "."))
        return string_at(item, {"metadata", "name"});
  return "";
}

std::size_t records_of(const std::string& fact, const std::string& about) {
  std::size_t count = 0;
  for (const Json& item :
       must(client_as("admin").list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {},
                                    soon()))
           .items)
    if (string_at(item, {"spec", "fact"}) == fact &&
        string_at(item, {"spec", "subject", "name"}) == about)
      ++count;
  return count;
}

TEST_CASE("G1: a configuration that is deleted or edited comes back, and both are recorded") {
  const Scene scene;
  for (const char* resource :
       {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}) {
    const std::string name = shard_of(resource, scene.policy());
    REQUIRE_FALSE(name.empty());
    const std::size_t tampered = records_of("Tampered", name),
                      restored = records_of("Restored", name);

    must(client_as("admin").remove(configuration(resource, name), "", soon()));
    CHECK(eventually([&] { return shard_of(resource, scene.policy()) == name; }, Duration(5'000)));
    CHECK(eventually([&] {
      return records_of("Tampered", name) > tampered && records_of("Restored", name) > restored;
    }));

    Json edited = must(client_as("admin").get(configuration(resource, name), soon()));
    const Json before = edited["webhooks"];
    for (Json& entry : edited["webhooks"]) {
      entry["failurePolicy"] = "Ignore";
      entry["namespaceSelector"] = {{"matchLabels", {{"never", "matches"}}}};
    }
    must(client_as("admin").update(configuration(resource, name), edited, {}, soon()));
    CHECK(eventually(
        [&] {
          const auto now = client_as("admin").get(configuration(resource, name), soon());
          return now.ok() && (*now)["webhooks"] == before;
        },
        Duration(5'000)));
  }
  CHECK(eventually([&] {
    return !scene.create("developer", scene.config_maps(), scene.config_map(unique("x"), "1")).ok();
  }));
}

TEST_CASE("G1: the entries for approvals come back too") {
  for (const char* resource :
       {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}) {
    must(client_as("admin").remove(configuration(resource, "holdpoint-approvals"), "", soon()));
    CHECK(eventually(
        [&] {
          return client_as("admin")
              .get(configuration(resource, "holdpoint-approvals"), soon())
              .ok();
        },
        Duration(5'000)));
  }
}

TEST_CASE("B13: an entry goes away only with its policy, and then it does") {
  const std::string policy = [] {
    const Scene scene;
    CHECK_FALSE(shard_of("validatingwebhookconfigurations", scene.policy()).empty());
    return scene.policy();
  }();
  CHECK(eventually([&] { return shard_of("validatingwebhookconfigurations", policy).empty(); }));
  CHECK(eventually([&] { return shard_of("mutatingwebhookconfigurations", policy).empty(); }));
}

TEST_CASE("a pending request of a deleted policy is stale") {
  auto scene = std::make_unique<Scene>();
  REQUIRE_FALSE(
      scene->create("developer", scene->config_maps(), scene->config_map("app", "1")).ok());
  const std::string request = scene->open_request("app").metadata.name;
  must(client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", scene->policy()), "",
                                 soon()));
  scene->await_phase(request, RequestPhase::Stale);
}

TEST_CASE("a request whose held object is deleted is stale") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string request = scene.open_request("web").metadata.name;
  must(client_as("developer").remove(scene.deployments("web"), "", soon()));
  // Where the operator never saw it held, its store may still be under way for a minute.
  CHECK(eventually([&] { return scene.request(request).status.phase == RequestPhase::Stale; },
                   Duration(90'000)));
}

TEST_CASE(
    "N16: with the operator down, approvals decide, resume works by hand, and the records follow") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string held = scene.open_request("web").metadata.name;
  const std::string refused = scene.open_request("app").metadata.name;
  REQUIRE(cluster_command("stop", {"operator"}).ok());
  scene.approve("lead", held);
  scene.approve("lead", refused);
  CHECK(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  const auto resumed =
      as("developer").kubectl({"holdpoint", "resume", "deployment/web", "-n", scene.ns()});
  CHECK_MESSAGE(resumed.ok(), resumed.text());
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  CHECK(held_mark(scene.get(scene.deployments("web"))).empty());
  REQUIRE(cluster_command("start", {"operator"}).ok());
  scene.await_phase(held, RequestPhase::Released);
  scene.await_phase(refused, RequestPhase::Released);
  const auto verified = as("auditor").kubectl({"holdpoint", "audit", "verify"});
  CHECK_MESSAGE(verified.ok(), verified.text());
}

TEST_CASE("N17: with all webhooks down, gated writes are refused and others are untouched") {
  const Scene scene;
  for (const std::string& webhook : webhook_names())
    REQUIRE(cluster_command("stop", {webhook}).ok());
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  CHECK_FALSE(scene.create("developer", scene.deployments(), scene.deployment("web")).ok());
  const auto free = path_of("v1", "configmaps", "staging");
  const std::string name = unique("free");
  CHECK(client_as("developer")
            .create(free,
                    {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}},
                    {}, soon())
            .ok());
  for (const std::string& webhook : webhook_names())
    REQUIRE(cluster_command("start", {webhook}).ok());
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  (void)client_as("developer").remove(path_of("v1", "configmaps", "staging", name), "", soon());
}

TEST_CASE("the gate is taken down by its keepers alone, on the record, and put up again") {
  const Scene scene;
  const std::vector<std::string> disarm{"holdpoint", "disarm", "--reason", "drill 17"};
  const auto refused = as("developer").kubectl(disarm);
  CHECK(refused.exit_code != 0);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  CHECK(as("admin").kubectl({"holdpoint", "disarm"}).exit_code != 0);  // without a reason

  const std::size_t recorded = records_of("Disarmed", "holdpoint");
  const auto disarmed = as("admin").kubectl(disarm);
  CHECK_MESSAGE(disarmed.ok(), disarmed.text());
  CHECK(disarmed.out.find("The gate is down") != std::string::npos);
  CHECK(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  CHECK(records_of("Disarmed", "holdpoint") == recorded + 1);
  const auto sick = as("admin").kubectl({"holdpoint", "doctor"});
  CHECK(sick.exit_code != 0);
  CHECK(sick.out.find("nothing is gated") != std::string::npos);
  CHECK(sick.out.find("drill 17") != std::string::npos);
  // Nobody puts it up behind the keepers' backs.
  REQUIRE(cluster_command("stop", {"operator", "--kill"}).ok());
  REQUIRE(cluster_command("start", {"operator"}).ok());
  CHECK(shard_of("validatingwebhookconfigurations", scene.policy()).empty());

  const auto armed = as("admin").kubectl({"holdpoint", "arm"});
  CHECK_MESSAGE(armed.ok(), armed.text());
  scene.await_ready(scene.policy());
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("other", "1")).ok());
  CHECK(records_of("Armed", "holdpoint") >= 1);
  const auto well = as("admin").kubectl({"holdpoint", "doctor"});
  CHECK_MESSAGE(well.ok(), well.text());
  CHECK(well.out.find("all that gate fail closed") != std::string::npos);
  CHECK(well.out.find("group leads") != std::string::npos);  // may approve
}

TEST_CASE("abandon puts back what ran before") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  must(scene.merge(
      "developer", scene.deployments("web"),
      {{"spec",
        {{"template",
          {{"spec", {{"containers", Json::array({{{"name", "main"}, {"image", "web:2"}}})}}}}}}}}));
  REQUIRE(is_paused(scene.get(scene.deployments("web"))));
  const auto abandoned =
      as("developer").kubectl({"holdpoint", "abandon", "deployment/web", "-n", scene.ns()});
  CHECK_MESSAGE(abandoned.ok(), abandoned.text());
  const Json now = scene.get(scene.deployments("web"));
  CHECK_FALSE(is_paused(now));
  CHECK(now["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1");
  CHECK(held_mark(now).empty());
}

TEST_CASE("people find their way: list, show, approve, deny") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(),
                    scene.deployment("web", "registry.example.com/web:1")));
  const std::string request = scene.open_request("web").metadata.name;
  const auto listed = as("lead").kubectl({"holdpoint", "list", "-n", scene.ns()});
  CHECK_MESSAGE(listed.out.find(request) != std::string::npos, listed.text());
  const auto shown = as("lead").kubectl({"holdpoint", "show", request, "-n", scene.ns()});
  CHECK_MESSAGE(shown.ok(), shown.text());
  CHECK(shown.out.find("registry.example.com/web:1") != std::string::npos);
  CHECK(shown.out.find("you may approve: yes") != std::string::npos);
  CHECK(shown.out.find("kubectl holdpoint approve " + request) != std::string::npos);
  const auto not_me = as("security").kubectl({"holdpoint", "show", request, "-n", scene.ns()});
  CHECK_MESSAGE(not_me.out.find("you may approve: no") != std::string::npos, not_me.text());
  const auto denied = as("lead").kubectl(
      {"holdpoint", "deny", request, "-n", scene.ns(), "--reason", "not on Friday"});
  CHECK_MESSAGE(denied.ok(), denied.text());
  scene.await_phase(request, RequestPhase::Denied);
}

// Deletes every policy of every test: runs last in its file and waits until the cluster is whole
// again.
TEST_CASE("G4: a deleted CRD comes back and gated writes stay refused") {
  Scene scene;
  const auto crd = path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "",
                           "approvalpolicies.holdpoint.dev");
  must(client_as("admin").remove(crd, "", soon()));
  CHECK(eventually([&] {
    const auto now = client_as("admin").get(crd, soon());
    return now.ok() && string_at(*now, {"metadata", "deletionTimestamp"}).empty();
  }));
  CHECK(eventually([&] { return records_of("Restored", "approvalpolicies.holdpoint.dev") > 0; }));
  // The policy is gone with its CRD; its entry goes only once a live 404 proves it, and until then
  // nothing passes.
  CHECK(eventually([&] {
    return client_as("admin").list(path_of(kApiVersion, "approvalpolicies"), {}, soon()).ok();
  }));
  const auto refused = scene.create("developer", scene.config_maps(), scene.config_map("app", "1"));
  CHECK_FALSE(refused.ok());
  scene.add_policy(scene.policy(), {});  // or its namespace could never be deleted
}

}  // namespace
}  // namespace holdpoint::cluster
