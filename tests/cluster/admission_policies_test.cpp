// The second lock: what the API server refuses by itself, with no process of Holdpoint running.
//
// The tests have a cluster of their own with CRDs, roles and admission policies, and without
// webhook and operator. There both service accounts of Holdpoint are cluster-admins, so that what
// refuses them is the lock and never RBAC.
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>

#include "core/audit/chain.hpp"
#include "crds/codec.hpp"
#include "kube/config.hpp"
#include "tests/cluster/support/cluster.hpp"

using namespace holdpoint;
using namespace holdpoint::cluster;
using namespace holdpoint::kube;

namespace {

constexpr const char* kSystem = "holdpoint-system";
const std::string kDigest = "sha256:" + std::string(64, 'a');

// One for all tests of this file, gone when the program ends.
class Bare {
 public:
  Bare() : folder_(environment("HOLDPOINT_CLUSTER") + "-bare") {
    if (std::filesystem::exists(folder_)) down();  // of a run that died
    go({kHack, "up", folder_, "--bare"});
    const std::string source = HOLDPOINT_SOURCE_DIR;
    go(with_kubectl(
        {"apply", "--server-side", "-f", source + "/crds", "-f", source + "/charts/manifests"}));
    // The CRDs have rules of their own against changes, which would answer before the lock can.
    for (const char* plural : {"approvals", "approvalrequests"})
      go(with_kubectl(
          {"patch", "crd", std::string(plural) + ".holdpoint.dev", "--type=json", "-p",
           R"([{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/)"
           R"(x-kubernetes-validations"}])"}));
    go(with_kubectl(
        {"wait", "--for=condition=Established", "--timeout=60s", "-f", source + "/crds"}));
    go(with_kubectl({"create", "clusterrolebinding", "test-all-rights",
                     "--clusterrole=cluster-admin",
                     "--serviceaccount=holdpoint-system:holdpoint-webhook",
                     "--serviceaccount=holdpoint-system:holdpoint-operator"}));
    // Whoever may delete approvals and edit requests by RBAC, but not approve.
    go(with_kubectl({"create", "clusterrole", "test-clerk",
                     "--verb=get,list,create,update,patch,delete,deletecollection",
                     "--resource=approvals.holdpoint.dev,approvalrequests.holdpoint.dev,"
                     "auditrecords.holdpoint.dev"}));
    go(with_kubectl({"create", "clusterrolebinding", "test-clerk", "--clusterrole=test-clerk",
                     "--user=auditor"}));
    go(with_kubectl({"create", "rolebinding", "test-edit", "--clusterrole=edit",
                     "--group=developers", "-n", kSystem}));
    go(with_kubectl({"create", "rolebinding", "test-edit", "--clusterrole=edit",
                     "--group=developers", "-n", "holdpoint-approvals"}));
    for (const char* name : {"webhook", "operator"}) tokens_[name] = token_of(name);
    await_locks();
  }
  ~Bare() { down(); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  [[nodiscard]] std::vector<std::string> with_kubectl(std::vector<std::string> args) const {
    args.insert(args.begin(), {"kubectl", "--kubeconfig=" + folder_ + "/kubeconfig"});
    return args;
  }
  // A context of the kubeconfig, or "webhook" or "operator" for the service accounts of Holdpoint.
  [[nodiscard]] ApiConfig config(const std::string& who) const {
    const auto token = tokens_.find(who);
    ApiConfig config = must(load_kubeconfig(folder_ + "/kubeconfig",
                                            token == tokens_.end() ? who : std::string("admin")));
    if (token != tokens_.end()) config.token = token->second;
    return config;
  }

 private:
  static constexpr const char* kHack = HOLDPOINT_SOURCE_DIR "/hack/cluster";

  static void go(const std::vector<std::string>& command) {
    const Output output = run(command, {}, Duration(180'000));
    if (!output.ok()) fail_test(command[0] + ": " + output.text());
  }
  void down() const { (void)run({kHack, "down", folder_}); }
  [[nodiscard]] std::string token_of(const std::string& name) const {
    const Output output =
        run(with_kubectl({"create", "token", "holdpoint-" + name, "-n", kSystem}));
    if (!output.ok()) fail_test(output.text());
    return output.out.substr(0, output.out.find('\n'));
  }
  // The API server takes a moment to compile new policies, and the roles are aggregated a moment
  // later.
  void await_locks() const {
    const Client admin(config("admin"), "holdpoint-tests");
    const Client clerk(config("auditor"), "holdpoint-tests");
    const Client lead(config("lead"), "holdpoint-tests");
    WriteOptions dry;
    dry.dry_run = true;
    const Json probe{
        {"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "probe"}}}};
    const Client developer(config("developer"), "holdpoint-tests");
    const Client webhook(config("webhook"), "holdpoint-tests");
    const bool closed = eventually([&] {
      const auto written =
          developer.create(path_of("v1", "configmaps", kSystem), probe, dry, soon());
      return !written.ok() &&
             written.error().message.find("ValidatingAdmissionPolicy") != std::string::npos;
    });
    if (!closed) fail_test("the admission policies never came to hold");
    const bool granted = eventually([&] {
      return must(lead.may_i({"approve", kGroup, "approvalpolicies", "", "production", "p"},
                             soon())) &&
             must(clerk.may_i({"delete", kGroup, "approvals", "", "production", "a"}, soon())) &&
             must(webhook.may_i({"delete", kGroup, "auditrecords", "", kSystem, "a"}, soon()));
    });
    if (!granted) fail_test("the people of the test never got their rights");
  }

  std::string folder_;
  std::map<std::string, std::string> tokens_;
};

const Bare& bare() {
  static const Bare one;
  return one;
}

// The people of one test.
class People {
 public:
  const Client& operator[](const std::string& who) {
    auto& client = clients_[who];
    if (client == nullptr) client = std::make_unique<Client>(bare().config(who), "holdpoint-tests");
    return *client;
  }

 private:
  std::map<std::string, std::unique_ptr<Client>> clients_;
};

template <class T>
ResourcePath place_of(const std::string& namespace_, const std::string& name = {},
                      const std::string& sub = {}) {
  return {kGroup, kVersion, kind_info<T>().plural, namespace_, name, sub};
}

// True when this very lock refused; anything else is told.
bool refused_by(const char* lock, const Result<Json>& answer) {
  if (answer.ok()) {
    MESSAGE("admitted: " << dump_json(*answer).substr(0, 400));
    return false;
  }
  const std::string text = answer.error().message;
  const bool refused =
      answer.error().kind == ErrorKind::Forbidden &&
      text.find("ValidatingAdmissionPolicy '" + std::string(lock) + "'") != std::string::npos;
  if (!refused) MESSAGE("another answer: " << text);
  // Flux with force would delete the live object.
  return refused && text.find("immutable") == std::string::npos;
}
bool refused_by(const char* lock, const Result<Done>& answer) {
  return refused_by(lock,
                    answer.ok() ? Result<Json>(Json("deleted")) : Result<Json>(answer.error()));
}
bool passed(const Result<Json>& answer) {
  if (!answer.ok()) MESSAGE(describe(answer.error()));
  return answer.ok();
}
bool passed(const Result<Done>& answer) {
  return passed(answer.ok() ? Result<Json>(Json("done")) : Result<Json>(answer.error()));
}

Json metadata(const Json& members) { return Json{{"metadata", members}}; }

Stage a_stage() {
  Stage stage;
  stage.name = "leads";
  stage.approvers.groups = {"leads"};
  return stage;
}

ApprovalRequest a_request(const std::string& namespace_ = "production") {
  ApprovalRequest request;
  request.metadata.name = unique("web");
  request.metadata.namespace_ = namespace_;
  request.metadata.labels = {
      {"holdpoint.dev/policy", "p"}, {"holdpoint.dev/key", "k"}, {"holdpoint.dev/target", "t"}};
  request.spec.policy = {"p", "00000000-0000-0000-0000-000000000001", kDigest};
  request.spec.target = {"", "v1", "ConfigMap", "configmaps", namespace_, "shop", "", ""};
  request.spec.operation = Operation::Create;
  request.spec.hold = RequestHold::Deny;
  request.spec.base_digest = "absent";
  request.spec.content_digest = kDigest;
  request.spec.binding_digest = kDigest;
  request.spec.requester = {"developer", "developer", {"developers"}};
  request.spec.stages = {a_stage()};
  return request;
}

ApprovalRequest stored_request(People& people, const std::string& namespace_ = "production") {
  const ApprovalRequest request = a_request(namespace_);
  return must(decode<ApprovalRequest>(must(people["webhook"].create(
      place_of<ApprovalRequest>(namespace_), encode(request), {}, soon()))));
}

// As Holdpoint's webhook stamps it when `who`, a context of group `group`, sends it.
Approval an_approval(const ApprovalRequest& request, const std::string& who,
                     const std::string& group, Decision decision = Decision::Approve) {
  Approval approval;
  approval.metadata.name = unique(who);
  approval.metadata.namespace_ = request.metadata.namespace_;
  approval.metadata.labels = {{"holdpoint.dev/policy", request.spec.policy.name},
                              {"holdpoint.dev/decision", std::string(to_string(decision))},
                              {"holdpoint.dev/request-uid", request.metadata.uid}};
  approval.metadata.owner_references = Json::array({{{"apiVersion", kApiVersion},
                                                     {"kind", kind_info<ApprovalRequest>().kind},
                                                     {"name", request.metadata.name},
                                                     {"uid", request.metadata.uid}}});
  approval.spec.request = {request.metadata.name, request.metadata.uid,
                           request.spec.binding_digest};
  approval.spec.decision = decision;
  approval.spec.reason = "looked at it";
  approval.spec.policy = request.spec.policy.name;
  approval.spec.author = {who, who, {group, "system:authenticated"}};
  return approval;
}

Result<Json> send(People& people, const std::string& who, const Json& object) {
  return people[who].create(place_of<Approval>(string_at(object, {"metadata", "namespace"})),
                            object, {}, soon());
}

std::string stored_approval(People& people, const Approval& approval) {
  return string_at(must(send(people, approval.spec.author.username, encode(approval))),
                   {"metadata", "name"});
}

ResourcePath path_of_approval(const std::string& name) {
  return place_of<Approval>("production", name);
}

AuditRecord a_record() {
  static std::int64_t sequence = 0;
  AuditRecordSpec spec;
  spec.fact_id = fact_id(Fact::Requested, unique("uid"));
  spec.time = "2026-01-02T03:04:05.000000Z";
  spec.fact = Fact::Requested;
  return must(chained(std::move(spec), ++sequence, std::string(kGenesisHash), kSystem));
}

// What the namespaces' pod security takes.
Json a_pod_spec() {
  const Json context{{"runAsNonRoot", true},
                     {"allowPrivilegeEscalation", false},
                     {"capabilities", {{"drop", {"ALL"}}}},
                     {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  const Json container{
      {"name", "a"}, {"image", "registry.example.com/a:1"}, {"securityContext", context}};
  return Json{{"containers", Json::array({container})}};
}

Json a_pod() {
  return Json{{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", {{"name", unique("intruder")}}},
              {"spec", a_pod_spec()}};
}

Json a_config_map() {
  return Json{
      {"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", unique("note")}}}};
}

}  // namespace

TEST_CASE("the API server finds no fault in the admission policies") {
  People people;
  const auto path = path_of("admissionregistration.k8s.io/v1", "validatingadmissionpolicies");
  int ours = 0;
  const bool checked = eventually([&] {
    ours = 0;
    for (const Json& policy : must(people["admin"].list(path, {}, soon())).items) {
      if (!string_at(policy, {"metadata", "name"}).starts_with("holdpoint-")) continue;
      if (member_at(policy, {"status", "typeChecking"}) == nullptr) return false;
      ++ours;
    }
    return ours > 0;
  });
  REQUIRE(checked);
  CHECK(ours == 11);
  for (const Json& policy : must(people["admin"].list(path, {}, soon())).items) {
    CAPTURE(string_at(policy, {"metadata", "name"}));
    const Json* warnings = member_at(policy, {"status", "typeChecking", "expressionWarnings"});
    CHECK_MESSAGE(warnings == nullptr, (warnings == nullptr ? "" : dump_json_pretty(*warnings)));
    CHECK(string_at(policy, {"spec", "failurePolicy"}) == "Fail");
  }
}

TEST_CASE("an Approval in another's name is refused by the API server itself") {
  People people;
  const ApprovalRequest request = stored_request(people);
  Approval approval = an_approval(request, "lead", "leads");
  SUBCASE("another name") { approval.spec.author.username = "second-lead"; }
  SUBCASE("another uid") { approval.spec.author.uid = "second-lead"; }
  SUBCASE("no uid") { approval.spec.author.uid.clear(); }
  SUBCASE("another group") { approval.spec.author.groups = {"appsec", "system:authenticated"}; }
  SUBCASE("one more group") { approval.spec.author.groups.push_back("appsec"); }
  SUBCASE("one group less") { approval.spec.author.groups.pop_back(); }
  SUBCASE("no author") { approval.spec.author = {}; }
  CHECK(refused_by("holdpoint-approval-create", send(people, "lead", encode(approval))));
  approval.spec.author = an_approval(request, "lead", "leads").spec.author;
  CHECK(passed(send(people, "lead", encode(approval))));
}

TEST_CASE("an Approval in the caller's name is refused to the cluster-admin who is somebody else") {
  People people;
  const ApprovalRequest request = stored_request(people);
  CHECK(refused_by("holdpoint-approval-create",
                   send(people, "admin", encode(an_approval(request, "lead", "leads")))));
}

TEST_CASE("an Approval without the stamp of its request is refused by the API server itself") {
  People people;
  const ApprovalRequest request = stored_request(people);
  Approval approval = an_approval(request, "lead", "leads");
  Json object;
  SUBCASE("no uid") { approval.spec.request.uid.clear(); }
  SUBCASE("no digest") { approval.spec.request.binding_digest.clear(); }
  SUBCASE("no policy") { approval.spec.policy.clear(); }
  SUBCASE("the label names another request") {
    approval.metadata.labels["holdpoint.dev/request-uid"] = "another";
  }
  SUBCASE("the label names another policy") {
    approval.metadata.labels["holdpoint.dev/policy"] = "another";
  }
  SUBCASE("no labels") { approval.metadata.labels.clear(); }
  SUBCASE("no owner") { approval.metadata.owner_references = Json::array(); }
  SUBCASE("another owner") { approval.metadata.owner_references[0]["uid"] = "another"; }
  SUBCASE("an owner of another kind") {
    approval.metadata.owner_references[0]["kind"] = "ApprovalPolicy";
  }
  SUBCASE("two owners") {
    approval.metadata.owner_references.push_back(approval.metadata.owner_references[0]);
    approval.metadata.owner_references[1]["uid"] = "another";
  }
  SUBCASE("a finalizer, which would keep it alive when revoked") {
    object = encode(approval);
    object["metadata"]["finalizers"] = {"example.com/stay"};
  }
  if (object.is_null()) object = encode(approval);
  CHECK(refused_by("holdpoint-approval-create", send(people, "lead", object)));
}

TEST_CASE("an Approval never changes, whoever asks") {
  People people;
  const std::string name =
      stored_approval(people, an_approval(stored_request(people), "lead", "leads"));
  Json patch;
  SUBCASE("its decision") { patch = {{"spec", {{"decision", "Deny"}}}}; }
  SUBCASE("its author") { patch = {{"spec", {{"author", {{"username", "second-lead"}}}}}}; }
  SUBCASE("its digest") {
    patch = {{"spec", {{"request", {{"bindingDigest", "sha256:" + std::string(64, 'c')}}}}}};
  }
  SUBCASE("its reason") { patch = {{"spec", {{"reason", "another one"}}}}; }
  SUBCASE("the label by which it is counted") {
    patch = metadata({{"labels", {{"holdpoint.dev/request-uid", "another"}}}});
  }
  SUBCASE("the label of its policy") {
    patch = metadata({{"labels", {{"holdpoint.dev/policy", nullptr}}}});
  }
  SUBCASE("its owner") { patch = metadata({{"ownerReferences", nullptr}}); }
  SUBCASE("its finalizers") { patch = metadata({{"finalizers", {"example.com/stay"}}}); }
  for (const char* who : {"lead", "admin", "operator", "webhook"}) {
    CAPTURE(who);
    const auto answer =
        people[who].patch(path_of_approval(name), PatchType::Merge, patch, {}, soon());
    CHECK(refused_by("holdpoint-approval-update", answer));
  }
  CHECK(passed(people["lead"].patch(path_of_approval(name), PatchType::Merge,
                                    metadata({{"annotations", {{"example.com/note", "seen"}}}}), {},
                                    soon())));
}

TEST_CASE(
    "an Approval is revoked by its author or by an approver of its policy, and by nobody else") {
  People people;
  const std::string name =
      stored_approval(people, an_approval(stored_request(people), "lead", "leads"));
  CHECK(refused_by("holdpoint-approval-delete",
                   people["auditor"].remove(path_of_approval(name), "", soon())));
  SUBCASE("the author") {
    CHECK(passed(people["lead"].remove(path_of_approval(name), "", soon())));
  }
  SUBCASE("another approver") {
    CHECK(passed(people["second-lead"].remove(path_of_approval(name), "", soon())));
  }
  SUBCASE("the operator") {
    CHECK(passed(people["operator"].remove(path_of_approval(name), "", soon())));
  }
}

TEST_CASE("an author who may no longer approve can still revoke") {
  People people;
  // `auditor` may create and delete approvals, and approve nothing.
  const std::string name =
      stored_approval(people, an_approval(stored_request(people), "auditor", "auditors"));
  CHECK(passed(people["auditor"].remove(path_of_approval(name), "", soon())));
}

TEST_CASE("the right to approve one policy in one namespace revokes there and nowhere else") {
  People people;
  ApprovalRequest request = stored_request(people);
  const std::string named = stored_approval(people, an_approval(request, "lead", "leads"));
  request.spec.policy.name = "another";
  const std::string other = stored_approval(people, an_approval(request, "lead", "leads"));
  const std::string elsewhere =
      string_at(must(send(people, "lead",
                          encode(an_approval(stored_request(people, "staging"), "lead", "leads")))),
                {"metadata", "name"});
  const std::string role = unique("one-policy");
  const auto roles = [](const char* kind) {
    return path_of("rbac.authorization.k8s.io/v1", kind,
                   std::string(kind) == "rolebindings" ? "production" : "");
  };
  must(people["admin"].create(roles("clusterroles"),
                              Json{{"apiVersion", "rbac.authorization.k8s.io/v1"},
                                   {"kind", "ClusterRole"},
                                   {"metadata", {{"name", role}}},
                                   {"rules", Json::array({{{"apiGroups", {kGroup}},
                                                           {"resources", {"approvalpolicies"}},
                                                           {"resourceNames", {"p"}},
                                                           {"verbs", {"approve"}}}})}},
                              {}, soon()));
  must(people["admin"].create(
      roles("rolebindings"),
      Json{{"apiVersion", "rbac.authorization.k8s.io/v1"},
           {"kind", "RoleBinding"},
           {"metadata", {{"name", role}}},
           {"roleRef",
            {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role}}},
           {"subjects", Json::array({{{"apiGroup", "rbac.authorization.k8s.io"},
                                      {"kind", "User"},
                                      {"name", "auditor"}}})}},
      {}, soon()));
  REQUIRE(eventually([&] {
    return must(people["auditor"].may_i(
        {"approve", kGroup, "approvalpolicies", "", "production", "p"}, soon()));
  }));
  CHECK(refused_by("holdpoint-approval-delete",
                   people["auditor"].remove(path_of_approval(other), "", soon())));
  CHECK(refused_by("holdpoint-approval-delete",
                   people["auditor"].remove(place_of<Approval>("staging", elsewhere), "", soon())));
  CHECK(passed(people["auditor"].remove(path_of_approval(named), "", soon())));
  must(people["admin"].remove(
      path_of("rbac.authorization.k8s.io/v1", "rolebindings", "production", role), "", soon()));
  REQUIRE(eventually([&] {
    return !must(people["auditor"].may_i(
        {"approve", kGroup, "approvalpolicies", "", "production", "p"}, soon()));
  }));
}

TEST_CASE("deleting all Approvals at once takes only those that one may revoke") {
  People people;
  const ApprovalRequest request = stored_request(people, "staging");
  const std::string theirs = stored_approval(people, an_approval(request, "lead", "leads"));
  const Output output = run(bare().with_kubectl(
      {"--context=auditor", "delete", "--raw", place_of<Approval>("staging").text()}));
  CHECK_FALSE(output.ok());
  CHECK_MESSAGE(output.err.find("'holdpoint-approval-delete'") != std::string::npos, output.text());
  CHECK(passed(people["lead"].get(place_of<Approval>("staging", theirs), soon())));
}

TEST_CASE("a denial or a withdrawal cannot be taken back, not even by a cluster-admin") {
  People people;
  const ApprovalRequest request = stored_request(people);
  Decision decision = Decision::Deny;
  SUBCASE("a denial") { decision = Decision::Deny; }
  SUBCASE("a withdrawal") { decision = Decision::Withdraw; }
  const std::string name = stored_approval(people, an_approval(request, "lead", "leads", decision));
  for (const char* who : {"lead", "second-lead", "admin", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-approval-delete",
                     people[who].remove(path_of_approval(name), "", soon())));
  }
  // It goes with its request, by the garbage collector.
  CHECK(passed(people["operator"].remove(
      place_of<ApprovalRequest>("production", request.metadata.name), "", soon())));
  // It looks for new CRDs each 30 s.
  CHECK(eventually(
      [&] {
        const auto found = people["admin"].get(path_of_approval(name), soon());
        return !found.ok() && found.error().kind == ErrorKind::NotFound;
      },
      Duration(75'000)));
}

TEST_CASE("only the webhook's account makes ApprovalRequests") {
  People people;
  for (const char* who : {"admin", "operator", "auditor"}) {
    CAPTURE(who);
    CHECK(
        refused_by("holdpoint-request", people[who].create(place_of<ApprovalRequest>("production"),
                                                           encode(a_request()), {}, soon())));
  }
  CHECK(passed(people["webhook"].create(place_of<ApprovalRequest>("production"),
                                        encode(a_request()), {}, soon())));
  // Nobody's goes with an owner, and a denial with it.
  Json owned = encode(a_request());
  owned["metadata"]["ownerReferences"] =
      Json::array({{{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"name", "handle"},
                    {"uid", "00000000-0000-0000-0000-000000000001"}}});
  CHECK(refused_by(
      "holdpoint-request",
      people["webhook"].create(place_of<ApprovalRequest>("production"), owned, {}, soon())));
}

TEST_CASE("what an ApprovalRequest says never changes") {
  People people;
  const auto path = place_of<ApprovalRequest>("production", stored_request(people).metadata.name);
  const auto patch = [&](const char* who, const Json& change) {
    return people[who].patch(path, PatchType::Merge, change, {}, soon());
  };
  const Json note = metadata({{"annotations", {{"example.com/note", "seen"}}}});
  for (const char* who : {"admin", "auditor", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-request", patch(who, note)));
  }
  CHECK(passed(patch("operator", note)));
  for (const char* label : {"holdpoint.dev/policy", "holdpoint.dev/key", "holdpoint.dev/target"}) {
    CAPTURE(label);
    CHECK(refused_by("holdpoint-request",
                     patch("operator", metadata({{"labels", {{label, "another"}}}}))));
    CHECK(refused_by("holdpoint-request",
                     patch("operator", metadata({{"labels", {{label, nullptr}}}}))));
  }
  CHECK(refused_by("holdpoint-request", patch("operator", {{"spec", {{"reason", "another"}}}})));
}

TEST_CASE("an ApprovalRequest is deleted by the operator or with its namespace, never by hand") {
  People people;
  const auto path = place_of<ApprovalRequest>("production", stored_request(people).metadata.name);
  for (const char* who : {"admin", "auditor", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-request", people[who].remove(path, "", soon())));
  }
  CHECK(passed(people["operator"].remove(path, "", soon())));
}

TEST_CASE("a namespace with requests and denials can be deleted") {
  People people;
  const std::string name = unique("doomed");
  must(people["admin"].create(
      path_of("v1", "namespaces"),
      Json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}}, {},
      soon()));
  const ApprovalRequest request = stored_request(people, name);
  stored_approval(people, an_approval(request, "lead", "leads", Decision::Deny));
  stored_approval(people, an_approval(request, "lead", "leads"));
  CHECK(passed(people["admin"].remove(path_of("v1", "namespaces", "", name), "", soon())));
  CHECK(eventually(
      [&] { return !people["admin"].get(path_of("v1", "namespaces", "", name), soon()).ok(); },
      Duration(60'000)));
}

TEST_CASE(
    "of a request's status the webhook writes the claim alone, the operator all the rest, and "
    "nobody else any") {
  People people;
  const auto path =
      place_of<ApprovalRequest>("production", stored_request(people).metadata.name, "status");
  const auto patch = [&](const char* who, const ApprovalRequestStatus& status) {
    return people[who].patch(path, PatchType::Merge, Json{{"status", encode_part(status)}}, {},
                             soon());
  };
  const auto drop = [&](const char* who, const char* member) {
    return people[who].patch(path, PatchType::Merge, Json{{"status", {{member, nullptr}}}}, {},
                             soon());
  };
  const auto claim = [&](const char* who, const std::string& uid) {
    ApprovalRequestStatus status;
    status.claim = Claim{uid, "12", "2026-01-02T03:04:05.000000Z", {"developer", "", {}}};
    const Json whole = encode_part(status);
    return people[who].patch(path, PatchType::Merge,
                             Json{{"status", {{"claim", whole.at("claim")}}}}, {}, soon());
  };
  ApprovalRequestStatus approved;
  approved.phase = RequestPhase::Approved;
  approved.message = "all that is needed";

  // A claim may come first, while no operator runs.
  CHECK(passed(claim("webhook", "first")));
  CHECK(refused_by("holdpoint-request-status", claim("operator", "second")));
  CHECK(refused_by("holdpoint-request-status", drop("operator", "claim")));
  for (const char* who : {"admin", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-request-status", patch(who, approved)));
  }
  CHECK(passed(patch("operator", approved)));
  CHECK(refused_by("holdpoint-request-status", drop("webhook", "message")));
  CHECK(refused_by("holdpoint-request-status", claim("admin", "second")));
  CHECK(passed(claim("webhook", "second")));
  const Json stored =
      must(people["admin"].get(place_of<ApprovalRequest>("production", path.name), soon()));
  CHECK(string_at(stored, {"status", "phase"}) == "Approved");
}

TEST_CASE("an ApprovalPolicy's status is the operator's alone") {
  People people;
  ApprovalPolicy policy;
  policy.metadata.name = unique("p");
  policy.spec.match.resources = {{{""}, {"configmaps"}, {Operation::Update}}};
  policy.spec.stages = {a_stage()};
  must(people["admin"].create(place_of<ApprovalPolicy>(""), encode(policy), {}, soon()));
  const auto path = place_of<ApprovalPolicy>("", policy.metadata.name, "status");
  const Json ready{{"status", {{"observedGeneration", 1}}}};
  for (const char* who : {"admin", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-policy-status",
                     people[who].patch(path, PatchType::Merge, ready, {}, soon())));
  }
  CHECK(passed(people["operator"].patch(path, PatchType::Merge, ready, {}, soon())));
}

TEST_CASE("an AuditRecord is made by the operator alone, in its own namespace") {
  People people;
  const auto create = [&](const char* who, const char* namespace_) {
    AuditRecord record = a_record();
    record.metadata.namespace_ = namespace_;
    return people[who].create(place_of<AuditRecord>(namespace_), encode(record), {}, soon());
  };
  CHECK(refused_by("holdpoint-record", create("admin", kSystem)));
  CHECK(refused_by("holdpoint-record", create("webhook", kSystem)));
  CHECK(refused_by("holdpoint-record", create("operator", "production")));
  CHECK(passed(create("operator", kSystem)));
}

TEST_CASE("an AuditRecord is never changed and never deleted, by nobody") {
  People people;
  const AuditRecord record = a_record();
  must(people["operator"].create(place_of<AuditRecord>(kSystem), encode(record), {}, soon()));
  const auto path = place_of<AuditRecord>(kSystem, record.metadata.name);
  for (const char* who : {"admin", "operator", "webhook"}) {
    CAPTURE(who);
    CHECK(refused_by("holdpoint-record",
                     people[who].patch(path, PatchType::Merge, metadata({{"labels", {{"a", "b"}}}}),
                                       {}, soon())));
    CHECK(refused_by("holdpoint-record", people[who].remove(path, "", soon())));
  }
}

TEST_CASE("whoever has edit in holdpoint-system can still write nothing there") {
  People people;
  const Client& developer = people["developer"];
  // RBAC grants it all, so it is the lock that refuses.
  REQUIRE(must(developer.may_i({"create", "", "pods", "", kSystem, ""}, soon())));
  Json pod = a_pod();
  pod["spec"]["serviceAccountName"] = "holdpoint-operator";
  CHECK(refused_by("holdpoint-namespace-system",
                   developer.create(path_of("v1", "pods", kSystem), pod, {}, soon())));
  CHECK(refused_by(
      "holdpoint-namespace-system",
      developer.create(path_of("v1", "configmaps", kSystem), a_config_map(), {}, soon())));
  CHECK(refused_by(
      "holdpoint-namespace-system",
      developer.remove(path_of("v1", "configmaps", kSystem, "kube-root-ca.crt"), "", soon())));
  CHECK(refused_by(
      "holdpoint-namespace-system",
      developer.patch(path_of("v1", "serviceaccounts", kSystem, "holdpoint-operator"),
                      PatchType::Merge, metadata({{"labels", {{"a", "b"}}}}), {}, soon())));
  ResourcePath token = path_of("v1", "serviceaccounts", kSystem, "holdpoint-operator");
  token.subresource = "token";
  const Json ask{{"apiVersion", "authentication.k8s.io/v1"},
                 {"kind", "TokenRequest"},
                 {"spec", Json::object()}};
  REQUIRE(must(developer.may_i(
      {"create", "", "serviceaccounts", "token", kSystem, "holdpoint-operator"}, soon())));
  CHECK(refused_by("holdpoint-namespace-system", developer.create(token, ask, {}, soon())));
}

TEST_CASE(
    "the lock on holdpoint-system lets in administrators, Holdpoint, the cluster, and who is given "
    "the role") {
  People people;
  CHECK(passed(
      people["admin"].create(path_of("v1", "configmaps", kSystem), a_config_map(), {}, soon())));
  const Json lease{{"apiVersion", "coordination.k8s.io/v1"},
                   {"kind", "Lease"},
                   {"metadata", {{"name", unique("lease")}}},
                   {"spec", {{"holderIdentity", "a"}}}};
  CHECK(passed(people["operator"].create(path_of("coordination.k8s.io/v1", "leases", kSystem),
                                         lease, {}, soon())));
  for (const char* namespace_ : {kSystem, "holdpoint-approvals"}) {
    CAPTURE(namespace_);
    CHECK(eventually([&] {
      return people["admin"]
                 .get(path_of("v1", "configmaps", namespace_, "kube-root-ca.crt"), soon())
                 .ok() &&
             people["admin"]
                 .get(path_of("v1", "serviceaccounts", namespace_, "default"), soon())
                 .ok();
    }));
  }
  // A Deployment's pods are made by the controllers of kube-system.
  const std::string name = unique("tool");
  const Json labels{{"app", name}};
  const Json deployment{
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"selector", {{"matchLabels", labels}}},
        {"template", {{"metadata", {{"labels", labels}}}, {"spec", a_pod_spec()}}}}}};
  CHECK(passed(
      people["admin"].create(path_of("apps/v1", "deployments", kSystem), deployment, {}, soon())));
  CHECK(eventually([&] {
    return must(people["admin"].list(path_of("v1", "pods", kSystem),
                                     {{"labelSelector", "app=" + name}}, soon()))
               .items.size() == 1;
  }));
  CHECK(
      passed(people["admin"].remove(path_of("apps/v1", "deployments", kSystem, name), "", soon())));

  const std::string binding = unique("writer");
  must(people["admin"].create(
      path_of("rbac.authorization.k8s.io/v1", "rolebindings", kSystem),
      Json{{"apiVersion", "rbac.authorization.k8s.io/v1"},
           {"kind", "RoleBinding"},
           {"metadata", {{"name", binding}}},
           {"roleRef",
            {{"apiGroup", "rbac.authorization.k8s.io"},
             {"kind", "ClusterRole"},
             {"name", "holdpoint-system-writer"}}},
           {"subjects", Json::array({{{"apiGroup", "rbac.authorization.k8s.io"},
                                      {"kind", "User"},
                                      {"name", "developer"}}})}},
      {}, soon()));
  CHECK(eventually([&] {
    return people["developer"]
        .create(path_of("v1", "configmaps", kSystem), a_config_map(), {}, soon())
        .ok();
  }));
  must(people["admin"].remove(
      path_of("rbac.authorization.k8s.io/v1", "rolebindings", kSystem, binding), "", soon()));
  CHECK(eventually([&] {
    return !people["developer"]
                .create(path_of("v1", "configmaps", kSystem), a_config_map(), {}, soon())
                .ok();
  }));
}

TEST_CASE(
    "the namespace holdpoint-approvals takes requests, approvals and roles, and nothing that "
    "runs") {
  People people;
  const char* place = "holdpoint-approvals";
  const Client& developer = people["developer"];
  REQUIRE(must(developer.may_i({"create", "", "pods", "", place, ""}, soon())));
  CHECK(refused_by("holdpoint-namespace-approvals",
                   developer.create(path_of("v1", "pods", place), a_pod(), {}, soon())));
  CHECK(
      refused_by("holdpoint-namespace-approvals",
                 developer.create(path_of("v1", "configmaps", place), a_config_map(), {}, soon())));
  const ApprovalRequest request = stored_request(people, place);
  CHECK(passed(send(people, "lead", encode(an_approval(request, "lead", "leads")))));
}

// ---- the roles as they are shipped, in the cluster where Holdpoint runs

namespace {

bool account_may(const std::string& name, const Client::Attributes& what) {
  const std::string namespace_ = kSystem;
  const Identity account{
      "system:serviceaccount:" + namespace_ + ":" + name,
      "",
      {"system:serviceaccounts", "system:serviceaccounts:" + namespace_, "system:authenticated"}};
  return must(client_as("admin").may(account, what, soon()));
}

}  // namespace

TEST_CASE("the webhook reads no Secret and writes no workload") {
  for (const char* verb : {"get", "list", "watch"})
    CHECK_FALSE(account_may("holdpoint-webhook", {verb, "", "secrets", "", "production", ""}));
  for (const char* verb : {"create", "update", "patch", "delete"}) {
    CAPTURE(verb);
    CHECK_FALSE(
        account_may("holdpoint-webhook", {verb, "apps", "deployments", "", "production", "web"}));
    CHECK_FALSE(account_may("holdpoint-webhook", {verb, "batch", "jobs", "", "production", "web"}));
    CHECK_FALSE(
        account_may("holdpoint-webhook", {verb, "", "configmaps", "", "production", "web"}));
    CHECK_FALSE(account_may("holdpoint-webhook", {verb, "", "pods", "", "production", "web"}));
    CHECK_FALSE(
        account_may("holdpoint-webhook", {verb, kGroup, "approvals", "", "production", "web"}));
    CHECK_FALSE(account_may("holdpoint-webhook", {verb, kGroup, "auditrecords", "", kSystem, "1"}));
    CHECK_FALSE(account_may("holdpoint-webhook", {verb, kGroup, "approvalpolicies", "", "", "p"}));
    CHECK_FALSE(account_may("holdpoint-webhook",
                            {verb, "admissionregistration.k8s.io",
                             "validatingwebhookconfigurations", "", "", "holdpoint-gate-0"}));
  }
  CHECK(account_may("holdpoint-webhook",
                    {"create", kGroup, "approvalrequests", "", "production", ""}));
  CHECK(account_may("holdpoint-webhook", {"get", "apps", "deployments", "", "production", "web"}));
}

TEST_CASE("the operator releases, and neither reads Secrets nor makes workloads nor decides") {
  for (const char* verb : {"get", "list", "watch"})
    CHECK_FALSE(account_may("holdpoint-operator", {verb, "", "secrets", "", "production", ""}));
  for (const char* verb : {"create", "update", "delete"}) {
    CAPTURE(verb);
    CHECK_FALSE(
        account_may("holdpoint-operator", {verb, "apps", "deployments", "", "production", "web"}));
    CHECK_FALSE(
        account_may("holdpoint-operator", {verb, "batch", "jobs", "", "production", "web"}));
    CHECK_FALSE(account_may("holdpoint-operator", {verb, "", "pods", "", "production", "web"}));
    CHECK_FALSE(account_may("holdpoint-operator", {verb, kGroup, "approvalpolicies", "", "", "p"}));
  }
  CHECK_FALSE(
      account_may("holdpoint-operator", {"create", kGroup, "approvals", "", "production", ""}));
  CHECK_FALSE(account_may("holdpoint-operator",
                          {"create", kGroup, "approvalrequests", "", "production", ""}));
  CHECK_FALSE(account_may("holdpoint-operator",
                          {"approve", kGroup, "approvalpolicies", "", "production", "p"}));
  CHECK_FALSE(
      account_may("holdpoint-operator", {"delete", kGroup, "auditrecords", "", kSystem, "1"}));
  CHECK_FALSE(
      account_may("holdpoint-operator", {"update", kGroup, "auditrecords", "", kSystem, "1"}));
  CHECK_FALSE(
      account_may("holdpoint-operator", {"update", "admissionregistration.k8s.io",
                                         "validatingwebhookconfigurations", "", "", "other"}));
  CHECK_FALSE(account_may("holdpoint-operator",
                          {"patch", "apiextensions.k8s.io", "customresourcedefinitions", "", "",
                           "others.example.com"}));
  CHECK(
      account_may("holdpoint-operator", {"patch", "apps", "deployments", "", "production", "web"}));
  CHECK(account_may("holdpoint-operator", {"create", kGroup, "auditrecords", "", kSystem, ""}));
}

TEST_CASE("no role of Holdpoint has a wildcard") {
  for (const char* kind : {"clusterroles", "roles"}) {
    const auto roles = must(client_as("admin").list(
        path_of("rbac.authorization.k8s.io/v1", kind, kind == std::string("roles") ? kSystem : ""),
        {{"labelSelector", "app.kubernetes.io/part-of=holdpoint"}}, soon()));
    REQUIRE_FALSE(roles.items.empty());
    for (const Json& role : roles.items)
      for (const Json& rule : role.at("rules")) {
        CAPTURE(dump_json(rule));
        for (const char* part : {"apiGroups", "resources", "verbs"})
          for (const Json& word : rule.at(part))
            CHECK(word.get<std::string>().find('*') == std::string::npos);
      }
  }
}

TEST_CASE("the roles for people grant what they say") {
  const auto may = [](const char* who, const char* group, const Client::Attributes& what) {
    return must(client_as("admin").may({who, "", {group, "system:authenticated"}}, what, soon()));
  };
  REQUIRE(eventually([&] {
    return may("developer", "developers", {"create", kGroup, "approvals", "", "production", ""});
  }));
  CHECK(may("developer", "developers", {"list", kGroup, "approvalrequests", "", "production", ""}));
  CHECK_FALSE(
      may("developer", "developers", {"delete", kGroup, "approvals", "", "production", "a"}));
  CHECK_FALSE(may("developer", "developers",
                  {"approve", kGroup, "approvalpolicies", "", "production", "p"}));
  CHECK(may("lead", "leads", {"approve", kGroup, "approvalpolicies", "", "production", "p"}));
  CHECK(may("lead", "leads", {"delete", kGroup, "approvals", "", "production", "a"}));
  CHECK_FALSE(may("lead", "leads", {"update", kGroup, "approvalpolicies", "", "", "p"}));
  CHECK_FALSE(may("lead", "leads", {"list", kGroup, "auditrecords", "", kSystem, ""}));
  CHECK(may("auditor", "auditors", {"list", kGroup, "auditrecords", "", kSystem, ""}));
  CHECK_FALSE(
      may("auditor", "auditors", {"approve", kGroup, "approvalpolicies", "", "production", "p"}));
  CHECK_FALSE(may("auditor", "auditors", {"create", kGroup, "approvals", "", "production", ""}));
}
