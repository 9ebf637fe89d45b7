// The storage of the cluster goes back in time, as after a restore of etcd from a backup. On a
// cluster of its own: others would not survive it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

namespace fs = std::filesystem;

void stop(const std::string& process) {
  REQUIRE(cluster_command("stop", {process}).ok());
}

void start(const std::string& process) {
  const Output started = cluster_command("start", {process});
  REQUIRE_MESSAGE(started.ok(), started.text());
}

bool recorded(const std::string& fact) {
  const auto records = client_as("admin").list(
      path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon());
  return records.ok() &&
         std::any_of(records->items.begin(), records->items.end(), [&](const Json& record) {
           return string_at(record, {"spec", "fact"}) == fact;
         });
}

TEST_CASE("approvals are voided by the keepers of the gate, and nothing of before counts") {
  const Scene scene;
  const Json app = scene.config_map("app", "1");
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), app).ok());
  const std::string request = scene.open_request("app").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);

  const std::vector<std::string> command{"holdpoint", "void", "--reason", "drill 23"};
  CHECK_FALSE(as("developer").kubectl(command).ok());
  CHECK_FALSE(as("lead").kubectl(command).ok());
  CHECK_FALSE(as("admin").kubectl({"holdpoint", "void"}).ok());  // without a reason
  const Output voided = as("admin").kubectl(command);
  CHECK_MESSAGE(voided.ok(), voided.text());
  const auto refused = scene.create("developer", scene.config_maps(), app);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("0 of 1") != std::string::npos);
  scene.await_phase(request, RequestPhase::Pending);
  const auto lines = scene.request(request).status.decisions;
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].note.find("drill 23") != std::string::npos);
  CHECK(eventually([] { return recorded("Voided"); }));

  // The gate itself stays as it was, and what is approved anew counts.
  CHECK_FALSE(recorded("Disarmed"));
  REQUIRE(wait_for(Duration(1'100), {}));  // time stamps have whole seconds
  scene.approve("second-lead", request);
  must(scene.create("developer", scene.config_maps(), app));
}

TEST_CASE("N19: what was used before a backup was restored is not there unused") {
  const Scene scene;
  const Json app = scene.config_map("app", "1");
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), app).ok());
  const std::string request = scene.open_request("app").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);

  const fs::path data = fs::path(environment("HOLDPOINT_CLUSTER")) / "etcd";
  const fs::path backup = data.string() + ".backup";
  for (const char* process : {"controller-manager", "apiserver", "etcd"}) stop(process);
  fs::copy(data, backup, fs::copy_options::recursive);
  for (const char* process : {"etcd", "apiserver", "controller-manager"}) start(process);

  REQUIRE(eventually([&] { return scene.create("developer", scene.config_maps(), app).ok(); }));
  scene.await_phase(request, RequestPhase::Released);

  for (const char* process : {"controller-manager", "apiserver", "etcd"}) stop(process);
  fs::remove_all(data);
  fs::rename(backup, data);
  for (const char* process : {"etcd", "apiserver", "controller-manager"}) start(process);

  // The operator ran all the while and finds that its trail went back.
  REQUIRE(eventually([] { return recorded("Voided"); }, Duration(60'000)));
  CHECK(scene.request(request).status.phase != RequestPhase::Released);
  const auto refused = scene.create("developer", scene.config_maps(), app);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("0 of 1") != std::string::npos);
  const Output verified = as("auditor").kubectl({"holdpoint", "audit", "verify"});
  CHECK_MESSAGE(verified.ok(), verified.text());
}

}  // namespace
}  // namespace holdpoint::cluster
