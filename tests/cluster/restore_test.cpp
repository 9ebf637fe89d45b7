// The storage of the cluster goes back in time, as after a restore of etcd from a backup, or is
// that of another cluster. On a cluster of its own: others would not survive it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/digest.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

namespace fs = std::filesystem;

void stop(const std::string& process) { REQUIRE(cluster_command("stop", {process}).ok()); }

void start(const std::string& process) {
  const Output started = cluster_command("start", {process});
  REQUIRE_MESSAGE(started.ok(), started.text());
}

// It ends when it cannot renew its lease, as its container would; what it keeps in files stays.
void start_operator_again() {
  (void)cluster_command("stop", {"operator", "--kill"});
  start("operator");
}

std::ptrdiff_t recorded(const std::string& fact) {
  const auto records =
      client_as("admin").list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon());
  if (!records.ok()) return 0;
  return std::count_if(records->items.begin(), records->items.end(), [&](const Json& record) {
    return string_at(record, {"spec", "fact"}) == fact;
  });
}

// Approved, not used yet.
std::string approved(const Scene& scene) {
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  return request;
}

Result<Json> write(const Scene& scene) {
  return scene.create("developer", scene.config_maps(), scene.config_map("app", "1"));
}

TEST_CASE("approvals are voided by the keepers of the gate, and nothing of before counts") {
  const Scene scene;
  const std::string request = approved(scene);

  const std::vector<std::string> command{"holdpoint", "void", "--reason", "drill 23"};
  CHECK_FALSE(as("developer").kubectl(command).ok());
  CHECK_FALSE(as("lead").kubectl(command).ok());
  CHECK_FALSE(as("admin").kubectl({"holdpoint", "void"}).ok());  // without a reason
  const Output voided = as("admin").kubectl(command);
  CHECK_MESSAGE(voided.ok(), voided.text());
  const auto refused = write(scene);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("0 of 1") != std::string::npos);
  scene.await_phase(request, RequestPhase::Pending);
  const auto lines = scene.request(request).status.decisions;
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].note.find("drill 23") != std::string::npos);
  CHECK(eventually([] { return recorded("Voided") == 1; }));

  // The gate itself stays as it was, and what is approved anew counts.
  CHECK(recorded("Disarmed") == 0);
  REQUIRE(wait_for(Duration(1'100), {}));  // time stamps have whole seconds
  scene.approve("second-lead", request);
  must(write(scene));
}

TEST_CASE("N19: what was used before a backup was restored is not there unused") {
  const Scene scene;
  const std::string request = approved(scene);

  const auto before = recorded("Voided");
  const fs::path data = fs::path(environment("HOLDPOINT_CLUSTER")) / "etcd";
  const fs::path backup = data.string() + ".backup";
  for (const char* process : {"controller-manager", "apiserver", "etcd"}) stop(process);
  fs::copy(data, backup, fs::copy_options::recursive);
  for (const char* process : {"etcd", "apiserver", "controller-manager"}) start(process);
  start_operator_again();

  REQUIRE(eventually([&] { return write(scene).ok(); }));
  scene.await_phase(request, RequestPhase::Released);

  for (const char* process : {"controller-manager", "apiserver", "etcd"}) stop(process);
  fs::remove_all(data);
  fs::rename(backup, data);
  for (const char* process : {"etcd", "apiserver", "controller-manager"}) start(process);

  // The next process finds that the trail went back.
  start_operator_again();
  REQUIRE(eventually([&] { return recorded("Voided") > before; }, Duration(60'000)));
  CHECK(scene.request(request).status.phase != RequestPhase::Released);
  const auto refused = write(scene);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("0 of 1") != std::string::npos);
  const Output verified = as("auditor").kubectl({"holdpoint", "audit", "verify"});
  CHECK_MESSAGE(verified.ok(), verified.text());
}

TEST_CASE("A4: what was approved in another cluster counts for nothing in this one") {
  const Scene scene;
  const std::string request = approved(scene);
  // The same objects under another identity: kube-system goes in etcd, as nothing can delete it
  // otherwise, and is made anew.
  std::ifstream file(environment("HOLDPOINT_CLUSTER") + "/run/etcd.cmd");
  const std::string words{std::istreambuf_iterator<char>(file), {}};
  const std::string flag = "--listen-client-urls=";
  const auto from = words.find(flag) + flag.size();
  const std::string etcd = words.substr(from, words.find_first_of(" \n", from) - from);
  const auto space = path_of("v1", "namespaces", "", "kube-system");
  const std::string old = string_at(scene.get(space), {"metadata", "uid"});
  const Output gone = run({"curl", "-sf", etcd + "/v3/kv/deleterange", "-d",
                           dump_json({{"key", base64("/registry/namespaces/kube-system")}})});
  REQUIRE_MESSAGE(gone.out.find("\"deleted\":\"1\"") != std::string::npos, gone.text());
  REQUIRE(eventually([&] {
    (void)client_as("admin").create(
        path_of("v1", "namespaces"),
        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "kube-system"}}}}, {},
        soon());
    const auto now = client_as("admin").get(space, soon());
    return now.ok() && string_at(*now, {"metadata", "uid"}) != old;
  }));
  for (const std::string& name : webhook_names()) stop(name);
  for (const std::string& name : webhook_names()) start(name);
  Result<Json> refused = write(scene);
  CHECK(eventually([&] {  // until the parts answer each other again
    if (!refused.ok() && refused.error().kind != ErrorKind::Unavailable) return true;
    refused = write(scene);
    return false;
  }));
  REQUIRE_FALSE(refused.ok());
  CHECK_MESSAGE(refused.error().message.find("waits for approval") != std::string::npos,
                describe(refused.error()));
  CHECK(eventually([&] {
    const auto all = scene.requests_for("app");
    return std::any_of(all.begin(), all.end(), [&](const ApprovalRequest& other) {
      return other.metadata.name != request;
    });
  }));
}

}  // namespace
}  // namespace holdpoint::cluster
