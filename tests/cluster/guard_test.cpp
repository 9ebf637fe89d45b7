// Other doors to the same effect: ways to pods around the gated kinds, and namespaces that leave
// the scope.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

PolicyShape guarding() {
  PolicyShape shape;
  shape.spec_patch = {{"guard", true}};
  return shape;
}

using Names = std::set<std::string>;
using Images = std::multiset<std::string>;

// The names of what controls them; empty for what nothing controls.
Names owners_of_sets(const Scene& scene) {
  Names names;
  for (const Json& set : scene.replica_sets())
    names.insert(string_at(controller_of(set), {"name"}));
  return names;
}

void leave_behind(const Scene& scene, const std::string& deployment) {
  const Output orphaned =
      as("developer")
          .kubectl({"delete", "deployment", deployment, "-n", scene.ns(), "--cascade=orphan"});
  REQUIRE_MESSAGE(orphaned.ok(), orphaned.text());
  REQUIRE(eventually([&] { return !owners_of_sets(scene).contains(deployment); }));
}

// web:1, then web:2, then web:1 again: web:2 is the newest ReplicaSet, and idle.
void roll_back(const Scene& scene) {
  scene.running_deployment("web", "web:1");
  for (const char* image : {"web:2", "web:1"}) {
    // The age of a ReplicaSet has whole seconds.
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", image)));
    const std::string request = scene.open_request("web").metadata.name;
    scene.approve("lead", request);
    scene.await_phase(request, RequestPhase::Released);
    REQUIRE(eventually([&] { return scene.images_of_sets(true).contains(image); }));
  }
  // No pod gets ready without a node, so that a rollout would wait for ever.
  must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"replicas", 0}}}}));
  REQUIRE(eventually([&] { return scene.images_of_sets(true).empty(); }));
  REQUIRE(scene.images_of_sets(false) == Images{"web:1", "web:2"});
}

Json pod_spec() { return {{"containers", Json::array({{{"name", "main"}, {"image", "evil:1"}}})}}; }

Json workload(const Scene& scene, const char* api_version, const char* kind, Json spec) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", "around"}, {"namespace", scene.ns()}, {"labels", {{"app", "around"}}}}},
          {"spec", std::move(spec)}};
}

Json templated(Json more = Json::object()) {
  more["selector"] = {{"matchLabels", {{"app", "around"}}}};
  more["template"] = {{"metadata", {{"labels", {{"app", "around"}}}}}, {"spec", pod_spec()}};
  return more;
}

TEST_CASE("B3: the same pod through every other kind is refused to people") {
  const Scene scene(guarding());
  const Json job_spec{
      {"template",
       {{"spec", {{"restartPolicy", "Never"}, {"containers", pod_spec()["containers"]}}}}}};
  struct Way {
    const char *api_version, *kind, *resource;
    Json spec;
  };
  const std::vector<Way> ways{
      {"v1", "Pod", "pods", pod_spec()},
      {"v1",
       "ReplicationController",
       "replicationcontrollers",
       {{"template", {{"metadata", {{"labels", {{"app", "around"}}}}}, {"spec", pod_spec()}}}}},
      {"apps/v1", "ReplicaSet", "replicasets", templated()},
      {"apps/v1", "StatefulSet", "statefulsets", templated({{"serviceName", "around"}})},
      {"apps/v1", "DaemonSet", "daemonsets", templated()},
      {"batch/v1",
       "CronJob",
       "cronjobs",
       {{"schedule", "* * * * *"}, {"jobTemplate", {{"spec", job_spec}}}}},
  };
  for (const Way& way : ways) {
    CAPTURE(way.kind);
    const auto answer =
        scene.create("developer", path_of(way.api_version, way.resource, scene.ns()),
                     workload(scene, way.api_version, way.kind, way.spec));
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find("guards this namespace") != std::string::npos);
  }
}

TEST_CASE("B3, B4: the controllers' own way is open, and a forged owner opens none") {
  const Scene scene(guarding());
  const Json running = scene.running_deployment("web");
  // The deployment and replica set controllers made what they make.
  CHECK(eventually([&] {
    return must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon()))
               .items.size() == 2;
  }));
  Json forged = workload(scene, "apps/v1", "ReplicaSet", templated());
  forged["metadata"]["ownerReferences"] =
      Json::array({{{"apiVersion", "apps/v1"},
                    {"kind", "Deployment"},
                    {"name", "web"},
                    {"uid", string_at(running, {"metadata", "uid"})},
                    {"controller", true}}});
  CHECK_FALSE(
      scene.create("developer", path_of("apps/v1", "replicasets", scene.ns()), forged).ok());
}

TEST_CASE("B2, B5: no debug container in a running pod, and no pod is handed to another owner") {
  const Scene scene(guarding());
  scene.running_deployment("web");
  std::string pod;
  REQUIRE(eventually([&] {
    const auto pods = must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon()));
    if (pods.items.empty()) return false;
    pod = string_at(pods.items.front(), {"metadata", "name"});
    return true;
  }));
  kube::ResourcePath debug = path_of("v1", "pods", scene.ns(), pod);
  CHECK_FALSE(
      scene.merge("developer", debug, {{"metadata", {{"labels", {{"app", "else"}}}}}}).ok());
  CHECK(scene.merge("developer", debug, {{"metadata", {{"annotations", {{"a", "b"}}}}}}).ok());
  debug.subresource = "ephemeralcontainers";
  const auto answer = client_as("admin").patch(
      debug, kube::PatchType::Merge,
      {{"spec", {{"ephemeralContainers", Json::array({{{"name", "dbg"}, {"image", "evil:1"}}})}}}},
      {}, soon());
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.find("guards this namespace") != std::string::npos);
}

TEST_CASE("B6: an approved CronJob fires by itself, and a Job made from it by hand is held") {
  PolicyShape shape;
  shape.resources = Json::array({{{"apiGroups", {"batch"}},
                                  {"resources", {"jobs", "cronjobs"}},
                                  {"operations", {"CREATE", "UPDATE"}}}});
  const Scene scene(shape);
  const Json cron{
      {"apiVersion", "batch/v1"},
      {"kind", "CronJob"},
      {"metadata", {{"name", "nightly"}, {"namespace", scene.ns()}}},
      {"spec", {{"schedule", "0 3 * * *"}, {"jobTemplate", {{"spec", scene.job("x")["spec"]}}}}}};
  const auto cron_jobs = path_of("batch/v1", "cronjobs", scene.ns());
  CHECK_FALSE(scene.create("developer", cron_jobs, cron).ok());
  scene.approve("lead", scene.open_request("nightly").metadata.name);
  must(scene.create("developer", cron_jobs, cron));
  // What the controller starts was approved with the CronJob; what people start was not.
  const kube::Client& controller = as_service_account("kube-system", "cronjob-controller");
  CHECK_FALSE(is_suspended(must(controller.create(scene.jobs(), scene.job("fired"), {}, soon()))));
  CHECK(is_suspended(must(scene.create("developer", scene.jobs(), scene.job("by-hand")))));
}

TEST_CASE("M2: a namespace leaves the policy's scope only when that is approved") {
  Scene scene;
  must(client_as("admin").patch(path_of("v1", "namespaces", "", scene.ns()), kube::PatchType::Merge,
                                {{"metadata", {{"labels", {{"tier", "prod"}}}}}}, {}, soon()));
  scene.patch_policy(
      {{"spec", {{"match", {{"namespaceSelector", {{"matchLabels", {{"tier", "prod"}}}}}}}}}});
  const auto space = path_of("v1", "namespaces", "", scene.ns());
  const auto relabel = [&](const Json& labels) {
    return client_as("admin").patch(space, kube::PatchType::Merge,
                                    {{"metadata", {{"labels", labels}}}}, {}, soon());
  };
  CHECK(relabel({{"other", "label"}}).ok());
  CHECK(relabel({{"tier", "prod"}, {"more", "x"}}).ok());
  for (const Json& away : {Json{{"tier", "dev"}}, Json{{"tier", nullptr}}}) {
    const auto answer = relabel(away);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find("waits for approval") != std::string::npos);
  }
}

TEST_CASE("B1: what makes pods is not scaled up past a guard, whatever its template") {
  PolicyShape shape;
  shape.spec_patch = {{"guard", true}};
  const Scene scene(shape);
  scene.running_deployment("web", "web:1", 1);
  const auto sets = path_of("apps/v1", "replicasets", scene.ns());
  std::string old;
  REQUIRE(eventually([&] {
    const auto list = must(client_as("admin").list(sets, {}, soon()));
    if (list.items.empty()) return false;
    old = string_at(list.items.front(), {"metadata", "name"});
    return true;
  }));
  auto scale = sets;
  scale.name = old;
  scale.subresource = "scale";
  const auto to = [&](int replicas) {
    return client_as("developer")
        .patch(scale, kube::PatchType::Merge, {{"spec", {{"replicas", replicas}}}}, {}, soon());
  };
  const auto refused = to(5);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("guards this namespace") != std::string::npos);
  CHECK_FALSE(to(0).ok());  // without it, a paused Deployment runs another revision
  // The Deployment's own scale is judged by what is held alone.
  auto own = scene.deployments("web");
  own.subresource = "scale";
  CHECK(client_as("developer")
            .patch(own, kube::PatchType::Merge, {{"spec", {{"replicas", 3}}}}, {}, soon())
            .ok());
}

TEST_CASE("B1, B7: no ReplicaSet is taken from its Deployment, so that no other revision runs") {
  const Scene scene(guarding());
  const kube::Client& developer = client_as("developer");
  const auto sets = path_of("apps/v1", "replicasets", scene.ns());
  const auto of_image = [&](const std::string& image) {
    for (const Json& set : scene.replica_sets())
      if (dump_json(set).find("\"" + image + "\"") != std::string::npos) return set;
    return Json();
  };
  const auto next = [&](const char* image) {
    must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", image)));
    scene.approve("lead", scene.open_request("web").metadata.name);
    REQUIRE(eventually([&] { return !of_image(image).is_null(); }));
  };
  scene.running_deployment("web", "web:1");
  REQUIRE(eventually([&] { return !of_image("web:1").is_null(); }));
  next("web:2");
  auto active = sets;
  active.name = string_at(of_image("web:2"), {"metadata", "name"});
  must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"paused", true}}}}));

  const auto gone = developer.remove(active, "", soon());
  REQUIRE_FALSE(gone.ok());
  CHECK_MESSAGE(gone.error().message.find("would run another revision") != std::string::npos,
                gone.error().message);
  CHECK_FALSE(
      scene.merge("developer", active, {{"metadata", {{"labels", {{"app", nullptr}}}}}}).ok());
  CHECK_FALSE(
      scene.merge("developer", active, {{"metadata", {{"ownerReferences", nullptr}}}}).ok());
  CHECK_FALSE(scene.merge("developer", active, {{"spec", {{"replicas", 0}}}}).ok());
  auto scale = active;
  scale.subresource = "scale";
  CHECK_FALSE(scene.merge("developer", scale, {{"spec", {{"replicas", 0}}}}).ok());
  must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"paused", false}}}}));
  // The controller's own way is open: an approved change rolls out, and goes with its Deployment.
  next("web:3");
  must(developer.remove(scene.deployments("web"), "", soon()));
  CHECK(eventually([&] { return scene.replica_sets().empty(); }));
}

TEST_CASE(
    "B1, B7: a Deployment that its user paused is not scaled from 0: its own ReplicaSet may be "
    "gone") {
  const Scene scene(guarding());
  const auto spec = [&](const Json& patch) {
    return scene.merge("developer", scene.deployments("web"), {{"spec", patch}});
  };
  const auto change = [&](const char* image) {
    return scene.merge("developer", scene.deployments("web"), scene.deployment("web", image, 0));
  };
  scene.running_deployment("web", "web:1");
  must(change("web:2"));
  scene.approve("lead", scene.open_request("web").metadata.name);
  REQUIRE(eventually([&] { return scene.images_of_sets(false) == Images{"web:1", "web:2"}; }));
  must(spec({{"paused", true}}));
  // While the old template is held, the controller takes the approved one's ReplicaSet for an old.
  must(change("web:1"));
  must(spec({{"revisionHistoryLimit", 0}}));
  REQUIRE(eventually([&] { return scene.images_of_sets(false) == Images{"web:1"}; }));
  const Json back = must(change("web:2"));
  REQUIRE(held_mark(back).empty());
  REQUIRE(is_paused(back));

  auto scale = scene.deployments("web");
  scale.subresource = "scale";
  for (const auto& refused :
       {spec({{"replicas", 5}}), scene.merge("developer", scale, {{"spec", {{"replicas", 5}}}})}) {
    REQUIRE_FALSE(refused.ok());
    CHECK_MESSAGE(
        refused.error().message.find("could run another of its revisions") != std::string::npos,
        refused.error().message);
  }
  must(spec({{"paused", false}, {"replicas", 5}}));
  CHECK(eventually([&] { return scene.images_of_sets(true) == Images{"web:2"}; }));
}

TEST_CASE(
    "B1, B7: a Deployment is not paused before its controller has seen that it was scaled from 0") {
  const Scene scene;
  roll_back(scene);
  REQUIRE(cluster_command("stop", {"controller-manager", "--kill"}).ok());
  must(scene.merge("developer", scene.deployments("web"), {{"spec", {{"replicas", 3}}}}));
  // By its user, or by the hold of a change.
  for (const Json& pause :
       {Json{{"spec", {{"paused", true}}}}, scene.deployment("web", "web:3", 3)}) {
    const auto refused = scene.merge("developer", scene.deployments("web"), pause);
    CHECK_FALSE(refused.ok());
    if (!refused.ok())
      CHECK_MESSAGE(refused.error().message.find("until its rollout is done") != std::string::npos,
                    refused.error().message);
  }
  REQUIRE(cluster_command("start", {"controller-manager"}).ok());
  REQUIRE(eventually([&] { return scene.images_of_sets(true) == Images{"web:1"}; }));
  const Json held =
      must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:3", 3)));
  CHECK(is_paused(held));
  CHECK(scene.images_of_sets(true) == Images{"web:1"});
}

TEST_CASE(
    "B1, B7: nothing is held while Recreate waits for old pods: an older revision would run") {
  const Scene scene(guarding());
  const auto pods = [&] {
    return must(client_as("admin").list(path_of("v1", "pods", scene.ns()), {}, soon())).items;
  };
  const auto keep = [&](const Json& finalizers) {
    for (const Json& pod : pods()) {
      const auto path = path_of("v1", "pods", scene.ns(), string_at(pod, {"metadata", "name"}));
      (void)scene.merge("admin", path, {{"metadata", {{"finalizers", finalizers}}}});
    }
  };
  scene.running_deployment("web", "web:1");
  REQUIRE(eventually([&] { return !pods().empty(); }));
  keep(Json::array({"example.com/stays"}));
  must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:2")));
  scene.approve("lead", scene.open_request("web").metadata.name);
  REQUIRE(eventually([&] { return scene.images_of_sets(true).contains("web:2"); }));
  const auto spec = [&](const Json& patch) {
    must(scene.merge("developer", scene.deployments("web"), {{"spec", patch}}));
  };
  spec({{"replicas", 0}});
  REQUIRE(eventually([&] { return scene.images_of_sets(true).empty(); }));
  spec({{"replicas", 3}, {"strategy", {{"type", "Recreate"}, {"rollingUpdate", nullptr}}}});
  scene.settle("web");
  REQUIRE(scene.images_of_sets(true).empty());

  const auto change = [&] {
    return scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:1", 3));
  };
  const auto refused = change();
  CHECK_FALSE(refused.ok());
  if (!refused.ok())
    CHECK_MESSAGE(refused.error().message.find("until its rollout is done") != std::string::npos,
                  refused.error().message);
  CHECK_FALSE(eventually([&] { return !scene.images_of_sets(true).empty(); }, Duration(2'000)));
  keep(nullptr);
  REQUIRE(eventually([&] { return scene.images_of_sets(true) == Images{"web:2"}; }));
  CHECK(is_paused(must(change())));
  CHECK(scene.images_of_sets(true) == Images{"web:2"});
}

TEST_CASE("B1, B7: a change together with a scale from 0 runs once it is approved") {
  const Scene scene;
  roll_back(scene);
  const auto change = [&] {
    return scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:3", 3));
  };
  const auto refused = change();
  REQUIRE_FALSE(refused.ok());
  CHECK_MESSAGE(refused.error().message.find("waits for approval") != std::string::npos,
                refused.error().message);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  scene.approve("lead", scene.open_request("web").metadata.name);
  CHECK(eventually([&] { return change().ok(); }));
  CHECK(eventually([&] { return scene.images_of_sets(true) == Images{"web:3"}; }));
}

TEST_CASE("B8: what waits adopts no ReplicaSet that is left behind after it was asked for") {
  const Scene scene(guarding());
  roll_back(scene);
  REQUIRE(is_paused(
      must(scene.create("developer", scene.deployments(), scene.deployment("heir", "web:4", 3)))));
  leave_behind(scene, "web");
  CHECK_FALSE(eventually(
      [&] { return owners_of_sets(scene).contains("heir") || !scene.images_of_sets(true).empty(); },
      Duration(2'000)));
  scene.approve("lead", scene.open_request("heir").metadata.name);
  CHECK(eventually([&] { return owners_of_sets(scene) == Names{"heir"}; }));
  CHECK(eventually([&] { return scene.images_of_sets(true) == Images{"web:4"}; }));
}

TEST_CASE("B8: a Deployment over ReplicaSets that were left behind is refused, not held") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  REQUIRE(eventually([&] { return owners_of_sets(scene) == Names{"web"}; }));
  leave_behind(scene, "web");
  const auto again =
      scene.create("developer", scene.deployments(), scene.deployment("web", "web:2"));
  REQUIRE_FALSE(again.ok());
  scene.approve("lead", scene.open_request("web").metadata.name);
  // Paused, it would run web:1 also now.
  Json paused = scene.deployment("web", "web:2");
  paused["spec"]["paused"] = true;
  const auto kept = scene.create("developer", scene.deployments(), paused);
  REQUIRE_FALSE(kept.ok());
  CHECK_MESSAGE(kept.error().message.find("left behind") != std::string::npos,
                kept.error().message);
  CHECK(eventually([&] {
    return scene.create("developer", scene.deployments(), scene.deployment("web", "web:2")).ok();
  }));
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("B8: over what was left behind, one whose name is generated is asked for by that") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  REQUIRE(eventually([&] { return owners_of_sets(scene) == Names{"web"}; }));
  leave_behind(scene, "web");
  Json any = scene.deployment("", "web:2");
  any["metadata"] = {{"generateName", "any-"}, {"namespace", scene.ns()}};
  REQUIRE_FALSE(scene.create("developer", scene.deployments(), any).ok());
  scene.approve("lead", scene.open_request("any-").metadata.name);
  CHECK(eventually([&] { return scene.create("developer", scene.deployments(), any).ok(); }));
}

TEST_CASE("deleting a namespace asks where the policy gates deletions, and takes all in it along") {
  const Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")));

  const auto space = path_of("v1", "namespaces", "", scene.ns());
  const auto refused = client_as("admin").remove(space, "", soon());
  REQUIRE_FALSE(refused.ok());
  const std::string& message = refused.error().message;
  CHECK(message.find(" was not deleted: it waits for approval as ") != std::string::npos);
  CHECK(message.find("then delete it again\n") != std::string::npos);

  const auto in_place = path_of(kApiVersion, "approvalrequests", "holdpoint-approvals");
  std::string name;
  for (const Json& item : must(client_as("admin").list(in_place, {}, soon())).items) {
    const auto request = must(decode<ApprovalRequest>(item));
    if (request.spec.target.name != scene.ns()) continue;
    name = request.metadata.name;
    CHECK(request.spec.operation == Operation::Delete);
    CHECK(request.spec.summary.front().find("the namespace is deleted") == 0);
  }
  REQUIRE_FALSE(name.empty());
  must(client_as("lead").create(
      path_of(kApiVersion, "approvals", "holdpoint-approvals"),
      {{"apiVersion", kApiVersion},
       {"kind", "Approval"},
       {"metadata", {{"generateName", "by-lead-"}}},
       {"spec", {{"request", {{"name", name}}}, {"decision", "Approve"}, {"reason", "it moved"}}}},
      {}, soon()));
  must(client_as("admin").remove(space, "", soon()));
  // Nobody is asked about what goes with it.
  CHECK(eventually([&] {
    const auto gone = client_as("admin").get(space, soon());
    return !gone.ok() && gone.error().kind == ErrorKind::NotFound;
  }));
  CHECK(eventually([&] {
    const auto request = decode<ApprovalRequest>(must(client_as("admin").get(
        path_of(kApiVersion, "approvalrequests", "holdpoint-approvals", name), soon())));
    return request.ok() && request->status.phase == RequestPhase::Released;
  }));
}

}  // namespace
}  // namespace holdpoint::cluster
