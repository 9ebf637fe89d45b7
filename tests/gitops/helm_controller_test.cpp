// Flux's helm-controller brings a Deployment, a ConfigMap and a migration Job, plain and as a hook,
// through the gate: the real controller, which nobody touches.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/gitops/support/flux.hpp"

namespace holdpoint::cluster {
namespace {

constexpr Duration kSoonAfterApproval(5'000);

Json hook(Json job, const char* when = "pre-install,pre-upgrade") {
  job["metadata"]["annotations"] = {{"helm.sh/hook", when},
                                    {"helm.sh/hook-delete-policy", "before-hook-creation"}};
  return job;
}

Json now_at(const kube::ResourcePath& path) {
  auto found = client_as("admin").get(path, soon());
  return found.ok() ? std::move(found).value() : Json();
}

int succeeded(const Json& job) {
  const Json* count = member_at(job, {"status", "succeeded"});
  return count == nullptr ? 0 : count->get<int>();
}

struct Row {
  std::string name;
  Json object;
  kube::ResourcePath path;
};

// Refused until approved.
std::vector<Row> refused(const Scene& scene, const char* version = "1") {
  return {{"web", scene.deployment("web", std::string("web:") + version), scene.deployments("web")},
          {"settings", scene.config_map("settings", version), scene.config_maps("settings")}};
}

// In progress until approved.
std::vector<Row> gated(const Scene& scene) {
  return {{"migrate", scene.job("migrate"), scene.jobs("migrate")},
          {"prepare", hook(scene.job("prepare")), scene.jobs("prepare")}};
}

void install(const Flux& flux, const std::vector<Row>& rows, const char* version = "1.0.0",
             const Json& spec = Json::object()) {
  for (const Row& row : rows) {
    flux.release(row.name, version, {row.object});
    flux.install(row.name, spec);
  }
}

void install_all(const Scene& scene, const Flux& flux, const Json& spec = Json::object()) {
  install(flux, refused(scene), "1.0.0", spec);
  for (const Row& row : refused(scene)) {
    const std::string name = scene.open_request(row.name).metadata.name;
    flux.await_words(flux.helm_releases(row.name), name);
    scene.approve("lead", name);
  }
  for (const Row& row : refused(scene)) flux.await_ready(flux.helm_releases(row.name), "1.0.0");
}

TEST_CASE("what a HelmRelease brings waits, and goes through once approved, untouched by hands") {
  const Scene scene;
  const Flux flux(scene);
  install(flux, refused(scene));
  install(flux, gated(scene));
  for (const Row& row : refused(scene)) {
    CAPTURE(row.name);
    const kube::ResourcePath path = flux.helm_releases(row.name);
    const ApprovalRequest request = scene.open_request(row.name);
    const std::string name = request.metadata.name;
    CHECK(request.spec.hold == RequestHold::Deny);
    CHECK(request.spec.requester.username == "system:serviceaccount:flux-system:helm-controller");
    CHECK(request.spec.change_set == "flux/" + scene.ns() + "/" + row.name);
    const Shown waits = flux.await_words(path, "it waits for approval as " + name);
    CHECK(waits.status == "False");
    MESSAGE(waits.text());
    const auto started = std::chrono::steady_clock::now();
    scene.approve("lead", name);
    CHECK(eventually([&] { return !now_at(row.path).is_null(); }));
    const auto took =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - started);
    MESSAGE(row.name << " stored " << took.count() << " ms after its approval");
    CHECK(took < kSoonAfterApproval);
    flux.await_ready(path, "1.0.0");
    scene.await_phase(name, RequestPhase::Released);
    CHECK(scene.requests_for(row.name).size() == 1);
    CHECK(records_of(name, "Retriggered").size() == 1);
    const Json release = scene.get(path);
    const std::string at = scene.request(name).status.approved_at;
    CHECK(string_at(release, {"metadata", "annotations", "reconcile.fluxcd.io/requestedAt"}) == at);
    CHECK(string_at(release, {"metadata", "annotations", "reconcile.fluxcd.io/resetAt"}) == at);
  }
  for (const Row& row : gated(scene)) {
    CAPTURE(row.name);
    const ApprovalRequest request = scene.open_request(row.name);
    CHECK(request.spec.hold == RequestHold::Gate);
    CHECK_FALSE(flux.shown(flux.helm_releases(row.name)).ready());
    MESSAGE(flux.shown(flux.helm_releases(row.name)).text());
    CHECK(succeeded(now_at(row.path)) == 0);
    scene.approve("lead", request.metadata.name);
    flux.await_ready(flux.helm_releases(row.name), "1.0.0");
    CHECK(succeeded(now_at(row.path)) == 1);
    CHECK(records_of(request.metadata.name, "Retriggered").empty());
  }
}

TEST_CASE(
    "an upgrade of a HelmRelease is held, and no live object is deleted for it, forced or not") {
  const Scene scene;
  const Flux flux(scene);
  install_all(scene, flux, {{"upgrade", {{"force", true}}}});
  std::vector<Json> before;
  for (const Row& row : refused(scene, "2")) {
    before.push_back(now_at(row.path));
    flux.release(row.name, "2.0.0", {row.object});
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Row row = refused(scene, "2")[i];
    CAPTURE(row.name);
    const std::string name = scene.open_request(row.name).metadata.name;
    flux.await_words(flux.helm_releases(row.name), name);
    CHECK(string_at(now_at(row.path), {"metadata", "uid"}) ==
          string_at(before[i], {"metadata", "uid"}));
    scene.approve("lead", name);
    flux.await_ready(flux.helm_releases(row.name), "2.0.0");
    scene.await_phase(name, RequestPhase::Released);
    CHECK(string_at(now_at(row.path), {"metadata", "uid"}) ==
          string_at(before[i], {"metadata", "uid"}));
  }
}

TEST_CASE("a denied hook fails its release, and nothing of the new version runs") {
  const Scene scene;
  const Flux flux(scene);
  flux.release("app", "1.0.0",
               {hook(scene.job("prepare")), Json{{"apiVersion", "v1"},
                                                 {"kind", "ServiceAccount"},
                                                 {"metadata", {{"name", "after-the-hook"}}}}});
  flux.install("app");
  const std::string name = scene.open_request("prepare").metadata.name;
  must(scene.decide("lead", name, "Deny", "not during the sale"));
  const kube::ResourcePath path = flux.helm_releases("app");
  REQUIRE(eventually([&] { return flux.shown(path).status == "False"; }, Duration(60'000)));
  MESSAGE(flux.shown(path).text());
  const auto told = flux.events(path, "Denied");
  REQUIRE(told.size() == 1);
  CHECK(told.front().find("not during the sale") != std::string::npos);
  CHECK(succeeded(now_at(scene.jobs("prepare"))) == 0);
  CHECK(now_at(path_of("v1", "serviceaccounts", scene.ns(), "after-the-hook")).is_null());
}

TEST_CASE("a HelmRelease that has given up is told of a denial by Events alone, and runs nothing") {
  const Scene scene;
  const Flux flux(scene);
  install(flux, refused(scene));
  for (const Row& row : refused(scene)) {
    CAPTURE(row.name);
    const kube::ResourcePath path = flux.helm_releases(row.name);
    const std::string name = scene.open_request(row.name).metadata.name;
    flux.await_words(path, name);
    must(scene.decide("lead", name, "Deny", "not during the sale"));
    const auto told = flux.events(path, "Denied");
    REQUIRE(told.size() == 1);
    CHECK(told.front().find("not during the sale") != std::string::npos);
    CHECK(records_of(name, "Retriggered").empty());
    CHECK(now_at(row.path).is_null());
  }
}

TEST_CASE("a denied Deployment of a HelmRelease is not stored, however often it is tried") {
  const Scene scene;
  const Flux flux(scene);
  // What failed as an installation is tried again as an upgrade.
  const Json tries{{"strategy", {{"name", "RetryOnFailure"}, {"retryInterval", "2s"}}}};
  install(flux, refused(scene), "1.0.0", {{"install", tries}, {"upgrade", tries}});
  for (const Row& row : refused(scene)) {
    CAPTURE(row.name);
    const std::string name = scene.open_request(row.name).metadata.name;
    must(scene.decide("lead", name, "Deny", "not during the sale"));
    const Shown shown = flux.await_words(flux.helm_releases(row.name), "not during the sale");
    MESSAGE(shown.text());
    CHECK(scene.requests_for(row.name).size() == 1);
    CHECK(now_at(row.path).is_null());
  }
}

TEST_CASE("a hook of a HelmRelease that nobody decides in time fails with its release") {
  PolicyShape shape;
  shape.spec_patch = {{"expiry", {{"pending", "4s"}}}};
  const Scene scene(shape);
  const Flux flux(scene);
  install(flux, {gated(scene)[1]});
  const kube::ResourcePath path = flux.helm_releases("prepare");
  REQUIRE(eventually([&] { return flux.shown(path).status == "False"; }, Duration(60'000)));
  MESSAGE(flux.shown(path).text());
  REQUIRE(scene.requests_for("prepare").size() == 1);
  CHECK(scene.requests_for("prepare").front().status.phase == RequestPhase::Expired);
  CHECK(flux.events(path, "Expired").size() == 1);
  CHECK(succeeded(now_at(scene.jobs("prepare"))) == 0);
}

TEST_CASE("a release with a migration and a Deployment passes once all that it asks is approved") {
  const Scene scene;
  const Flux flux(scene);
  flux.release("app", "1.0.0", {hook(scene.job("migrate")), scene.deployment("web")});
  flux.install("app");
  const kube::ResourcePath path = flux.helm_releases("app");
  std::set<std::string> approved;
  CHECK(eventually(
      [&] {
        for (const char* name : {"migrate", "web"})
          for (const ApprovalRequest& request : scene.requests_for(name))
            if (approved.insert(request.metadata.name).second)
              scene.approve("lead", request.metadata.name);
        return flux.shown(path).ready();
      },
      Duration(90'000)));
  // The Deployment is asked for once. Helm runs its hooks each time that it tries, and a second run
  // asks again.
  CHECK(scene.requests_for("web").size() == 1);
  CHECK(scene.requests_for("migrate").size() == 2);
}

}  // namespace
}  // namespace holdpoint::cluster
