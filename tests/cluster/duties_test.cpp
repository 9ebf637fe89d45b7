// Separation of duties, where a robot asks: who stands behind it may not approve.
#include <doctest/doctest.h>

#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

void check_barred(const Result<Json>& decision, const std::string& by) {
  REQUIRE_FALSE(decision.ok());
  CAPTURE(decision.error().message);
  CHECK(decision.error().message.find(by) != std::string::npos);
  CHECK(decision.error().message.find("counts as the requester") != std::string::npos);
}

TEST_CASE("A8: whoever may write a CronJob counts as the requester of its Jobs") {
  const Scene scene;
  const auto cron = must(client_as("admin").create(
      path_of("batch/v1", "cronjobs", scene.ns()),
      {{"apiVersion", "batch/v1"},
       {"kind", "CronJob"},
       {"metadata", {{"name", "nightly"}}},
       {"spec",
        {{"schedule", "0 3 1 1 *"}, {"jobTemplate", {{"spec", scene.job("nightly")["spec"]}}}}}},
      {}, soon()));
  Json job = scene.job("nightly-1");
  job["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "batch/v1"},
                                                     {"kind", "CronJob"},
                                                     {"name", "nightly"},
                                                     {"uid", string_at(cron, {"metadata", "uid"})},
                                                     {"controller", true}}});
  // Its controller's own account; the clock would take a minute.
  must(as_service_account("kube-system", "cronjob-controller")
           .create(scene.jobs(), job, {}, soon()));
  const ApprovalRequest asked = scene.open_request("nightly-1");
  CHECK(asked.spec.requester.username == "system:serviceaccount:kube-system:cronjob-controller");
  REQUIRE(asked.spec.owners.size() == 1);
  CHECK(asked.spec.owners.front().kind == "CronJob");
  grant(scene.ns(), user_named("lead"), "batch", "cronjobs", {"patch"});
  check_barred(scene.decide("lead", asked.metadata.name), "CronJob nightly");
  scene.approve("second-lead", asked.metadata.name);
  scene.await_phase(asked.metadata.name, RequestPhase::Released);
}

TEST_CASE("A8: whoever may end what owns an object, or choose its owner, asked for its deletion") {
  Scene scene;
  const auto owner = must(client_as("admin").create(
      path_of("v1", "secrets", scene.ns()),
      {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "owner"}}}}, {}, soon()));
  Json settings = scene.config_map("settings", "1");
  settings["metadata"]["ownerReferences"] =
      Json::array({{{"apiVersion", "v1"},
                    {"kind", "Secret"},
                    {"name", "owner"},
                    {"uid", string_at(owner, {"metadata", "uid"})}}});
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), settings).ok());
  scene.approve("lead", scene.open_request("settings").metadata.name);
  REQUIRE(
      eventually([&] { return scene.create("developer", scene.config_maps(), settings).ok(); }));

  must(client_as("admin").remove(path_of("v1", "secrets", scene.ns(), "owner"), "", soon()));
  ApprovalRequest asked;
  REQUIRE(eventually(
      [&] {
        for (const ApprovalRequest& request : scene.requests_for("settings"))
          if (request.spec.operation == Operation::Delete) asked = request;
        return !asked.metadata.name.empty();
      },
      Duration(60'000)));
  CHECK(asked.spec.requester.username ==
        "system:serviceaccount:kube-system:generic-garbage-collector");
  CHECK(client_as("admin").get(scene.config_maps("settings"), soon()).ok());
  grant(scene.ns(), user_named("lead"), "", "secrets", {"delete"});
  check_barred(scene.decide("lead", asked.metadata.name), "Secret owner");
  grant(scene.ns(), user_named("second-lead"), "", "configmaps", {"patch"});
  check_barred(scene.decide("second-lead", asked.metadata.name), "ConfigMap settings");
}

TEST_CASE("A8: whoever has a Deployment rolled back by its controller asked for it") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  REQUIRE(eventually([&] { return scene.replica_sets().size() == 1; }));
  must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:2")));
  scene.approve("second-lead", scene.open_request("web").metadata.name);
  REQUIRE(eventually([&] { return scene.replica_sets().size() == 2; }));
  grant(scene.ns(), user_named("lead"), "apps", "deployments", {"patch"});
  must(
      scene.merge("lead", scene.deployments("web"),
                  {{"metadata", {{"annotations", {{"deprecated.deployment.rollback.to", "1"}}}}}}));
  ApprovalRequest asked;
  REQUIRE(eventually([&] {
    for (const ApprovalRequest& request : scene.requests_for("web"))
      if (request.spec.requester.username ==
          "system:serviceaccount:kube-system:deployment-controller")
        asked = request;
    return !asked.metadata.name.empty();
  }));
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  check_barred(scene.decide("lead", asked.metadata.name), "Deployment web");
  scene.approve("second-lead", asked.metadata.name);
  scene.await_phase(asked.metadata.name, RequestPhase::Released);
}

}  // namespace
}  // namespace holdpoint::cluster
