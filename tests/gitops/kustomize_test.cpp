// Flux's kustomize-controller brings a Deployment, a migration Job and a ConfigMap through the
// gate: the real controller, which nobody touches.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/gitops/support/flux.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kFirst = "1111111111111111111111111111111111111111";
constexpr const char* kSecond = "2222222222222222222222222222222222222222";
// Promised are 2 s after an approval; a machine that compiles meanwhile gets more.
constexpr Duration kSoonAfterApproval(5'000);

// The Kustomizations of a test: one for each object, so that each waits for itself alone.
struct Row {
  std::string name;
  Json first;
  Json second;
  kube::ResourcePath path;
};
std::vector<Row> rows(const Scene& scene) {
  return {
      {"web", scene.deployment("web"), scene.deployment("web", "web:2"), scene.deployments("web")},
      {"settings", scene.config_map("settings", "1"), scene.config_map("settings", "2"),
       scene.config_maps("settings")}};
}

std::string uid(const Json& object) { return string_at(object, {"metadata", "uid"}); }

// What of an object a change touches.
Json content(const Json& object) {
  const Json* spec = member_at(object, {"spec", "template"});
  return spec != nullptr ? *spec : *member_at(object, {"data"});
}

// As first committed, approved and applied by Flux.
void apply_all(const Scene& scene, const Flux& flux, const Json& spec = Json::object()) {
  for (const Row& row : rows(scene)) {
    flux.commit(row.name, kFirst, {row.first});
    flux.kustomize(row.name, spec);
  }
  for (const Row& row : rows(scene)) {
    flux.await_words(flux.kustomizations(row.name), "waits for approval");
    scene.approve("lead", scene.open_request(row.name).metadata.name);
  }
  for (const Row& row : rows(scene)) flux.await_ready(flux.kustomizations(row.name), kFirst);
}

TEST_CASE("what a Kustomization brings waits, and goes through once approved, untouched by hands") {
  const Scene scene;
  const Flux flux(scene);
  for (const Row& row : rows(scene)) {
    flux.commit(row.name, kFirst, {row.first});
    flux.kustomize(row.name);
  }
  flux.commit("migrate", kFirst, {scene.job("migrate")});
  flux.kustomize("migrate");

  for (const Row& row : rows(scene)) {
    CAPTURE(row.name);
    const kube::ResourcePath path = flux.kustomizations(row.name);
    const ApprovalRequest request = scene.open_request(row.name);
    const std::string name = request.metadata.name;
    CHECK(request.spec.hold == RequestHold::Deny);
    CHECK(request.spec.requester.username ==
          "system:serviceaccount:flux-system:kustomize-controller");
    CHECK(request.spec.change_set == "flux/" + scene.ns() + "/" + row.name);
    const Shown waits = flux.await_words(path, "it waits for approval as " + name);
    CHECK(waits.status == "False");
    CHECK(waits.reason == "ReconciliationFailed");
    MESSAGE(waits.text());

    const auto started = std::chrono::steady_clock::now();
    scene.approve("lead", name);
    CHECK(eventually([&] { return client_as("admin").get(row.path, soon()).ok(); }));
    const auto took =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - started);
    MESSAGE(row.name << " stored " << took.count() << " ms after its approval");
    CHECK(took < kSoonAfterApproval);
    flux.await_ready(path, kFirst);
    scene.await_phase(name, RequestPhase::Released);
    CHECK(scene.requests_for(row.name).size() == 1);
    const auto told = records_of(name, "Retriggered");
    CHECK(told.size() == 1);
    if (!told.empty())
      CHECK(told.front() ==
            "Kustomization " + scene.ns() + "/" + row.name + " was told to try again");
    CHECK(string_at(scene.get(path),
                    {"metadata", "annotations", "reconcile.fluxcd.io/requestedAt"}) ==
          scene.request(name).status.approved_at);
  }

  // Stored at once, in progress for everybody who asks, and its pods wait.
  const ApprovalRequest request = scene.open_request("migrate");
  CHECK(request.spec.hold == RequestHold::Gate);
  const kube::ResourcePath path = flux.kustomizations("migrate");
  const Shown waits = flux.shown(path);
  CHECK(waits.status == "Unknown");
  MESSAGE(waits.text());
  CHECK_FALSE(is_suspended(scene.get(scene.jobs("migrate"))));
  scene.approve("lead", request.metadata.name);
  flux.await_ready(path, kFirst);
  CHECK(member_at(scene.get(scene.jobs("migrate")), {"status", "succeeded"})->get<int>() == 1);
  CHECK(scene.requests_for("migrate").size() == 1);
  CHECK(records_of(request.metadata.name, "Retriggered").empty());
}

TEST_CASE(
    "what is approved while its check fails goes through when that passes, as Flux is told once") {
  PolicyShape shape;
  shape.resources = Json::parse(
      R"([{"apiGroups": ["apps"], "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]}])");
  shape.spec_patch["checks"] = Json::array({{{"name", "no-freeze"},
                                             {"maxAge", "6s"},
                                             {"object",
                                              {{"resource", "configmaps"},
                                               {"name", "freeze"},
                                               {"field", "/data/value"},
                                               {"value", "off"}}}}});
  const Scene scene(shape);
  const Flux flux(scene);
  must(
      client_as("admin").create(scene.config_maps(), scene.config_map("freeze", "on"), {}, soon()));
  flux.commit("web", kFirst, {scene.deployment("web")});
  flux.kustomize("web");
  const kube::ResourcePath path = flux.kustomizations("web");
  flux.await_words(path, "waits for approval");
  const std::string request = scene.open_request("web").metadata.name;
  scene.approve("lead", request);
  CHECK(eventually([&] {
    return scene.request(request).status.message.find("waits for check no-freeze") !=
           std::string::npos;
  }));
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
  CHECK(records_of(request, "Retriggered").empty());
  must(scene.merge("admin", scene.config_maps("freeze"), {{"data", {{"value", "off"}}}}));
  flux.await_ready(path, kFirst);
  scene.await_phase(request, RequestPhase::Released);
  CHECK(records_of(request, "Retriggered").size() == 1);
}

TEST_CASE("A8: whoever may write the Kustomization that a change comes from counts as requester") {
  const Scene scene;
  const Flux flux(scene);
  flux.commit("web", kFirst, {scene.deployment("web")});
  flux.kustomize("web");
  flux.await_words(flux.kustomizations("web"), "waits for approval");
  const std::string request = scene.open_request("web").metadata.name;
  grant(scene.ns(), user_named("lead"), "kustomize.toolkit.fluxcd.io", "kustomizations", {"patch"});
  const auto barred = scene.decide("lead", request);
  REQUIRE_FALSE(barred.ok());
  CHECK_MESSAGE(
      barred.error().message.find("whoever may write Kustomization web has") != std::string::npos,
      barred.error().message);
  scene.approve("second-lead", request);
  flux.await_ready(flux.kustomizations("web"), kFirst);
}

TEST_CASE("a next revision is held as well, and no live object is deleted for it, `force` or not") {
  const Scene scene;
  const Flux flux(scene);
  apply_all(scene, flux, {{"force", true}});
  std::vector<Json> before;
  for (const Row& row : rows(scene)) {
    before.push_back(scene.get(row.path));
    flux.commit(row.name, kSecond, {row.second});
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Row row = rows(scene)[i];
    CAPTURE(row.name);
    const kube::ResourcePath path = flux.kustomizations(row.name);
    const std::string name = scene.open_request(row.name).metadata.name;
    flux.await_words(path, "it waits for approval as " + name);
    CHECK(content(scene.get(row.path)) == content(before[i]));
    CHECK(uid(scene.get(row.path)) == uid(before[i]));
    scene.approve("lead", name);
    flux.await_ready(path, kSecond);
    CHECK(content(scene.get(row.path)) != content(before[i]));
    CHECK(uid(scene.get(row.path)) == uid(before[i]));
    CHECK(scene.request(name).spec.origin->revision == std::string("main@sha1:") + kSecond);
  }
}

TEST_CASE(
    "a denial is shown by Flux in the words of who denied it, and changes nothing, `force` or "
    "not") {
  const Scene scene;
  const Flux flux(scene);
  apply_all(scene, flux, {{"force", true}});
  std::vector<Json> before;
  for (const Row& row : rows(scene)) {
    before.push_back(scene.get(row.path));
    flux.commit(row.name, kSecond, {row.second});
  }
  flux.commit("migrate", kFirst, {scene.job("migrate")});
  flux.kustomize("migrate", {{"force", true}});
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Row row = rows(scene)[i];
    CAPTURE(row.name);
    const kube::ResourcePath path = flux.kustomizations(row.name);
    const std::string name = scene.open_request(row.name).metadata.name;
    flux.await_words(path, "it waits for approval as " + name);
    must(scene.decide("lead", name, "Deny", "not during the sale"));
    const Shown shown = flux.await_words(path, "not during the sale");
    MESSAGE(shown.text());
    CHECK(shown.message.find("request " + name + " was denied") != std::string::npos);
    CHECK(shown.status == "False");
    CHECK(content(scene.get(row.path)) == content(before[i]));
    CHECK(uid(scene.get(row.path)) == uid(before[i]));
    CHECK(scene.requests_for(row.name).size() == 2);
    CHECK(flux.events(path, "Denied").size() == 1);
  }
  const std::string name = scene.open_request("migrate").metadata.name;
  must(scene.decide("lead", name, "Deny", "not during the sale"));
  const Shown shown = flux.await_words(flux.kustomizations("migrate"), "Failed");
  MESSAGE(shown.text());
  CHECK(shown.status == "False");
  // Flux has no room for why: its Events have.
  const auto told = flux.events(flux.kustomizations("migrate"), "Denied");
  REQUIRE(told.size() == 1);
  MESSAGE(told.front());
  CHECK(told.front().find("not during the sale") != std::string::npos);
  CHECK(member_at(scene.get(scene.jobs("migrate")), {"status", "succeeded"}) == nullptr);
}

TEST_CASE("what nobody decides in time ends, and Flux shows whom to ask next") {
  PolicyShape shape;
  shape.spec_patch = {{"expiry", {{"pending", "5s"}}}};
  const Scene scene(shape);
  const Flux flux(scene);
  for (const Row& row : rows(scene)) {
    flux.commit(row.name, kFirst, {row.first});
    flux.kustomize(row.name, {{"retryInterval", "2s"}});
  }
  flux.commit("migrate", kFirst, {scene.job("migrate")});
  flux.kustomize("migrate");
  for (const Row& row : rows(scene)) {
    CAPTURE(row.name);
    // The change is still wanted: the next try asks anew, and says so.
    CHECK(eventually(
        [&] {
          const auto all = scene.requests_for(row.name);
          return all.size() > 1 &&
                 flux.shown(flux.kustomizations(row.name)).message.find(all[1].metadata.name) !=
                     std::string::npos;
        },
        Duration(60'000)));
    CHECK(scene.requests_for(row.name).front().status.phase == RequestPhase::Expired);
    CHECK_FALSE(client_as("admin").get(row.path, soon()).ok());
  }
  const Shown shown = flux.await_words(flux.kustomizations("migrate"), "Failed");
  MESSAGE(shown.text());
  CHECK(scene.requests_for("migrate").front().status.phase == RequestPhase::Expired);
  CHECK(flux.events(flux.kustomizations("migrate"), "Expired").size() == 1);
  CHECK(member_at(scene.get(scene.jobs("migrate")), {"status", "succeeded"}) == nullptr);
}

TEST_CASE("a Kustomization of several objects goes through once each of its changes is approved") {
  const Scene scene;
  const Flux flux(scene);
  Json account{{"apiVersion", "v1"},
               {"kind", "ServiceAccount"},
               {"metadata", {{"name", "web"}, {"namespace", scene.ns()}}}};
  flux.commit("app", kFirst, {account, scene.config_map("settings", "1"), scene.deployment("web")});
  flux.kustomize("app");
  // Each try asks for what it meets first.
  std::set<std::string> approved;
  CHECK(eventually(
      [&] {
        for (const char* name : {"settings", "web"})
          for (const ApprovalRequest& request : scene.requests_for(name))
            if (approved.insert(request.metadata.name).second)
              scene.approve("lead", request.metadata.name);
        return flux.shown(flux.kustomizations("app")).ready();
      },
      Duration(60'000)));
  CHECK(approved.size() == 2);
  must(client_as("admin").get(scene.deployments("web"), soon()));
}

TEST_CASE("the operator tells Flux to try again, and changes nothing else of its objects") {
  const Scene scene;
  const Flux flux(scene);
  flux.kustomize("apps");
  const auto changed = as_service_account("holdpoint-system", "holdpoint-operator")
                           .patch(flux.kustomizations("apps"), kube::PatchType::Merge,
                                  {{"spec", {{"path", "./evil"}}}}, {}, soon());
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().message.find("may tell Flux or Argo CD to try again") != std::string::npos);
}

}  // namespace
}  // namespace holdpoint::cluster
