#include "tests/cluster/support/trivy.hpp"

#include <doctest/doctest.h>

namespace holdpoint::cluster {
namespace {

constexpr const char* kApi = "aquasecurity.github.io/v1alpha1";
constexpr const char* kReports = "vulnerabilityreports";

}  // namespace

void install_trivy_kinds() {
  const auto there = [] {
    return client_as("admin").list(path_of(kApi, kReports, "default"), {}, soon()).ok();
  };
  if (there()) return;
  auto found = run({HOLDPOINT_SOURCE_DIR "/tests/cluster/support/trivy-crd"});
  REQUIRE_MESSAGE(found.ok(), found.text());
  found.out.erase(found.out.find_last_not_of('\n') + 1);
  const auto applied = as("admin").kubectl({"apply", "--server-side", "-f", found.out});
  REQUIRE_MESSAGE(applied.ok(), applied.text());
  REQUIRE(eventually(there));
}

void report(const std::string& namespace_, const std::string& name, const Scanned& scanned) {
  Json artifact{{"repository", scanned.repository}};
  if (!scanned.tag.empty()) artifact["tag"] = scanned.tag;
  if (!scanned.digest.empty()) artifact["digest"] = scanned.digest;
  const Json vulnerability{{"vulnerabilityID", "CVE-2019-1549"},
                           {"resource", "openssl"},
                           {"installedVersion", "1.1.1c-r0"},
                           {"fixedVersion", "1.1.1d-r0"},
                           {"severity", scanned.critical > 0 ? "CRITICAL" : "MEDIUM"},
                           {"title", "openssl: information disclosure in fork()"},
                           {"primaryLink", "https://avd.aquasec.com/nvd/cve-2019-1549"},
                           {"publishedDate", "2019-09-10T17:15:11Z"},
                           {"lastModifiedDate", "2020-10-20T22:15:00Z"},
                           {"target", ""},
                           {"links", Json::array()}};
  const Json object{
      {"apiVersion", kApi},
      {"kind", "VulnerabilityReport"},
      {"metadata",
       {{"name", name},
        {"labels",
         {{"resource-spec-hash", "7cb64cb677"},
          {"trivy-operator.container.name", "main"},
          {"trivy-operator.resource.kind", "ReplicaSet"},
          {"trivy-operator.resource.name", "web-6d4cf56db6"},
          {"trivy-operator.resource.namespace", namespace_}}}}},
      {"report",
       {{"artifact", artifact},
        {"registry", {{"server", scanned.registry}}},
        {"os", {{"family", "alpine"}, {"name", "3.20.3"}}},
        {"scanner", {{"name", "Trivy"}, {"vendor", "Aqua Security"}, {"version", "0.67.2"}}},
        {"summary",
         {{"criticalCount", scanned.critical},
          {"highCount", scanned.high},
          {"mediumCount", 1},
          {"lowCount", 0},
          {"unknownCount", 0}}},
        {"updateTimestamp",
         scanned.updated.empty() ? to_rfc3339(system_clock().now()) : scanned.updated},
        {"vulnerabilities", Json::array({vulnerability})}}}};
  kube::WriteOptions force;
  force.force = true;
  must(client_as("admin").patch(path_of(kApi, kReports, namespace_, name), kube::PatchType::Apply,
                                object, force, soon()));
}

}  // namespace holdpoint::cluster
