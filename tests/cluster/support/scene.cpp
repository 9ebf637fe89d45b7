#include "tests/cluster/support/scene.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"

namespace holdpoint::cluster {
namespace {

// What client-go does by itself when the answer asks it to come back at once.
Result<Json> patiently(const std::function<Result<Json>()>& call) {
  for (int tries = 0; tries < 10; ++tries) {
    Result<Json> answer = call();
    if (answer.ok() || answer.error().kind != ErrorKind::Unavailable) return answer;
    (void)wait_for(Duration(300), {});
  }
  return call();
}

kube::ResourcePath policy_path(const std::string& name = {}) {
  return path_of(kApiVersion, "approvalpolicies", "", name);
}

Json pod_template(const std::string& image, const char* restart_policy) {
  return {{"metadata", {{"labels", {{"app", "test"}}}}},
          {"spec",
           {{"restartPolicy", restart_policy},
            {"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}};
}

}  // namespace

Scene::Scene(const PolicyShape& shape) : namespace_("scene"), policy_(namespace_.name()) {
  grant_role(ns(), "edit", group_named("developers"));
  add_policy(policy_, shape);
}

Scene::~Scene() {
  for (const std::string& policy : policies_)
    (void)client_as("admin").remove(policy_path(policy), "", soon());
}

Json Scene::policy_of(const std::string& name, const PolicyShape& shape) const {
  Json policy{
      {"apiVersion", kApiVersion},
      {"kind", "ApprovalPolicy"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"mode", shape.mode},
        {"match",
         {{"resources", shape.resources},
          {"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", ns()}}}}}}},
        {"hold", {{"mode", shape.hold}, {"patience", shape.patience}}},
        {"stages", Json::array({{{"name", "leads"},
                                 {"approvers", shape.approvers},
                                 {"required", shape.required}}})}}}};
  policy["spec"].merge_patch(shape.spec_patch);
  // Kinds that the control plane itself writes into every namespace are not the test's.
  policy["spec"]["match"]["conditions"].push_back(
      {{"name", "not-the-control-plane"},
       {"expression",
        "(!has(request.name) || request.name != 'kube-root-ca.crt') && "
        "!request.userInfo.username.startsWith('system:kube-')"}});
  return policy;
}

void Scene::add_policy(const std::string& name, const PolicyShape& shape) {
  must(client_as("admin").create(policy_path(), policy_of(name, shape), {}, soon()));
  policies_.push_back(name);
  await_ready(name);
}

void Scene::patch_policy(const Json& merge_patch) {
  must(client_as("admin").patch(policy_path(policy_), kube::PatchType::Merge, merge_patch, {},
                                soon()));
  await_ready(policy_);
}

void Scene::await_ready(const std::string& policy) const {
  std::string last;
  const bool ready = eventually([&] {
    const Json now = get(policy_path(policy));
    last = dump_json(now.value("status", Json()));
    const auto decoded = decode<ApprovalPolicy>(now);
    if (!decoded.ok() || decoded->status.observed_generation != decoded->metadata.generation)
      return false;
    return std::any_of(decoded->status.conditions.begin(), decoded->status.conditions.end(),
                       [](const Condition& c) { return c.type == "Ready" && c.status == "True"; });
  });
  if (!ready) fail_test("policy " + policy + " is not Ready: " + last);
}

Json Scene::deployment(const std::string& name, const std::string& image, int replicas) const {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"namespace", ns()}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", {{"app", "test"}}}}},
            {"template", pod_template(image, "Always")}}}};
}

Json Scene::job(const std::string& name, const std::string& image) const {
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata", {{"name", name}, {"namespace", ns()}}},
          {"spec", {{"template", pod_template(image, "Never")}}}};
}

Json Scene::config_map(const std::string& name, const std::string& value) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", ns()}}},
          {"data", {{"value", value}}}};
}

std::vector<Json> Scene::replica_sets() const {
  return must(client_as("admin").list(path_of("apps/v1", "replicasets", ns()), {}, soon())).items;
}

std::multiset<std::string> Scene::images_of_sets(bool active) const {
  std::multiset<std::string> found;
  for (const Json& set : replica_sets())
    if (!active || set["spec"].value("replicas", 0) > 0)
      found.insert(set["spec"]["template"]["spec"]["containers"][0]["image"]);
  return found;
}

void Scene::settle(const std::string& deployment) const {
  const bool seen = eventually([&] {
    const Json now = get(deployments(deployment));
    const Json* observed = member_at(now, {"status", "observedGeneration"});
    return observed != nullptr && *observed == now["metadata"]["generation"];
  });
  if (!seen) fail_test("the controller has not seen the newest spec of " + deployment);
}

kube::ResourcePath Scene::deployments(const std::string& name) const {
  return path_of("apps/v1", "deployments", ns(), name);
}
kube::ResourcePath Scene::jobs(const std::string& name) const {
  return path_of("batch/v1", "jobs", ns(), name);
}
kube::ResourcePath Scene::config_maps(const std::string& name) const {
  return path_of("v1", "configmaps", ns(), name);
}
kube::ResourcePath Scene::requests(const std::string& name) const {
  return path_of(kApiVersion, "approvalrequests", ns(), name);
}
kube::ResourcePath Scene::approvals(const std::string& name) const {
  return path_of(kApiVersion, "approvals", ns(), name);
}

Result<Json> Scene::create(const std::string& who, const kube::ResourcePath& path,
                           const Json& object, bool dry_run) const {
  kube::WriteOptions options;
  options.dry_run = dry_run;
  options.field_manager = "kubectl-create";
  return patiently([&] { return client_as(who).create(path, object, options, soon()); });
}

Result<Json> Scene::merge(const std::string& who, const kube::ResourcePath& path, const Json& patch,
                          bool dry_run) const {
  kube::WriteOptions options;
  options.dry_run = dry_run;
  options.field_manager = "kubectl-patch";
  return patiently(
      [&] { return client_as(who).patch(path, kube::PatchType::Merge, patch, options, soon()); });
}

Json Scene::get(const kube::ResourcePath& path) const {
  return must(client_as("admin").get(path, soon()));
}

Json Scene::running_deployment(const std::string& name, const std::string& image,
                               int replicas) const {
  must(create("developer", deployments(), deployment(name, image, replicas)));
  const std::string waiting = open_request(name).metadata.name;
  approve("lead", waiting);
  await_phase(waiting, RequestPhase::Released);
  return get(deployments(name));
}

std::vector<ApprovalRequest> Scene::requests_for(const std::string& target) const {
  std::vector<ApprovalRequest> found;
  for (const Json& item : must(client_as("admin").list(requests(), {}, soon())).items) {
    ApprovalRequest request = must(decode<ApprovalRequest>(item));
    if (request.spec.target.name == target || request.spec.target.generate_name == target)
      found.push_back(std::move(request));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const ApprovalRequest& a, const ApprovalRequest& b) {
                     return std::pair(a.metadata.creation_timestamp, a.spec.attempt) <
                            std::pair(b.metadata.creation_timestamp, b.spec.attempt);
                   });
  return found;
}

ApprovalRequest Scene::open_request(const std::string& target) const {
  std::vector<ApprovalRequest> open;
  // The operator may still be ending the one before.
  (void)eventually(
      [&] {
        open.clear();
        for (ApprovalRequest& request : requests_for(target))
          if (!is_end(request.status.phase)) open.push_back(std::move(request));
        return open.size() == 1;
      },
      Duration(10'000));
  if (open.size() != 1)
    fail_test(std::to_string(open.size()) + " open requests for " + target + ", wanted 1");
  return open.front();
}

ApprovalRequest Scene::request(const std::string& name) const {
  return must(decode<ApprovalRequest>(get(requests(name))));
}

Result<Json> Scene::decide(const std::string& who, const std::string& request,
                           const std::string& decision, const std::string& reason) const {
  return create(
      who, approvals(),
      {{"apiVersion", kApiVersion},
       {"kind", "Approval"},
       {"metadata", {{"generateName", "by-" + who + "-"}}},
       {"spec", {{"request", {{"name", request}}}, {"decision", decision}, {"reason", reason}}}});
}

void Scene::approve(const std::string& who, const std::string& request) const {
  must(decide(who, request));
}

void Scene::await_phase(const std::string& name, RequestPhase phase) const {
  std::string last;
  const bool reached = eventually([&] {
    const ApprovalRequest now = request(name);
    last = std::string(to_string(now.status.phase)) + ": " + now.status.message;
    return now.status.phase == phase;
  });
  if (!reached)
    fail_test(name + " did not become " + std::string(to_string(phase)) + " but is " + last);
}

bool is_paused(const Json& deployment) {
  const Json* paused = member_at(deployment, {"spec", "paused"});
  return paused != nullptr && paused->get<bool>();
}

bool is_suspended(const Json& job) {
  const Json* suspended = member_at(job, {"spec", "suspend"});
  return suspended != nullptr && suspended->get<bool>();
}

std::string held_mark(const Json& object) {
  return string_at(object, {"metadata", "annotations", "holdpoint.dev/held"});
}

}  // namespace holdpoint::cluster
