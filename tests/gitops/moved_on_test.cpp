// What a change was a part of goes on without it: approving it later runs nothing. With the real
// clients.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/gitops/support/flux.hpp"

namespace holdpoint::cluster {
namespace {

std::string image_of(const Json& deployment) {
  return (*member_at(deployment, {"spec", "template", "spec", "containers"}))[0]["image"];
}

Json hook(Json job) {
  job["metadata"]["annotations"] = {{"helm.sh/hook", "pre-install,pre-upgrade"}};
  // As in the charts that `helm create` makes: hooks have nothing else that names their release.
  job["metadata"]["labels"] = {{"app.kubernetes.io/instance", "app"},
                               {"helm.sh/chart", "app-1.0.0"}};
  return job;
}

Json account(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", name}}}};
}

void never_runs(const Scene& scene, const std::string& request) {
  CHECK(eventually([&] { return scene.request(request).status.phase == RequestPhase::Stale; },
                   Duration(30'000)));
  CHECK_FALSE(scene.decide("lead", request).ok());
  MESSAGE(scene.request(request).status.message);
}

TEST_CASE("a Kustomization that goes back while a change of it waits leaves nothing to approve") {
  const Scene scene;
  const Flux flux(scene);
  const kube::ResourcePath path = flux.kustomizations("web");
  flux.commit("web", std::string(40, '1'), {scene.deployment("web")});
  flux.kustomize("web");
  flux.await_words(path, "waits for approval");
  scene.approve("lead", scene.open_request("web").metadata.name);
  flux.await_ready(path, std::string(40, '1'));

  flux.commit("web", std::string(40, '2'), {scene.deployment("web", "web:2")});
  const std::string request = scene.open_request("web").metadata.name;
  flux.await_words(path, request);
  flux.commit("web", std::string(40, '3'), {scene.deployment("web")});
  flux.await_ready(path, std::string(40, '3'));
  never_runs(scene, request);
  CHECK(image_of(scene.get(scene.deployments("web"))) == "web:1");
}

TEST_CASE(
    "a HelmRelease whose hook waited too long and went on without it leaves nothing to approve") {
  const Scene scene;
  const Flux flux(scene);
  const kube::ResourcePath path = flux.helm_releases("app");
  flux.release("app", "1.0.0", {hook(scene.job("migrate")), account("app")});
  flux.install("app", {{"timeout", "4s"}});
  const std::string request = scene.open_request("migrate").metadata.name;
  REQUIRE(eventually([&] { return flux.shown(path).status == "False"; }, Duration(60'000)));
  MESSAGE(flux.shown(path).text());
  flux.release("app", "2.0.0", {account("app")});
  flux.await_ready(path, "2.0.0");
  never_runs(scene, request);
  CHECK(member_at(scene.get(scene.jobs("migrate")), {"status", "succeeded"}) == nullptr);
}

TEST_CASE("Helm: an upgrade that was rolled back while its hook waited leaves nothing to approve") {
  const Scene scene;
  grant_role(scene.ns(), "holdpoint-helm-records",
             account_named("holdpoint-system", "holdpoint-operator"));
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / unique("chart");
  const auto upgrade = [&](const std::vector<Json>& objects) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder / "templates");
    std::ofstream(folder / "Chart.yaml") << "apiVersion: v2\nname: app\nversion: 1.0.0\n";
    for (std::size_t i = 0; i < objects.size(); ++i)
      std::ofstream(folder / "templates" / (std::to_string(i) + ".yaml")) << dump_json(objects[i]);
    return run({"helm", "upgrade", "--install", "app", folder.string(), "--namespace", scene.ns(),
                "--kube-context", "developer", "--rollback-on-failure", "--timeout=4s"});
  };
  REQUIRE(upgrade({account("app")}).ok());
  const Output failed = upgrade({account("app"), hook(scene.job("migrate"))});
  std::filesystem::remove_all(folder);
  CHECK(failed.exit_code == 1);
  MESSAGE(failed.text());
  never_runs(scene, scene.requests_for("migrate").front().metadata.name);
  CHECK(member_at(scene.get(scene.jobs("migrate")), {"status", "succeeded"}) == nullptr);
}

}  // namespace
}  // namespace holdpoint::cluster
