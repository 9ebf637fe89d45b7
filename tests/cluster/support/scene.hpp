// A stage for one test: a namespace of its own, a policy that gates it alone, and the people around
// it.
//
// The people are the contexts of the test cluster: developer (may edit here), lead and second-lead
// (group leads, approvers), security (appsec), sre. Everything is gone when the Scene ends.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "crds/kinds.hpp"
#include "tests/cluster/support/cluster.hpp"

namespace holdpoint::cluster {

struct PolicyShape {
  std::string mode = "Enforce";
  std::string hold = "Auto";
  std::string patience = "15m";
  int required = 1;
  Json resources = Json::parse(R"([
    {"apiGroups": ["apps"], "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "operations": ["CREATE", "UPDATE"]},
    {"apiGroups": [""], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE", "DELETE"]}])");
  Json approvers = Json{{"groups", {"leads"}}};
  Json spec_patch = Json::object();  // merged over the spec (RFC 7386)
};

class Scene {
 public:
  explicit Scene(const PolicyShape& shape = {});
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  [[nodiscard]] const std::string& ns() const { return namespace_.name(); }
  [[nodiscard]] const std::string& policy() const { return policy_; }
  // Another policy over the same namespace, Ready when it returns.
  void add_policy(const std::string& name, const PolicyShape& shape);
  void patch_policy(const Json& merge_patch);
  void await_ready(const std::string& policy) const;

  [[nodiscard]] Json deployment(const std::string& name, const std::string& image = "web:1",
                                int replicas = 2) const;
  [[nodiscard]] Json job(const std::string& name, const std::string& image = "migrate:1") const;
  [[nodiscard]] Json config_map(const std::string& name, const std::string& value) const;

  [[nodiscard]] kube::ResourcePath deployments(const std::string& name = {}) const;
  [[nodiscard]] kube::ResourcePath jobs(const std::string& name = {}) const;
  [[nodiscard]] std::vector<Json> replica_sets() const;
  // What they run, all of them or those alone that are to have pods.
  [[nodiscard]] std::multiset<std::string> images_of_sets(bool active) const;
  // Until the controller has seen the newest spec: what it did not do by now it will not do.
  void settle(const std::string& deployment) const;
  [[nodiscard]] kube::ResourcePath config_maps(const std::string& name = {}) const;
  [[nodiscard]] kube::ResourcePath requests(const std::string& name = {}) const;
  [[nodiscard]] kube::ResourcePath approvals(const std::string& name = {}) const;

  [[nodiscard]] Result<Json> create(const std::string& who, const kube::ResourcePath& path,
                                    const Json& object, bool dry_run = false) const;
  [[nodiscard]] Result<Json> merge(const std::string& who, const kube::ResourcePath& path,
                                   const Json& patch, bool dry_run = false) const;
  [[nodiscard]] Json get(const kube::ResourcePath& path) const;
  // create() that must work; a Deployment in this namespace that runs (was approved and released).
  Json running_deployment(const std::string& name, const std::string& image = "web:1",
                          int replicas = 2) const;

  // All requests whose target has this name, oldest attempt first, then by creation.
  [[nodiscard]] std::vector<ApprovalRequest> requests_for(const std::string& target) const;
  // The only one that has not ended; fails the test otherwise.
  [[nodiscard]] ApprovalRequest open_request(const std::string& target) const;
  [[nodiscard]] ApprovalRequest request(const std::string& name) const;
  [[nodiscard]] Result<Json> decide(const std::string& who, const std::string& request,
                                    const std::string& decision = "Approve",
                                    const std::string& reason = "test") const;
  // decide() that must be accepted.
  void approve(const std::string& who, const std::string& request) const;
  void await_phase(const std::string& request, RequestPhase phase) const;

 private:
  [[nodiscard]] Json policy_of(const std::string& name, const PolicyShape& shape) const;

  Namespace namespace_;
  std::string policy_;
  std::vector<std::string> policies_;
};

[[nodiscard]] bool is_paused(const Json& deployment);
[[nodiscard]] bool is_suspended(const Json& job);
[[nodiscard]] std::string held_mark(const Json& object);

}  // namespace holdpoint::cluster
