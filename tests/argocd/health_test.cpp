// What Argo CD shows for our kinds, and for what we hold: judged by its own code, over objects as
// they are in a cluster.
#include <doctest/doctest.h>

#include "crds/codec.hpp"
#include "tests/argocd/application.hpp"

namespace holdpoint::cluster {
namespace {

Health health_of_request(const Scene& scene, const std::string& name, RequestPhase phase) {
  scene.await_phase(name, phase);
  // Pending is also what nobody has looked at yet.
  Health health;
  CHECK(eventually([&] {
    health = argocd_health(scene.get(scene.requests(name)));
    return health.status != "Progressing";
  }));
  return health;
}

std::string refused(const Scene& scene, const std::string& name, const std::string& value = "1") {
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map(name, value)).ok());
  return scene.open_request(name).metadata.name;
}

TEST_CASE("Argo CD shows a request by its phase, with its words") {
  const Scene scene;
  const std::string pending = refused(scene, "settings");
  const Health waits = health_of_request(scene, pending, RequestPhase::Pending);
  CHECK(waits.status == "Suspended");
  CHECK(waits.message.find("leads") != std::string::npos);

  scene.approve("lead", pending);
  CHECK(health_of_request(scene, pending, RequestPhase::Approved).status == "Healthy");
  must(scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")));
  CHECK(health_of_request(scene, pending, RequestPhase::Released).status == "Healthy");

  const std::string denied = refused(scene, "denied");
  must(scene.decide("lead", denied, "Deny", "not during the sale"));
  const Health no = health_of_request(scene, denied, RequestPhase::Denied);
  CHECK(no.status == "Degraded");
  CHECK(no.message.find("not during the sale") != std::string::npos);

  const std::string first = refused(scene, "twice", "1");
  const std::string second = refused(scene, "twice", "2");
  CHECK(health_of_request(scene, first, RequestPhase::Superseded).status == "Degraded");
  CHECK(health_of_request(scene, second, RequestPhase::Pending).status == "Suspended");

  must(scene.decide("developer", second, "Withdraw", "changed my mind"));
  CHECK(health_of_request(scene, second, RequestPhase::Withdrawn).status == "Degraded");

  const std::string later = refused(scene, "later");
  Json tonight{{"apiVersion", kApiVersion},
               {"kind", "Approval"},
               {"metadata", {{"generateName", "by-lead-"}}},
               {"spec",
                {{"request", {{"name", later}}},
                 {"decision", "Approve"},
                 {"reason", "tonight"},
                 {"notBefore", to_rfc3339(system_clock().now() + Duration(3'600'000))}}}};
  must(scene.create("lead", scene.approvals(), tonight));
  const Health scheduled = health_of_request(scene, later, RequestPhase::Scheduled);
  CHECK(scheduled.status == "Suspended");
  CHECK(scheduled.message.starts_with("Scheduled: "));

  const std::string stale = refused(scene, "stale");
  must(client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", scene.policy()), "",
                                 soon()));
  CHECK(health_of_request(scene, stale, RequestPhase::Stale).status == "Degraded");
}

TEST_CASE(
    "Argo CD shows an expired request as Degraded, and one that nobody looked at as in progress") {
  PolicyShape shape;
  shape.spec_patch = {{"expiry", {{"pending", "5s"}}}};
  Scene scene(shape);
  const std::string name = refused(scene, "settings");
  CHECK(health_of_request(scene, name, RequestPhase::Expired).status == "Degraded");
  Json fresh = scene.get(scene.requests(name));
  fresh["metadata"]["generation"] = 2;
  CHECK(argocd_health(fresh).status == "Progressing");
  fresh.erase("status");
  CHECK(argocd_health(fresh).status == "Progressing");
}

TEST_CASE("Argo CD shows a policy as Healthy once its gate is up, and why it is not") {
  Scene scene;
  const kube::ResourcePath path = path_of(kApiVersion, "approvalpolicies", "", scene.policy());
  CHECK(argocd_health(scene.get(path)).status == "Healthy");
  must(client_as("admin").patch(
      path, kube::PatchType::Merge,
      {{"spec",
        {{"match",
          {{"resources", Json::array({{{"apiGroups", {"coordination.k8s.io"}},
                                       {"resources", {"leases"}},
                                       {"operations", {"CREATE"}}}})}}}}}},
      {}, soon()));
  Health health;
  CHECK(eventually([&] {
    health = argocd_health(scene.get(path));
    return health.status == "Degraded";
  }));
  CHECK(health.message.find("leases") != std::string::npos);
}

TEST_CASE("Argo CD shows what is held as Suspended, and a Job whose pods wait as in progress") {
  Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const Health paused = argocd_health(scene.get(scene.deployments("web")));
  CHECK(paused.status == "Suspended");

  // By kubectl: Argo CD shows it so once the Job controller says so.
  must(scene.create("developer", scene.jobs(), scene.job("report")));
  CHECK(eventually(
      [&] { return argocd_health(scene.get(scene.jobs("report"))).status == "Suspended"; }));
  // Why Argo CD's own Jobs are not held that way: resumed, it takes them for done at once.
  const std::string report = scene.open_request("report").metadata.name;
  scene.approve("lead", report);
  scene.await_phase(report, RequestPhase::Released);
  CHECK(eventually(
      [&] { return argocd_health(scene.get(scene.jobs("report"))).status == "Healthy"; }));
  CHECK(member_at(scene.get(scene.jobs("report")), {"status", "succeeded"}) == nullptr);

  Json hook = scene.job("migrate");
  hook["metadata"]["annotations"] = {{"argocd.argoproj.io/hook", "PreSync"}};
  must(scene.create("developer", scene.jobs(), hook));
  const std::string migrate = scene.open_request("migrate").metadata.name;
  CHECK(argocd_health(scene.get(scene.jobs("migrate"))).status == "Progressing");
  scene.approve("lead", migrate);
  scene.await_phase(migrate, RequestPhase::Released);
  CHECK(argocd_health(scene.get(scene.jobs("migrate"))).status == "Progressing");
}

}  // namespace
}  // namespace holdpoint::cluster
