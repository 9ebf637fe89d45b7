// Argo CD deploys what a policy gates: held, approved, gone through, with nobody touching Argo CD;
// and what it shows when the answer is no.
#include <doctest/doctest.h>

#include <chrono>

#include "crds/codec.hpp"
#include "tests/argocd/application.hpp"

namespace holdpoint::cluster {
namespace {

using Clock = std::chrono::steady_clock;

Duration since(Clock::time_point then) {
  return std::chrono::duration_cast<Duration>(Clock::now() - then);
}

Json hook(Json job, const char* annotation, const char* when) {
  job["metadata"]["annotations"][annotation] = when;
  return job;
}

Json wave(Json object, const char* number) {
  object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = number;
  return object;
}

bool exists(const kube::ResourcePath& path) { return client_as("admin").get(path, soon()).ok(); }

std::string uid_of(const Json& object) { return string_at(object, {"metadata", "uid"}); }

std::vector<Json> pods_of(const Scene& scene, const std::string& job) {
  const auto list = must(
      client_as("admin").list(path_of("v1", "pods", scene.ns()),
                              {{"labelSelector", "batch.kubernetes.io/job-name=" + job}}, soon()));
  return {list.items.begin(), list.items.end()};
}

bool is_gated(const Json& pod) {
  const Json* gates = member_at(pod, {"spec", "schedulingGates"});
  return gates != nullptr && !gates->empty();
}

// What a node would do, as soon as the pod may run.
void run_to_end(const Scene& scene, const std::string& job) {
  REQUIRE(eventually([&] {
    const auto pods = pods_of(scene, job);
    return !pods.empty() && !is_gated(pods.front());
  }));
  kube::ResourcePath status = path_of("v1", "pods", scene.ns(),
                                      string_at(pods_of(scene, job).front(), {"metadata", "name"}));
  status.subresource = "status";
  must(client_as("admin").patch(status, kube::PatchType::Merge,
                                {{"status", {{"phase", "Succeeded"}}}}, {}, soon()));
}

std::size_t records(const std::string& fact, const std::string& request) {
  std::size_t found = 0;
  const auto list = must(client_as("admin").list(
      path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
  for (const Json& record : list.items)
    if (string_at(record, {"spec", "fact"}) == fact &&
        string_at(record, {"spec", "subject", "request"}) == request)
      ++found;
  return found;
}

// Deployed, approved and released: what runs before the change that a test is about.
std::string deployed(const Scene& scene, const Application& application, const Manifests& all) {
  const std::string commit = application.commit(all);
  for (const auto& [file, object] : all) {
    const std::string name = string_at(object, {"metadata", "name"});
    const ApprovalRequest request = scene.open_request(name);
    scene.approve("lead", request.metadata.name);
    scene.await_phase(request.metadata.name, RequestPhase::Released);
  }
  application.await("Succeeded", commit);
  return commit;
}

TEST_CASE(
    "a Deployment that Argo CD brings is stored held and shown Suspended, until it is approved") {
  const Scene scene;
  Application::Shape shape;
  SUBCASE("by client-side apply") {}
  SUBCASE("by server-side apply and diff") {
    shape.options = {"ServerSideApply=true"};
    shape.annotations = {{"argocd.argoproj.io/compare-options", "ServerSideDiff=true"}};
  }
  const Application application(scene, shape);
  const std::string commit = application.commit({{"web", scene.deployment("web", "web:1")}});
  const ApprovalRequest request = scene.open_request("web");
  CHECK(request.spec.hold == RequestHold::Suspend);
  CHECK(request.spec.change_set == "argocd/" + application.name());
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->kind == OriginKind::Application);
  CHECK(request.spec.origin->revision == commit);
  CHECK(request.spec.requester.username ==
        "system:serviceaccount:argocd:argocd-application-controller");
  application.await("Succeeded", commit);
  CHECK(eventually([&] { return application.health() == "Suspended"; }));
  CHECK(string_at(application.get(), {"status", "sync", "status"}) == "Synced");

  // It heals itself: what it finds paused is as it wants it, and looking again changes nothing.
  application.refresh();
  application.sync();
  REQUIRE(eventually([&] { return application.phase() == "Succeeded"; }));
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  CHECK(scene.requests_for("web").size() == 1);

  scene.approve("lead", request.metadata.name);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  CHECK(eventually([&] { return application.health() == "Progressing"; }));
  CHECK(string_at(application.get(), {"status", "sync", "status"}) == "Synced");
  CHECK(application.conditions() == "");

  // The next version waits while this one runs.
  const std::string uid = uid_of(scene.get(scene.deployments("web")));
  const std::string next = application.commit({{"web", scene.deployment("web", "web:2")}});
  const ApprovalRequest change = scene.open_request("web");
  application.await("Succeeded", next);
  CHECK(eventually([&] { return application.health() == "Suspended"; }));
  scene.approve("lead", change.metadata.name);
  scene.await_phase(change.metadata.name, RequestPhase::Released);
  CHECK(uid_of(scene.get(scene.deployments("web"))) == uid);
}

TEST_CASE("a ConfigMap is refused, and Argo CD syncs again within 2 s of its approval, once") {
  const Scene scene;
  Application::Shape shape;
  SUBCASE("where it has given up") {}
  SUBCASE("where it waits for its next try") {
    shape.retry = {{"limit", 3}, {"backoff", {{"duration", "30m"}, {"maxDuration", "1h"}}}};
  }
  SUBCASE("with its sync options, in a namespace of the team's") {
    shape.options = {"ServerSideApply=true"};
    shape.ns = scene.ns();
    must(client_as("admin").patch(
        path_of("argoproj.io/v1alpha1", "appprojects", "argocd", "default"), kube::PatchType::Merge,
        {{"spec", {{"sourceNamespaces", {"scene-*"}}}}}, {}, soon()));
  }
  const bool gives_up = shape.retry["limit"] == 0;
  const Application application(scene, shape);
  const std::string commit = application.commit({{"settings", scene.config_map("settings", "1")}});
  const ApprovalRequest request = scene.open_request("settings");
  CHECK(request.spec.hold == RequestHold::Deny);
  REQUIRE(eventually([&] {
    return application.result_of("ConfigMap", "settings").status == "SyncFailed" &&
           !string_at(application.get(), {"status", "operationState", "finishedAt"}).empty();
  }));
  CHECK(application.phase() == (gives_up ? "Failed" : "Running"));
  // What people see, our words and the command in it.
  const std::string words = application.result_of("ConfigMap", "settings").message;
  CHECK(words.find("it waits for approval as " + request.metadata.name) != std::string::npos);
  CHECK(words.find("kubectl holdpoint approve " + request.metadata.name) != std::string::npos);
  CHECK_FALSE(exists(scene.config_maps("settings")));

  const auto approved = Clock::now();
  scene.approve("lead", request.metadata.name);
  REQUIRE(eventually([&] { return exists(scene.config_maps("settings")); }));
  const Duration took = since(approved);
  MESSAGE("stored " << took.count() << " ms after the approval");
  CHECK(took < Duration(5'000));  // the sync itself included
  application.await("Succeeded", commit);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  CHECK(records("Retriggered", request.metadata.name) == 1);
  if (gives_up) {
    // It may heal itself right after, which is another sync.
    const Json status = application.get()["status"];
    const Json history = status.value("history", Json::array());
    REQUIRE_FALSE(history.empty());
    const Json& first = history.front();
    CAPTURE(dump_json(first));
    CHECK(string_at(first, {"initiatedBy", "username"}) == "holdpoint");
    const auto began = parse_rfc3339(string_at(first, {"deployStartedAt"}));
    const auto allowed = parse_rfc3339(scene.request(request.metadata.name).status.approved_at);
    REQUIRE((began.ok() && allowed.ok()));
    CHECK(*began - *allowed <= Duration(2'000));
    CHECK(status["operationState"]["operation"]["sync"].value("syncOptions", Json::array()) ==
          Json(shape.options));
  }
  CHECK(scene.requests_for("settings").size() == 1);
}

TEST_CASE("the operator's account has Argo CD repeat what failed, and nothing else") {
  const Scene scene;
  const Application application(scene);
  application.commit({{"settings", scene.config_map("settings", "1")}});
  REQUIRE(eventually([&] { return application.phase() == "Failed"; }));
  const auto& account = as_service_account("holdpoint-system", "holdpoint-operator");
  const Json sync = application.get()["status"]["operationState"]["operation"]["sync"];
  const auto attempt = [&](const Json& patch) {
    return account.patch(application.path(), kube::PatchType::Merge, patch, {}, soon());
  };
  const auto started = [&](const Json& changes) {
    Json other = sync;
    other.merge_patch(changes);
    return attempt({{"operation", {{"sync", other}}}});
  };
  for (const auto& refused :
       {attempt({{"spec", {{"source", {{"path", "evil"}}}}}}),
        attempt({{"status",
                  {{"operationState",
                    {{"operation", {{"sync", {{"source", {{"path", "evil"}}}}}}}}}}}}),
        attempt({{"status", {{"operationState", {{"phase", "Succeeded"}}}}}}),
        started({{"revision", "0123456789012345678901234567890123456789"}}),
        started({{"source", {{"path", "evil"}}}}), started({{"manifests", {"{}"}}}),
        started({{"resources", Json::array({{{"kind", "ConfigMap"}, {"name", "x"}}})}}),
        started({{"syncOptions", {"Replace=true"}}}),
        started({{"syncStrategy", {{"apply", {{"force", true}}}}}}), started({{"prune", false}})}) {
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("Holdpoint's operator may") != std::string::npos);
  }
  CHECK_FALSE(attempt({{"status", {{"operationState", nullptr}}}}).ok());
  CHECK(started(Json::object()).ok());

  // What succeeded is no reason for another, whatever is done to its state.
  const Application done(scene);
  deployed(scene, done, {{"web", scene.deployment("web")}});
  REQUIRE(eventually([&] { return done.phase() == "Succeeded"; }));
  const Json last = done.get()["status"]["operationState"]["operation"]["sync"];
  for (const Json& state : {Json{{"operationState", nullptr}}, Json::object()}) {
    const auto refused =
        account.patch(done.path(), kube::PatchType::Merge,
                      {{"operation", {{"sync", last}}}, {"status", state}}, {}, soon());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("Holdpoint's operator may") != std::string::npos);
  }
}

TEST_CASE("a hook Job waits by its pods while the sync runs, and the rest comes after it has run") {
  const Scene scene;
  const Application application(scene);
  Json job = scene.job("migrate");
  SUBCASE("of Argo CD's") { job = hook(job, "argocd.argoproj.io/hook", "PreSync"); }
  SUBCASE("of a chart's") { job = hook(job, "helm.sh/hook", "pre-install,pre-upgrade"); }
  const std::string commit =
      application.commit({{"migrate", job}, {"web", scene.deployment("web")}});
  const ApprovalRequest request = scene.open_request("migrate");
  CHECK(request.spec.hold == RequestHold::Gate);
  CHECK(request.spec.change_set == "argocd/" + application.name());
  REQUIRE(eventually([&] { return !pods_of(scene, "migrate").empty(); }));
  CHECK(is_gated(pods_of(scene, "migrate").front()));
  REQUIRE(eventually([&] { return application.result_of("Job", "migrate").status == "Running"; }));
  CHECK(application.message().find("waiting for completion of hook") != std::string::npos);
  CHECK(application.phase() == "Running");

  scene.approve("lead", request.metadata.name);
  scene.await_phase(request.metadata.name, RequestPhase::Released);
  REQUIRE(eventually([&] {
    return !pods_of(scene, "migrate").empty() && !is_gated(pods_of(scene, "migrate").front());
  }));
  // Approved is not done: nothing else comes before it has run.
  CHECK_FALSE(eventually([&] { return exists(scene.deployments("web")); }, Duration(3'000)));
  CHECK(application.phase() == "Running");
  run_to_end(scene, "migrate");
  REQUIRE(eventually([&] { return exists(scene.deployments("web")); }));
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  application.await("Succeeded", commit);
}

TEST_CASE("what was refused after a hook had run is tried again, from the start") {
  const Scene scene;
  const Application application(scene);
  const std::string commit = application.commit(
      {{"migrate", hook(scene.job("migrate"), "argocd.argoproj.io/hook", "PreSync")},
       {"settings", scene.config_map("settings", "1")},
       {"web", scene.deployment("web")}});
  const auto approve = [&](const std::string& target) {
    const std::string request = scene.open_request(target).metadata.name;
    scene.approve("lead", request);
    return request;
  };
  approve("migrate");
  run_to_end(scene, "migrate");
  application.await("Failed", commit);
  const std::string request = approve("settings");
  scene.await_phase(request, RequestPhase::Approved);
  // The hook belongs to each sync, and asks again.
  const ApprovalRequest second = scene.open_request("migrate");
  CHECK_FALSE(exists(scene.config_maps("settings")));
  scene.approve("lead", second.metadata.name);
  run_to_end(scene, "migrate");
  REQUIRE(eventually([&] { return exists(scene.config_maps("settings")); }));
  scene.await_phase(request, RequestPhase::Released);
  CHECK(records("Retriggered", request) == 1);
}

TEST_CASE(
    "a denied hook Job fails the sync with the words of who denied it, and nothing else is "
    "touched") {
  const Scene scene;
  const Application application(scene);
  deployed(scene, application, {{"web", scene.deployment("web", "web:1")}});
  const Json before = scene.get(scene.deployments("web"));
  const std::string commit = application.commit(
      {{"migrate", hook(scene.job("migrate"), "argocd.argoproj.io/hook", "PreSync")},
       {"web", scene.deployment("web", "web:2")}});
  const std::string request = scene.open_request("migrate").metadata.name;
  must(scene.decide("lead", request, "Deny", "not during the sale"));
  application.await("Failed", commit);
  CHECK(application.result_of("Job", "migrate").status == "Failed");
  CHECK(application.result_of("Job", "migrate").message.find("not during the sale") !=
        std::string::npos);
  const Json after = scene.get(scene.deployments("web"));
  CHECK(after["spec"] == before["spec"]);
  CHECK(uid_of(after) == uid_of(before));
}

TEST_CASE("an expired hook Job fails the sync, and says so") {
  PolicyShape policy;
  policy.spec_patch = {{"expiry", {{"pending", "5s"}}}};
  const Scene scene(policy);
  const Application application(scene);
  // Of hooks alone nothing is ever out of sync.
  const std::string commit = application.commit(
      {{"migrate", hook(scene.job("migrate"), "argocd.argoproj.io/hook", "PreSync")},
       {"web", scene.deployment("web")}});
  application.await("Failed", commit);
  CHECK(application.result_of("Job", "migrate").message.find("holdpoint: ") != std::string::npos);
}

TEST_CASE(
    "a denied ConfigMap fails the sync, soon with the words of who denied it; what is live stays") {
  const Scene scene;
  Application::Shape shape;
  SUBCASE("by apply") {}
  SUBCASE("by server-side apply") { shape.options = {"ServerSideApply=true"}; }
  SUBCASE("with Force") { shape.options = {"Force=true"}; }
  SUBCASE("with Replace") { shape.options = {"Replace=true"}; }
  SUBCASE("with Replace and Force, which deletes first") {
    shape.options = {"Replace=true", "Force=true"};
  }
  const Application application(scene, shape);
  deployed(scene, application, {{"settings", scene.config_map("settings", "1")}});
  const Json before = scene.get(scene.config_maps("settings"));
  const std::string commit = application.commit({{"settings", scene.config_map("settings", "2")}});
  const std::string request = scene.open_request("settings").metadata.name;
  application.await("Failed", commit);
  must(scene.decide("lead", request, "Deny", "not during the sale"));
  scene.await_phase(request, RequestPhase::Denied);
  REQUIRE(eventually([&] {
    return application.result_of("ConfigMap", "settings").message.find("not during the sale") !=
           std::string::npos;
  }));
  application.await("Failed", commit);
  const Json after = scene.get(scene.config_maps("settings"));
  CHECK(uid_of(after) == uid_of(before));
  CHECK(after["data"] == before["data"]);
  CHECK(scene.requests_for("settings").size() == 2);
}

TEST_CASE(
    "no dry run of Argo CD's is refused: what waits is shown as a difference, never as an error") {
  const Scene scene;
  Application::Shape shape;
  shape.options = {"ServerSideApply=true"};
  shape.annotations = {{"argocd.argoproj.io/compare-options", "ServerSideDiff=true"}};
  const Application application(scene, shape);
  deployed(scene, application, {{"settings", scene.config_map("settings", "1")}});
  const std::string commit = application.commit({{"settings", scene.config_map("settings", "2")}});
  application.await("Failed", commit);
  application.refresh();
  REQUIRE(eventually([&] {
    return string_at(application.get(), {"status", "sync", "status"}) == "OutOfSync" &&
           string_at(application.get(), {"metadata", "annotations", "argocd.argoproj.io/refresh"})
               .empty();
  }));
  CHECK(application.conditions().find("ComparisonError") == std::string::npos);
}

TEST_CASE(
    "all of one sync is one set, decided in one go: migration, settings, then what uses them") {
  const Scene scene;
  const Application application(scene);
  const std::string commit = application.commit({{"migrate", wave(scene.job("migrate"), "-1")},
                                                 {"one", scene.config_map("one", "1")},
                                                 {"two", scene.config_map("two", "2")},
                                                 {"web", wave(scene.deployment("web"), "1")}});
  const std::string set = "argocd/" + application.name();
  const auto approve_all = [&] {
    const Output approved = as("lead").kubectl(
        {"holdpoint", "approve", "--change-set", set, "-n", scene.ns(), "--reason", "release 7"});
    CAPTURE(approved.text());
    REQUIRE(approved.ok());
  };
  CHECK(scene.open_request("migrate").spec.hold == RequestHold::Gate);
  CHECK(scene.requests_for("one").empty());
  approve_all();
  run_to_end(scene, "migrate");

  application.await("Failed", commit);
  CHECK(scene.open_request("one").spec.change_set == set);
  CHECK(scene.open_request("two").spec.change_set == set);
  CHECK(scene.requests_for("web").empty());
  approve_all();
  REQUIRE(eventually(
      [&] { return exists(scene.config_maps("one")) && exists(scene.config_maps("two")); }));
  const std::string web = scene.open_request("web").metadata.name;
  CHECK(scene.requests_for("migrate").size() == 1);  // it ran, and does not run again
  application.await("Succeeded", commit);
  approve_all();
  scene.await_phase(web, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("an Argo CD that tracks by label is known by that") {
  const kube::ResourcePath settings = path_of("v1", "configmaps", "argocd", "argocd-cm");
  const auto track = [&](const Json& how) {
    must(client_as("admin").patch(settings, kube::PatchType::Merge,
                                  {{"data", {{"application.resourceTrackingMethod", how}}}}, {},
                                  soon()));
  };
  const Scene scene;
  Application::Shape shape;
  shape.options = {"ServerSideApply=true"};
  track("label");
  const Application application(scene, shape);
  application.commit({{"settings", scene.config_map("settings", "1")}});
  const ApprovalRequest request = scene.open_request("settings");
  track(nullptr);
  CHECK(request.spec.client == "argocd-controller");
  CHECK(request.spec.change_set == "argocd/" + application.name());
  scene.approve("lead", request.metadata.name);
  CHECK(eventually([&] { return exists(scene.config_maps("settings")); }));
}

}  // namespace
}  // namespace holdpoint::cluster
