// The health of our kinds as Flux judges it, by the expressions of examples/gitops/flux-health.yaml
// and its own evaluator.
#include <doctest/doctest.h>

#include "crds/codec.hpp"
#include "tests/gitops/support/flux.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kRevision = "1111111111111111111111111111111111111111";

// The spec of the example, with other checks.
Json example(const Json& checks) {
  const Output read = run({"kubectl", "create", "--dry-run=client", "-o", "json", "-f",
                           HOLDPOINT_SOURCE_DIR "/examples/gitops/flux-health.yaml"});
  if (!read.ok()) fail_test(read.text());
  const Json whole = json_of(read.out);
  return {{"healthCheckExprs", whole["spec"]["healthCheckExprs"]},
          {"healthChecks", checks},
          {"wait", false},
          {"timeout", "1m"}};
}

Json nothing(const Scene& scene) {
  return {{"apiVersion", "v1"},
          {"kind", "ServiceAccount"},
          {"metadata", {{"name", "nothing"}, {"namespace", scene.ns()}}}};
}

TEST_CASE("Flux sees a request as in progress, healthy or failed as it is") {
  const Scene scene;
  const Flux flux(scene);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("a", "1")).ok());
  const std::string name = scene.open_request("a").metadata.name;
  flux.commit("gate", kRevision, {nothing(scene)});
  flux.kustomize("gate", example(Json::array({{{"apiVersion", kApiVersion},
                                               {"kind", "ApprovalRequest"},
                                               {"name", name},
                                               {"namespace", scene.ns()}}})));
  const kube::ResourcePath path = flux.kustomizations("gate");
  REQUIRE(eventually([&] { return flux.shown(path).status == "Unknown"; }));
  // It is looked at each few seconds.
  CHECK_FALSE(eventually([&] { return flux.shown(path).status != "Unknown"; }, Duration(7'000)));
  SUBCASE("approved") {
    scene.approve("lead", name);
    flux.await_ready(path, kRevision);
    CHECK(scene.request(name).status.phase == RequestPhase::Approved);
  }
  SUBCASE("denied") {
    must(scene.decide("lead", name, "Deny", "not during the sale"));
    const Shown shown = flux.await_words(path, name);
    MESSAGE(shown.text());
    CHECK(shown.status == "False");
    CHECK(shown.reason == "HealthCheckFailed");
  }
}

TEST_CASE("Flux sees a policy as healthy once it is armed") {
  const Scene scene;
  const Flux flux(scene);
  flux.commit("policies", kRevision, {nothing(scene)});
  flux.kustomize(
      "policies",
      example(Json::array(
          {{{"apiVersion", kApiVersion}, {"kind", "ApprovalPolicy"}, {"name", scene.policy()}}})));
  flux.await_ready(flux.kustomizations("policies"), kRevision);
}

}  // namespace
}  // namespace holdpoint::cluster
