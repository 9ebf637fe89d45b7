// Approvals used for what they were not given: replayed, spent on writes that were never stored,
// given in another's name; and what those who hold rights here may do at all.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io/v1";

Json value(const std::string& text) { return {{"data", {{"value", text}}}}; }

// Refused, asked for and approved by lead; not yet written.
std::string approved(const Scene& scene, const std::string& name) {
  const std::string request = scene.open_request(name).metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  return request;
}

Json stored(const Scene& scene, const std::string& name, const std::string& text) {
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map(name, text)).ok());
  const std::string request = approved(scene, name);
  Json now = must(scene.create("developer", scene.config_maps(), scene.config_map(name, text)));
  scene.await_phase(request, RequestPhase::Released);
  return now;
}

// A validating webhook that comes with ours and refuses all ConfigMaps of one namespace.
class Refusal {
 public:
  explicit Refusal(const std::string& namespace_) : name_("test-refusal-" + namespace_) {
    must(client_as("admin").create(
        path(),
        {{"apiVersion", "admissionregistration.k8s.io/v1"},
         {"kind", "ValidatingWebhookConfiguration"},
         {"metadata", {{"name", name_}}},
         {"webhooks",
          Json::array({{{"name", "refusal.example.com"},
                        {"clientConfig", {{"url", "https://127.0.0.1:1/never"}}},
                        {"admissionReviewVersions", {"v1"}},
                        {"sideEffects", "None"},
                        {"failurePolicy", "Fail"},
                        {"namespaceSelector",
                         {{"matchLabels", {{"kubernetes.io/metadata.name", namespace_}}}}},
                        {"rules", Json::array({{{"apiGroups", {""}},
                                                {"apiVersions", {"v1"}},
                                                {"resources", {"configmaps"}},
                                                {"operations", {"CREATE", "UPDATE"}}}})}}})}},
        {}, soon()));
  }
  ~Refusal() {
    kube::ResourcePath one = path();
    one.name = name_;
    (void)client_as("admin").remove(one, "", soon());
  }
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;

 private:
  static kube::ResourcePath path() {
    return path_of("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations");
  }
  std::string name_;
};

bool refused_by_other(const Result<Json>& answer) {
  return !answer.ok() && answer.error().message.find("refusal.example.com") != std::string::npos;
}

TEST_CASE(
    "A2: an approved update that another webhook refuses is usable once more, and once only") {
  const Scene scene;
  stored(scene, "app", "1");
  const auto write = [&] { return scene.merge("developer", scene.config_maps("app"), value("2")); };
  REQUIRE_FALSE(write().ok());
  const std::string request = approved(scene, "app");
  {
    const Refusal refusal(scene.ns());
    // Until the API server knows the other webhook, and ours has claimed for what that one refuses.
    // A dry run claims nothing.
    REQUIRE(eventually([&] {
      return refused_by_other(scene.merge("developer", scene.config_maps("app"), value("2"), true));
    }));
    REQUIRE(eventually([&] {
      const auto answer = write();
      REQUIRE_FALSE(answer.ok());
      return scene.request(request).status.claim.has_value();
    }));
  }
  // Both configurations are known to have changed when an unrelated label gets through; that also
  // makes the claimed version one that can never be stored any more.
  REQUIRE(eventually([&] {
    return scene
        .merge("developer", scene.config_maps("app"), {{"metadata", {{"labels", {{"a", "b"}}}}}})
        .ok();
  }));
  CHECK(scene.request(request).status.phase != RequestPhase::Released);
  CHECK(string_at(must(write()), {"data", "value"}) == "2");
  scene.await_phase(request, RequestPhase::Released);
  CHECK(scene.requests_for("app").size() == 2);
  // And not a second time.
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("1")).ok());
  approved(scene, "app");
  must(scene.merge("developer", scene.config_maps("app"), value("1")));
  CHECK_FALSE(write().ok());
}

TEST_CASE(
    "A2: while an approved creation may still be on its way no other one is let in, then one is") {
  const Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = approved(scene, "app");
  {
    const Refusal refusal(scene.ns());
    REQUIRE(eventually([&] {
      return refused_by_other(
          scene.create("developer", scene.config_maps(), scene.config_map("app", "1"), true));
    }));
    REQUIRE(eventually([&] {
      const auto answer =
          client_as("developer")
              .create(scene.config_maps(), scene.config_map("app", "1"), {}, soon());
      REQUIRE_FALSE(answer.ok());
      return scene.request(request).status.claim.has_value();
    }));
  }
  const auto now = [&] { return *scene.request(request).status.claim; };
  const Claim first = now();
  std::string said;
  CHECK(eventually([&] {
    const auto answer = client_as("developer")
                            .create(scene.config_maps(), scene.config_map("app", "1"), {}, soon());
    REQUIRE_FALSE(answer.ok());
    said = answer.error().message;
    return answer.error().kind == ErrorKind::Unavailable &&
           said.find("another write is using its approval") != std::string::npos;
  }));
  CHECK(said.find("another write is using its approval") != std::string::npos);
  CHECK_FALSE(client_as("admin").get(scene.config_maps("app"), soon()).ok());
  // A minute after the claim the history tells that the first never came.
  CHECK(eventually(
      [&] {
        return client_as("developer")
            .create(scene.config_maps(), scene.config_map("app", "1"), {}, soon())
            .ok();
      },
      Duration(80'000)));
  const auto claimed = parse_rfc3339(first.time), taken = parse_rfc3339(now().time);
  REQUIRE((claimed.ok() && taken.ok()));
  CHECK(*taken - *claimed >= Duration(60'000));
  scene.await_phase(request, RequestPhase::Released);
  CHECK(scene.requests_for("app").size() == 1);
}

TEST_CASE("A4: an approval is no use for another object, place, operation, content or person") {
  const Namespace other("scene-other");  // goes after the policy over it
  Scene scene;
  grant_role(other.name(), "edit", user_named("developer"));
  scene.patch_policy(
      {{"spec",
        {{"match",
          {{"namespaceSelector",
            {{"matchLabels", nullptr},
             {"matchExpressions", Json::array({{{"key", "kubernetes.io/metadata.name"},
                                                {"operator", "In"},
                                                {"values", {scene.ns(), other.name()}}}})}}}}}}}});
  const auto elsewhere = path_of("v1", "configmaps", other.name());
  const auto in = [&](const kube::ResourcePath& path, const std::string& name,
                      const std::string& text, const char* who = "developer") {
    Json object = scene.config_map(name, text);
    object["metadata"].erase("namespace");
    return scene.create(who, path, object);
  };
  // The new selector has reached the API server.
  REQUIRE(eventually([&] { return !in(elsewhere, unique("probe"), "1").ok(); }));

  stored(scene, "app", "1");
  const auto write = [&](const std::string& text, const char* who = "developer") {
    return scene.merge(who, scene.config_maps("app"), value(text));
  };
  REQUIRE_FALSE(write("2").ok());
  const std::string request = approved(scene, "app");
  const auto waits = [&](const Result<Json>& answer) {
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().kind == ErrorKind::Forbidden);
  };
  waits(in(scene.config_maps(), "app2", "2"));  // name
  waits(in(elsewhere, "app", "2"));             // namespace
  Json generated = scene.config_map("", "2");   // prefix
  generated["metadata"] = {{"generateName", "app"}};
  waits(scene.create("developer", scene.config_maps(), generated));
  const auto removed = client_as("developer").remove(scene.config_maps("app"), "", soon());
  CHECK_FALSE(removed.ok());  // operation
  waits(write("2 "));         // content
  Json more = value("2");
  more["binaryData"] = {{"more", "AAEC"}};
  waits(scene.merge("developer", scene.config_maps("app"), more));
  // Its own approver may not be the one who writes it.
  grant_role(scene.ns(), "edit", user_named("lead"));
  waits(write("2", "lead"));
  CHECK(string_at(scene.get(scene.config_maps("app")), {"data", "value"}) == "1");

  // The Approval itself, copied: under another name and author, in another namespace, and for
  // another request.
  Json copy;
  for (const Json& one : must(client_as("admin").list(scene.approvals(), {}, soon())).items)
    if (string_at(one, {"spec", "request", "name"}) == request) copy = one;
  REQUIRE_FALSE(copy.is_null());
  copy["metadata"] = {{"generateName", "copy-"}, {"labels", copy["metadata"]["labels"]}};
  CHECK_FALSE(scene.create("developer", scene.approvals(), copy).ok());
  CHECK_FALSE(scene.create("lead", path_of(kApiVersion, "approvals", other.name()), copy).ok());
  REQUIRE(eventually([&] { return !scene.requests_for("app2").empty(); }));
  copy["spec"]["request"]["name"] = scene.requests_for("app2").front().metadata.name;
  CHECK_FALSE(scene.create("lead", scene.approvals(), copy).ok());
  waits(in(scene.config_maps(), "app2", "2"));
  waits(in(elsewhere, "app", "2"));
}

TEST_CASE("A4: an approval is no use for an object of the same name that came after") {
  PolicyShape no_deletes;
  no_deletes.resources = Json::array(
      {{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"operations", {"CREATE", "UPDATE"}}}});
  const Scene scene(no_deletes);
  stored(scene, "app", "1");
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("2")).ok());
  approved(scene, "app");
  REQUIRE(client_as("developer").remove(scene.config_maps("app"), "", soon()).ok());
  // The creation's own approval is spent, the update's is for the one that is gone.
  for (const char* text : {"1", "2"})
    CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", text)).ok());
}

TEST_CASE("A7: an approval by --as is recorded as whom it was given as, and needs their rights") {
  const Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  const std::string approval = dump_json(
      {{"apiVersion", kApiVersion},
       {"kind", "Approval"},
       {"metadata", {{"generateName", "by-bob-"}, {"namespace", scene.ns()}}},
       {"spec",
        {{"request", {{"name", request}}}, {"decision", "Approve"}, {"reason", "as bob"}}}});
  const auto create = [&](const char* who, const std::vector<std::string>& as_whom) {
    std::vector<std::string> args{"create", "--raw", scene.approvals().text(), "-f", "-"};
    args.insert(args.end(), as_whom.begin(), as_whom.end());
    return as(who).kubectl(args, approval);
  };
  // Whoever may impersonate nobody stays who they are.
  const Output stranger = create("developer", {"--as=lead", "--as-group=leads"});
  CHECK_FALSE(stranger.ok());
  CHECK_MESSAGE(stranger.err.find("cannot impersonate") != std::string::npos, stranger.text());
  // An administrator as the requester, and as somebody of no stage.
  for (const char* whom : {"developer", "bob"}) {
    const Output refused =
        create("admin", {std::string("--as=") + whom, "--as-group=system:masters"});
    CHECK_FALSE(refused.ok());
  }
  const Output given = create("admin", {"--as=bob", "--as-group=leads"});
  REQUIRE_MESSAGE(given.ok(), given.text());
  const Approval stored_one = must(decode<Approval>(json_of(given.out)));
  CHECK(stored_one.spec.author.username == "bob");
  scene.await_phase(request, RequestPhase::Approved);
  CHECK(eventually([&] {
    const auto records = must(client_as("admin").list(
        path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
    return std::any_of(records.items.begin(), records.items.end(), [&](const Json& record) {
      return string_at(record, {"spec", "subject", "request"}) == request &&
             string_at(record, {"spec", "fact"}) == "Approved" &&
             dump_json(record["spec"]).find("bob") != std::string::npos;
    });
  }));
}

// "group/resource [name]" -> verbs: all that a service account may do in a namespace.
using Rights = std::map<std::string, std::set<std::string>>;
Rights rights(const std::string& account, const std::string& namespace_) {
  const Json review =
      must(as_service_account("holdpoint-system", account)
               .create(path_of("authorization.k8s.io/v1", "selfsubjectrulesreviews"),
                       {{"apiVersion", "authorization.k8s.io/v1"},
                        {"kind", "SelfSubjectRulesReview"},
                        {"spec", {{"namespace", namespace_}}}},
                       {}, soon()));
  Rights found;
  for (const Json& rule : review["status"]["resourceRules"])
    for (const Json& verb : rule["verbs"])
      for (const Json& group : rule["apiGroups"])
        for (const Json& resource : rule["resources"]) {
          const std::string what = group.get<std::string>() + "/" + resource.get<std::string>();
          const Json names = rule.value("resourceNames", Json::array());
          if (names.empty()) found[what].insert(verb);
          for (const Json& name : names) found[what + " " + name.get<std::string>()].insert(verb);
        }
  return found;
}

// What the account has that any account of the namespace has not, a line each.
std::set<std::string> own_rights(const std::string& account, const std::string& namespace_) {
  const Rights common = rights("default", namespace_);
  std::set<std::string> lines;
  for (const auto& [what, verbs] : rights(account, namespace_)) {
    std::string line = what + ":";
    for (const std::string& verb : verbs)
      if (const auto known = common.find(what);
          known == common.end() || !known->second.contains(verb))
        line += " " + verb;
    if (!line.ends_with(':')) lines.insert(line);
  }
  return lines;
}

std::string difference(const std::set<std::string>& have, const std::set<std::string>& want) {
  std::string text;
  for (const std::string& line : have)
    if (!want.contains(line)) text += "\n  has:   " + line;
  for (const std::string& line : want)
    if (!have.contains(line)) text += "\n  lacks: " + line;
  return text;
}

TEST_CASE("A12: the two service accounts may do what stands here, and nothing else") {
  // What other tests and examples add to holdpoint-gated-kinds and holdpoint-checked-kinds.
  for (const char* label : {"gated-kinds", "checked-kinds"})
    for (const Json& role :
         must(client_as("admin").list(path_of("rbac.authorization.k8s.io/v1", "clusterroles"),
                                      {{"labelSelector", std::string("holdpoint.dev/") + label +
                                                             "=true,!app.kubernetes.io/part-of"}},
                                      soon()))
             .items)
      must(client_as("admin").remove(path_of("rbac.authorization.k8s.io/v1", "clusterroles", "",
                                             string_at(role, {"metadata", "name"})),
                                     "", soon()));
  const std::set<std::string> gated{
      "/configmaps: get list watch",      "apps/daemonsets: get list watch",
      "apps/deployments: get list watch", "apps/statefulsets: get list watch",
      "batch/cronjobs: get list watch",   "batch/jobs: get list watch"};
  std::set<std::string> webhook = gated;
  webhook.insert({"apps/replicasets: list", "/namespaces: get list watch",
                  "authorization.k8s.io/subjectaccessreviews: create",
                  "holdpoint.dev/approvalpolicies: get list watch",
                  "holdpoint.dev/approvalrequests: create get list",
                  "holdpoint.dev/approvalrequests/status: patch",
                  "holdpoint.dev/approvals: get list", "argoproj.io/applications: get",
                  "helm.toolkit.fluxcd.io/helmreleases: get",
                  "kustomize.toolkit.fluxcd.io/kustomizations: get"});
  std::set<std::string> elsewhere = gated;
  elsewhere.erase("apps/deployments: get list watch");
  elsewhere.erase("batch/jobs: get list watch");
  elsewhere.insert({"apps/deployments: get list patch watch", "batch/jobs: get list patch watch",
                    "batch/jobs/status: patch", "/pods: get list patch watch",
                    "helm.toolkit.fluxcd.io/helmreleases: get patch",
                    "kustomize.toolkit.fluxcd.io/kustomizations: get patch", "/events: create",
                    "argoproj.io/applications: get",
                    "aquasecurity.github.io/vulnerabilityreports: get list",
                    "events.k8s.io/events: create", "/namespaces: get",
                    "authorization.k8s.io/subjectaccessreviews: create",
                    "holdpoint.dev/approvalpolicies: get list watch",
                    "holdpoint.dev/approvalpolicies/status: patch update",
                    "holdpoint.dev/approvalrequests: delete get list watch",
                    "holdpoint.dev/approvalrequests/status: patch update",
                    "holdpoint.dev/approvals: get list watch",
                    "apiextensions.k8s.io/customresourcedefinitions: create list watch"});
  for (const char* kind : {"approvalpolicies", "approvalrequests", "approvals", "auditrecords"})
    elsewhere.insert(std::string("apiextensions.k8s.io/customresourcedefinitions ") + kind +
                     ".holdpoint.dev: get update");
  const std::map<std::string, const char*> configurations{
      {"validatingwebhookconfigurations", "gate"}, {"mutatingwebhookconfigurations", "hold"}};
  for (const auto& [resource, name] : configurations) {
    const std::string what = "admissionregistration.k8s.io/" + resource;
    elsewhere.insert(
        {what + ": create list watch", what + " holdpoint-approvals: delete get update"});
    for (const char* number : {"0", "1", "2", "3"})
      elsewhere.insert(what + " holdpoint-" + name + "-" + number + ": delete get update");
  }
  std::set<std::string> at_home = elsewhere;
  at_home.erase("/configmaps: get list watch");
  at_home.insert({"/configmaps: create get list watch",
                  "/configmaps holdpoint: get list patch watch", "/secrets: create get",
                  "/secrets holdpoint-webhook-tls: update",
                  "/secrets holdpoint-webhook-tls-ca: update", "coordination.k8s.io/leases: create",
                  "coordination.k8s.io/leases holdpoint-operator: get update",
                  "holdpoint.dev/auditrecords: create get list"});
  const auto differs = [](const char* account, const char* namespace_,
                          const std::set<std::string>& want) {
    std::string text;
    // Roles that other tests add to holdpoint-gated-kinds go a moment after those.
    (void)eventually(
        [&] { return (text = difference(own_rights(account, namespace_), want)).empty(); });
    return text;
  };
  CHECK(differs("holdpoint-webhook", "production", webhook) == "");
  std::set<std::string> webhook_at_home = webhook;
  webhook_at_home.insert("/configmaps holdpoint: get");  // whether approvals were voided
  CHECK(differs("holdpoint-webhook", "holdpoint-system", webhook_at_home) == "");
  CHECK(differs("holdpoint-operator", "production", elsewhere) == "");
  CHECK(differs("holdpoint-operator", "holdpoint-system", at_home) == "");
}

TEST_CASE("B13: deleting all at once is refused to a developer, object by object") {
  const Scene scene;
  stored(scene, "one", "1");
  stored(scene, "two", "1");
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("one"), value("2")).ok());
  const std::string request = approved(scene, "one");
  // Even with the right by RBAC.
  must(client_as("admin").create(
      path_of(kRbac, "roles", scene.ns()),
      {{"apiVersion", kRbac},
       {"kind", "Role"},
       {"metadata", {{"name", "sweeper"}}},
       {"rules", Json::array({{{"apiGroups", {"holdpoint.dev"}},
                               {"resources", {"approvals", "approvalrequests"}},
                               {"verbs", {"delete", "deletecollection", "list", "get"}}}})}},
      {}, soon()));
  const auto sweep = [&](const std::string& path) {
    return as("developer").kubectl({"delete", "--raw", path});
  };
  for (const char* when : {"without the right", "with it"}) {
    CAPTURE(std::string(when));
    CHECK_FALSE(sweep(scene.approvals().text()).ok());
    CHECK_FALSE(sweep(scene.requests().text()).ok());
    CHECK_FALSE(sweep(path_of(kApiVersion, "approvalpolicies").text()).ok());
    CHECK_FALSE(sweep(path_of("v1", "configmaps", scene.ns()).text() +
                      "?fieldSelector=metadata.name%21%3Dkube-root-ca.crt")
                    .ok());
    if (std::string(when) == "with it") break;
    grant_role(scene.ns(), "sweeper", user_named("developer"), "Role");
    REQUIRE(eventually([&] {
      return must(client_as("developer")
                      .may_i({"deletecollection", "holdpoint.dev", "approvals", "", scene.ns(), ""},
                             soon()));
    }));
  }
  CHECK(client_as("admin").get(scene.config_maps("one"), soon()).ok());
  CHECK(client_as("admin").get(scene.config_maps("two"), soon()).ok());
  CHECK(scene.request(request).status.phase == RequestPhase::Approved);
  // A DELETE of a collection has no name: it is taken from the object.
  std::set<std::string> asked;
  for (const char* name : {"one", "two"})
    for (const ApprovalRequest& one : scene.requests_for(name))
      if (one.spec.operation == Operation::Delete) {
        asked.insert(one.spec.target.name);
        CHECK(one.spec.target.uid ==
              string_at(scene.get(scene.config_maps(name)), {"metadata", "uid"}));
      }
  REQUIRE_FALSE(asked.empty());
  // Approved for one, it takes one.
  const std::string gone = *asked.begin(), stays = gone == "one" ? "two" : "one";
  for (const ApprovalRequest& one : scene.requests_for(gone))
    if (one.spec.operation == Operation::Delete) scene.approve("lead", one.metadata.name);
  CHECK(eventually([&] {
    CHECK_FALSE(sweep(path_of("v1", "configmaps", scene.ns()).text() +
                      "?fieldSelector=metadata.name%21%3Dkube-root-ca.crt")
                    .ok());
    return !client_as("admin").get(scene.config_maps(gone), soon()).ok();
  }));
  CHECK(client_as("admin").get(scene.config_maps(stays), soon()).ok());
}

TEST_CASE("A14: one user's spam stays under the cap, and others are still served") {
  const Scene scene;
  grant_role(scene.ns(), "edit", user_named("sre"));
  constexpr std::size_t kCap = 100;
  int capped = 0;
  for (std::size_t i = 0; i < kCap + 5; ++i) {
    const auto answer = scene.create("developer", scene.config_maps(),
                                     scene.config_map("spam-" + std::to_string(i), "1"));
    REQUIRE_FALSE(answer.ok());
    if (answer.error().message.find("the limit") != std::string::npos) ++capped;
  }
  CHECK(must(client_as("admin").list(scene.requests(), {}, soon())).items.size() == kCap);
  CHECK(capped == 5);
  // Nor by what is held: the object would have to wait without a request.
  CHECK_FALSE(scene.create("developer", scene.deployments(), scene.deployment("web")).ok());
  REQUIRE_FALSE(scene.create("sre", scene.config_maps(), scene.config_map("real", "1")).ok());
  const std::string real = scene.open_request("real").metadata.name;
  CHECK(scene.request(real).spec.requester.username == "sre");
  scene.approve("lead", real);
  CHECK(scene.create("sre", scene.config_maps(), scene.config_map("real", "1")).ok());
}

}  // namespace
}  // namespace holdpoint::cluster
