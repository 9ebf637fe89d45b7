// Chains, clocks, risk and break-glass on a real API server: what the pure rules say is what
// happens.
#include <doctest/doctest.h>

#include <algorithm>

#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

Json group(const char* name) { return {{"groups", {name}}}; }

PolicyShape shaped(Json spec_patch) {
  PolicyShape shape;
  shape.spec_patch = std::move(spec_patch);
  return shape;
}

std::string asked(const Scene& scene, const std::string& name = "web") {
  must(scene.create("developer", scene.deployments(), scene.deployment(name)));
  return scene.open_request(name).metadata.name;
}

Result<Json> decide_with(const Scene& scene, const std::string& who, const std::string& request,
                         Json spec) {
  spec["request"] = {{"name", request}};
  return scene.create(who, scene.approvals(),
                      {{"apiVersion", kApiVersion},
                       {"kind", "Approval"},
                       {"metadata", {{"generateName", request + "-"}}},
                       {"spec", std::move(spec)}});
}

bool recorded(const std::string& request, const char* fact) {
  return eventually([&] {
    const auto records = must(client_as("admin").list(
        path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
    return std::any_of(records.items.begin(), records.items.end(), [&](const Json& record) {
      return string_at(record, {"spec", "subject", "request"}) == request &&
             string_at(record, {"spec", "fact"}) == fact;
    });
  });
}

TEST_CASE(
    "two stages, two roles: the second is asked when the first is full, and early votes wait") {
  const Scene scene(
      shaped({{"stages", Json::array({{{"name", "team"}, {"approvers", group("leads")}},
                                      {{"name", "security"}, {"approvers", group("appsec")}}})}}));
  const std::string request = asked(scene);
  CHECK(scene.request(request).spec.stages.size() == 2);
  scene.approve("security", request);
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  CHECK(eventually([&] {
    return scene.request(request).status.message.find("stage team: 0 of 1") != std::string::npos;
  }));
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("A3: a policy that asks for more after the approval is asked for the rest") {
  Scene scene(shaped({{"hold", {{"mode", "Deny"}}}}));
  CHECK_FALSE(
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")).ok());
  const std::string request = scene.open_request("settings").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  scene.patch_policy(
      {{"spec",
        {{"stages",
          Json::array({{{"name", "leads"}, {"approvers", group("leads")}, {"required", 2}}})}}}});
  const auto refused =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("1 of 2") != std::string::npos);
  scene.approve("second-lead", request);
  CHECK(eventually([&] {
    return scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")).ok();
  }));
}

TEST_CASE("A8: whoever may act as the service account that asked is its requester") {
  const Scene scene;
  const kube::Client& admin = client_as("admin");
  must(admin.create(
      path_of("v1", "serviceaccounts", scene.ns()),
      {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "deployer"}}}}, {},
      soon()));
  grant_role(scene.ns(), "edit", account_named(scene.ns(), "deployer"));
  // `edit` lets lead mint tokens of the service accounts here.
  grant_role(scene.ns(), "edit", user_named("lead"));
  const kube::Client& deployer = as_service_account(scene.ns(), "deployer");
  must(deployer.create(scene.deployments(), scene.deployment("web"), {}, soon()));
  const std::string request = scene.open_request("web").metadata.name;
  const auto own = scene.decide("lead", request);
  REQUIRE_FALSE(own.ok());
  CHECK(own.error().message.find("counts as the requester") != std::string::npos);
  scene.approve("second-lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("A8: a service account of a gated namespace cannot approve") {
  Scene scene;
  scene.patch_policy(
      {{"spec",
        {{"stages",
          Json::array({{{"name", "robots"},
                        {"approvers", {{"serviceAccounts", {scene.ns() + "/robot"}}}}}})}}}});
  const kube::Client& admin = client_as("admin");
  must(admin.create(
      path_of("v1", "serviceaccounts", scene.ns()),
      {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "robot"}}}}, {},
      soon()));
  grant_role(scene.ns(), "holdpoint-approver", account_named(scene.ns(), "robot"));
  const std::string request = asked(scene);
  const auto answer =
      as_service_account(scene.ns(), "robot")
          .create(scene.approvals(),
                  {{"apiVersion", kApiVersion},
                   {"kind", "Approval"},
                   {"metadata", {{"generateName", "robot-"}}},
                   {"spec", {{"request", {{"name", request}}}, {"decision", "Approve"}}}},
                  {}, soon());
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().message.find("gated namespace") != std::string::npos);
}

TEST_CASE("a stage that nobody can fill is told by the policy at once") {
  Scene scene;
  const auto path = path_of(kApiVersion, "approvalpolicies", "", scene.policy());
  must(client_as("admin").patch(path, kube::PatchType::Merge,
                                {{"spec",
                                  {{"stages", Json::array({{{"name", "owners"},
                                                            {"approvers", {{"users", {"anna"}}}},
                                                            {"required", 2}}})}}}},
                                {}, soon()));
  Condition ready;
  CHECK(eventually([&] {
    const auto policy = must(decode<ApprovalPolicy>(must(client_as("admin").get(path, soon()))));
    for (const Condition& condition : policy.status.conditions)
      if (condition.type == "Ready") ready = condition;
    return ready.status == "False" && ready.reason == "InvalidStages";
  }));
  CHECK(ready.message.find("asks for 2 people and names 1") != std::string::npos);
  // It is in force all the same.
  CHECK(is_paused(must(scene.create("developer", scene.deployments(), scene.deployment("web")))));
}

TEST_CASE("a freeze that cannot be read is told by the policy at once, not after an approval") {
  const Scene scene;
  const auto path = path_of(kApiVersion, "approvalpolicies", "", scene.policy());
  const auto freeze = [&](const char* schedule, const char* zone) {
    must(client_as("admin").patch(
        path, kube::PatchType::Merge,
        {{"spec",
          {{"freeze",
            Json::array({{{"schedule", schedule}, {"duration", "1h"}, {"timeZone", zone}}})}}}},
        {}, soon()));
  };
  const auto says = [&](const std::string& word) {
    return eventually([&] {
      const auto policy = must(decode<ApprovalPolicy>(must(client_as("admin").get(path, soon()))));
      for (const Condition& condition : policy.status.conditions)
        if (condition.type == "Ready" && condition.status == "False" &&
            condition.reason == "InvalidFreeze" &&
            condition.message.find(word) != std::string::npos)
          return true;
      return false;
    });
  };
  freeze("0 16 * * FRIDAY", "Europe/Berlin");
  CHECK(says("FRIDAY"));
  freeze("0 16 * * FRI", "Europe/Berln");
  CHECK(says("Europe/Berln"));
  // It is in force all the same.
  CHECK(is_paused(must(scene.create("developer", scene.deployments(), scene.deployment("web")))));
  freeze("0 16 * * FRI", "Europe/Berlin");
  scene.await_ready(scene.policy());
}

TEST_CASE("notBefore and freeze: approved, but nothing runs before its time") {
  Scene scene(shaped({{"hold", {{"mode", "Deny"}}}}));
  CHECK_FALSE(
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")).ok());
  const std::string request = scene.open_request("settings").metadata.name;
  CHECK_FALSE(
      decide_with(scene, "lead", request, {{"decision", "Approve"}, {"notBefore", "tonight"}})
          .ok());
  const std::string soon_enough = to_rfc3339(system_clock().now() + Duration(4000));
  must(decide_with(scene, "lead", request, {{"decision", "Approve"}, {"notBefore", soon_enough}}));
  scene.await_phase(request, RequestPhase::Scheduled);
  const auto early =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  REQUIRE_FALSE(early.ok());
  CHECK(early.error().message.find(soon_enough) != std::string::npos);
  scene.await_phase(request, RequestPhase::Approved);
  scene.patch_policy({{"spec",
                       {{"freeze", Json::array({{{"schedule", "* * * * *"},
                                                 {"duration", "1h"},
                                                 {"passWith", group("sre")}}})}}}});
  const auto frozen =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  REQUIRE_FALSE(frozen.ok());
  CHECK(frozen.error().message.find("freeze") != std::string::npos);
  scene.approve("sre", request);
  must(scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")));
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE(
    "escalation: others are asked after a while, once, and their approval counts from then on") {
  const Scene scene(shaped(
      {{"stages",
        Json::array({{{"name", "team"},
                      {"approvers", group("leads")},
                      {"escalation",
                       Json::array({{{"after", "3s"}, {"addApprovers", group("sre")}}})}}})}}));
  const std::string request = asked(scene);
  const auto early = scene.decide("sre", request);
  REQUIRE_FALSE(early.ok());
  CHECK(early.error().message.find("escalates") != std::string::npos);
  CHECK(recorded(request, "Escalated"));
  scene.approve("sre", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("escalation: each step is taken once, whoever leads, also where none led at its time") {
  const Scene scene(shaped(
      {{"stages", Json::array({{{"name", "team"},
                                {"approvers", group("leads")},
                                {"escalation",
                                 Json::array({{{"after", "1s"}, {"addApprovers", group("sre")}},
                                              {{"after", "4s"}, {"addApprovers", group("appsec")}},
                                              {{"after", "1h"}, {"action", "Deny"}}})}}})}}));
  const std::string request = asked(scene);
  REQUIRE(recorded(request, "Escalated"));
  REQUIRE(cluster_command("stop", {"operator", "--kill"}).ok());
  CHECK_FALSE(eventually([] { return false; }, Duration(4'000)));  // the second step's time passes
  REQUIRE(cluster_command("start", {"operator"}).ok());
  REQUIRE(eventually([&] { return scene.decide("security", request).ok(); }));
  scene.await_phase(request, RequestPhase::Released);
  REQUIRE(cluster_command("stop", {"operator"}).ok());
  REQUIRE(cluster_command("start", {"operator"}).ok());
  const std::string other = asked(scene, "later");
  scene.approve("lead", other);
  scene.await_phase(other, RequestPhase::Released);  // the new leader has looked at all there is
  const auto all = must(client_as("admin").list(
      path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
  CHECK(std::count_if(all.items.begin(), all.items.end(), [&](const Json& record) {
          return string_at(record, {"spec", "subject", "request"}) == request &&
                 string_at(record, {"spec", "fact"}) == "Escalated";
        }) == 2);
}

TEST_CASE("escalation: a ladder may end in Deny, and never in an approval") {
  const Scene scene(shaped(
      {{"stages",
        Json::array({{{"name", "team"},
                      {"approvers", group("leads")},
                      {"escalation", Json::array({{{"after", "2s"}, {"action", "Deny"}}})}}})}}));
  const std::string request = asked(scene);
  scene.await_phase(request, RequestPhase::Denied);
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  CHECK(recorded(request, "Escalated"));
}

TEST_CASE("risk: low flows by policy and is on the trail, high is asked of more people") {
  const Scene scene(
      shaped({{"autoApprove", {{"riskAtMost", "Low"}}},
              {"stages", Json::array({{{"name", "team"}, {"approvers", group("leads")}},
                                      {{"name", "security"},
                                       {"approvers", group("appsec")},
                                       {"when", {{"riskAtLeast", "High"}}}}})}}));
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string first = scene.open_request("web").metadata.name;
  // A first deployment brings a repository that was not used before.
  CHECK(scene.request(first).spec.risk.level == RiskLevel::High);
  scene.approve("lead", first);
  scene.approve("security", first);
  scene.await_phase(first, RequestPhase::Released);
  // An environment variable is Low: it flows, and there is a request that says so.
  const auto flown = scene.merge(
      "developer", scene.deployments("web"),
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers",
              Json::array({{{"name", "main"},
                            {"image", "web:1"},
                            {"env", Json::array({{{"name", "A"}, {"value", "b"}}})}}})}}}}}}}});
  must(flown);
  CHECK_FALSE(is_paused(*flown));
  std::string flowed;
  for (const ApprovalRequest& request : scene.requests_for("web"))
    if (request.metadata.name != first) flowed = request.metadata.name;
  REQUIRE_FALSE(flowed.empty());
  scene.await_phase(flowed, RequestPhase::Released);
  CHECK(scene.request(flowed).status.approvals == "by policy");
  CHECK(recorded(flowed, "Granted"));
  // A new repository is High: two roles.
  const auto risky = scene.merge(
      "developer", scene.deployments("web"),
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers",
              Json::array({{{"name", "main"}, {"image", "evil.example/web:1"}}})}}}}}}}});
  must(risky);
  CHECK(is_paused(*risky));
  const std::string high = scene.open_request("web").metadata.name;
  CHECK(scene.request(high).spec.risk.level == RiskLevel::High);
  scene.approve("lead", high);
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  scene.approve("security", high);
  scene.await_phase(high, RequestPhase::Released);
}

TEST_CASE("A10: break-glass passes one request, owes a review, and the debt blocks the next") {
  const Scene scene(shaped({{"breakGlass", {{"allowed", true}}}}));
  const std::string request = asked(scene);
  const Json glass{{"decision", "BreakGlass"}, {"reason", "outage 4711"}};
  // Without the verb, nobody.
  CHECK_FALSE(decide_with(scene, "sre", request, glass).ok());
  grant_role(scene.ns(), "holdpoint-break-glass", user_named("sre"));
  CHECK_FALSE(decide_with(scene, "sre", request, {{"decision", "BreakGlass"}}).ok());  // no reason
  must(decide_with(scene, "sre", request, glass));
  scene.await_phase(request, RequestPhase::Released);
  CHECK(recorded(request, "BreakGlass"));
  REQUIRE(scene.request(request).status.review.has_value());
  CHECK(scene.request(request).status.review->by == "sre");

  const std::string second = asked(scene, "api");
  const auto blocked = decide_with(scene, "sre", second, glass);
  REQUIRE_FALSE(blocked.ok());
  CHECK(blocked.error().message.find(request) != std::string::npos);
  // It is not for whoever broke it to review.
  CHECK_FALSE(scene.decide("sre", request, "Review").ok());
  must(scene.decide("lead", request, "Review"));
  CHECK(eventually([&] { return scene.request(request).status.review->reviewed_by == "lead"; }));
  CHECK(recorded(request, "Reviewed"));
  must(decide_with(scene, "sre", second, glass));
  scene.await_phase(second, RequestPhase::Released);
  CHECK(scene.request(request).status.phase == RequestPhase::Released);
}

TEST_CASE("whom an annotation names as author may not approve") {
  const Scene scene(
      shaped({{"separationOfDuties", {{"authorAnnotations", {"ci.example.com/author"}}}}}));
  Json deployment = scene.deployment("web");
  deployment["metadata"]["annotations"] = {{"ci.example.com/author", "lead"}};
  must(scene.create("developer", scene.deployments(), deployment));
  const std::string request = scene.open_request("web").metadata.name;
  CHECK_FALSE(scene.decide("lead", request).ok());
  scene.approve("second-lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a denied request stays as long as its object is held, so that nothing unapproved runs") {
  const Scene scene(shaped({{"retention", "1s"}}));
  const std::string request = asked(scene);
  must(scene.decide("lead", request, "Deny"));
  scene.await_phase(request, RequestPhase::Denied);
  // Another one that ends later is gone by then.
  const std::string other = asked(scene, "other");
  scene.approve("lead", other);
  CHECK(eventually([&] { return scene.requests_for("other").empty(); }));
  CHECK(scene.requests_for("web").size() == 1);
  (void)scene.merge("developer", scene.deployments("web"), {{"spec", {{"paused", false}}}});
  CHECK(is_paused(scene.get(scene.deployments("web"))));
}

TEST_CASE("ended requests go after their retention, and their records stay") {
  const Scene scene(shaped({{"retention", "2s"}}));
  const std::string request = asked(scene);
  scene.approve("lead", request);
  CHECK(eventually([&] { return scene.requests_for("web").empty(); }));
  CHECK(recorded(request, "Released"));
}

}  // namespace
}  // namespace holdpoint::cluster
