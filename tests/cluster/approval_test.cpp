// Approvals on a real API server: who may decide, what is stamped, what ends a request.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/digest.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

std::string asked(const Scene& scene, const std::string& name = "web",
                  const std::string& who = "developer") {
  must(scene.create(who, scene.deployments(), scene.deployment(name)));
  return scene.open_request(name).metadata.name;
}

TEST_CASE("A6: author, uid and digest are stamped from what the API server authenticated") {
  const Scene scene;
  const std::string request = asked(scene);
  const Json forged{{"apiVersion", kApiVersion},
                    {"kind", "Approval"},
                    {"metadata", {{"name", "forged"}}},
                    {"spec",
                     {{"request", {{"name", request}}},
                      {"decision", "Approve"},
                      {"policy", "another"},
                      {"author", {{"username", "second-lead"}, {"groups", {"system:masters"}}}}}}};
  const Approval stored =
      must(decode<Approval>(must(scene.create("lead", scene.approvals(), forged))));
  CHECK(stored.spec.author.username == "lead");
  CHECK(std::find(stored.spec.author.groups.begin(), stored.spec.author.groups.end(),
                  "system:masters") == stored.spec.author.groups.end());
  CHECK(stored.spec.policy == scene.policy());
  CHECK(stored.spec.request.uid == scene.request(request).metadata.uid);
  CHECK(stored.spec.request.binding_digest == scene.request(request).spec.binding_digest);
  // And never changes.
  CHECK_FALSE(
      scene.merge("admin", scene.approvals("forged"), {{"spec", {{"decision", "Deny"}}}}).ok());
  CHECK_FALSE(
      scene.merge("admin", scene.approvals("forged"), {{"spec", {{"author", {{"username", "x"}}}}}})
          .ok());
}

TEST_CASE("an Approval of another request than meant is refused") {
  const Scene scene;
  const std::string request = asked(scene);
  const auto with = [&](const Json& reference) {
    return scene.create(
        "lead", scene.approvals(),
        {{"apiVersion", kApiVersion},
         {"kind", "Approval"},
         {"metadata", {{"generateName", "a-"}}},
         {"spec", {{"request", reference}, {"decision", "Approve"}, {"reason", "x"}}}});
  };
  CHECK_FALSE(with({{"name", "no-such-request"}}).ok());
  CHECK_FALSE(with({{"name", request}, {"uid", "00000000-0000-0000-0000-000000000000"}}).ok());
  CHECK_FALSE(with({{"name", request}, {"bindingDigest", "sha256:" + std::string(64, '0')}}).ok());
  CHECK(with({{"name", request}, {"uid", scene.request(request).metadata.uid}}).ok());
}

TEST_CASE("the requester cannot approve, whatever groups they are in") {
  const Scene scene;
  grant_role(scene.ns(), "edit", user_named("lead"));
  const std::string request = asked(scene, "web", "lead");
  const auto own = scene.decide("lead", request);
  REQUIRE_FALSE(own.ok());
  CHECK(own.error().message.find("you") != std::string::npos);
  scene.approve("second-lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("who is not named by the stage cannot decide, and is told who can") {
  const Scene scene;
  const std::string request = asked(scene);
  for (const char* decision : {"Approve", "Deny"}) {
    const auto refused = scene.decide("security", request, decision);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("leads") != std::string::npos);
  }
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
}

TEST_CASE("A9: a right lost after approving no longer counts at release") {
  PolicyShape shape;
  shape.hold = "Deny";
  const Scene scene(shape);
  // sre is named here and gets the right in this namespace alone, so that it can be taken away.
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  const auto bindings =
      path_of("rbac.authorization.k8s.io/v1", "clusterrolebindings", "", "test-cluster-approvers");
  scene.approve("lead", request);
  const Json binding = scene.get(bindings);
  Json without = binding;
  without["subjects"].erase(0);  // the group leads
  must(client_as("admin").update(bindings, without, {}, soon()));
  const auto stored = scene.create("developer", scene.config_maps(), scene.config_map("app", "1"));
  Json back = scene.get(bindings);
  back["subjects"] = binding["subjects"];
  must(client_as("admin").update(bindings, back, {}, soon()));
  CHECK_FALSE(stored.ok());
  CHECK(eventually([&] {
    return scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok();
  }));
}

TEST_CASE("two are needed: one person twice is one, two people are two") {
  PolicyShape two;
  two.required = 2;
  const Scene scene(two);
  const std::string request = asked(scene);
  scene.approve("lead", request);
  // Refused once the first is counted; one that comes before that is stored and counts for nothing.
  (void)scene.decide("lead", request);
  CHECK(eventually([&] { return scene.request(request).status.approvals == "1 of 2"; }));
  CHECK_FALSE(scene.decide("lead", request).ok());
  CHECK(scene.request(request).status.approvals == "1 of 2");
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  scene.approve("second-lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("kubectl wait sees the approval") {
  const Scene scene;
  const std::string request = asked(scene);
  scene.approve("lead", request);
  const auto waited = as("developer")
                          .kubectl({"wait", "approvalrequest/" + request, "-n", scene.ns(),
                                    "--for=condition=Approved", "--timeout=20s"});
  CHECK_MESSAGE(waited.ok(), waited.text());
}

TEST_CASE("a denial ends the request, and later approvals are refused") {
  const Scene scene;
  const std::string request = asked(scene);
  must(scene.decide("lead", request, "Deny", "not today"));
  scene.await_phase(request, RequestPhase::Denied);
  CHECK(scene.request(request).status.message.find("not today") != std::string::npos);
  CHECK_FALSE(scene.decide("second-lead", request).ok());
  CHECK(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("only the requester withdraws") {
  const Scene scene;
  const std::string request = asked(scene);
  CHECK_FALSE(scene.decide("lead", request, "Withdraw").ok());
  must(scene.decide("developer", request, "Withdraw", "wrong branch"));
  scene.await_phase(request, RequestPhase::Withdrawn);
  CHECK_FALSE(scene.decide("lead", request).ok());
}

TEST_CASE("an approval that is deleted before it is used counts no more") {
  PolicyShape shape;
  shape.hold = "Deny";
  const Scene scene(shape);
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  const std::string approval = must(scene.decide("lead", request))["metadata"]["name"];
  scene.await_phase(request, RequestPhase::Approved);

  SUBCASE("by a developer: refused") {
    CHECK_FALSE(client_as("developer").remove(scene.approvals(approval), "", soon()).ok());
    CHECK(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  }
  SUBCASE("by its author: revoked") {
    REQUIRE(client_as("lead").remove(scene.approvals(approval), "", soon()).ok());
    CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
    scene.await_phase(request, RequestPhase::Pending);
  }
  SUBCASE("after use: refused") {
    must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")));
    CHECK_FALSE(client_as("lead").remove(scene.approvals(approval), "", soon()).ok());
  }
}

TEST_CASE("what waits too long expires, and what is approved too long ago does too") {
  PolicyShape shape;
  shape.hold = "Deny";
  SUBCASE("pending") {
    shape.spec_patch = {{"expiry", {{"pending", "2s"}}}};
    const Scene scene(shape);
    REQUIRE_FALSE(
        scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
    const std::string request = scene.open_request("app").metadata.name;
    scene.await_phase(request, RequestPhase::Expired);
    CHECK_FALSE(scene.decide("lead", request).ok());
  }
  SUBCASE("approved") {
    shape.spec_patch = {{"expiry", {{"approved", "2s"}}}};
    const Scene scene(shape);
    REQUIRE_FALSE(
        scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
    const std::string request = scene.open_request("app").metadata.name;
    scene.approve("lead", request);
    scene.await_phase(request, RequestPhase::Expired);
    CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
    CHECK(scene.open_request("app").spec.attempt == 2);
  }
}

TEST_CASE(
    "B12: nobody but the operator and the webhook writes a status, and a phase approves nothing") {
  const Scene scene;
  const std::string request = asked(scene);
  kube::ResourcePath status = scene.requests(request);
  status.subresource = "status";
  for (const char* who : {"admin", "developer", "lead"})
    CHECK_FALSE(scene.merge(who, status, {{"status", {{"phase", "Approved"}}}}).ok());
  CHECK_FALSE(
      scene.merge("admin", scene.requests(request), {{"spec", {{"contentDigest", "sha256:0"}}}})
          .ok());
}

TEST_CASE("requests are made by the webhook alone and deleted by no person") {
  const Scene scene;
  const std::string name = asked(scene);
  Json copy = scene.get(scene.requests(name));
  copy["metadata"] = {{"name", "copy"}, {"labels", copy["metadata"]["labels"]}};
  copy.erase("status");
  CHECK_FALSE(scene.create("admin", scene.requests(), copy).ok());
  CHECK_FALSE(client_as("admin").remove(scene.requests(name), "", soon()).ok());
}

TEST_CASE("A13: a Secret's value is nowhere in a request, whatever its shape") {
  const std::string canary = unique("canary");
  struct Granted {
    kube::ResourcePath role =
        path_of("rbac.authorization.k8s.io/v1", "clusterroles", "", "test-gated-secrets");
    ~Granted() { (void)client_as("admin").remove(role, "", soon()); }
  };
  const Granted granted;
  must(client_as("admin").patch(
      granted.role, kube::PatchType::Apply,
      {{"apiVersion", "rbac.authorization.k8s.io/v1"},
       {"kind", "ClusterRole"},
       {"metadata",
        {{"name", "test-gated-secrets"}, {"labels", {{"holdpoint.dev/gated-kinds", "true"}}}}},
       {"rules", Json::array({{{"apiGroups", {""}},
                               {"resources", {"secrets"}},
                               {"verbs", {"get", "list", "watch"}}}})}},
      {false, true, "test"}, soon()));
  PolicyShape shape;
  shape.resources = Json::array(
      {{{"apiGroups", {""}}, {"resources", {"secrets"}}, {"operations", {"CREATE", "UPDATE"}}}});
  const Scene scene(shape);
  const auto secrets = path_of("v1", "secrets", scene.ns());
  const auto secret = [&](const char* form, const std::string& value) {
    return Json{{"apiVersion", "v1"},
                {"kind", "Secret"},
                {"metadata", {{"name", "db"}}},
                {form, {{"password", value}}}};
  };
  REQUIRE_FALSE(scene.create("developer", secrets, secret("stringData", canary)).ok());
  const ApprovalRequest request = scene.open_request("db");
  const std::string whole = dump_json(scene.get(scene.requests(request.metadata.name)));
  CHECK(whole.find(canary) == std::string::npos);
  CHECK(whole.find(base64(canary)) == std::string::npos);
  CHECK(whole.find("password") != std::string::npos);
  // B10: data and stringData of one value are one change.
  REQUIRE_FALSE(scene.create("developer", secrets, secret("data", base64(canary))).ok());
  CHECK(scene.requests_for("db").size() == 1);
}

TEST_CASE("every fact of a request's life is on the chain once, in order, and the chain is whole") {
  const Scene scene;
  const std::string request = asked(scene);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  std::vector<std::string> facts;
  CHECK(eventually([&] {
    facts.clear();
    auto list = must(client_as("auditor").list(
        path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
    std::sort(list.items.begin(), list.items.end(), [](const Json& a, const Json& b) {
      return a["metadata"]["name"] < b["metadata"]["name"];
    });
    for (const Json& item : list.items)
      if (string_at(item, {"spec", "subject", "request"}) == request)
        facts.push_back(string_at(item, {"spec", "fact"}));
    return std::find(facts.begin(), facts.end(), "Released") != facts.end();
  }));
  for (const char* fact : {"Requested", "Approved", "Granted", "Released"}) {
    CAPTURE(fact);
    CHECK(std::count(facts.begin(), facts.end(), fact) == 1);
  }
  CHECK(std::find(facts.begin(), facts.end(), "Requested") <
        std::find(facts.begin(), facts.end(), "Approved"));
  CHECK(std::find(facts.begin(), facts.end(), "Approved") <
        std::find(facts.begin(), facts.end(), "Released"));
  const auto verified = as("auditor").kubectl({"holdpoint", "audit", "verify"});
  CHECK_MESSAGE(verified.ok(), verified.text());
}

TEST_CASE("records are written by the operator alone and never changed") {
  const auto records = must(client_as("auditor").list(
      path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
  REQUIRE_FALSE(records.items.empty());
  const auto path = path_of(kApiVersion, "auditrecords", "holdpoint-system",
                            records.items[0]["metadata"]["name"]);
  CHECK_FALSE(client_as("admin")
                  .patch(path, kube::PatchType::Merge, {{"spec", {{"message", "x"}}}}, {}, soon())
                  .ok());
  CHECK_FALSE(client_as("admin").remove(path, "", soon()).ok());
  Json forged = records.items[0];
  forged["metadata"] = {{"name", "999999999999"}};
  CHECK_FALSE(
      client_as("admin")
          .create(path_of(kApiVersion, "auditrecords", "holdpoint-system"), forged, {}, soon())
          .ok());
}

}  // namespace
}  // namespace holdpoint::cluster
