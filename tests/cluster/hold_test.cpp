// Holding, on a real API server with the real controllers.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

const Json kUnpause{{"spec", {{"paused", false}}}};
const Json kDropMarks{
    {"metadata",
     {{"annotations", {{"holdpoint.dev/held", nullptr}, {"holdpoint.dev/held-by", nullptr}}}}}};

Json image(const std::string& name) {
  return {{"spec",
           {{"template",
             {{"spec", {{"containers", Json::array({{{"name", "main"}, {"image", name}}})}}}}}}}};
}

TEST_CASE("a Deployment is stored held, and an Approval releases it") {
  const Scene scene;
  const Json stored = must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  CHECK(is_paused(stored));
  const ApprovalRequest request = scene.open_request("web");
  CHECK(held_mark(stored) == scene.policy() + "/" + request.metadata.name);
  CHECK(request.spec.requester.username == "developer");
  CHECK(request.spec.hold == RequestHold::Suspend);
  CHECK(request.spec.base_digest == "absent");
  CHECK_FALSE(request.spec.summary.empty());
  scene.settle("web");
  CHECK(scene.replica_sets().size() == 0);

  scene.approve("lead", request.metadata.name);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  const Json released = scene.get(scene.deployments("web"));
  CHECK_FALSE(is_paused(released));
  CHECK(held_mark(released).empty());
  CHECK(eventually([&] { return scene.replica_sets().size() == 1; }));
}

TEST_CASE("un-pausing, dropping the marks or both leaves a held Deployment held") {
  const Scene scene;
  const Json stored = must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  Json both = kUnpause;
  both.merge_patch(kDropMarks);
  for (const Json& patch : {kUnpause, kDropMarks, both}) {
    const Json now = must(scene.merge("developer", scene.deployments("web"), patch));
    CHECK(is_paused(now));
    CHECK(held_mark(now) == held_mark(stored));
  }
  must(scene.merge("admin", scene.deployments("web"), both));
  scene.settle("web");
  CHECK(scene.replica_sets().size() == 0);
  CHECK(scene.requests_for("web").size() == 1);
}

TEST_CASE("marks that a user writes hold nothing and free nothing") {
  const Scene scene;
  Json forged = scene.deployment("web");
  forged["metadata"]["annotations"] = {{"holdpoint.dev/held", scene.policy() + "/nothing-1"},
                                       {"holdpoint.dev/held-by", R"(["lead"])"}};
  forged["spec"]["paused"] = true;
  const Json stored = must(scene.create("developer", scene.deployments(), forged));
  const ApprovalRequest request = scene.open_request("web");
  CHECK(held_mark(stored) == scene.policy() + "/" + request.metadata.name);
  CHECK(request.spec.requester.username == "developer");
  CHECK(stored["metadata"]["annotations"]["holdpoint.dev/held-by"].get<std::string>().find(
            "developer") != std::string::npos);
}

TEST_CASE("an identical re-apply asks nothing new") {
  const Scene scene;
  for (int i = 0; i < 2; ++i) {
    const auto applied = as("developer").apply(dump_json(scene.deployment("web")));
    CHECK_MESSAGE(applied.ok(), applied.text());
  }
  CHECK(scene.requests_for("web").size() == 1);
  scene.approve("lead", scene.open_request("web").metadata.name);
  scene.await_phase(scene.requests_for("web").at(0).metadata.name, RequestPhase::Released);
  const auto again = as("developer").apply(dump_json(scene.deployment("web")));
  CHECK_MESSAGE(again.ok(), again.text());
  CHECK(again.text().find("holdpoint") == std::string::npos);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  CHECK(scene.requests_for("web").size() == 1);
}

TEST_CASE("the warning names what waits and how to see it, in one short line each") {
  const Scene scene;
  const auto applied = as("developer").apply(dump_json(scene.deployment("web")));
  CHECK_MESSAGE(applied.ok(), applied.text());
  CHECK(applied.err.find("Warning: holdpoint: Deployment " + scene.ns() +
                         "/web is stored but held until approved") != std::string::npos);
  CHECK(applied.err.find("kubectl holdpoint show " + scene.open_request("web").metadata.name) !=
        std::string::npos);
}

TEST_CASE(
    "the base of a change on top of a held change is what runs, and going back to it passes") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  const Json second = must(scene.merge("developer", scene.deployments("web"), image("web:2")));
  CHECK(is_paused(second));
  const ApprovalRequest first = scene.open_request("web");
  // Requests are told apart by time of creation, which the API server gives in whole seconds.
  REQUIRE(eventually(
      [&] { return to_rfc3339(system_clock().now()) > first.metadata.creation_timestamp; }));
  const Json third = must(scene.merge("developer", scene.deployments("web"), image("web:3")));
  CHECK(is_paused(third));
  scene.await_phase(first.metadata.name, RequestPhase::Superseded);
  const ApprovalRequest now = scene.open_request("web");
  CHECK(now.metadata.name != first.metadata.name);
  CHECK(now.spec.base_digest == first.spec.base_digest);
  CHECK(now.spec.diff.find("web:1") != std::string::npos);
  CHECK(now.spec.diff.find("web:2") == std::string::npos);

  const Json back = must(scene.merge("developer", scene.deployments("web"), image("web:1")));
  CHECK_FALSE(is_paused(back));
  CHECK(held_mark(back).empty());
  scene.await_phase(now.metadata.name, RequestPhase::Stale);
}

TEST_CASE("an approval of content that was edited while held releases nothing") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  must(scene.merge("developer", scene.deployments("web"), image("web:2")));
  const std::string good = scene.open_request("web").metadata.name;
  must(scene.merge("developer", scene.deployments("web"), image("web:evil")));
  // Whether the approval is still accepted or refused as superseded: the new content stays held.
  (void)scene.decide("lead", good);
  const Json tried = must(scene.merge("developer", scene.deployments("web"), kUnpause));
  CHECK(is_paused(tried));
  scene.settle("web");
  CHECK(scene.replica_sets().size() == 1);
}

TEST_CASE("the user's own pause outlives the hold") {
  const Scene scene;
  Json paused = scene.deployment("web");
  paused["spec"]["paused"] = true;
  must(scene.create("developer", scene.deployments(), paused));
  const std::string request = scene.open_request("web").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  const Json released = scene.get(scene.deployments("web"));
  CHECK(is_paused(released));
  CHECK(held_mark(released).empty());
}

TEST_CASE(
    "B1: a held Deployment is not scaled from 0 to N, on the object or on its scale; other scaling "
    "flows") {
  const Scene scene;
  scene.running_deployment("web", "web:1", 2);
  must(scene.merge("developer", scene.deployments("web"), image("web:2")));
  kube::ResourcePath scale = scene.deployments("web");
  scale.subresource = "scale";
  const auto to = [](int n) { return Json{{"spec", {{"replicas", n}}}}; };
  CHECK(scene.merge("developer", scale, to(4)).ok());
  CHECK(scene.merge("developer", scene.deployments("web"), to(3)).ok());
  CHECK(scene.merge("developer", scale, to(0)).ok());
  for (const auto& path : {scale, scene.deployments("web")}) {
    const auto refused = scene.merge("developer", path, to(3));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("from 0 to 3") != std::string::npos);
  }
  // A gated change that scales up from nothing by itself is no way around.
  must(scene.merge("developer", scene.deployments("web"), image("web:1")));
  Json together = image("web:5");
  together.merge_patch(to(3));
  CHECK_FALSE(scene.merge("developer", scene.deployments("web"), together).ok());
}

TEST_CASE("writes that leave the covered part alone never reach the webhook") {
  PolicyShape deployments;
  deployments.resources = Json::parse(
      R"([{"apiGroups": ["apps"], "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]}])");
  const Scene scene(deployments);
  scene.running_deployment("web", "web:1", 2);
  scene.settle("web");
  const auto reviews = [&] {
    return webhook_metric("holdpoint_webhook_reviews_total", {{"policy", scene.policy()}});
  };
  // The controllers have had their say about the new Deployment.
  double before = reviews();
  must(scene.merge("developer", scene.deployments("web"),
                   {{"metadata", {{"annotations", {{"note", "x"}}}}}}));
  must(scene.merge("developer", scene.deployments("web"),
                   {{"metadata", {{"labels", {{"team", "shop"}}}}}}));
  must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"replicas", 5}}}}));
  kube::ResourcePath scale = scene.deployments("web");
  scale.subresource = "scale";
  must(scene.merge("developer", scale, {{"spec", {{"replicas", 6}}}}));
  CHECK(reviews() == before);
  must(scene.merge("developer", scene.deployments("web"), image("web:2")));
  CHECK(reviews() > before);
}

TEST_CASE("a Job waits suspended, and runs once it is approved") {
  const Scene scene;
  const Json stored = must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  CHECK(is_suspended(stored));
  const ApprovalRequest request = scene.open_request("migrate");
  const Json pushed =
      must(scene.merge("developer", scene.jobs("migrate"), {{"spec", {{"suspend", false}}}}));
  CHECK(is_suspended(pushed));
  scene.approve("lead", request.metadata.name);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  CHECK_FALSE(is_suspended(scene.get(scene.jobs("migrate"))));
  CHECK(eventually([&] {
    return must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon()))
               .items.size() == 1;
  }));
}

TEST_CASE("A4: the second run of an identical Job asks again") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  const std::string first = scene.open_request("migrate").metadata.name;
  scene.approve("lead", first);
  scene.await_phase(first, RequestPhase::Released);
  must(client_as("developer").remove(scene.jobs("migrate"), "", soon()));
  REQUIRE(eventually([&] { return !client_as("admin").get(scene.jobs("migrate"), soon()).ok(); }));
  const Json again = must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  CHECK(is_suspended(again));
  CHECK(scene.open_request("migrate").metadata.name != first);
  CHECK(scene.open_request("migrate").spec.attempt == 2);
}

TEST_CASE("B9: a running Job is never suspended: its gated update is refused and its pods live") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  const std::string first = scene.open_request("migrate").metadata.name;
  scene.approve("lead", first);
  scene.await_phase(first, RequestPhase::Released);
  REQUIRE(eventually([&] {
    return !string_at(scene.get(scene.jobs("migrate")), {"status", "startTime"}).empty();
  }));
  const auto changed =
      scene.merge("developer", scene.jobs("migrate"), {{"spec", {{"parallelism", 2}}}});
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().kind == ErrorKind::Forbidden);
  const Json job = scene.get(scene.jobs("migrate"));
  CHECK_FALSE(is_suspended(job));
  CHECK(held_mark(job).empty());
  CHECK(must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon())).items.size() ==
        1);
}

TEST_CASE("B14: generated Jobs from one manifest are held each by its own request") {
  const Scene scene;
  Json job = scene.job("");
  job["metadata"].erase("name");
  job["metadata"]["generateName"] = "migrate-";
  const Json one = must(scene.create("developer", scene.jobs(), job));
  const Json two = must(scene.create("developer", scene.jobs(), job));
  const std::string name_one = one["metadata"]["name"], name_two = two["metadata"]["name"];
  CHECK(is_suspended(one));
  CHECK(is_suspended(two));
  const std::string request = scene.open_request(name_one).metadata.name;
  CHECK(request != scene.open_request(name_two).metadata.name);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  CHECK_FALSE(is_suspended(scene.get(scene.jobs(name_one))));
  const Json pushed =
      must(scene.merge("developer", scene.jobs(name_two), {{"spec", {{"suspend", false}}}}));
  CHECK(is_suspended(pushed));
}

TEST_CASE("what is held stays held when the policy holds nothing any more, or is made anew") {
  PolicyShape created;
  created.resources =
      Json::parse(R"([{"apiGroups": ["batch"], "resources": ["jobs"], "operations": ["CREATE"]}])");
  Scene scene(created);
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  REQUIRE(is_suspended(scene.get(scene.jobs("migrate"))));
  SUBCASE("hold.mode is Deny by now") {
    scene.patch_policy({{"spec", {{"hold", {{"mode", "Deny"}}}}}});
  }
  SUBCASE("another policy of its name") {
    must(client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", scene.policy()), "",
                                   soon()));
    scene.add_policy(scene.policy(), created);
  }
  (void)scene.merge("developer", scene.jobs("migrate"), {{"spec", {{"suspend", false}}}});
  CHECK(is_suspended(scene.get(scene.jobs("migrate"))));
  (void)scene.merge("developer", scene.jobs("migrate"),
                    {{"metadata", {{"annotations", {{"holdpoint.dev/ask-again", "1"}}}}}});
  CHECK(is_suspended(scene.get(scene.jobs("migrate"))));
}

TEST_CASE("two policies on one object: it is released when both are satisfied") {
  Scene scene;
  PolicyShape security;
  security.approvers = {{"groups", {"appsec"}}};
  scene.add_policy(scene.ns() + "-sec", security);
  const Json stored = must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  CHECK(is_paused(stored));
  const auto requests = scene.requests_for("web");
  REQUIRE(requests.size() == 2);
  for (const auto& request : requests) {
    CHECK(is_paused(scene.get(scene.deployments("web"))));
    scene.approve(request.spec.policy.name == scene.policy() ? "lead" : "security",
                  request.metadata.name);
    scene.await_phase(request.metadata.name, RequestPhase::Released);
  }
  const Json released = scene.get(scene.deployments("web"));
  CHECK_FALSE(is_paused(released));
  CHECK(held_mark(released).empty());
}

TEST_CASE("a denied change stays held until somebody asks again by name") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string first = scene.open_request("web").metadata.name;
  must(scene.decide("lead", first, "Deny", "not on Friday"));
  scene.await_phase(first, RequestPhase::Denied);
  CHECK(is_paused(must(scene.merge("developer", scene.deployments("web"), kUnpause))));
  CHECK(scene.requests_for("web").size() == 1);
  must(scene.merge("developer", scene.deployments("web"),
                   {{"metadata", {{"annotations", {{"holdpoint.dev/ask-again", first}}}}}}));
  const ApprovalRequest again = scene.open_request("web");
  CHECK(again.spec.attempt == 2);
  scene.approve("lead", again.metadata.name);
  scene.await_phase(again.metadata.name, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("B15: the same change by any verb and encoding has one digest") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  const std::string strategic =
      R"({"spec":{"template":{"spec":{"containers":[{"name":"main","image":"web:2"}]}}}})";
  const std::string json =
      R"([{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"web:2"}])";
  Json full = scene.deployment("web", "web:2");
  const std::vector<std::function<Output()>> ways = {
      [&] {
        return as("developer")
            .kubectl({"patch", "deployment", "web", "-n", scene.ns(), "-p", strategic});
      },
      [&] {
        return as("developer")
            .kubectl({"patch", "deployment", "web", "-n", scene.ns(), "--type=json", "-p", json});
      },
      [&] {
        return as("developer")
            .kubectl({"set", "image", "deployment/web", "main=web:2", "-n", scene.ns()});
      },
      [&] {
        return as("developer").apply(dump_json(full), {"--server-side", "--force-conflicts"});
      },
      [&] {
        return as("developer").kubectl({"replace", "-f", "-"}, dump_json(full));
      },
  };
  std::string request;
  for (const auto& way : ways) {
    const Output output = way();
    CHECK_MESSAGE(output.ok(), output.text());
    CHECK(is_paused(scene.get(scene.deployments("web"))));
    const ApprovalRequest now = scene.open_request("web");
    if (request.empty()) request = now.metadata.name;
    CHECK(now.metadata.name == request);
  }
  CHECK(scene.requests_for("web").size() == 2);  // the first deployment, and this change
}

kube::WriteOptions dry_run() {
  kube::WriteOptions options;
  options.dry_run = true;
  return options;
}

TEST_CASE("B17: dry runs warn and leave nothing behind") {
  const Scene scene;
  const auto dry = as("developer").apply(dump_json(scene.deployment("web")), {"--dry-run=server"});
  CHECK_MESSAGE(dry.ok(), dry.text());
  CHECK(dry.err.find("would be held until approved") != std::string::npos);
  const auto config =
      as("developer").apply(dump_json(scene.config_map("app", "1")), {"--dry-run=server"});
  CHECK_MESSAGE(config.ok(), config.text());
  CHECK(config.err.find("would be refused until approved") != std::string::npos);
  CHECK(must(client_as("admin").list(scene.requests(), {}, soon())).items.empty());

  // Nor do many use up an approval.
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  const auto before = scene.get(scene.requests(request));
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < 8; ++client)
      clients.emplace_back([&] {
        for (int i = 0; i < 125; ++i)
          if (!client_as("developer")
                   .create(scene.config_maps(), scene.config_map("app", "1"), dry_run(), soon())
                   .ok())
            ++refused;
      });
  }
  CHECK(refused == 0);
  CHECK(scene.get(scene.requests(request)) == before);
  CHECK(must(client_as("admin").list(scene.requests(), {}, soon())).items.size() == 1);
  must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")));
}

}  // namespace
}  // namespace holdpoint::cluster
