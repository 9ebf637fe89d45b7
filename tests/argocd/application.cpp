#include "tests/argocd/application.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

namespace holdpoint::cluster {
namespace {

kube::ResourcePath applications(const std::string& ns, const std::string& name = {}) {
  return path_of("argoproj.io/v1alpha1", "applications", ns, name);
}

Json refresh_patch() {
  return {{"metadata", {{"annotations", {{"argocd.argoproj.io/refresh", "normal"}}}}}};
}

}  // namespace

Application::Application(const Scene& scene, const Shape& shape)
    : scene_(scene),
      name_(unique("app")),
      ns_(shape.ns),
      folder_(environment("HOLDPOINT_ARGOCD") + "/repositories/" + name_),
      options_(shape.options) {
  std::filesystem::create_directories(folder_);
  git({"init", "--quiet", "--initial-branch=main"});
  git({"commit", "--quiet", "--allow-empty", "--message=empty"});
  must(client_as("admin").create(
      applications(ns_),
      {{"apiVersion", "argoproj.io/v1alpha1"},
       {"kind", "Application"},
       {"metadata", {{"name", name_}, {"annotations", shape.annotations}}},
       {"spec",
        {{"project", "default"},
         {"source", {{"repoURL", "file://" + folder_}, {"path", "."}, {"targetRevision", "main"}}},
         {"destination", {{"server", "https://kubernetes.default.svc"}, {"namespace", scene.ns()}}},
         {"syncPolicy",
          {{"automated", {{"prune", true}, {"selfHeal", true}}},
           {"syncOptions", shape.options},
           {"retry", shape.retry}}}}}},
      {}, soon()));
}

Application::~Application() {
  (void)client_as("admin").remove(path(), "", soon());
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

kube::ResourcePath Application::path() const { return applications(ns_, name_); }

void Application::git(const std::vector<std::string>& words) const {
  std::vector<std::string> command{
      "git", "-C", folder_, "-c", "user.name=dev", "-c", "user.email=dev@example.com"};
  command.insert(command.end(), words.begin(), words.end());
  const Output output = run(command);
  if (!output.ok()) fail_test("git: " + output.text());
}

std::string Application::commit(const Manifests& manifests) const {
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    if (entry.path().extension() == ".json") std::filesystem::remove(entry.path());
  for (const auto& [file, object] : manifests)
    std::ofstream(folder_ + "/" + file + ".json") << dump_json(object);
  git({"add", "--all"});
  git({"commit", "--quiet", "--allow-empty", "--message=change"});
  const Output head = run({"git", "-C", folder_, "rev-parse", "HEAD"});
  refresh();
  return head.out.substr(0, 40);
}

void Application::refresh() const {
  must(client_as("admin").patch(path(), kube::PatchType::Merge, refresh_patch(), {}, soon()));
}

void Application::sync() const {
  must(client_as("admin").patch(path(), kube::PatchType::Merge,
                                {{"operation",
                                  {{"initiatedBy", {{"username", "dev"}}},
                                   {"sync", {{"prune", true}, {"syncOptions", options_}}}}}},
                                {}, soon()));
}

Json Application::get() const { return scene_.get(path()); }
std::string Application::phase() const {
  return string_at(get(), {"status", "operationState", "phase"});
}
std::string Application::message() const {
  return string_at(get(), {"status", "operationState", "message"});
}
std::string Application::revision() const {
  return string_at(get(), {"status", "operationState", "syncResult", "revision"});
}
std::string Application::health() const { return string_at(get(), {"status", "health", "status"}); }

std::string Application::health_of(const std::string& kind, const std::string& name) const {
  const Json live = get();
  const Json* resources = member_at(live, {"status", "resources"});
  for (const Json& one : resources == nullptr ? Json::array() : *resources)
    if (string_at(one, {"kind"}) == kind && string_at(one, {"name"}) == name)
      return string_at(one, {"health", "status"});
  return {};
}

Application::Result Application::result_of(const std::string& kind, const std::string& name) const {
  const Json live = get();
  const Json* resources = member_at(live, {"status", "operationState", "syncResult", "resources"});
  for (const Json& one : resources == nullptr ? Json::array() : *resources)
    if (string_at(one, {"kind"}) == kind && string_at(one, {"name"}) == name) {
      const bool is_hook = !string_at(one, {"hookType"}).empty();
      return {string_at(one, {is_hook ? "hookPhase" : "status"}), string_at(one, {"message"})};
    }
  return {};
}

std::string Application::conditions() const {
  std::string text;
  const Json live = get();
  const Json* conditions = member_at(live, {"status", "conditions"});
  for (const Json& one : conditions == nullptr ? Json::array() : *conditions)
    text += string_at(one, {"type"}) + ": " + string_at(one, {"message"}) + "\n";
  return text;
}

void Application::await(const std::string& phase, const std::string& commit) const {
  const bool reached =
      eventually([&] { return this->phase() == phase && revision() == commit; }, Duration(60'000));
  if (!reached)
    fail_test(name_ + " is not " + phase + " at " + commit + ": " +
              dump_json(get().value("status", Json())));
}

Health argocd_health(const Json& object) {
  const Output output =
      run({"env", "ARGOCD_BINARY_NAME=argocd-health", "argocd", "argocd"}, dump_json(object));
  if (!output.ok()) fail_test("argocd-health: " + output.text());
  const Json health = json_of(output.out);
  if (health.is_null()) return {};
  return {string_at(health, {"status"}), string_at(health, {"message"})};
}

}  // namespace holdpoint::cluster
