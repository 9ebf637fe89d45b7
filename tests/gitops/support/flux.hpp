// Flux in the namespace of a Scene: sources that are published by the test, and the objects that
// the controllers make of them.
//
// What source-controller does is done here: an archive lies where the process `artifacts` of the
// test cluster serves it, and the status of a GitRepository or HelmChart points there. Everything
// else is Flux's own. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {

// What a client of the API sees of a Kustomization or HelmRelease: its condition Ready.
struct Shown {
  std::string status;  // "True", "False", "Unknown"; empty: there is none yet
  std::string reason;
  std::string message;
  [[nodiscard]] bool ready() const { return status == "True"; }
  [[nodiscard]] std::string text() const;
};

class Flux {
 public:
  explicit Flux(const Scene& scene) : scene_(scene) {}

  // Files of a GitRepository or, as templates, of a HelmChart, each made on first use. A source is
  // published again for a new revision: a commit hash, or a version ("1.0.0").
  void commit(const std::string& repository, const std::string& revision,
              const std::vector<Json>& objects) const;
  void release(const std::string& chart, const std::string& version,
               const std::vector<Json>& objects) const;

  // A Kustomization of the repository of its name, which tries again in an hour unless `spec` says
  // otherwise.
  void kustomize(const std::string& name, const Json& spec = Json::object()) const;
  // A HelmRelease of the chart of its name, likewise.
  void install(const std::string& name, const Json& spec = Json::object()) const;

  [[nodiscard]] kube::ResourcePath kustomizations(const std::string& name = {}) const;
  [[nodiscard]] kube::ResourcePath helm_releases(const std::string& name = {}) const;
  [[nodiscard]] Shown shown(const kube::ResourcePath& path) const;
  // Until Ready is so, and not about an older generation or revision; fails the test after a
  // minute.
  Shown await_ready(const kube::ResourcePath& path, const std::string& revision = {}) const;
  // Until its message contains `words`; fails the test after a minute.
  Shown await_words(const kube::ResourcePath& path, const std::string& words) const;
  // The messages of Holdpoint's Events of this reason about it, as `flux events` and `kubectl
  // describe` show them; awaited until there is one.
  [[nodiscard]] std::vector<std::string> events(const kube::ResourcePath& path,
                                                const std::string& reason) const;

 private:
  // The digest and size of what is served at the URL.
  struct Artifact {
    std::string path, url, digest;
    std::size_t size;
  };
  [[nodiscard]] Artifact pack(const std::string& name,
                              const std::map<std::string, std::string>& files) const;
  void publish(const kube::ResourcePath& path, const Json& object, const std::string& revision,
               const Artifact& artifact) const;

  const Scene& scene_;
};

// The texts of all records of a fact about a request.
[[nodiscard]] std::vector<std::string> records_of(const std::string& request,
                                                  const std::string& fact);

}  // namespace holdpoint::cluster
