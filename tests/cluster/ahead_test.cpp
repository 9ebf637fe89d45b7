// Asking ahead, change sets and simulation: through the plugin, as people do it.
#include <doctest/doctest.h>

#include <fstream>

#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

Json ahead(const Scene& scene, const Json& object, const std::string& reason = "tonight") {
  return {
      {"apiVersion", kApiVersion},
      {"kind", "ApprovalRequest"},
      {"metadata", {{"generateName", "ahead-"}, {"namespace", scene.ns()}}},
      {"spec", {{"policy", {{"name", scene.policy()}}}, {"proposed", object}, {"reason", reason}}}};
}

TEST_CASE("what was asked ahead and approved flows when it comes, and serves once") {
  const Scene scene;
  const Json proposed =
      must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1"), true));
  const ApprovalRequest asked = must(decode<ApprovalRequest>(
      must(scene.create("developer", scene.requests(), ahead(scene, proposed)))));
  CHECK(asked.spec.requester.username == "developer");
  CHECK(asked.spec.reason == "tonight");
  CHECK_FALSE(asked.spec.summary.empty());
  CHECK(asked.metadata.name.starts_with("app-"));
  scene.approve("lead", asked.metadata.name);
  scene.await_phase(asked.metadata.name, RequestPhase::Approved);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "2")).ok());
  must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")));
  scene.await_phase(asked.metadata.name, RequestPhase::Released);
}

TEST_CASE("a Deployment that was asked ahead is not held, and one that is still asked is refused") {
  const Scene scene;
  const Json proposed =
      must(scene.create("developer", scene.deployments(), scene.deployment("web"), true));
  const ApprovalRequest asked = must(decode<ApprovalRequest>(
      must(scene.create("developer", scene.requests(), ahead(scene, proposed)))));
  scene.approve("lead", asked.metadata.name);
  scene.await_phase(asked.metadata.name, RequestPhase::Approved);
  CHECK_FALSE(
      is_paused(must(scene.create("developer", scene.deployments(), scene.deployment("web")))));
  scene.await_phase(asked.metadata.name, RequestPhase::Released);

  const Json second =
      must(scene.create("developer", scene.deployments(), scene.deployment("api"), true));
  const ApprovalRequest waiting = must(decode<ApprovalRequest>(
      must(scene.create("developer", scene.requests(), ahead(scene, second)))));
  // Until it is answered the change is refused, not held: a request that people make holds nothing.
  CHECK_FALSE(scene.create("developer", scene.deployments(), scene.deployment("api")).ok());
  CHECK(scene.open_request("api").metadata.name == waiting.metadata.name);
  scene.approve("lead", waiting.metadata.name);
  scene.await_phase(waiting.metadata.name, RequestPhase::Approved);
  CHECK_FALSE(
      is_paused(must(scene.create("developer", scene.deployments(), scene.deployment("api")))));
  scene.await_phase(waiting.metadata.name, RequestPhase::Released);
}

TEST_CASE("A6: what people type into a request that they make is overwritten or refused") {
  const Scene scene;
  const Json proposed =
      must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1"), true));
  Json forged = ahead(scene, proposed);
  forged["spec"]["requester"] = {{"username", "somebody"}};
  forged["spec"]["stages"] = Json::array();
  forged["spec"]["contentDigest"] = "sha256:" + std::string(64, '0');
  forged["spec"]["autoApprove"] = {{"riskAtMost", "Critical"}};
  // With an owner it would go when that goes, and a denial with it.
  forged["metadata"]["finalizers"] = {"example.com/mine"};
  forged["metadata"]["ownerReferences"] =
      Json::array({{{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"name", "handle"},
                    {"uid", "00000000-0000-0000-0000-000000000001"}}});
  const ApprovalRequest stored =
      must(decode<ApprovalRequest>(must(scene.create("developer", scene.requests(), forged))));
  CHECK(stored.metadata.owner_references.empty());
  CHECK(member_at(scene.get(scene.requests(stored.metadata.name)), {"metadata", "finalizers"}) ==
        nullptr);
  CHECK(stored.spec.requester.username == "developer");
  CHECK(stored.spec.stages.size() == 1);
  CHECK_FALSE(stored.spec.auto_approve.has_value());
  CHECK(stored.spec.content_digest != "sha256:" + std::string(64, '0'));
  // The same again is there already; a Secret, or another namespace's object, never.
  CHECK_FALSE(scene.create("developer", scene.requests(), ahead(scene, proposed)).ok());
  Json secret = proposed;
  secret["kind"] = "Secret";
  CHECK_FALSE(scene.create("developer", scene.requests(), ahead(scene, secret)).ok());
  Json elsewhere = proposed;
  elsewhere["metadata"]["namespace"] = "production";
  CHECK_FALSE(scene.create("developer", scene.requests(), ahead(scene, elsewhere)).ok());
  Json nothing = ahead(scene, proposed);
  nothing["spec"].erase("proposed");
  CHECK_FALSE(scene.create("developer", scene.requests(), nothing).ok());
  CHECK_FALSE(scene.create("lead", scene.requests(), ahead(scene, proposed)).ok());  // no right
}

TEST_CASE("A14: nobody asks ahead for what they could not write") {
  const Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string first = scene.open_request("app").metadata.name;
  grant_role(scene.ns(), "holdpoint-requester", user_named("sre"));
  Json other = scene.config_map("app", "2");
  const auto refused = scene.create("sre", scene.requests(), ahead(scene, other));
  REQUIRE_FALSE(refused.ok());
  CHECK_MESSAGE(
      refused.error().message.find("may neither create nor change configmaps") != std::string::npos,
      refused.error().message);
  CHECK(scene.open_request("app").metadata.name == first);
}

TEST_CASE("the plugin asks ahead, simulates, and approves a change set in one go") {
  const Scene scene;
  const std::string file = unique("/tmp/holdpoint-ahead") + ".json";
  Json one = scene.deployment("web"), two = scene.config_map("app", "1");
  for (Json* object : {&one, &two})
    (*object)["metadata"]["annotations"] = {{"holdpoint.dev/change-set", "release-7"}};
  std::ofstream(file) << Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", {one, two}}}.dump();
  const auto simulated =
      as("developer").kubectl({"holdpoint", "simulate", "-f", file, "-n", scene.ns()});
  CHECK(simulated.exit_code == 0);
  CHECK(simulated.out.find("would be held until approved") != std::string::npos);
  CHECK(simulated.out.find("risk High") != std::string::npos);
  CHECK(scene.requests_for("web").empty());
  const auto asked =
      as("developer")
          .kubectl({"holdpoint", "request", "-f", file, "-n", scene.ns(), "--reason", "release 7"});
  CHECK_MESSAGE(asked.exit_code == 0, asked.err);
  CHECK(scene.open_request("web").spec.change_set == "release-7");
  const auto approved = as("lead").kubectl(
      {"holdpoint", "approve", "--change-set", "release-7", "-n", scene.ns(), "--reason", "go"});
  CHECK_MESSAGE(approved.exit_code == 0, approved.err);
  CHECK(approved.out.find("ConfigMap " + scene.ns() + "/app: approved") != std::string::npos);
  CHECK(eventually([&] { return scene.create("developer", scene.config_maps(), two).ok(); }));
  std::remove(file.c_str());
}

}  // namespace
}  // namespace holdpoint::cluster
