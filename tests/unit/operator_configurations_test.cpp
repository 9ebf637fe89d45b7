#include <doctest/doctest.h>

#include <random>
#include <set>

#include "core/approval/hold.hpp"
#include "operator/conditions.hpp"
#include "operator/configurations.hpp"

namespace holdpoint::operator_ {
namespace {

const std::vector<std::string> kOwn{"holdpoint-system", "holdpoint-approvals"};

WebhookAddress an_address() {
  WebhookAddress address;
  address.url = "https://127.0.0.1:8443";
  address.ca_pem = "PEM";
  address.path_token = "token";
  return address;
}

ApprovalPolicy a_policy(const std::string& name = "prod") {
  ApprovalPolicy policy;
  policy.metadata.name = name;
  policy.spec.match.namespace_selector.match_labels = {{"environment", "production"}};
  return policy;
}

ResolvedResource deployments(std::vector<Operation> operations = {Operation::Create,
                                                                  Operation::Update}) {
  return {"apps", "v1", "deployments", true, std::move(operations)};
}
ResolvedResource jobs(std::vector<Operation> operations = {Operation::Create}) {
  return {"batch", "v1", "jobs", true, std::move(operations)};
}
ResolvedResource config_maps() {
  return {"", "v1", "configmaps", true, {Operation::Create, Operation::Delete}};
}

Entries entries_for(const ApprovalPolicy& policy, const std::vector<ResolvedResource>& resources) {
  return entries_of(policy, resources, an_address(), kOwn);
}

const Json* named(const std::vector<Json>& entries, const std::string& name) {
  for (const Json& entry : entries)
    if (entry.at("name") == name) return &entry;
  return nullptr;
}

std::string expression(const Json& entry, const std::string& name) {
  for (const Json& condition : entry.at("matchConditions"))
    if (condition.at("name") == name) return condition.at("expression");
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::set<std::string> operations_of(const Json& entry, const std::string& resource) {
  std::set<std::string> found;
  for (const Json& rule : entry.at("rules"))
    for (const Json& one : rule.at("resources"))
      if (one == resource)
        for (const Json& operation : rule.at("operations"))
          found.insert(operation.get<std::string>());
  return found;
}

TEST_CASE("a JSON pointer becomes CEL that errs on no missing field") {
  struct Row {
    const char* pointer;
    const char* text;
  };
  for (const Row& row :
       {Row{"/spec/template", "object.?spec.?template"},
        Row{"/data/app.yaml", "object.?data[?'app.yaml']"},
        Row{"/metadata/annotations/example.com~1team",
            "object.?metadata.?annotations[?'example.com/team']"},
        Row{"/spec/in", "object.?spec[?'in']"},
        Row{"/spec/namespace", "object.?spec[?'namespace']"},
        Row{"/data/it's", "object.?data[?'it\\'s']"}, Row{"/data/a\\b", "object.?data[?'a\\\\b']"},
        Row{"/data/new\nline", "object.?data[?'new\\x0aline']"},
        Row{"/data/~0", "object.?data[?'~']"}, Row{"/data/ключ", "object.?data[?'ключ']"},
        Row{"/data/007", "object.?data[?'007']"}}) {
    CAPTURE(row.pointer);
    CHECK(cel_path("object", row.pointer) == row.text);
  }
}

TEST_CASE("M4: below what may be a list, a pointer asks first what it is") {
  // A key into a list and an index into a map are errors in CEL, and an error refuses the write.
  CHECK(cel_path("object", "/data/0") == "object.?data[?'0']");
  CHECK(cel_path("object", "/spec/items/0") ==
        "object.?spec.?items.optFlatMap(v, type(v) == list ? v[?0] : type(v) == map ? v[?'0'] : "
        "optional.none())");
  CHECK(cel_path("object", "/spec/items/image") ==
        "object.?spec.?items.optFlatMap(v, type(v) == map ? v.?image : optional.none())");
}

TEST_CASE("what is covered of one kind does not send the writes of another") {
  const std::string both = change_condition(a_policy().spec, {deployments(), jobs()});
  CHECK(
      contains(both,
               "(request.resource.group == 'apps' && request.resource.resource == 'deployments') ? "
               "(object.?spec.?template != oldObject.?spec.?template || "));
  CHECK(contains(both,
                 "(request.resource.group == 'batch' && request.resource.resource == 'jobs') ? "
                 "(object.?spec != oldObject.?spec || "));
  CHECK(contains(both, " : true)"));  // what is neither is looked at
  CHECK_FALSE(contains(change_condition(a_policy().spec, {deployments()}), "request.resource"));
}

TEST_CASE("a policy that does not gate updates does not gate scaling") {
  ApprovalPolicy policy = a_policy();
  policy.spec.match.changes = {"/spec"};
  const auto scale_of = [&](std::vector<Operation> operations) {
    return named(entries_for(policy, {{"apps", "v1", "statefulsets", true, std::move(operations)}})
                     .validating,
                 "prod.scale.holdpoint.dev") != nullptr;
  };
  CHECK_FALSE(scale_of({Operation::Create, Operation::Delete}));
  CHECK(scale_of({Operation::Update}));
}

TEST_CASE("no token of a pointer can end the CEL string that it stands in") {
  std::minstd_rand random(7);
  static constexpr std::string_view kPieces[] = {"'",  "\\", "\\'", ")",  " || true",
                                                 "\n", "]",  "a",   "\"", "$"};
  for (int round = 0; round < 2000; ++round) {
    std::string token;
    for (int i = 0; i < 6; ++i) token += kPieces[random() % std::size(kPieces)];
    const std::string path = cel_path("o", "/" + token);
    CAPTURE(path);
    // Read as CEL reads it: one quoted literal and nothing behind it.
    REQUIRE(path.starts_with("o[?'"));
    std::size_t at = 4;
    while (at < path.size() && path[at] != '\'') at += path[at] == '\\' ? 2 : 1;
    CHECK(path.substr(at) == "']");
  }
}

TEST_CASE("the condition is true on creation and deletion, whatever is covered") {
  CHECK(change_condition(a_policy().spec, {config_maps()})
            .starts_with("request.operation != 'UPDATE' || "));
  ApprovalPolicy whole = a_policy();
  whole.spec.match.changes = {""};
  // But for a status alone, and what it brings along of labels and annotations.
  for (const auto& resources : {std::vector{config_maps()}, std::vector{config_maps(), jobs()}})
    CHECK(change_condition(whole.spec, resources)
              .starts_with("request.operation != 'UPDATE' || request.?subResource.orValue('') != "
                           "'status' || object.?metadata.?labels != oldObject.?metadata.?labels || "
                           "object.?metadata.?annotations != oldObject.?metadata.?annotations"));
}

TEST_CASE(
    "the condition names what holds an object, our annotations, and labels where they select") {
  ApprovalPolicy policy = a_policy();
  const std::string plain = change_condition(policy.spec, {deployments()});
  CHECK(contains(plain, "object.?spec.?template != oldObject.?spec.?template"));
  CHECK(contains(plain, "object.?spec.?paused != oldObject.?spec.?paused"));
  CHECK(contains(plain, "k.startsWith('holdpoint.dev/')"));
  CHECK(contains(plain, "(object.?spec.?paused.orValue(false) && object.?spec.?replicas"));
  CHECK(contains(plain, "oldObject.?spec.?replicas.orValue(1) == 0"));
  CHECK_FALSE(contains(plain, "?labels"));
  CHECK_FALSE(contains(plain, "?suspend"));
  policy.spec.match.object_selector.match_labels = {{"tier", "prod"}};
  CHECK(contains(change_condition(policy.spec, {deployments()}),
                 "object.?metadata.?labels != oldObject.?metadata.?labels"));
  CHECK(contains(change_condition(policy.spec, {jobs()}),
                 "object.?spec.?suspend != oldObject.?spec.?suspend"));
}

TEST_CASE("an enforced policy has a gate that fails closed and never gates what must stay open") {
  const Entries entries = entries_for(a_policy(), {deployments(), config_maps()});
  const Json* gate = named(entries.validating, "prod.gate.holdpoint.dev");
  REQUIRE(gate != nullptr);
  CHECK(gate->at("failurePolicy") == "Fail");
  CHECK(gate->at("matchPolicy") == "Equivalent");
  CHECK(gate->at("sideEffects") == "NoneOnDryRun");
  CHECK(gate->at("timeoutSeconds") == 10);
  CHECK(gate->at("clientConfig").at("url") == "https://127.0.0.1:8443/token/gate/prod");
  CHECK(gate->at("namespaceSelector").at("matchLabels") == Json{{"environment", "production"}});
  std::set<std::string> never;
  for (const Json& one : gate->at("namespaceSelector").at("matchExpressions"))
    if (one.at("key") == "kubernetes.io/metadata.name" && one.at("operator") == "NotIn")
      for (const Json& value : one.at("values")) never.insert(value.get<std::string>());
  CHECK(never == std::set<std::string>{"kube-system", "kube-node-lease", "holdpoint-system",
                                       "holdpoint-approvals"});
}

TEST_CASE("a service is named with port and path instead of a URL") {
  WebhookAddress address = an_address();
  address.url.clear();
  address.service_namespace = "holdpoint-system";
  address.service_name = "holdpoint-webhook";
  const Entries entries = entries_of(a_policy(), {deployments()}, address, kOwn);
  const Json& config = entries.validating.front().at("clientConfig");
  CHECK_FALSE(config.contains("url"));
  CHECK(config.at("service") == Json{{"namespace", "holdpoint-system"},
                                     {"name", "holdpoint-webhook"},
                                     {"port", 443},
                                     {"path", "/token/gate/prod"}});
}

TEST_CASE("what may be stored held is judged on every update, named or not") {
  for (const ResolvedResource& one :
       {deployments({Operation::Create}), jobs({Operation::Create})}) {
    CAPTURE(one.resource);
    const Entries entries = entries_for(a_policy(), {one});
    CHECK(operations_of(*named(entries.validating, "prod.gate.holdpoint.dev"), one.resource)
              .contains("UPDATE"));
    REQUIRE(entries.mutating.size() == 1);
    CHECK(entries.mutating.front().at("reinvocationPolicy") == "IfNeeded");
    CHECK(operations_of(entries.mutating.front(), one.resource) ==
          std::set<std::string>{"CREATE", "UPDATE"});
  }
}

TEST_CASE("only policies that suspend mutate, and only what can be suspended") {
  ApprovalPolicy policy = a_policy();
  CHECK(entries_for(policy, {config_maps()}).mutating.empty());
  for (const HoldMode mode : {HoldMode::Deny, HoldMode::Retry}) {
    policy.spec.hold.mode = mode;
    CHECK(entries_for(policy, {deployments({Operation::Create}), jobs()}).mutating.empty());
    // What was held before is judged on update all the same, and not scaled up.
    const Entries entries = entries_for(policy, {deployments({Operation::Create})});
    CHECK(operations_of(entries.validating.front(), "deployments") ==
          std::set<std::string>{"CREATE", "UPDATE"});
    CHECK(named(entries.validating, "prod.scale.holdpoint.dev") != nullptr);
  }
}

ResolvedResource cron_jobs(std::vector<Operation> operations) {
  return {"batch", "v1", "cronjobs", true, std::move(operations)};
}

TEST_CASE("Jobs of CronJobs flow where every CronJob is gated, and only there") {
  const std::vector<Operation> both{Operation::Create, Operation::Update};
  const auto lets_by = [&](const ApprovalPolicy& policy, std::vector<Operation> operations) {
    const Entries entries = entries_for(policy, {jobs(), cron_jobs(std::move(operations))});
    return !expression(*named(entries.validating, "prod.gate.holdpoint.dev"), "holdpoint-not-cron")
                .empty();
  };
  CHECK(lets_by(a_policy(), both));
  CHECK_FALSE(lets_by(a_policy(), {Operation::Create}));
  CHECK_FALSE(lets_by(a_policy(), {Operation::Update}));
  ApprovalPolicy elsewhere = a_policy();
  elsewhere.spec.match.changes = {"/spec/template"};
  CHECK_FALSE(lets_by(elsewhere, both));
  ApprovalPolicy labelled = a_policy();
  labelled.spec.match.object_selector.match_labels = {{"gated", "yes"}};
  CHECK_FALSE(lets_by(labelled, both));
  ApprovalPolicy by_image = a_policy();
  by_image.spec.match.conditions = {{"image", "object.spec.template.spec.containers != []"}};
  CHECK_FALSE(lets_by(by_image, both));
  ApprovalPolicy by_user = a_policy();
  by_user.spec.match.conditions = {{"user", "request.userInfo.username != 'flagger'"}};
  CHECK(lets_by(by_user, both));
}

TEST_CASE("B3: the guard leaves out only what is gated however it comes to be") {
  ApprovalPolicy policy = a_policy();
  policy.spec.guard = true;
  const auto guards = [&](const std::vector<ResolvedResource>& resources, const char* resource) {
    const Entries entries = entries_for(policy, resources);
    return !operations_of(*named(entries.validating, "prod.guard.holdpoint.dev"), resource).empty();
  };
  CHECK_FALSE(guards({deployments()}, "deployments"));
  CHECK(guards({deployments({Operation::Update})}, "deployments"));
  CHECK(guards({deployments({Operation::Create})}, "deployments"));
  CHECK_FALSE(guards({jobs()}, "jobs"));  // what a Job runs never changes
  // M1: what has not the label is not gated, so it is guarded.
  policy.spec.match.object_selector.match_labels = {{"gated", "yes"}};
  CHECK(guards({deployments()}, "deployments"));
  const Entries entries = entries_for(policy, {deployments()});
  CHECK(contains(expression(*named(entries.validating, "prod.guard.holdpoint.dev"),
                            "holdpoint-not-controller"),
                 "object.?metadata.?labels[?'gated'] == optional.of('yes')"));
}

TEST_CASE("mode Warn fails open and never mutates; mode Off asks for nothing") {
  ApprovalPolicy policy = a_policy();
  policy.spec.mode = PolicyMode::Warn;
  const Entries warned = entries_for(policy, {deployments(), jobs()});
  REQUIRE(warned.validating.size() == 1);
  CHECK(warned.validating.front().at("failurePolicy") == "Ignore");
  CHECK(warned.mutating.empty());
  policy.spec.mode = PolicyMode::Off;
  const Entries off = entries_for(policy, {deployments(), jobs()});
  CHECK(off.validating.empty());
  CHECK(off.mutating.empty());
}

TEST_CASE("scaling a Deployment is looked at from 0 to N, and always where replicas are covered") {
  ApprovalPolicy policy = a_policy();
  const auto condition_of = [&](const std::vector<ResolvedResource>& resources) {
    const Entries entries = entries_for(policy, resources);
    const Json* scale = named(entries.validating, "prod.scale.holdpoint.dev");
    return scale == nullptr
               ? std::string()
               : scale->at("matchConditions").front().at("expression").get<std::string>();
  };
  // A Scale leaves spec.replicas out when it is 0.
  CHECK(condition_of({deployments()}) ==
        "oldObject.?spec.?replicas.orValue(0) == 0 && object.?spec.?replicas.orValue(0) > 0");
  CHECK(condition_of({config_maps()}).empty());
  policy.spec.match.changes = {"/spec/template", "/spec/replicas"};
  CHECK(condition_of({deployments()}) ==
        "object.?spec.?replicas.orValue(0) != oldObject.?spec.?replicas.orValue(0)");
}

TEST_CASE("pods are gated through their subresources too") {
  const Entries entries = entries_for(a_policy(), {{"", "v1", "pods", true, {Operation::Update}}});
  CHECK(entries.validating.front().at("rules").front().at("resources") ==
        Json{"pods", "pods/status", "pods/ephemeralcontainers", "pods/resize"});
}

TEST_CASE("what is written of labels and annotations with a status is judged like any other") {
  ApprovalPolicy policy = a_policy();
  policy.spec.guard = true;
  const Entries entries = entries_for(policy, {deployments(), jobs()});
  const Json* gate = named(entries.validating, "prod.gate.holdpoint.dev");
  for (const char* resource : {"deployments/status", "jobs/status"})
    CHECK(operations_of(*gate, resource).contains("UPDATE"));
  // Only objects have marks to be put back.
  CHECK(operations_of(*named(entries.mutating, "prod.hold.holdpoint.dev"), "jobs/status").empty());
  const Json* scope = named(entries.validating, "prod.scope.holdpoint.dev");
  for (const char* resource : {"namespaces", "namespaces/status", "namespaces/finalize"})
    CHECK(operations_of(*scope, resource) == std::set<std::string>{"UPDATE"});
  const Json* guard = named(entries.validating, "prod.guard.holdpoint.dev");
  for (const char* resource : {"pods/status", "replicasets/status"})
    CHECK(operations_of(*guard, resource).contains("UPDATE"));
}

TEST_CASE("the user's conditions go in beside ours, and let nothing out that is held") {
  ApprovalPolicy policy = a_policy();
  policy.spec.match.conditions = {{"not-flagger", "request.userInfo.username != 'flagger'"}};
  const Entries entries = entries_for(policy, {deployments()});
  for (const Json* entry : {named(entries.validating, "prod.gate.holdpoint.dev"),
                            named(entries.mutating, "prod.hold.holdpoint.dev")}) {
    REQUIRE(entry != nullptr);
    CHECK(expression(*entry, "not-flagger") ==
          "(request.operation == 'UPDATE' && 'holdpoint.dev/held' in "
          "oldObject.?metadata.?annotations.orValue({})) || (request.userInfo.username != "
          "'flagger')");
    CHECK(expression(*entry, "holdpoint-covered") ==
          change_condition(policy.spec, {deployments()}));
  }
}

TEST_CASE("M1: a condition that looks at the new object alone is told") {
  struct Row {
    const char* expression;
    bool told;
  };
  for (const Row& row :
       {Row{"object.metadata.name == 'web'", true}, Row{"has(object.spec)", true},
        Row{"request.object == object", true},
        Row{"[object, oldObject].exists(o, o != null && o.metadata.name == 'web')", false},
        Row{"request.userInfo.username != 'object'", false},
        Row{"request.userInfo.username != \"an \\\" object\"", false},
        Row{"variables.object == 1", false}, Row{"request.?object != null", false},
        Row{"objects == 1 && my_object", false}}) {
    CAPTURE(row.expression);
    ApprovalPolicy policy = a_policy();
    policy.spec.match.conditions = {{"mine", row.expression}};
    policy.spec.match.resources = {{{"apps"}, {"deployments"}, {Operation::Create}}};
    CHECK(one_sided(policy.spec).empty());  // nothing is updated
    policy.spec.match.resources.front().operations.push_back(Operation::Update);
    CHECK(one_sided(policy.spec).empty() == !row.told);
  }
}

TEST_CASE("an entry tells its policy, also one that is called like an entry") {
  for (const char* name : {"prod", "prod-gate", "gate", "hold-scale"}) {
    const Entries entries = entries_for(a_policy(name), {deployments()});
    for (const Json& entry : entries.validating) CHECK(policy_of_entry(entry) == name);
    for (const Json& entry : entries.mutating) CHECK(policy_of_entry(entry) == name);
  }
  const Shard shard = make_shard(false, gate_name(0), {}, an_address(), "holdpoint-system");
  CHECK(policy_of_entry(shard.object.at("webhooks").front()).empty());
  CHECK(policy_of_entry({{"name", "gate.holdpoint.dev"}}).empty());
}

TEST_CASE("G2: the shards together hold every entry of every live policy, once") {
  std::minstd_rand random(11);
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, std::vector<Json>> shards;
    std::multiset<std::string> wanted;
    for (std::size_t i = 0, count = random() % 40; i < count; ++i) {
      ApprovalPolicy policy = a_policy("policy-" + std::to_string(i));
      policy.spec.mode = static_cast<PolicyMode>(random() % 3);
      policy.spec.hold.mode = static_cast<HoldMode>(random() % 4);
      std::vector<ResolvedResource> resources{config_maps()};
      if (random() % 2 == 0) resources.push_back(deployments());
      if (random() % 2 == 0) resources.push_back(jobs());
      const Entries entries = entries_for(policy, resources);
      CHECK(entries.validating.empty() == (policy.spec.mode == PolicyMode::Off));
      const int shard = shard_of(policy.metadata.name);
      REQUIRE(shard >= 0);
      REQUIRE(shard < kShards);
      for (const Json& entry : entries.validating) {
        shards[gate_name(shard)].push_back(entry);
        wanted.insert(entry.dump());
      }
    }
    std::multiset<std::string> found;
    for (int shard = 0; shard < kShards; ++shard) {
      const Shard made = make_shard(false, gate_name(shard), shards[gate_name(shard)], an_address(),
                                    "holdpoint-system");
      std::set<std::string> names;
      for (const Json& entry : made.object.at("webhooks")) {
        CHECK(names.insert(entry.at("name").get<std::string>())
                  .second);  // the API server wants them unique
        if (!policy_of_entry(entry).empty()) found.insert(entry.dump());
      }
      CHECK(names.contains("probe.holdpoint.dev"));
    }
    CHECK(found == wanted);
  }
}

TEST_CASE("the probe's hash tells the content of its shard, not the order it came in") {
  const auto one = entries_for(a_policy("a"), {deployments()}).validating;
  const auto two = entries_for(a_policy("b"), {config_maps()}).validating;
  std::vector<Json> forward = one, backward = two;
  forward.insert(forward.end(), two.begin(), two.end());
  backward.insert(backward.end(), one.begin(), one.end());
  const auto hash = [](std::vector<Json> entries, const std::string& name = "holdpoint-gate-0") {
    return make_shard(false, name, std::move(entries), an_address(), "holdpoint-system").probe_hash;
  };
  CHECK(hash(forward) == hash(backward));
  CHECK(hash(forward) != hash(one));
  CHECK(hash(one) != hash(one, "holdpoint-gate-1"));
  auto edited = one;
  edited.front()["failurePolicy"] = "Ignore";
  CHECK(hash(edited) != hash(one));
}

TEST_CASE("a probe meets the probe entry of its own shard alone") {
  const Shard shard = make_shard(true, hold_name(2), {}, an_address(), "holdpoint-system");
  const Json& probe = shard.object.at("webhooks").back();
  CHECK(probe.at("clientConfig").at("url") ==
        "https://127.0.0.1:8443/token/probe/" + shard.probe_hash);
  CHECK(probe.at("namespaceSelector").at("matchLabels") ==
        Json{{"kubernetes.io/metadata.name", "holdpoint-system"}});
  const Json object = probe_object(hold_name(2), "holdpoint-system");
  CHECK(probe.at("objectSelector").at("matchLabels") == object.at("metadata").at("labels"));
  CHECK(probe_object(hold_name(1), "holdpoint-system").at("metadata").at("labels") !=
        object.at("metadata").at("labels"));
}

TEST_CASE(
    "Approvals are stamped on creation and checked on creation and deletion, but not for the "
    "cluster's controllers") {
  const Json stamp = approvals_configuration(
      true, an_address(), "system:serviceaccount:holdpoint-system:holdpoint-operator");
  const Json check = approvals_configuration(
      false, an_address(), "system:serviceaccount:holdpoint-system:holdpoint-operator");
  CHECK(operations_of(stamp.at("webhooks").front(), "approvals") ==
        std::set<std::string>{"CREATE"});
  CHECK(operations_of(check.at("webhooks").front(), "approvals") ==
        std::set<std::string>{"CREATE", "DELETE"});
  for (const Json& object : {stamp, check})
    CHECK(object.at("webhooks").front().at("failurePolicy") == "Fail");
  const std::string condition =
      check.at("webhooks").front().at("matchConditions").front().at("expression");
  for (const char* user : {"system:serviceaccount:kube-system:namespace-controller",
                           "system:serviceaccount:kube-system:generic-garbage-collector",
                           "system:serviceaccount:holdpoint-system:holdpoint-operator"})
    CHECK(contains(condition, "'" + std::string(user) + "'"));
  CHECK(contains(condition, "request.operation != 'DELETE'"));
}

}  // namespace
}  // namespace holdpoint::operator_
