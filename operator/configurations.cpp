#include "operator/configurations.hpp"

#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "core/approval/covered.hpp"
#include "core/approval/hold.hpp"
#include "crds/codec.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr int kTimeoutSeconds = 10;
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

Json rule(const std::string& group, const std::string& version, const std::vector<std::string>& resources,
          const std::vector<std::string>& operations, const char* scope = "*") {
  return {{"apiGroups", {group}}, {"apiVersions", {version}}, {"resources", resources}, {"operations", operations},
          {"scope", scope}};
}

Json entry(const std::string& name, const WebhookAddress& address, const std::string& path, bool mutating) {
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
  return spec.mode == PolicyMode::Enforce && (spec.hold.mode == HoldMode::Auto || spec.hold.mode == HoldMode::Suspend);
}

bool covers_replicas(const ApprovalPolicySpec& spec, const ResolvedResource& resource) {
  const auto pointers = covered_pointers(spec.match.changes, resource.group, resource.resource);
  return std::any_of(pointers.begin(), pointers.end(), [](const std::string& pointer) {
    return pointer.empty() || pointer == "/spec" || pointer == "/spec/replicas";
  });
}

Json namespace_selector(const ApprovalPolicySpec& spec, const std::vector<std::string>& own_namespaces) {
  Json selector = selector_json(spec.match.namespace_selector);
  std::vector<std::string> never{"kube-system", "kube-node-lease"};
  never.insert(never.end(), own_namespaces.begin(), own_namespaces.end());
  Json& expressions = selector["matchExpressions"];
  if (!expressions.is_array()) expressions = Json::array();
  expressions.push_back({{"key", "kubernetes.io/metadata.name"}, {"operator", "NotIn"}, {"values", never}});
  return selector;
}

Json user_conditions(const ApprovalPolicySpec& spec) {
  Json conditions = Json::array();
  for (const MatchCondition& condition : spec.match.conditions)
    conditions.push_back({{"name", condition.name}, {"expression", condition.expression}});
  return conditions;
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
  static const std::set<std::string> kReserved{"as",   "break",     "const",  "continue", "else",   "false", "for",
                                               "function", "if",    "import", "in",       "let",    "loop",  "package",
                                               "namespace", "null", "return", "true",     "var",    "void",  "while"};
  if (token.empty() || kReserved.contains(token) || (token[0] >= '0' && token[0] <= '9')) return false;
  return std::all_of(token.begin(), token.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string differs(const std::string& pointer) {
  return cel_path("object", pointer) + " != " + cel_path("oldObject", pointer);
}

// Annotations of ours, added, changed or taken away.
std::string our_annotations_differ() {
  const auto one_way = [](const std::string& a, const std::string& b) {
    return a + ".?metadata.?annotations.orValue({}).exists(k, k.startsWith('holdpoint.dev/') && " + b +
           ".?metadata.?annotations[?k].orValue('') != " + a + ".metadata.annotations[k])";
  };
  return one_way("object", "oldObject") + " || " + one_way("oldObject", "object");
}

}  // namespace

std::string cel_path(const std::string& root, const std::string& pointer) {
  std::string path = root;
  const auto tokens = pointer_tokens(pointer);
  if (!tokens.ok()) return root;
  for (const std::string& token : *tokens) {
    const bool index = !token.empty() && token.size() < 7 && (token == "0" || token[0] != '0') &&
                       std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_identifier(token)) {
      path += ".?" + token;
    } else {
      path += "[?" + (index ? token : cel_string(token)) + "]";
    }
  }
  return path;
}

std::string change_condition(const ApprovalPolicySpec& spec, const std::vector<ResolvedResource>& resources) {
  std::set<std::string> pointers;
  bool deployments = false, jobs = false;
  for (const ResolvedResource& resource : resources) {
    const auto covered = covered_pointers(spec.match.changes, resource.group, resource.resource);
    pointers.insert(covered.begin(), covered.end());
    const Pausable how = pausable(resource.group, resource.resource);
    deployments = deployments || how == Pausable::Deployment;
    jobs = jobs || how == Pausable::Job;
  }
  std::vector<std::string> any;
  // Creations and deletions are always looked at.
  any.emplace_back("request.operation != 'UPDATE'");
  for (const std::string& pointer : pointers) {
    if (pointer.empty()) {
      // The whole object is covered: every update is looked at.
      return "true";
    }
    any.push_back(differs(pointer));
  }
  if (deployments) {
    any.push_back(differs("/spec/paused"));
    any.emplace_back(
        "(has(object.metadata.annotations) && 'holdpoint.dev/held' in object.metadata.annotations && "
        "object.?spec.?replicas.orValue(1) != 0 && oldObject.?spec.?replicas.orValue(1) == 0)");
  }
  if (jobs) any.push_back(differs("/spec/suspend"));
  any.push_back(our_annotations_differ());
  if (!spec.match.object_selector.empty()) any.push_back(differs("/metadata/labels"));
  std::string text;
  for (const std::string& one : any) text += (text.empty() ? "" : " || ") + one;
  return text;
}

Entries entries_of(const ApprovalPolicy& policy, const std::vector<ResolvedResource>& resources,
                   const WebhookAddress& address, const std::vector<std::string>& own_namespaces) {
  Entries entries;
  const ApprovalPolicySpec& spec = policy.spec;
  const std::string& name = policy.metadata.name;
  if (spec.mode == PolicyMode::Off || resources.empty()) return entries;
  Json conditions = user_conditions(spec);
  conditions.push_back({{"name", "holdpoint-covered"}, {"expression", change_condition(spec, resources)}});

  Json gate = entry(name + ".gate" + kDomain, address, "/gate/" + name, false);
  Json hold = entry(name + ".hold" + kDomain, address, "/hold/" + name, true);
  Json scale = entry(name + ".scale" + kDomain, address, "/scale/" + name, false);
  std::string scale_condition;
  for (const ResolvedResource& resource : resources) {
    const Pausable how = pausable(resource.group, resource.resource);
    std::set<Operation> operations(resource.operations.begin(), resource.operations.end());
    const bool holds = may_suspend(spec) && how != Pausable::No;
    if (holds) operations.insert(Operation::Update);  // what is held is judged on every update
    std::vector<std::string> names{resource.resource};
    if (resource.group.empty() && resource.resource == "pods")
      names.insert(names.end(), {"pods/ephemeralcontainers", "pods/resize"});
    gate["rules"].push_back(rule(resource.group, resource.version, names, spell(operations)));
    if (holds) {
      std::set<Operation> mutated = operations;
      mutated.erase(Operation::Delete);
      hold["rules"].push_back(rule(resource.group, resource.version, {resource.resource}, spell(mutated)));
    }
    const bool covered = covers_replicas(spec, resource) && how != Pausable::Job && resource.group != "";
    if (spec.mode == PolicyMode::Enforce && (covered || (holds && how == Pausable::Deployment))) {
      scale["rules"].push_back(rule(resource.group, resource.version, {resource.resource + "/scale"}, {"UPDATE"}));
      // A policy that covers replicas anywhere looks at every change of scale; the webhook tells them apart.
      if (covered || scale_condition.empty())
        scale_condition = covered ? "object.?spec.?replicas.orValue(0) != oldObject.?spec.?replicas.orValue(0)"
                                  : "oldObject.?spec.?replicas.orValue(0) == 0 && object.?spec.?replicas.orValue(0) > 0";
    }
  }
  gate["matchConditions"] = conditions;
  gate["namespaceSelector"] = namespace_selector(spec, own_namespaces);
  gate["objectSelector"] = selector_json(spec.match.object_selector);
  if (spec.mode == PolicyMode::Warn) gate["failurePolicy"] = "Ignore";
  entries.validating.push_back(gate);
  if (!scale["rules"].empty()) {
    scale["matchConditions"] = Json::array({{{"name", "holdpoint-scale"}, {"expression", scale_condition}}});
    scale["namespaceSelector"] = gate["namespaceSelector"];  // a Scale has no labels to select by
    entries.validating.push_back(std::move(scale));
  }
  if (!hold["rules"].empty()) {
    hold["matchConditions"] = conditions;
    hold["namespaceSelector"] = gate["namespaceSelector"];
    hold["objectSelector"] = gate["objectSelector"];
    entries.mutating.push_back(std::move(hold));
  }
  return entries;
}

int shard_of(const std::string& policy) {
  return static_cast<int>(std::stoul(sha256_hex(policy).substr(0, 6), nullptr, 16) % kShards);
}

std::string gate_name(int shard) { return "holdpoint-gate-" + std::to_string(shard); }
std::string hold_name(int shard) { return "holdpoint-hold-" + std::to_string(shard); }

std::string policy_of_entry(const Json& entry) {
  const std::string name = string_at(entry, {"name"});
  for (const char* sort : {".gate", ".hold", ".scale"}) {
    const std::string suffix = std::string(sort) + kDomain;
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return "";
}

Shard make_shard(bool mutating, const std::string& name, std::vector<Json> entries, const WebhookAddress& address,
                 const std::string& own_namespace) {
  std::sort(entries.begin(), entries.end(),
            [](const Json& a, const Json& b) { return string_at(a, {"name"}) < string_at(b, {"name"}); });
  Shard shard;
  Json webhooks = Json::array();
  for (Json& one : entries) webhooks.push_back(std::move(one));
  shard.probe_hash = sha256_hex(name + "\n" + dump_json(webhooks)).substr(0, 32);
  Json probe = entry(std::string("probe") + kDomain, address, "/probe/" + shard.probe_hash, mutating);
  probe["rules"].push_back(rule("", "v1", {"configmaps"}, {"CREATE"}, "Namespaced"));
  probe["namespaceSelector"] = {{"matchLabels", {{"kubernetes.io/metadata.name", own_namespace}}}};
  probe["objectSelector"] = {{"matchLabels", {{"holdpoint.dev/probe", name}}}};
  probe["sideEffects"] = "None";
  probe["failurePolicy"] = "Fail";
  webhooks.push_back(std::move(probe));
  shard.object = {{"apiVersion", "admissionregistration.k8s.io/v1"},
                  {"kind", mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration"},
                  {"metadata", {{"name", name}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
                  {"webhooks", std::move(webhooks)}};
  return shard;
}

Json probe_object(const std::string& shard_name, const std::string& own_namespace) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", "holdpoint-probe"}, {"namespace", own_namespace}, {"labels", {{"holdpoint.dev/probe", shard_name}}}}}};
}

Json approvals_configuration(bool mutating, const WebhookAddress& address, const std::string& operator_user) {
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
    one["matchConditions"] = Json::array(
        {{{"name", "by-people"},
          {"expression",
           "request.operation != 'DELETE' || !(request.userInfo.username in "
           "['system:serviceaccount:kube-system:namespace-controller', "
           "'system:serviceaccount:kube-system:generic-garbage-collector', 'system:kube-controller-manager', " +
               cel_string(operator_user) + "])"}}});
  }
  webhooks.push_back(std::move(one));
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration"},
          {"metadata", {{"name", "holdpoint-approvals"}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
          {"webhooks", std::move(webhooks)}};
}

}  // namespace holdpoint::operator_
