// An application of the Argo CD that tests/argocd/run starts, and the git repository that it
// deploys.
//
// Everything is gone when it ends, but what it deployed: that goes with the Scene's namespace.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {

// One version of what is deployed: file name and object.
using Manifests = std::map<std::string, Json>;

class Application {
 public:
  struct Shape {
    std::vector<std::string> options = {};  // syncOptions
    Json retry = Json{{"limit", 0}};        // syncPolicy.retry
    Json annotations = Json::object();
    std::string ns = "argocd";  // where the Application lies; the Scene's namespace may be, too
  };

  // Syncs by itself whatever is committed.
  explicit Application(const Scene& scene) : Application(scene, Shape{}) {}
  Application(const Scene& scene, const Shape& shape);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] kube::ResourcePath path() const;
  // All of the repository is this from now on; Argo CD is told to look. Returns the commit.
  std::string commit(const Manifests& manifests) const;
  void refresh() const;  // as `argocd app get --refresh` does
  void sync() const;     // as `argocd app sync` does

  [[nodiscard]] Json get() const;
  [[nodiscard]] std::string phase() const;     // of the last operation
  [[nodiscard]] std::string message() const;   // likewise
  [[nodiscard]] std::string revision() const;  // that it went to
  [[nodiscard]] std::string health() const;
  [[nodiscard]] std::string health_of(const std::string& kind, const std::string& name) const;
  // What the last operation says of an object: "Synced", "SyncFailed", and the words; for hooks the
  // hook's phase.
  struct Result {
    std::string status;
    std::string message;
  };
  [[nodiscard]] Result result_of(const std::string& kind, const std::string& name) const;
  [[nodiscard]] std::string conditions() const;  // as one text

  // Until the operation to `commit` is in this phase.
  void await(const std::string& phase, const std::string& commit) const;

 private:
  void git(const std::vector<std::string>& words) const;

  const Scene& scene_;
  const std::string name_;
  const std::string ns_;
  const std::string folder_;
  const std::vector<std::string> options_;
};

// What Argo CD shows for objects: "Healthy" and its words, by the cluster's argocd-cm.
struct Health {
  std::string status;
  std::string message;
};
[[nodiscard]] Health argocd_health(const Json& object);

}  // namespace holdpoint::cluster
