#include "tests/gitops/support/flux.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/digest.hpp"
#include "base/text.hpp"

namespace holdpoint::cluster {
namespace {

constexpr Duration kPatience(60'000);

const kube::Client& admin() { return client_as("admin"); }

void put(const kube::ResourcePath& path, const Json& object) {
  kube::ResourcePath all = path;
  all.name.clear();
  const auto made = admin().create(all, object, {}, soon());
  if (!made.ok()) must(admin().patch(path, kube::PatchType::Merge, object, {}, soon()));
}

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// The last that the controllers logged of an object of this name, for a test that fails.
std::string logged_of(const std::string& namespace_, const std::string& name) {
  std::vector<std::string> lines;
  for (const char* process : {"helm-controller", "kustomize-controller"}) {
    std::ifstream log(environment("HOLDPOINT_CLUSTER") + "/logs/" + process + ".log");
    for (std::string line; std::getline(log, line);)
      if (line.find("\"" + namespace_ + "\"") != std::string::npos &&
          line.find("\"" + name + "\"") != std::string::npos)
        lines.push_back(line);
  }
  if (lines.size() > 12) lines.erase(lines.begin(), lines.end() - 12);
  return join(lines, "\n");
}

}  // namespace

std::string Shown::text() const { return status + " " + reason + ": " + message; }

Flux::Artifact Flux::pack(const std::string& name,
                          const std::map<std::string, std::string>& files) const {
  namespace fs = std::filesystem;
  const fs::path served = environment("HOLDPOINT_ARTIFACTS");
  const fs::path folder = served / (scene_.ns() + "-" + unique(name));
  for (const auto& [file, text] : files) {
    fs::create_directories((folder / file).parent_path());
    std::ofstream(folder / file) << text;
  }
  const fs::path archive = folder.string() + ".tar.gz";
  const std::string top = files.begin()->first.substr(0, files.begin()->first.find('/'));
  const Output packed = run({"tar", "-czf", archive.string(), "-C", folder.string(), top});
  if (!packed.ok()) fail_test("tar: " + packed.text());
  const std::string bytes = read_file(archive);
  const std::string file = archive.filename().string();
  return {file, environment("HOLDPOINT_ARTIFACTS_URL") + "/" + file, "sha256:" + sha256_hex(bytes),
          bytes.size()};
}

void Flux::publish(const kube::ResourcePath& path, const Json& object, const std::string& revision,
                   const Artifact& artifact) const {
  put(path, object);
  const Json live = must(admin().get(path, soon()));
  const std::string now = to_rfc3339(system_clock().now());
  kube::ResourcePath status = path;
  status.subresource = "status";
  must(admin().patch(
      status, kube::PatchType::Merge,
      {{"status",
        {{"observedGeneration", live["metadata"]["generation"]},
         {"artifact",
          {{"path", artifact.path},
           {"url", artifact.url},
           {"revision", revision},
           {"digest", artifact.digest},
           {"size", artifact.size},
           {"lastUpdateTime", now}}},
         {"conditions", Json::array({{{"type", "Ready"},
                                      {"status", "True"},
                                      {"reason", "Succeeded"},
                                      {"message", "stored artifact for revision " + revision},
                                      {"observedGeneration", live["metadata"]["generation"]},
                                      {"lastTransitionTime", now}}})}}}},
      {}, soon()));
}

void Flux::commit(const std::string& repository, const std::string& revision,
                  const std::vector<Json>& objects) const {
  std::map<std::string, std::string> files;
  for (const Json& object : objects)
    files["deploy/" + std::to_string(files.size()) + ".yaml"] = dump_json(object);
  publish(path_of("source.toolkit.fluxcd.io/v1", "gitrepositories", scene_.ns(), repository),
          {{"apiVersion", "source.toolkit.fluxcd.io/v1"},
           {"kind", "GitRepository"},
           {"metadata", {{"name", repository}, {"namespace", scene_.ns()}}},
           {"spec", {{"interval", "1h"}, {"url", "https://git.example.com/" + repository}}}},
          "main@sha1:" + revision, pack(repository, files));
}

void Flux::release(const std::string& chart, const std::string& version,
                   const std::vector<Json>& objects) const {
  std::map<std::string, std::string> files{
      {chart + "/Chart.yaml", "apiVersion: v2\nname: " + chart + "\nversion: " + version + "\n"}};
  for (const Json& object : objects)
    files[chart + "/templates/" + std::to_string(files.size()) + ".yaml"] = dump_json(object);
  publish(path_of("source.toolkit.fluxcd.io/v1", "helmcharts", scene_.ns(), chart),
          {{"apiVersion", "source.toolkit.fluxcd.io/v1"},
           {"kind", "HelmChart"},
           {"metadata", {{"name", chart}, {"namespace", scene_.ns()}}},
           {"spec",
            {{"interval", "1h"},
             {"chart", chart},
             {"version", "*"},
             {"sourceRef", {{"kind", "HelmRepository"}, {"name", "charts"}}}}}},
          version, pack(chart, files));
}

void Flux::kustomize(const std::string& name, const Json& spec) const {
  Json object{{"apiVersion", "kustomize.toolkit.fluxcd.io/v1"},
              {"kind", "Kustomization"},
              {"metadata", {{"name", name}, {"namespace", scene_.ns()}}},
              {"spec",
               {{"interval", "1h"},
                {"retryInterval", "1h"},
                {"timeout", "2m"},
                {"prune", true},
                {"wait", true},
                {"path", "./deploy"},
                {"sourceRef", {{"kind", "GitRepository"}, {"name", name}}}}}};
  object["spec"].merge_patch(spec);
  put(kustomizations(name), object);
}

void Flux::install(const std::string& name, const Json& spec) const {
  Json object{{"apiVersion", "helm.toolkit.fluxcd.io/v2"},
              {"kind", "HelmRelease"},
              {"metadata", {{"name", name}, {"namespace", scene_.ns()}}},
              {"spec",
               {{"interval", "1h"},
                {"timeout", "2m"},
                {"releaseName", name},
                {"chartRef", {{"kind", "HelmChart"}, {"name", name}}}}}};
  object["spec"].merge_patch(spec);
  put(helm_releases(name), object);
}

kube::ResourcePath Flux::kustomizations(const std::string& name) const {
  return path_of("kustomize.toolkit.fluxcd.io/v1", "kustomizations", scene_.ns(), name);
}

kube::ResourcePath Flux::helm_releases(const std::string& name) const {
  return path_of("helm.toolkit.fluxcd.io/v2", "helmreleases", scene_.ns(), name);
}

Shown Flux::shown(const kube::ResourcePath& path) const {
  const Json live = scene_.get(path);
  const Json* conditions = member_at(live, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return {};
  for (const Json& condition : *conditions)
    if (string_at(condition, {"type"}) == "Ready")
      return {string_at(condition, {"status"}), string_at(condition, {"reason"}),
              string_at(condition, {"message"})};
  return {};
}

Shown Flux::await_ready(const kube::ResourcePath& path, const std::string& revision) const {
  Shown last;
  const bool reached = eventually(
      [&] {
        last = shown(path);
        return last.ready() && last.message.find(revision) != std::string::npos;
      },
      kPatience);
  if (!reached)
    fail_test(path.name + " is not Ready " + revision + " but " + last.text() + "\n" +
              logged_of(scene_.ns(), path.name));
  return last;
}

Shown Flux::await_words(const kube::ResourcePath& path, const std::string& words) const {
  Shown last;
  const bool reached = eventually(
      [&] {
        last = shown(path);
        return last.message.find(words) != std::string::npos;
      },
      kPatience);
  if (!reached)
    fail_test(path.name + " does not say \"" + words + "\" but " + last.text() + "\n" +
              logged_of(scene_.ns(), path.name));
  return last;
}

std::vector<std::string> Flux::events(const kube::ResourcePath& path,
                                      const std::string& reason) const {
  std::vector<std::string> messages;
  (void)eventually([&] {
    messages.clear();
    for (const Json& event : must(admin().list(path_of("v1", "events", scene_.ns()),
                                               {{"fieldSelector", "reason=" + reason}}, soon()))
                                 .items)
      if (string_at(event, {"involvedObject", "name"}) == path.name &&
          string_at(event, {"involvedObject", "apiVersion"}) == path.group + "/" + path.version &&
          string_at(event, {"source", "component"}) == "holdpoint-operator")
        messages.push_back(string_at(event, {"message"}));
    return !messages.empty();
  });
  return messages;
}

std::vector<std::string> records_of(const std::string& request, const std::string& fact) {
  std::vector<std::string> texts;
  const auto list =
      must(admin().list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
  for (const Json& record : list.items)
    if (string_at(record, {"spec", "fact"}) == fact &&
        string_at(record, {"spec", "subject", "request"}) == request)
      texts.push_back(string_at(record, {"spec", "message"}));
  return texts;
}

}  // namespace holdpoint::cluster
