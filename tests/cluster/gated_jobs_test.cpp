// Jobs of clients that take a suspended Job for done: stored, and their pods wait for a scheduling
// gate.
#include <doctest/doctest.h>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

Json hook_job(const Scene& scene, const std::string& name) {
  Json job = scene.job(name);
  job["metadata"]["annotations"]["helm.sh/hook"] = "pre-upgrade";
  return job;
}

std::vector<Json> pods(const Scene& scene) {
  const auto list =
      must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon())).items;
  return {list.begin(), list.end()};
}

Json first_pod(const Scene& scene) {
  REQUIRE(eventually([&] { return !pods(scene).empty(); }));
  return pods(scene).front();
}

bool is_gated(const Json& pod) { return has_gate(member_at(pod, {"spec"})); }

bool all_start(const Scene& scene) {
  return eventually([&] {
    const auto all = pods(scene);
    return !all.empty() && std::none_of(all.begin(), all.end(), is_gated);
  });
}

Result<Json> ungate(const std::string& who, const Json& pod) {
  return client_as(who).patch(path_of("v1", "pods", string_at(pod, {"metadata", "namespace"}),
                                      string_at(pod, {"metadata", "name"})),
                              kube::PatchType::Merge, {{"spec", {{"schedulingGates", nullptr}}}},
                              {}, soon());
}

TEST_CASE("a Job of Helm is in progress while its pods wait, and they start once it is approved") {
  PolicyShape shape;
  SUBCASE("") {}
  SUBCASE("where pods are guarded") { shape.spec_patch = {{"guard", true}}; }
  const Scene scene(shape);
  const Json stored = must(scene.create("developer", scene.jobs(), hook_job(scene, "migrate")));
  CHECK_FALSE(read_marks(stored, Pausable::Job).paused);
  CHECK(read_marks(stored, Pausable::Job).gated);
  const ApprovalRequest request = scene.open_request("migrate");
  CHECK(request.spec.hold == RequestHold::Gate);
  CHECK(is_gated(first_pod(scene)));
  scene.approve("lead", request.metadata.name);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  CHECK(all_start(scene));
  // One that comes later, as after a failure, starts as well.
  const std::string uid = string_at(first_pod(scene), {"metadata", "uid"});
  must(client_as("admin").remove(
      path_of("v1", "pods", scene.ns(), string_at(first_pod(scene), {"metadata", "name"})), uid,
      soon()));
  CHECK(eventually([&] {
    const auto all = pods(scene);
    return all.size() == 1 && string_at(all.front(), {"metadata", "uid"}) != uid;
  }));
  CHECK(all_start(scene));
}

TEST_CASE("nobody starts the pods of a Job that waits") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), hook_job(scene, "migrate")));
  const std::string request = scene.open_request("migrate").metadata.name;
  const Json pod = first_pod(scene);
  SUBCASE("by the pod") {
    const auto answer = ungate("developer", pod);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find(request) != std::string::npos);
  }
  SUBCASE("by giving the pod to another Job, or to none") {
    must(scene.create("developer", scene.jobs(), hook_job(scene, "approved")));
    const std::string other = scene.open_request("approved").metadata.name;
    scene.approve("lead", other);
    scene.await_phase(other, RequestPhase::Released);
    Json owner = controller_of(pod);
    owner["name"] = "approved";
    owner["uid"] = string_at(scene.get(scene.jobs("approved")), {"metadata", "uid"});
    const kube::ResourcePath path =
        path_of("v1", "pods", scene.ns(), string_at(pod, {"metadata", "name"}));
    const auto give = [&](const Json& owners) {
      return client_as("developer")
          .patch(path, kube::PatchType::Merge, {{"metadata", {{"ownerReferences", owners}}}}, {},
                 soon());
    };
    CHECK_FALSE(give(Json::array({owner})).ok());
    if (give(Json::array()).ok()) CHECK_FALSE(ungate("developer", pod).ok());
  }
  SUBCASE("by the Job") {
    for (const Json& patch :
         {Json{{"metadata", {{"annotations", {{kHeldAnnotation, nullptr}}}}}},
          Json{{"spec", {{"suspend", true}}}},
          Json{{"spec", {{"template", {{"spec", {{"schedulingGates", nullptr}}}}}}}},
          Json{{"metadata", {{"annotations", {{kHeldAnnotation, nullptr}}}}},
               {"spec", {{"template", {{"spec", {{"schedulingGates", nullptr}}}}}}}},
          Json{{"spec", {{"suspend", false}}}}})
      (void)scene.merge("developer", scene.jobs("migrate"), patch);
    const Marks marks = read_marks(scene.get(scene.jobs("migrate")), Pausable::Job);
    CHECK(marks.holds());
    CHECK(marks.gated);
  }
  // Whatever pod there is now: it waits.
  REQUIRE(eventually([&] { return !pods(scene).empty(); }));
  for (const Json& one : pods(scene))
    if (string_at(one, {"metadata", "name"}).starts_with("migrate-")) CHECK(is_gated(one));
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
}

TEST_CASE("a Job that waited and is denied fails with the words of who denied it") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), hook_job(scene, "migrate")));
  const std::string request = scene.open_request("migrate").metadata.name;
  must(scene.decide("lead", request, "Deny", "not during the sale"));
  scene.await_phase(request, RequestPhase::Denied);
  Json failed;
  REQUIRE(eventually([&] {
    const Json job = scene.get(scene.jobs("migrate"));
    const Json* conditions = member_at(job, {"status", "conditions"});
    if (conditions == nullptr) return false;
    for (const Json& condition : *conditions)
      if (string_at(condition, {"type"}) == "Failed") failed = condition;
    return !failed.is_null();
  }));
  CHECK(string_at(failed, {"reason"}) == "HoldpointDenied");
  CHECK(string_at(failed, {"message"}).find("not during the sale") != std::string::npos);
  // To send it again asks nobody: a denial sticks.
  must(client_as("developer").remove(scene.jobs("migrate"), "", soon()));
  REQUIRE(eventually([&] { return !client_as("admin").get(scene.jobs("migrate"), soon()).ok(); }));
  const auto again = scene.create("developer", scene.jobs(), hook_job(scene, "migrate"));
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().message.find("not during the sale") != std::string::npos);
}

TEST_CASE("kubectl holdpoint starts the pods while no operator runs") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), hook_job(scene, "migrate")));
  const std::string request = scene.open_request("migrate").metadata.name;
  REQUIRE(is_gated(first_pod(scene)));
  REQUIRE(cluster_command("stop", {"operator"}).ok());
  scene.approve("lead", request);
  const Output resumed =
      as("developer").kubectl({"holdpoint", "resume", "job/migrate", "-n", scene.ns()});
  CAPTURE(resumed.err);
  CHECK(resumed.ok());
  CHECK(all_start(scene));
  REQUIRE(cluster_command("start", {"operator"}).ok());
}

TEST_CASE("Flux is told of a refusal in its dry run, once there is a request") {
  const Scene scene;
  Json config = scene.config_map("settings", "1");
  config["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "apps";
  config["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = "flux-system";
  must(scene.create("developer", scene.config_maps(), config, true));
  CHECK_FALSE(scene.create("developer", scene.config_maps(), config).ok());
  const auto dry = scene.create("developer", scene.config_maps(), config, true);
  REQUIRE_FALSE(dry.ok());
  const ApprovalRequest request = scene.open_request("settings");
  CHECK(dry.error().message.find(request.metadata.name) != std::string::npos);
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->kind == OriginKind::Kustomization);
  CHECK(request.spec.change_set == "flux/flux-system/apps");
  scene.approve("lead", request.metadata.name);
  must(scene.create("developer", scene.config_maps(), config, true));
  must(scene.create("developer", scene.config_maps(), config));
}

}  // namespace
}  // namespace holdpoint::cluster
