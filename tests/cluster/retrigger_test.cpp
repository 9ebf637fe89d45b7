// Whoever brings changes by a controller of Flux does nothing after an approval: the controller is
// told. The kind is Flux's by name; its controller does not run here.
#include <doctest/doctest.h>

#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kFlux = "kustomize.toolkit.fluxcd.io";

// The kind, as long as this lives.
class Kustomizations {
 public:
  Kustomizations() {
    const Json open{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    const Json version{{"name", "v1"},
                       {"served", true},
                       {"storage", true},
                       {"subresources", {{"status", Json::object()}}},
                       {"schema", {{"openAPIV3Schema", open}}}};
    must(admin().create(crds(),
                        {{"apiVersion", "apiextensions.k8s.io/v1"},
                         {"kind", "CustomResourceDefinition"},
                         {"metadata", {{"name", std::string("kustomizations.") + kFlux}}},
                         {"spec",
                          {{"group", kFlux},
                           {"scope", "Namespaced"},
                           {"names",
                            {{"plural", "kustomizations"},
                             {"singular", "kustomization"},
                             {"kind", "Kustomization"}}},
                           {"versions", Json::array({version})}}}},
                        {}, soon()));
    REQUIRE(eventually([&] { return admin().list(path("default"), {}, soon()).ok(); }));
  }
  ~Kustomizations() {
    (void)admin().remove(crds(std::string("kustomizations.") + kFlux), "", soon());
  }
  Kustomizations(const Kustomizations&) = delete;
  Kustomizations& operator=(const Kustomizations&) = delete;

  [[nodiscard]] static kube::ResourcePath path(const std::string& ns,
                                               const std::string& name = {}) {
    return path_of(std::string(kFlux) + "/v1", "kustomizations", ns, name);
  }

 private:
  [[nodiscard]] static const kube::Client& admin() { return client_as("admin"); }
  [[nodiscard]] static kube::ResourcePath crds(const std::string& name = {}) {
    return path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", name);
  }
};

TEST_CASE("Flux is told to try again what was approved, once, and that is recorded") {
  const Scene scene;
  const Kustomizations kind;
  const kube::ResourcePath apps = Kustomizations::path(scene.ns(), "apps");
  must(client_as("admin").create(Kustomizations::path(scene.ns()),
                                 {{"apiVersion", std::string(kFlux) + "/v1"},
                                  {"kind", "Kustomization"},
                                  {"metadata", {{"name", "apps"}, {"namespace", scene.ns()}}},
                                  {"spec", {{"path", "./apps"}}}},
                                 {}, soon()));
  kube::ResourcePath status = apps;
  status.subresource = "status";
  must(client_as("admin").patch(status, kube::PatchType::Merge,
                                {{"status", {{"lastAttemptedRevision", "main@sha1:1f2e3d"}}}}, {},
                                soon()));

  Json config = scene.config_map("settings", "1");
  config["metadata"]["labels"] = {{std::string(kFlux) + "/name", "apps"},
                                  {std::string(kFlux) + "/namespace", scene.ns()}};
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), config).ok());
  const ApprovalRequest request = scene.open_request("settings");
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->revision == "main@sha1:1f2e3d");
  scene.approve("lead", request.metadata.name);
  const auto told = [&] {
    return string_at(scene.get(apps),
                     {"metadata", "annotations", "reconcile.fluxcd.io/requestedAt"});
  };
  REQUIRE(eventually([&] { return !told().empty(); }));
  scene.await_phase(request.metadata.name, RequestPhase::Approved);
  CHECK(told() == scene.request(request.metadata.name).status.approved_at);

  std::size_t records = 0;
  CHECK(eventually([&] {
    records = 0;
    const auto list = must(client_as("admin").list(
        path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
    for (const Json& record : list.items)
      if (string_at(record, {"spec", "fact"}) == "Retriggered" &&
          string_at(record, {"spec", "subject", "request"}) == request.metadata.name)
        ++records;
    return records > 0;
  }));
  CHECK(records == 1);

  // The operator's account tells, and changes nothing else.
  const auto& operator_account = as_service_account("holdpoint-system", "holdpoint-operator");
  const auto changed = operator_account.patch(apps, kube::PatchType::Merge,
                                              {{"spec", {{"path", "./evil"}}}}, {}, soon());
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().message.find("may tell Flux to try again") != std::string::npos);
}

}  // namespace
}  // namespace holdpoint::cluster
