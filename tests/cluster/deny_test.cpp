// What cannot be stored and wait: refused (Deny), asked back (Retry), warned of (Warn), and the
// claim on an approval.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

std::string last_line(const std::string& text) {
  std::string trimmed = text;
  while (!trimmed.empty() && trimmed.back() == '\n') trimmed.pop_back();
  return trimmed.substr(trimmed.rfind('\n') + 1);
}

Json value(const std::string& text) { return {{"data", {{"value", text}}}}; }

TEST_CASE("a refused change says what, why and who, and ends in the command to copy") {
  const Scene scene;
  const auto refused = as("developer").apply(dump_json(scene.config_map("app", "1")));
  CHECK(refused.exit_code != 0);
  const std::string request = scene.open_request("app").metadata.name;
  CHECK(last_line(refused.err) == "kubectl holdpoint approve " + request + " -n " + scene.ns());
  CHECK(refused.err.find("group leads") != std::string::npos);
  CHECK(refused.err.find("immutable") == std::string::npos);
  CHECK_FALSE(client_as("admin").get(scene.config_maps("app"), soon()).ok());

  SUBCASE("approved, the same apply goes through, once") {
    scene.approve("lead", request);
    const auto applied = as("developer").apply(dump_json(scene.config_map("app", "1")));
    CHECK_MESSAGE(applied.ok(), applied.text());
    scene.await_phase(request, RequestPhase::Released);
    CHECK(scene.request(request).status.claim->writer.username == "developer");
  }
  SUBCASE("asked again while pending, it is the same request") {
    CHECK(as("developer").apply(dump_json(scene.config_map("app", "1"))).exit_code != 0);
    CHECK(scene.requests_for("app").size() == 1);
  }
  SUBCASE("other content is another request, and ends the older one") {
    // Requests are told apart by time of creation, which the API server gives in whole seconds.
    const std::string created = scene.request(request).metadata.creation_timestamp;
    REQUIRE(eventually([&] { return to_rfc3339(system_clock().now()) > created; }));
    CHECK(as("developer").apply(dump_json(scene.config_map("app", "2"))).exit_code != 0);
    scene.await_phase(request, RequestPhase::Superseded);
    CHECK_FALSE(scene.decide("lead", request).ok());
  }
}

Json stored_config(const Scene& scene, const std::string& name, const std::string& text) {
  (void)scene.create("developer", scene.config_maps(), scene.config_map(name, text));
  const std::string request = scene.open_request(name).metadata.name;
  scene.approve("lead", request);
  Json stored = must(scene.create("developer", scene.config_maps(), scene.config_map(name, text)));
  scene.await_phase(request, RequestPhase::Released);
  return stored;
}

TEST_CASE("an approval serves one stored change: back and forth asks each time") {
  const Scene scene;
  stored_config(scene, "app", "1");
  const auto change = [&](const std::string& text) {
    return scene.merge("developer", scene.config_maps("app"), value(text));
  };
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest there = scene.open_request("app");
  scene.approve("lead", there.metadata.name);
  must(change("2"));
  REQUIRE_FALSE(change("1").ok());
  const std::string back = scene.open_request("app").metadata.name;
  scene.approve("lead", back);
  must(change("1"));
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest again = scene.open_request("app");
  CHECK(again.spec.attempt == there.spec.attempt + 1);
  CHECK(again.metadata.name != there.metadata.name);
}

TEST_CASE("an approval serves one stored change while the operator is down too") {
  const Scene scene;
  stored_config(scene, "app", "1");
  const auto change = [&](const std::string& text) {
    return scene.merge("developer", scene.config_maps("app"), value(text));
  };
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest there = scene.open_request("app");
  scene.approve("lead", there.metadata.name);
  REQUIRE(cluster_command("stop", {"operator"}).ok());
  must(change("2"));
  // Back to 1 by admin's hand is a change like any other; approve it while nobody reconciles.
  REQUIRE_FALSE(change("1").ok());
  std::string back;
  for (const auto& request : scene.requests_for("app"))
    if (request.spec.base_digest == there.spec.content_digest) back = request.metadata.name;
  REQUIRE_FALSE(back.empty());
  scene.approve("lead", back);
  must(change("1"));
  const auto twice = change("2");
  CHECK_FALSE(twice.ok());
  REQUIRE(cluster_command("start", {"operator"}).ok());
}

TEST_CASE("B8: an approval for an update is no use for a recreated object") {
  const Scene scene;
  stored_config(scene, "app", "1");
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("2")).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  // Deleting is gated here too: approve it, so that the object can go.
  REQUIRE_FALSE(client_as("developer").remove(scene.config_maps("app"), "", soon()).ok());
  for (const auto& request : scene.requests_for("app"))
    if (request.spec.operation == Operation::Delete) scene.approve("lead", request.metadata.name);
  REQUIRE(client_as("developer").remove(scene.config_maps("app"), "", soon()).ok());
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "2")).ok());
}

TEST_CASE("in mode Retry kubectl waits by itself and goes through when approved meanwhile") {
  PolicyShape retry;
  retry.hold = "Retry";
  const Scene scene(retry);
  Output applied;
  std::thread client(
      [&] { applied = as("developer").apply(dump_json(scene.config_map("app", "1"))); });
  const bool asked = eventually([&] { return !scene.requests_for("app").empty(); });
  if (asked) (void)scene.decide("lead", scene.requests_for("app").front().metadata.name);
  client.join();
  REQUIRE(asked);
  CHECK_MESSAGE(applied.ok(), applied.text());
  CHECK(applied.out.find("created") != std::string::npos);
}

TEST_CASE("patience ends the waiting in mode Retry") {
  PolicyShape retry;
  retry.hold = "Retry";
  retry.patience = "1s";
  const Scene scene(retry);
  const auto applied = as("developer").apply(dump_json(scene.config_map("app", "1")));
  CHECK(applied.exit_code != 0);
  CHECK(applied.err.find("kubectl holdpoint approve") != std::string::npos);
}

TEST_CASE("mode Warn stores everything, warns, counts, and asks nobody") {
  PolicyShape warn;
  warn.mode = "Warn";
  const Scene scene(warn);
  const auto before = webhook_metric("holdpoint_would_hold_total", {{"policy", scene.policy()}});
  const auto applied = as("developer").apply(dump_json(scene.deployment("web")));
  CHECK_MESSAGE(applied.ok(), applied.text());
  CHECK(applied.err.find("would be held") != std::string::npos);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  CHECK(scene.requests_for("web").empty());
  CHECK(webhook_metric("holdpoint_would_hold_total", {{"policy", scene.policy()}}) == before + 1);
}

TEST_CASE("mode Off gates nothing, and Enforce gates again") {
  Scene scene;
  scene.patch_policy({{"spec", {{"mode", "Off"}}}});
  CHECK(eventually([&] {
    return scene.create("developer", scene.config_maps(), scene.config_map(unique("a"), "1")).ok();
  }));
  scene.patch_policy({{"spec", {{"mode", "Enforce"}}}});
  CHECK(eventually([&] {
    return !scene.create("developer", scene.config_maps(), scene.config_map(unique("b"), "1")).ok();
  }));
}

TEST_CASE("a policy that the API server would refuse says so and takes no other down") {
  const Scene scene;
  const std::string name = scene.ns() + "-bad";
  Json policy = scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy()));
  policy["metadata"] = {{"name", name}};
  policy.erase("status");
  policy["spec"]["match"]["conditions"] =
      Json::array({{{"name", "bad"}, {"expression", "request.nosuch("}}});
  must(client_as("admin").create(path_of(kApiVersion, "approvalpolicies"), policy, {}, soon()));
  Condition ready;
  CHECK(eventually([&] {
    const auto now =
        must(decode<ApprovalPolicy>(scene.get(path_of(kApiVersion, "approvalpolicies", "", name))));
    for (const Condition& condition : now.status.conditions)
      if (condition.type == "Ready") ready = condition;
    return ready.status == "False";
  }));
  CHECK(ready.message.find("nosuch") != std::string::npos);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  (void)client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", name), "", soon());
}

TEST_CASE("a policy for a resource that nobody serves is not Ready and says which") {
  const Scene scene;
  const std::string name = scene.ns() + "-none";
  Json policy = scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy()));
  policy["metadata"] = {{"name", name}};
  policy.erase("status");
  policy["spec"]["match"]["resources"] = Json::array(
      {{{"apiGroups", {"example.com"}}, {"resources", {"gadgets"}}, {"operations", {"CREATE"}}}});
  must(client_as("admin").create(path_of(kApiVersion, "approvalpolicies"), policy, {}, soon()));
  std::string message;
  CHECK(eventually([&] {
    const auto now =
        must(decode<ApprovalPolicy>(scene.get(path_of(kApiVersion, "approvalpolicies", "", name))));
    for (const Condition& condition : now.status.conditions)
      if (condition.type == "Ready" && condition.status == "False") message = condition.message;
    return message.find("gadgets") != std::string::npos;
  }));
  (void)client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", name), "", soon());
}

TEST_CASE("M1: leaving the policy's scope by labels is refused") {
  PolicyShape labelled;
  labelled.spec_patch = {{"match", {{"objectSelector", {{"matchLabels", {{"tier", "prod"}}}}}}}};
  const Scene scene(labelled);
  Json config = scene.config_map("app", "1");
  config["metadata"]["labels"] = {{"tier", "prod"}};
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), config).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  must(scene.create("developer", scene.config_maps(), config));
  const auto relabelled = scene.merge("developer", scene.config_maps("app"),
                                      {{"metadata", {{"labels", {{"tier", nullptr}}}}}});
  CHECK_FALSE(relabelled.ok());
  CHECK(scene
            .merge("developer", scene.config_maps("app"),
                   {{"metadata", {{"labels", {{"team", "x"}}}}}})
            .ok());
}

TEST_CASE("A3: a policy that covers other things makes an older approval useless") {
  Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string first = scene.open_request("app").metadata.name;
  scene.approve("lead", first);
  scene.patch_policy({{"spec", {{"match", {{"changes", {"/data", "/immutable"}}}}}}});
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  scene.await_phase(first, RequestPhase::Stale);
  const std::string second = scene.open_request("app").metadata.name;
  scene.approve("lead", second);
  CHECK(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
}

TEST_CASE("A1: many clients with one approval: one is stored, none is stored twice") {
  const Scene scene;
  stored_config(scene, "app", "1");
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("2")).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  std::atomic<int> stored{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 64; ++i)
      clients.emplace_back([&] {
        const auto answer = scene.merge("developer", scene.config_maps("app"), value("2"));
        if (answer.ok()) ++stored;
      });
  }
  CHECK(stored >= 1);  // an identical write after the stored one is no change, and passes
  std::size_t released = 0;
  CHECK(eventually([&] {
    released = 0;
    for (const auto& request : scene.requests_for("app"))
      if (request.status.phase == RequestPhase::Released) ++released;
    return released == 2;  // the creation, and this change, once
  }));
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("3")).ok());
}

}  // namespace
}  // namespace holdpoint::cluster
