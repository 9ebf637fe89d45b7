// Clients that people and CI jobs run: kubectl and the Helm CLI, each with a Deployment, a
// migration Job and a ConfigMap.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/gitops/support/flux.hpp"

namespace holdpoint::cluster {
namespace {

// A chart on disk, gone with this.
class Chart {
 public:
  Chart(const std::string& name, const std::vector<Json>& objects)
      : name_(name), folder_(std::filesystem::temp_directory_path() / unique("chart")) {
    write(objects);
  }
  ~Chart() { std::filesystem::remove_all(folder_); }
  Chart(const Chart&) = delete;
  Chart& operator=(const Chart&) = delete;
  void write(const std::vector<Json>& objects) const {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "templates");
    std::ofstream(folder_ / "Chart.yaml")
        << "apiVersion: v2\nname: " + name_ + "\nversion: 1.0.0\n";
    for (std::size_t i = 0; i < objects.size(); ++i)
      std::ofstream(folder_ / "templates" / (std::to_string(i) + ".yaml")) << dump_json(objects[i]);
  }
  [[nodiscard]] Output upgrade(const Scene& scene,
                               const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        "helm",     "upgrade",        "--install", name_,    folder_.string(), "--namespace",
        scene.ns(), "--kube-context", "developer", "--wait", "--timeout=60s"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

 private:
  std::string name_;
  std::filesystem::path folder_;
};

template <class Call>
std::future<Output> start(Call call) {
  return std::async(std::launch::async, std::move(call));
}

bool exists(const kube::ResourcePath& path) { return client_as("admin").get(path, soon()).ok(); }

int succeeded(const Json& job) {
  const Json* count = member_at(job, {"status", "succeeded"});
  return count == nullptr ? 0 : count->get<int>();
}

Json hook(Json job) {
  job["metadata"]["annotations"] = {{"helm.sh/hook", "pre-install,pre-upgrade"},
                                    {"helm.sh/hook-delete-policy", "before-hook-creation"}};
  return job;
}

TEST_CASE("Helm: a refused upgrade ends with our words, and passes when it is sent again") {
  const Scene scene;
  Json object;
  kube::ResourcePath path;
  SUBCASE("Deployment") { object = scene.deployment("app"), path = scene.deployments("app"); }
  SUBCASE("ConfigMap") { object = scene.config_map("app", "1"), path = scene.config_maps("app"); }
  const Chart chart("app", {object});
  const Output refused = chart.upgrade(scene);
  CHECK(refused.exit_code == 1);
  MESSAGE(refused.text());
  const std::string name = scene.open_request("app").metadata.name;
  CHECK(refused.err.find("kubectl holdpoint approve " + name) != std::string::npos);
  CHECK_FALSE(exists(path));
  scene.approve("lead", name);
  scene.await_phase(name, RequestPhase::Approved);
  const Output passed = chart.upgrade(scene);
  CAPTURE(passed.text());
  CHECK(passed.ok());
  CHECK(exists(path));
  scene.await_phase(name, RequestPhase::Released);
}

TEST_CASE("Helm: a migration waits, runs once approved, and what comes after it follows") {
  const Scene scene;
  const Json after{
      {"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "after"}}}};
  Json job = scene.job("migrate");
  SUBCASE("as a hook") { job = hook(job); }
  SUBCASE("as a plain Job") {}
  const bool is_hook = member_at(job, {"metadata", "annotations"}) != nullptr;
  const Chart chart("app", {job, after});
  auto upgrade = start([&] { return chart.upgrade(scene, {"--wait-for-jobs"}); });
  const ApprovalRequest request = scene.open_request("migrate");
  CHECK(request.spec.hold == RequestHold::Gate);
  CHECK(upgrade.wait_for(Duration(1'000)) == std::future_status::timeout);
  if (is_hook) CHECK_FALSE(exists(path_of("v1", "serviceaccounts", scene.ns(), "after")));
  scene.approve("lead", request.metadata.name);
  const Output done = upgrade.get();
  CAPTURE(done.text());
  CHECK(done.ok());
  CHECK(succeeded(scene.get(scene.jobs("migrate"))) == 1);
  CHECK(exists(path_of("v1", "serviceaccounts", scene.ns(), "after")));
}

TEST_CASE("Helm: a migration that is denied, or decided by nobody, fails the upgrade at once") {
  PolicyShape shape;
  bool denied = false;
  SUBCASE("denied") { denied = true; }
  SUBCASE("expired") { shape.spec_patch = {{"expiry", {{"pending", "4s"}}}}; }
  const Scene scene(shape);
  const Chart chart("app", {hook(scene.job("migrate"))});
  auto upgrade = start([&] { return chart.upgrade(scene); });
  if (denied)
    must(scene.decide("lead", scene.open_request("migrate").metadata.name, "Deny",
                      "not during the sale"));
  const Output failed = upgrade.get();
  MESSAGE(failed.text());
  CHECK(failed.exit_code == 1);
  const Json job = scene.get(scene.jobs("migrate"));
  CHECK(succeeded(job) == 0);
  Json why;
  for (const Json& condition : *member_at(job, {"status", "conditions"}))
    if (string_at(condition, {"type"}) == "Failed") why = condition;
  CHECK(string_at(why, {"reason"}) == (denied ? "HoldpointDenied" : "HoldpointExpired"));
}

TEST_CASE("kubectl: a Deployment and a Job are stored, wait, and go on by themselves") {
  const Scene scene;
  const Output applied = as("developer").apply(dump_json(scene.deployment("web")));
  CHECK(applied.ok());
  MESSAGE(applied.text());
  CHECK(as("developer").apply(dump_json(scene.job("migrate"))).ok());
  auto rollout = start([&] {
    return as("developer")
        .kubectl({"rollout", "status", "deployment/web", "-n", scene.ns(), "--timeout=60s"});
  });
  auto complete = start([&] {
    return as("developer")
        .kubectl(
            {"wait", "--for=condition=complete", "job/migrate", "-n", scene.ns(), "--timeout=60s"});
  });
  CHECK(rollout.wait_for(Duration(1'000)) == std::future_status::timeout);
  CHECK(complete.wait_for(Duration(1)) == std::future_status::timeout);
  for (const char* name : {"web", "migrate"}) {
    const ApprovalRequest request = scene.open_request(name);
    CHECK(request.spec.hold == RequestHold::Suspend);
    scene.approve("lead", request.metadata.name);
  }
  const Output rolled = rollout.get();
  MESSAGE(rolled.text());
  CHECK(rolled.ok());
  CHECK(complete.get().ok());
}

TEST_CASE("kubectl: a ConfigMap is refused with our words, and passes when it is sent again") {
  const Scene scene;
  const std::string config = dump_json(scene.config_map("settings", "1"));
  const Output refused = as("developer").apply(config);
  CHECK(refused.exit_code == 1);
  MESSAGE(refused.text());
  const std::string name = scene.open_request("settings").metadata.name;
  CHECK(refused.err.find("kubectl holdpoint approve " + name) != std::string::npos);
  scene.approve("lead", name);
  scene.await_phase(name, RequestPhase::Approved);
  CHECK(as("developer").apply(config).ok());
}

TEST_CASE("kubectl: where the policy says Retry, apply itself waits for the approval") {
  PolicyShape shape;
  shape.hold = "Retry";
  const Scene scene(shape);
  auto apply = start([&] { return as("developer").apply(dump_json(scene.config_map("c", "1"))); });
  const std::string name = scene.open_request("c").metadata.name;
  CHECK(apply.wait_for(Duration(500)) == std::future_status::timeout);
  scene.approve("lead", name);
  const Output done = apply.get();
  CAPTURE(done.text());
  CHECK(done.ok());
}

}  // namespace
}  // namespace holdpoint::cluster
