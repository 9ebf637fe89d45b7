// A cluster that is made anew, and one whose etcd went back in time: what was approved before
// counts for nothing. The control plane is stopped and its data is exchanged, as a restore does.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

void command(const std::string& what, const std::string& name) {
  const Output done = cluster_command(what, {name});
  if (!done.ok()) fail_test(what + " " + name + ": " + done.text());
}

void restart_holdpoint() {
  for (const std::string& name : webhook_names()) command("stop", name);
  for (const std::string& name : webhook_names()) command("start", name);
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
  Result<Json> answer =
      scene.create("developer", scene.config_maps(), scene.config_map("app", "1"));
  // Until the restarted parts answer each other again.
  (void)eventually([&] {
    if (answer.ok() || answer.error().kind != ErrorKind::Unavailable) return true;
    answer = scene.create("developer", scene.config_maps(), scene.config_map("app", "1"));
    return false;
  });
  return answer;
}

// Waits, in this cluster as it is now, for an approval of its own.
void waits_anew(const Scene& scene, const std::string& before) {
  const auto refused = write(scene);
  REQUIRE_FALSE(refused.ok());
  CHECK_MESSAGE(refused.error().message.find("waits for approval") != std::string::npos,
                refused.error().message);
  std::string anew;
  CHECK(eventually([&] {
    for (const ApprovalRequest& request : scene.requests_for("app"))
      if (request.metadata.name != before) anew = request.metadata.name;
    return !anew.empty();
  }));
  scene.approve("lead", anew);
  must(write(scene));
  scene.await_phase(anew, RequestPhase::Released);
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
  restart_holdpoint();
  waits_anew(scene, request);
}

TEST_CASE("N19: a used approval does not revive when etcd goes back in time and that is said") {
  const Scene scene;
  const std::string request = approved(scene);
  const std::filesystem::path folder = environment("HOLDPOINT_CLUSTER");
  const auto copy = [](const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  };
  // The backup: approved, unused.
  command("stop", "etcd");
  copy(folder / "etcd", folder / "etcd-backup");
  command("start", "etcd");
  must(write(scene));
  scene.await_phase(request, RequestPhase::Released);

  // docs/operations.md: Holdpoint last, and not before it was said that the state is an old one.
  for (const std::string& name : webhook_names()) command("stop", name);
  for (const char* name : {"operator", "controller-manager", "apiserver", "etcd"})
    command("stop", name);
  copy(folder / "etcd-backup", folder / "etcd");
  std::filesystem::remove_all(folder / "etcd-backup");
  for (const char* name : {"etcd", "apiserver", "controller-manager"}) command("start", name);
  REQUIRE(eventually([&] { return client_as("admin").get(scene.requests(request), soon()).ok(); }));
  CHECK(scene.request(request).status.phase == RequestPhase::Approved);
  CHECK_FALSE(scene.request(request).status.claim.has_value());
  must(client_as("admin").patch(
      path_of("v1", "namespaces", "", "kube-system"), kube::PatchType::Merge,
      {{"metadata",
        {{"annotations", {{"holdpoint.dev/restored", to_rfc3339(system_clock().now())}}}}}},
      {}, soon()));
  for (const std::string& name : webhook_names()) command("start", name);
  command("start", "operator");
  waits_anew(scene, request);
}

}  // namespace
}  // namespace holdpoint::cluster
