#include "operator/configurations.hpp"

#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"
#include "operator/conditions.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr int kTimeoutSeconds = 10;  // where no policy says it
constexpr const char* kDomain = ".holdpoint.dev";

Json client_config(const WebhookAddress& address, const std::string& path) {
  const std::string whole = "/" + address.path_token + path;
  Json config{{"caBundle", base64(address.ca_pem)}};
  if (address.url.empty()) {
    config["service"] = {{"namespace", address.service_namespace},
                         {"name", address.service_name},
                         {"port", address.service_port},
                         {"path", whole}};
  } else {
    config["url"] = address.url + whole;
  }
  return config;
}

Json selector_json(const LabelSelector& selector) {
  Json json = encode_part(selector);
  return json.is_object() ? json : Json::object();
}

Json rule(const std::string& group, const std::string& version,
          const std::vector<std::string>& resources, const std::vector<std::string>& operations,
          const char* scope = "*") {
  return {{"apiGroups", {group}},
          {"apiVersions", {version}},
          {"resources", resources},
          {"operations", operations},
          {"scope", scope}};
}

Json entry(const std::string& name, const WebhookAddress& address, const std::string& path,
           bool mutating) {
  Json json{{"name", name},
            {"clientConfig", client_config(address, path)},
            {"admissionReviewVersions", {"v1"}},
            {"failurePolicy", "Fail"},
            {"matchPolicy", "Equivalent"},
            {"sideEffects", "NoneOnDryRun"},
            {"timeoutSeconds", kTimeoutSeconds},
            {"namespaceSelector", Json::object()},
            {"objectSelector", Json::object()},
            {"rules", Json::array()}};
  if (mutating) json["reinvocationPolicy"] = "IfNeeded";
  return json;
}

std::vector<std::string> spell(const std::set<Operation>& operations) {
  std::vector<std::string> names;
  for (const Operation operation : operations) names.emplace_back(to_string(operation));
  return names;
}

bool may_suspend(const ApprovalPolicySpec& spec) {
  return spec.hold.mode == HoldMode::Auto || spec.hold.mode == HoldMode::Suspend ||
         spec.hold.mode == HoldMode::Gate;
}

// Whether the covered part has this path in it.
bool covers(const ApprovalPolicySpec& spec, const ResolvedResource& resource,
            const std::string& path) {
  const auto pointers = covered_pointers(spec.match.changes, resource.group, resource.resource);
  return std::any_of(pointers.begin(), pointers.end(), [&](const std::string& pointer) {
    return pointer == path || path.starts_with(pointer + "/");
  });
}

// Whether all that makes pods of this kind is gated: however one comes to be, and, where it can,
// becomes another.
bool is_wholly_gated(const ResolvedResource& resource) {
  const auto has = [&](Operation operation) {
    return std::find(resource.operations.begin(), resource.operations.end(), operation) !=
           resource.operations.end();
  };
  return has(Operation::Create) &&
         (has(Operation::Update) || pausable(resource.group, resource.resource) == Pausable::Job);
}

std::vector<std::string> never_gated(const std::vector<std::string>& own_namespaces) {
  std::vector<std::string> never{"kube-system", "kube-node-lease"};
  never.insert(never.end(), own_namespaces.begin(), own_namespaces.end());
  return never;
}

Json namespace_selector(const ApprovalPolicySpec& spec,
                        const std::vector<std::string>& own_namespaces) {
  Json selector = selector_json(spec.match.namespace_selector);
  Json& expressions = selector["matchExpressions"];
  if (!expressions.is_array()) expressions = Json::array();
  expressions.push_back({{"key", "kubernetes.io/metadata.name"},
                         {"operator", "NotIn"},
                         {"values", never_gated(own_namespaces)}});
  return selector;
}

std::string cel_string(const std::string& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "'";
}

bool is_identifier(const std::string& token) {
  static const std::set<std::string> kReserved{
      "as",        "break", "const",  "continue", "else", "false", "for",
      "function",  "if",    "import", "in",       "let",  "loop",  "package",
      "namespace", "null",  "return", "true",     "var",  "void",  "while"};
  if (token.empty() || kReserved.contains(token) || (token[0] >= '0' && token[0] <= '9'))
    return false;
  return std::all_of(token.begin(), token.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string key_step(const std::string& token) {
  return is_identifier(token) ? ".?" + token : "[?" + cel_string(token) + "]";
}

// A key into a list and an index into a map are errors in CEL, and an error refuses the write: ask
// first what it is.
std::string careful_step(const std::string& token) {
  const bool index =
      !token.empty() && token.size() < 7 && (token == "0" || token[0] != '0') &&
      std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (index)
    return ".optFlatMap(v, type(v) == list ? v[?" + token + "] : type(v) == map ? v[?" +
           cel_string(token) + "] : optional.none())";
  return ".optFlatMap(v, type(v) == map ? v" + key_step(token) + " : optional.none())";
}

bool is_map(const std::string& token) {
  return token == "metadata" || token == "spec" || token == "data" || token == "binaryData";
}

std::string differs(const std::string& pointer) {
  return cel_path("object", pointer) + " != " + cel_path("oldObject", pointer);
}

// What of one resource is looked at on update.
std::string touched(const ApprovalPolicySpec& spec, const ResolvedResource& resource) {
  std::vector<std::string> any;
  for (const std::string& pointer :
       covered_pointers(spec.match.changes, resource.group, resource.resource)) {
    // The whole object: every update is looked at, but for those of its status alone.
    if (pointer.empty())
      return "request.?subResource.orValue('') != 'status' || " + differs("/metadata/labels") +
             " || " + differs("/metadata/annotations");
    any.push_back(differs(pointer));
  }
  switch (pausable(resource.group, resource.resource)) {
    case Pausable::No:
      break;
    case Pausable::Deployment:
      any.push_back(differs("/spec/paused"));
      any.emplace_back(
          "(object.?spec.?paused.orValue(false) && object.?spec.?replicas.orValue(1) != 0 && "
          "oldObject.?spec.?replicas.orValue(1) == 0)");
      break;
    case Pausable::Job:
      any.push_back(differs("/spec/suspend"));
      break;
  }
  return join(any, " || ");
}

// A selector over the labels of `root`. Total.
std::string selects(const std::string& root, const LabelSelector& selector) {
  const auto label = [&](const std::string& key) {
    return root + ".?metadata.?labels[?" + cel_string(key) + "]";
  };
  std::vector<std::string> all;
  for (const auto& [key, value] : selector.match_labels)
    all.push_back(label(key) + " == optional.of(" + cel_string(value) + ")");
  for (const LabelRequirement& requirement : selector.match_expressions) {
    std::vector<std::string> any;
    for (const std::string& value : requirement.values)
      any.push_back(label(requirement.key) + " == optional.of(" + cel_string(value) + ")");
    if (requirement.op == "Exists") any = {label(requirement.key) + ".hasValue()"};
    if (requirement.op == "DoesNotExist") any = {"!" + label(requirement.key) + ".hasValue()"};
    const std::string one = any.empty() ? "false" : "(" + join(any, " || ") + ")";
    all.push_back((requirement.op == "NotIn" ? "!" : "") + one);
  }
  return all.empty() ? "true" : "(" + join(all, " && ") + ")";
}

// A pod that loses the scheduling gate of its Job; or, while it has it, its owner, which tells
// whether it may lose it.
std::string has_gate(const std::string& root) {
  return root +
         ".?spec.?schedulingGates.orValue([]).exists(g, g.name == " + cel_string(kSchedulingGate) +
         ")";
}
Json pods_entry(const ApprovalPolicy& policy, const WebhookAddress& address) {
  const std::string& name = policy.metadata.name;
  Json pods = entry(name + ".pods" + kDomain, address, "/pods/" + name, false);
  pods["rules"].push_back(rule("", "v1", {"pods"}, {"UPDATE"}));
  pods["matchConditions"] =
      Json::array({{{"name", "holdpoint-gate-goes"},
                    {"expression", has_gate("oldObject") + " && (!" + has_gate("object") + " || " +
                                       differs("/metadata/ownerReferences") + ")"}}});
  return pods;
}

// A resource and its status: who may write a status may write labels and annotations with it (of
// most kinds, and of custom ones not; naming a subresource that is not served does no harm).
std::vector<std::string> with_status(const std::string& resource) {
  return {resource, resource + "/status"};
}
bool updates(const std::set<Operation>& operations) {
  return operations.contains(Operation::Update);
}

// What makes pods, and the controllers that alone may make it where a policy guards.
struct PodMaker {
  const char *group, *version, *resource;
  std::vector<std::string> controllers;
  bool scales = false;
};
const std::vector<PodMaker>& pod_makers() {
  static const std::vector<PodMaker> makers{
      {"",
       "v1",
       "pods",
       {"replicaset-controller", "replication-controller", "statefulset-controller",
        "daemon-set-controller", "job-controller"}},
      {"", "v1", "replicationcontrollers", {}, true},
      {"apps", "v1", "deployments", {}, true},
      {"apps", "v1", "replicasets", {"deployment-controller"}, true},
      {"apps", "v1", "statefulsets", {}, true},
      {"apps", "v1", "daemonsets", {}},
      {"batch", "v1", "jobs", {"cronjob-controller"}},
      {"batch", "v1", "cronjobs", {}},
  };
  return makers;
}

std::string same_images() {
  const auto images = [](const std::string& root, const char* list) {
    return root + ".?spec.?" + list + ".orValue([]).map(c, c.?image)";
  };
  return images("object", "containers") + " == " + images("oldObject", "containers") + " && " +
         images("object", "initContainers") + " == " + images("oldObject", "initContainers");
}

// Every other way to pods than the gated kinds, by anybody but the exact controllers, which the API
// server itself lets by: rescheduling never needs us.
Json guard_entry(const ApprovalPolicy& policy, const std::vector<ResolvedResource>& resources,
                 const WebhookAddress& address) {
  const std::string& name = policy.metadata.name;
  const LabelSelector& selector = policy.spec.match.object_selector;
  Json guard = entry(name + ".guard" + kDomain, address, "/guard/" + name, false);
  std::vector<std::string> by_controllers{
      // Not its rollbacks, which anybody asks for by an annotation, nor an autoscaler's scaling.
      "(request.userInfo.username == 'system:kube-controller-manager' && "
      "request.?subResource.orValue('') != 'scale' && request.resource.resource != "
      "'deployments')",
      "(request.resource.resource == 'pods' && 'system:nodes' in "
      "request.userInfo.?groups.orValue([]))",
      // What is no more than this is judged by the entry for gated pods.
      "(request.resource.resource == 'pods' && request.operation == 'UPDATE' && " +
          has_gate("oldObject") + " && !" + has_gate("object") + " && " + same_images() + " && !(" +
          differs("/metadata/labels") + "))"};
  // Anybody can point an autoscaler at a ReplicaSet; these two it scales by right.
  by_controllers.push_back(
      "(request.?subResource.orValue('') == 'scale' && request.resource.resource in "
      "['deployments', 'statefulsets'] && request.userInfo.username in "
      "['system:serviceaccount:kube-system:horizontal-pod-autoscaler', "
      "'system:kube-controller-manager'])");
  for (const PodMaker& maker : pod_makers()) {
    std::vector<std::string> accounts;
    for (const std::string& controller : maker.controllers)
      accounts.push_back(cel_string("system:serviceaccount:kube-system:" + controller));
    if (!accounts.empty())
      by_controllers.push_back("(request.resource.resource == " + cel_string(maker.resource) +
                               " && request.userInfo.username in [" + join(accounts, ", ") + "])");
    const bool gated = std::any_of(resources.begin(), resources.end(), [&](const auto& resource) {
      return resource.group == maker.group && resource.resource == maker.resource &&
             is_wholly_gated(resource);
    });
    // Of a ReplicaSet nothing but its creation: what it belongs to, and how much of it runs, no
    // template tells.
    const bool is_set = std::string_view(maker.resource) == "replicasets";
    if (gated && selector.empty() && !is_set) continue;
    // What the policy selects is gated; the others of its kind are guarded.
    if (gated)
      by_controllers.push_back(
          "(request.resource.resource == " + cel_string(maker.resource) + " && " +
          (is_set ? "request.operation == 'CREATE'"
                  : "request.?subResource.orValue('') != 'scale'") +
          " && (" + selects("object", selector) + " || " + selects("oldObject", selector) + "))");
    std::vector<std::string> names = with_status(maker.resource);
    if (names[0] == "pods") names.insert(names.end(), {"pods/ephemeralcontainers", "pods/resize"});
    // More of an old ReplicaSet is a template that nobody has approved now.
    if (maker.scales) names.push_back(std::string(maker.resource) + "/scale");
    guard["rules"].push_back(rule(maker.group, maker.version, names, {"CREATE", "UPDATE"}));
  }
  // A Deployment without its ReplicaSet runs another of its revisions, if it is paused then.
  guard["rules"].push_back(rule("apps", "v1", {"replicasets"}, {"DELETE"}));
  by_controllers.emplace_back(
      "(request.operation == 'DELETE' && (request.userInfo.username in "
      "['system:serviceaccount:kube-system:generic-garbage-collector', "
      "'system:serviceaccount:kube-system:namespace-controller'] || "
      "!oldObject.?metadata.?ownerReferences.orValue([]).exists(o, "
      "o.?controller.orValue(false))))");
  // It orphans what is deleted without what it owns.
  by_controllers.emplace_back(
      "(request.operation == 'UPDATE' && request.userInfo.username == "
      "'system:serviceaccount:kube-system:generic-garbage-collector' && object.?spec == "
      "oldObject.?spec)");
  // By its controller as well: it would run what a paused Deployment adopts.
  const std::string adoption =
      "request.resource.resource == 'replicasets' && request.operation == 'UPDATE' && "
      "request.?subResource.orValue('') == '' && "
      "object.?metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) && "
      "!oldObject.?metadata.?ownerReferences.orValue([]).exists(p, p.?uid == o.?uid && "
      "p.?controller.orValue(false)))";
  // Controllers of all sorts touch metadata and status; what runs, and who adopts it, is spec and
  // labels.
  guard["matchConditions"] = Json::array(
      {{{"name", "holdpoint-pod-maker"},
        {"expression",
         "request.?subResource.orValue('') == 'scale' ? (object.?spec.?replicas.orValue(0) > "
         "oldObject.?spec.?replicas.orValue(0) || (request.resource.resource == 'replicasets' && "
         "object.?spec.?replicas != oldObject.?spec.?replicas)) : (request.operation != 'UPDATE' "
         "|| object.?spec != oldObject.?spec || " +
             differs("/metadata/labels") + " || (request.resource.resource == 'replicasets' && " +
             differs("/metadata/ownerReferences") + "))"}},
       {{"name", "holdpoint-not-controller"},
        {"expression", "(" + adoption + ") || !(" + join(by_controllers, " || ") + ")"}}});
  return guard;
}

// A namespace that leaves the policy's scope by its labels, or takes along what the policy gates
// the deletion of. The selector of a write to a Namespace sees the new labels, so the condition
// looks at both.
Json scope_entry(const ApprovalPolicy& policy, const WebhookAddress& address,
                 const std::vector<std::string>& never,
                 const std::vector<std::string>& operations) {
  const std::string& name = policy.metadata.name;
  const LabelSelector& selector = policy.spec.match.namespace_selector;
  std::vector<std::string> names;
  for (const std::string& one : never) names.push_back(cel_string(one));
  Json scope = entry(name + ".scope" + kDomain, address, "/scope/" + name, false);
  std::vector<std::string> ways = with_status("namespaces");
  ways.emplace_back("namespaces/finalize");
  scope["rules"].push_back(rule("", "v1", ways, operations, "Cluster"));
  scope["matchConditions"] = Json::array(
      {{{"name", "holdpoint-leaves-scope"},
        {"expression",
         "!(request.name in [" + join(names, ", ") + "]) && " + selects("oldObject", selector) +
             " && (request.operation == 'DELETE' || !" + selects("object", selector) + ")"}}});
  return scope;
}

// Annotations of ours, added, changed or taken away.
std::string our_annotations_differ() {
  const auto one_way = [](const std::string& a, const std::string& b) {
    return a + ".?metadata.?annotations.orValue({}).exists(k, k.startsWith('holdpoint.dev/') && " +
           b + ".?metadata.?annotations[?k] != " + a + ".?metadata.?annotations[?k])";
  };
  return one_way("object", "oldObject") + " || " + one_way("oldObject", "object");
}

}  // namespace

std::string cel_path(const std::string& root, const std::string& pointer) {
  std::string path = root;
  const auto tokens = pointer_tokens(pointer);
  if (!tokens.ok()) return root;
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string& token = (*tokens)[i];
    // Below these everything is a map; below anything else there may be a list.
    const bool under_map = i == 0 || (i == 1 && is_map((*tokens)[0])) ||
                           (i == 2 && (*tokens)[0] == "metadata" &&
                            ((*tokens)[1] == "labels" || (*tokens)[1] == "annotations"));
    path += under_map ? key_step(token) : careful_step(token);
  }
  return path;
}

std::string change_condition(const ApprovalPolicySpec& spec,
                             const std::vector<ResolvedResource>& resources) {
  // By resource, so that what is covered of one kind does not send writes of another.
  std::vector<std::pair<const ResolvedResource*, std::string>> clauses;
  for (const ResolvedResource& resource : resources) {
    std::string clause = touched(spec, resource);
    const bool known = std::any_of(clauses.begin(), clauses.end(), [&](const auto& one) {
      return one.first->group == resource.group && one.first->resource == resource.resource;
    });
    if (!known) clauses.emplace_back(&resource, std::move(clause));
  }
  const bool alike = std::all_of(clauses.begin(), clauses.end(), [&](const auto& one) {
    return one.second == clauses.front().second;
  });
  std::string by_resource;
  if (alike) {
    by_resource = clauses.empty() ? "true" : clauses.front().second;
  } else {
    for (const auto& [resource, clause] : clauses)
      by_resource += "(request.resource.group == " + cel_string(resource->group) +
                     " && request.resource.resource == " + cel_string(resource->resource) +
                     ") ? (" + clause + ") : ";
    by_resource = "(" + by_resource + "true)";  // what is none of them is looked at
  }
  // Creations and deletions are always looked at.
  std::vector<std::string> any{"request.operation != 'UPDATE'", std::move(by_resource),
                               our_annotations_differ()};
  if (!spec.match.object_selector.empty()) any.push_back(differs("/metadata/labels"));
  return join(any, " || ");
}

Entries entries_of(const ApprovalPolicy& policy, const std::vector<ResolvedResource>& resources,
                   const WebhookAddress& address, const std::vector<std::string>& own_namespaces) {
  Entries entries;
  const ApprovalPolicySpec& spec = policy.spec;
  const std::string& name = policy.metadata.name;
  if (spec.mode == PolicyMode::Off || resources.empty()) return entries;
  Json conditions = user_conditions(spec);
  const bool gates_cron_jobs =
      spec.match.object_selector.empty() &&
      std::none_of(spec.match.conditions.begin(), spec.match.conditions.end(),
                   [](const MatchCondition& one) { return reads(one.expression, "object"); }) &&
      std::any_of(resources.begin(), resources.end(), [&](const ResolvedResource& resource) {
        return resource.group == "batch" && resource.resource == "cronjobs" &&
               is_wholly_gated(resource) && covers(spec, resource, "/spec/jobTemplate/spec");
      });
  // Where all CronJobs are gated, what an approved one starts was approved with it.
  if (gates_cron_jobs)
    conditions.push_back(
        {{"name", "holdpoint-not-cron"},
         {"expression",
          "!(request.resource.resource == 'jobs' && request.operation == 'CREATE' && "
          "request.userInfo.username == "
          "'system:serviceaccount:kube-system:cronjob-controller')"}});
  conditions.push_back(
      {{"name", "holdpoint-covered"}, {"expression", change_condition(spec, resources)}});

  Json gate = entry(name + ".gate" + kDomain, address, "/gate/" + name, false);
  Json hold = entry(name + ".hold" + kDomain, address, "/hold/" + name, true);
  Json scale = entry(name + ".scale" + kDomain, address, "/scale/" + name, false);
  std::string scale_condition;
  for (const ResolvedResource& resource : resources) {
    const Pausable how = pausable(resource.group, resource.resource);
    std::set<Operation> operations(resource.operations.begin(), resource.operations.end());
    // What is held is judged on every update, also when hold.mode says by now that nothing is held.
    const bool holds = spec.mode == PolicyMode::Enforce && how != Pausable::No;
    if (holds) operations.insert(Operation::Update);
    std::vector<std::string> names{resource.resource};
    if (updates(operations)) names = with_status(resource.resource);
    if (resource.group.empty() && resource.resource == "pods")
      names.insert(names.end(), {"pods/ephemeralcontainers", "pods/resize"});
    gate["rules"].push_back(rule(resource.group, resource.version, names, spell(operations)));
    if (holds && may_suspend(spec)) {
      std::set<Operation> mutated = operations;
      mutated.erase(Operation::Delete);
      hold["rules"].push_back(
          rule(resource.group, resource.version, {resource.resource}, spell(mutated)));
    }
    const bool named = std::find(resource.operations.begin(), resource.operations.end(),
                                 Operation::Update) != resource.operations.end();
    const bool covered = named && covers(spec, resource, "/spec/replicas") &&
                         how != Pausable::Job &&
                         (!resource.group.empty() || resource.resource == "replicationcontrollers");
    if (spec.mode == PolicyMode::Enforce && (covered || (holds && how == Pausable::Deployment))) {
      scale["rules"].push_back(
          rule(resource.group, resource.version, {resource.resource + "/scale"}, {"UPDATE"}));
      // A policy that covers replicas anywhere looks at every change of scale; the webhook tells
      // them apart.
      if (covered || scale_condition.empty())
        scale_condition =
            covered ? "object.?spec.?replicas.orValue(0) != oldObject.?spec.?replicas.orValue(0)"
                    : "oldObject.?spec.?replicas.orValue(0) == 0 && "
                      "object.?spec.?replicas.orValue(0) > 0";
    }
  }
  gate["matchConditions"] = conditions;
  gate["namespaceSelector"] = namespace_selector(spec, own_namespaces);
  gate["objectSelector"] = selector_json(spec.match.object_selector);
  if (spec.mode == PolicyMode::Warn) gate["failurePolicy"] = "Ignore";
  entries.validating.push_back(gate);
  if (!scale["rules"].empty()) {
    scale["matchConditions"] =
        Json::array({{{"name", "holdpoint-scale"}, {"expression", scale_condition}}});
    scale["namespaceSelector"] = gate["namespaceSelector"];  // a Scale has no labels to select by
    entries.validating.push_back(std::move(scale));
  }
  const bool gates_jobs =
      std::any_of(resources.begin(), resources.end(), [](const ResolvedResource& resource) {
        return pausable(resource.group, resource.resource) == Pausable::Job;
      });
  // Whatever hold.mode says now: Jobs may wait by what it said before.
  if (spec.mode == PolicyMode::Enforce && gates_jobs) {
    Json pods = pods_entry(policy, address);
    pods["namespaceSelector"] = gate["namespaceSelector"];  // a pod has the labels of its own
    entries.validating.push_back(std::move(pods));
  }
  if (spec.guard) {
    Json guard = guard_entry(policy, resources, address);
    guard["namespaceSelector"] = gate["namespaceSelector"];
    if (spec.mode == PolicyMode::Warn) guard["failurePolicy"] = "Ignore";
    entries.validating.push_back(std::move(guard));
  }
  std::vector<std::string> ends_scope;
  if (!spec.match.namespace_selector.empty()) ends_scope.emplace_back("UPDATE");
  if (std::any_of(resources.begin(), resources.end(), [](const ResolvedResource& resource) {
        return resource.namespaced &&
               std::find(resource.operations.begin(), resource.operations.end(),
                         Operation::Delete) != resource.operations.end();
      }))
    ends_scope.emplace_back("DELETE");
  if (spec.mode == PolicyMode::Enforce && !ends_scope.empty())
    entries.validating.push_back(
        scope_entry(policy, address, never_gated(own_namespaces), ends_scope));
  if (!hold["rules"].empty()) {
    // The operator takes marks off that it put there: the gate judges that, nothing is to be added.
    conditions.push_back({{"name", "holdpoint-not-operator"},
                          {"expression", "request.userInfo.username != 'system:serviceaccount:" +
                                             own_namespaces.front() + ":holdpoint-operator'"}});
    hold["matchConditions"] = conditions;
    hold["namespaceSelector"] = gate["namespaceSelector"];
    hold["objectSelector"] = gate["objectSelector"];
    entries.mutating.push_back(std::move(hold));
  }
  for (auto* list : {&entries.validating, &entries.mutating})
    for (Json& one : *list) one["timeoutSeconds"] = spec.timeout_seconds;
  return entries;
}

int shard_of(const std::string& policy) {
  return static_cast<int>(std::stoul(sha256_hex(policy).substr(0, 6), nullptr, 16) % kShards);
}

std::string gate_name(int shard) { return "holdpoint-gate-" + std::to_string(shard); }
std::string hold_name(int shard) { return "holdpoint-hold-" + std::to_string(shard); }

std::string policy_of_entry(const Json& entry) {
  const std::string name = string_at(entry, {"name"});
  for (const char* sort : {".gate", ".hold", ".scale", ".guard", ".scope", ".pods"}) {
    const std::string suffix = std::string(sort) + kDomain;
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return "";
}

Shard make_shard(bool mutating, const std::string& name, std::vector<Json> entries,
                 const WebhookAddress& address, const std::string& own_namespace) {
  std::sort(entries.begin(), entries.end(), [](const Json& a, const Json& b) {
    return string_at(a, {"name"}) < string_at(b, {"name"});
  });
  Shard shard;
  Json webhooks = Json::array();
  for (Json& one : entries) webhooks.push_back(std::move(one));
  shard.probe_hash = sha256_hex(name + "\n" + dump_json(webhooks)).substr(0, 32);
  Json probe =
      entry(std::string("probe") + kDomain, address, "/probe/" + shard.probe_hash, mutating);
  probe["rules"].push_back(rule("", "v1", {"configmaps"}, {"CREATE"}, "Namespaced"));
  probe["namespaceSelector"] = {{"matchLabels", {{"kubernetes.io/metadata.name", own_namespace}}}};
  probe["objectSelector"] = {{"matchLabels", {{"holdpoint.dev/probe", name}}}};
  probe["sideEffects"] = "None";
  probe["failurePolicy"] = "Fail";
  webhooks.push_back(std::move(probe));
  shard.object = {
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration"},
      {"metadata", {{"name", name}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
      {"webhooks", std::move(webhooks)}};
  return shard;
}

Json probe_object(const std::string& shard_name, const std::string& own_namespace) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", "holdpoint-probe"},
            {"namespace", own_namespace},
            {"labels", {{"holdpoint.dev/probe", shard_name}}}}}};
}

Json approvals_configuration(bool mutating, const WebhookAddress& address,
                             const std::string& operator_user) {
  Json webhooks = Json::array();
  const std::string resource = kind_info<Approval>().plural;
  Json one = entry(std::string(mutating ? "stamp" : "check") + ".approvals" + kDomain, address,
                   mutating ? "/approvals/stamp" : "/approvals/check", mutating);
  one["sideEffects"] = "None";
  if (mutating) {
    one["rules"].push_back(rule(kGroup, kVersion, {resource}, {"CREATE"}));
  } else {
    one["rules"].push_back(rule(kGroup, kVersion, {resource}, {"CREATE", "DELETE"}));
    // What goes away with its request or its namespace is not somebody's revocation.
    one["matchConditions"] =
        Json::array({{{"name", "by-people"},
                      {"expression",
                       "request.operation != 'DELETE' || !(request.userInfo.username in "
                       "['system:serviceaccount:kube-system:namespace-controller', "
                       "'system:serviceaccount:kube-system:generic-garbage-collector', "
                       "'system:kube-controller-manager', " +
                           cel_string(operator_user) + "])"}}});
  }
  webhooks.push_back(std::move(one));
  // Whoever writes a policy is told on the trail. A policy can be written without us: then nobody
  // is.
  if (mutating) {
    Json author = entry(std::string("stamp.policies") + kDomain, address, "/policies/stamp", true);
    author["sideEffects"] = "None";
    author["failurePolicy"] = "Ignore";
    author["timeoutSeconds"] = 3;
    author["rules"].push_back(
        rule(kGroup, kVersion, {kind_info<ApprovalPolicy>().plural}, {"CREATE", "UPDATE"}));
    webhooks.push_back(std::move(author));
  }
  // Requests that people make ahead; what the webhook makes itself is not sent back to it.
  Json ahead = entry(std::string(mutating ? "stamp" : "check") + ".requests" + kDomain, address,
                     mutating ? "/requests/stamp" : "/requests/check", mutating);
  ahead["sideEffects"] = "None";
  ahead["rules"].push_back(
      rule(kGroup, kVersion, {kind_info<ApprovalRequest>().plural}, {"CREATE"}));
  ahead["matchConditions"] = Json::array(
      {{{"name", "by-people"},
        {"expression", "request.userInfo.username != " +
                           cel_string(operator_user.substr(0, operator_user.rfind(':')) +
                                      ":holdpoint-webhook")}}});
  webhooks.push_back(std::move(ahead));
  return {
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration"},
      {"metadata",
       {{"name", "holdpoint-approvals"}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
      {"webhooks", std::move(webhooks)}};
}

}  // namespace holdpoint::operator_
