// Checks, as they were seen last before the release: objects, reports of Trivy and HTTP endpoints
// that turn between approval and release, are missing, old, slow, down or hostile.
#include <doctest/doctest.h>

#include <algorithm>

#include "crds/codec.hpp"
#include "tests/cluster/support/receiver.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"
#include "tests/cluster/support/trivy.hpp"

namespace holdpoint::cluster {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io/v1";
const std::string kDigest = "sha256:" + std::string(64, 'a');

PolicyShape checking(Json check, Json more = Json::object()) {
  if (!check.contains("name")) check["name"] = "live";
  if (!check.contains("maxAge")) check["maxAge"] = "6s";
  PolicyShape shape;
  shape.spec_patch = std::move(more);
  shape.spec_patch["checks"] = Json::array({std::move(check)});
  return shape;
}

// The ConfigMap `gate` beside the target must say open.
PolicyShape by_config_map(Json more = Json::object()) {
  return checking({{"object",
                    {{"resource", "configmaps"},
                     {"name", "gate"},
                     {"field", "/data/state"},
                     {"value", "open"}}}},
                  std::move(more));
}

// Not gated itself: it is written before the policy, or by the policy's own exemption.
void set_gate(const Scene& scene, const std::string& state) {
  const auto path = path_of("v1", "configmaps", scene.ns(), "gate");
  const Json gate{{"apiVersion", "v1"},
                  {"kind", "ConfigMap"},
                  {"metadata", {{"name", "gate"}}},
                  {"data", {{"state", state}}}};
  kube::WriteOptions force;
  force.force = true;
  must(client_as("admin").patch(path, kube::PatchType::Apply, gate, force, soon()));
}

Json not_the_gate() {
  return {{"match",
           {{"conditions",
             Json::array({{{"name", "not-the-gate"},
                           {"expression", "!has(request.name) || request.name != 'gate'"}}})}}}};
}

const CheckResult& result_of(const ApprovalRequest& request) {
  REQUIRE(request.status.checks.size() == 1);
  return request.status.checks.front();
}

void await_result(const Scene& scene, const std::string& request, CheckOutcome outcome,
                  const std::string& words = "") {
  std::string last;
  const bool seen = eventually([&] {
    const auto& checks = scene.request(request).status.checks;
    if (checks.empty()) return false;
    last = std::string(to_string(checks.front().result)) + ": " + checks.front().text;
    return checks.front().result == outcome && checks.front().text.find(words) != std::string::npos;
  });
  REQUIRE_MESSAGE(seen, "wanted " << to_string(outcome) << " " << words << ", have " << last);
}

std::string held_deployment(const Scene& scene, const std::string& image = "web:1") {
  must(scene.create("developer", scene.deployments(), scene.deployment("web", image)));
  return scene.open_request("web").metadata.name;
}

std::string denied_config_map(const Scene& scene) {
  REQUIRE_FALSE(
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")).ok());
  return scene.open_request("settings").metadata.name;
}

std::string message_of(const Scene& scene, const std::string& request) {
  return scene.request(request).status.message;
}

std::string record_of(const std::string& request_uid, const std::string& fact) {
  std::string message;
  (void)eventually([&] {
    for (const Json& item :
         must(client_as("admin").list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {},
                                      soon()))
             .items)
      if (string_at(item, {"spec", "subject", "requestUID"}) == request_uid &&
          string_at(item, {"spec", "fact"}) == fact)
        message = string_at(item, {"spec", "message"});
    return !message.empty();
  });
  return message;
}

TEST_CASE("a held Deployment waits for its check after its approval, and goes when that passes") {
  const Scene scene(by_config_map(not_the_gate()));
  set_gate(scene, "closed");
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail, "is closed, wanted open");
  scene.approve("lead", request);
  CHECK(eventually([&] {
    return message_of(scene, request).find("approved by lead; waits for check live") == 0;
  }));
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
  CHECK(scene.request(request).status.approved_at.empty());
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  // Who resumes it by hand is judged by the same checks.
  const auto resumed =
      scene.merge("lead", scene.deployments("web"), {{"spec", {{"paused", false}}}});
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  const auto shown = as("lead").kubectl({"holdpoint", "show", request, "-n", scene.ns()});
  CHECK(shown.out.find("live") != std::string::npos);
  CHECK(shown.out.find("is closed, wanted open") != std::string::npos);
  CHECK_MESSAGE(
      shown.out.find("approval  1 of 1, approved by lead; counts until ") != std::string::npos,
      shown.text());
  CHECK(shown.out.find("waits     for check live (above)") != std::string::npos);
  const auto listed = as("lead").kubectl({"holdpoint", "list", "-n", scene.ns()});
  CHECK_MESSAGE(listed.out.find("check live") != std::string::npos, listed.text());

  set_gate(scene, "open");
  scene.await_phase(request, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  const std::string uid = scene.request(request).metadata.uid;
  CHECK(record_of(uid, "Granted").find("; checks: live Pass") != std::string::npos);
  CHECK(record_of(uid, "Released").find("; checks: live Pass") != std::string::npos);
}

TEST_CASE("a check that flips after the approval refuses the write, until it passes again") {
  const Scene scene(by_config_map(not_the_gate()));
  set_gate(scene, "open");
  const std::string request = denied_config_map(scene);
  await_result(scene, request, CheckOutcome::Pass);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);

  set_gate(scene, "closed");
  scene.await_phase(request, RequestPhase::Pending);
  const auto refused =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::Forbidden);
  CHECK(refused.error().message.find("it is approved, but waits for a check") != std::string::npos);
  CHECK(refused.error().message.find("\n  waits:   check live: ") != std::string::npos);
  CHECK(refused.error().message.find("is closed, wanted open") != std::string::npos);
  CHECK(refused.error().message.find("kubectl holdpoint show " + request) != std::string::npos);

  set_gate(scene, "open");
  scene.await_phase(request, RequestPhase::Approved);
  CHECK(scene.open_request("settings").metadata.name == request);  // nobody was asked anew
  must(scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")));
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a result that is too old refuses, with the operator down, and counts no more") {
  const Scene scene(by_config_map(not_the_gate()));
  set_gate(scene, "open");
  const std::string request = denied_config_map(scene);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  REQUIRE(cluster_command("stop", {"operator", "--kill"}).ok());
  const std::string seen = result_of(scene.request(request)).observed_at;
  CHECK(eventually(
      [&] { return system_clock().now() > must(parse_rfc3339(seen)) + Duration(6'200); }));
  const auto refused =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  CHECK_FALSE(refused.ok());
  if (!refused.ok())
    CHECK(refused.error().message.find("its last result is older than 6s") != std::string::npos);
  REQUIRE(cluster_command("start", {"operator"}).ok());
  CHECK(eventually([&] {
    return scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")).ok();
  }));
}

TEST_CASE("low risk that needs nobody waits for its check all the same") {
  const Scene scene(by_config_map(
      Json{{"match", not_the_gate()["match"]}, {"autoApprove", {{"riskAtMost", "Critical"}}}}));
  set_gate(scene, "closed");
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail);
  CHECK(eventually([&] {
    return message_of(scene, request).find("approved by policy") == 0 &&
           message_of(scene, request).find("waits for check live") != std::string::npos;
  }));
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  set_gate(scene, "open");
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a check that is only shown holds nothing up") {
  PolicyShape shape = by_config_map(not_the_gate());
  shape.spec_patch["checks"][0]["mode"] = "Show";
  const Scene scene(shape);
  set_gate(scene, "closed");
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("what was checked when it was asked and what is checked now must both pass") {
  Scene scene(by_config_map(not_the_gate()));
  set_gate(scene, "closed");
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail);
  scene.approve("lead", request);
  SUBCASE("a check that is taken out of the policy is still wanted") {
    scene.patch_policy({{"spec", {{"checks", nullptr}}}});
    CHECK(eventually([&] {
      return message_of(scene, request).find("waits for check live") != std::string::npos;
    }));
    CHECK(is_paused(scene.get(scene.deployments("web"))));
    set_gate(scene, "open");
    scene.await_phase(request, RequestPhase::Released);
  }
  SUBCASE("one that is changed has no result of the old one") {
    scene.patch_policy({{"spec",
                         {{"checks", Json::array({{{"name", "live"},
                                                   {"maxAge", "6s"},
                                                   {"object",
                                                    {{"resource", "configmaps"},
                                                     {"name", "gate"},
                                                     {"field", "/data/second"},
                                                     {"is", "Exists"}}}}})}}}});
    set_gate(scene, "open");
    CHECK(eventually([&] {
      return message_of(scene, request).find("has no /data/second") != std::string::npos;
    }));
    CHECK(is_paused(scene.get(scene.deployments("web"))));
  }
}

TEST_CASE("broken glass passes over checks, and the record says what they said") {
  Json more = not_the_gate();
  more["breakGlass"] = {{"allowed", true}};
  const Scene scene(by_config_map(more));
  set_gate(scene, "closed");
  grant_role(scene.ns(), "holdpoint-break-glass", user_named("sre"));
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail);
  scene.approve("lead", request);  // its approvals are there, the check is not
  must(scene.decide("sre", request, "BreakGlass", "database is down"));
  scene.await_phase(request, RequestPhase::Released);
  const ApprovalRequest done = scene.request(request);
  CHECK(record_of(done.metadata.uid, "BreakGlass").find("checks: live Fail") != std::string::npos);
  REQUIRE(done.status.review.has_value());
  CHECK(done.status.review->by == "sre");
}

TEST_CASE("dry runs and simulations tell which checks are to be passed") {
  const Scene scene(by_config_map(not_the_gate()));
  const auto told = as("developer").apply(dump_json(scene.deployment("web")), {"--dry-run=server"});
  REQUIRE_MESSAGE(told.ok(), told.text());
  CHECK(told.err.find("must pass checks: live") != std::string::npos);
}

TEST_CASE("a kind that nobody granted is told with the grant, and passes nothing") {
  const auto shape = checking({{"object",
                                {{"apiGroup", "storage.k8s.io"},
                                 {"resource", "storageclasses"},
                                 {"name", "any"},
                                 {"field", "/metadata/name"},
                                 {"is", "DoesNotExist"}}}});
  Scene scene;
  must(client_as("admin").patch(path_of(kApiVersion, "approvalpolicies", "", scene.policy()),
                                kube::PatchType::Merge, {{"spec", shape.spec_patch}}, {}, soon()));
  std::string told;
  CHECK_MESSAGE(eventually([&] {
                  const auto policy = must(decode<ApprovalPolicy>(
                      scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy()))));
                  for (const Condition& condition : policy.status.conditions)
                    if (condition.type == "Ready")
                      told = condition.reason + ": " + condition.message;
                  return told.find("CheckNotPossible") == 0 &&
                         told.find("holdpoint.dev/checked-kinds=\"true\"") != std::string::npos;
                }),
                told);
  const std::string request = held_deployment(scene);
  scene.approve("lead", request);
  await_result(scene, request, CheckOutcome::Unknown, "holdpoint.dev/checked-kinds");
  CHECK(is_paused(scene.get(scene.deployments("web"))));

  const std::string role = unique("checked");
  must(client_as("admin").create(
      path_of(kRbac, "clusterroles"),
      {{"apiVersion", kRbac},
       {"kind", "ClusterRole"},
       {"metadata", {{"name", role}, {"labels", {{"holdpoint.dev/checked-kinds", "true"}}}}},
       {"rules", Json::array({{{"apiGroups", {"storage.k8s.io"}},
                               {"resources", {"storageclasses"}},
                               {"verbs", {"get"}}}})}},
      {}, soon()));
  scene.await_phase(request, RequestPhase::Released);
  must(client_as("admin").remove(path_of(kRbac, "clusterroles", "", role), "", soon()));
}

TEST_CASE("policies whose checks make no sense are refused by the API server, with the reason") {
  const auto refusal = [](Json check) {
    check["name"] = "c";
    const Json policy{
        {"apiVersion", kApiVersion},
        {"kind", "ApprovalPolicy"},
        {"metadata", {{"name", unique("bad")}}},
        {"spec",
         {{"match",
           {{"resources", Json::array({{{"apiGroups", {"apps"}},
                                        {"resources", {"deployments"}},
                                        {"operations", {"CREATE"}}}})},
            {"namespaceSelector", {{"matchLabels", {{"no", "where"}}}}}}},
          {"stages", Json::array({{{"name", "s"}, {"approvers", {{"groups", {"leads"}}}}}})},
          {"checks", Json::array({std::move(check)})}}}};
    const auto made =
        client_as("admin").create(path_of(kApiVersion, "approvalpolicies"), policy, {}, soon());
    if (made.ok()) {
      (void)client_as("admin").remove(
          path_of(kApiVersion, "approvalpolicies", "", string_at(policy, {"metadata", "name"})), "",
          soon());
      return std::string("stored");
    }
    return made.error().message;
  };
  const Json field{{"resource", "configmaps"}, {"field", "/data/x"}, {"value", "1"}};
  const auto says = [](const std::string& text, const char* words) {
    CHECK_MESSAGE(text.find(words) != std::string::npos, text);
  };
  CHECK(refusal({{"object", field}}) == "stored");
  says(refusal(Json::object()), "exactly one of");
  says(refusal({{"object", field}, {"http", {{"secretRef", "x"}}}}), "exactly one of");
  Json secret = field;
  secret["resource"] = "secrets";
  says(refusal({{"object", secret}}), "Secrets cannot be checked");
  Json valueless = field;
  valueless.erase("value");
  says(refusal({{"object", valueless}}), "give a value");
  says(refusal({{"vulnerabilityReports", {{"atMost", Json::object()}}}}), "limit at least one");
  says(refusal({{"vulnerabilityReports", {{"atMost", {{"critical", -1}}}}}}), "not be negative");
  says(refusal({{"maxAge", "1s"}, {"object", field}}), "between 5s and 24h");
  says(refusal({{"http", {{"secretRef", "x"}, {"timeout", "5m"}}}}), "between 1s and 30s");
}

TEST_CASE("B12: nobody but the operator writes what checks said") {
  const Scene scene(by_config_map(not_the_gate()));
  set_gate(scene, "closed");
  const std::string request = held_deployment(scene);
  await_result(scene, request, CheckOutcome::Fail);
  const CheckResult real = result_of(scene.request(request));
  const Json forged{
      {"status",
       {{"checks", Json::array({{{"name", "live"},
                                 {"definition", real.definition},
                                 {"result", "Pass"},
                                 {"text", "forged"},
                                 {"observedAt", to_rfc3339(system_clock().now())}}})}}}};
  const kube::ResourcePath status = [&] {
    auto path = scene.requests(request);
    path.subresource = "status";
    return path;
  }();
  grant(scene.ns(), user_named("developer"), "holdpoint.dev", "approvalrequests/status",
        {"patch", "update"});
  const kube::Client& webhook = as_service_account("holdpoint-system", "holdpoint-webhook");
  for (const kube::Client* who : {&client_as("developer"), &client_as("admin"), &webhook}) {
    const auto written = who->patch(status, kube::PatchType::Merge, forged, {}, soon());
    CHECK_FALSE(written.ok());
    if (!written.ok())
      CHECK(written.error().message.find("holdpoint-request-status") != std::string::npos);
  }
  CHECK(result_of(scene.request(request)).result == CheckOutcome::Fail);
}

// ---- reports of Trivy

PolicyShape by_scan(const std::string& reports_in, Json more = Json::object()) {
  Json scan{{"atMost", {{"critical", 0}}}, {"namespaces", {reports_in}}};
  scan.merge_patch(more);
  PolicyShape shape = checking({{"vulnerabilityReports", std::move(scan)}});
  shape.hold = "Deny";
  return shape;
}

std::string denied_deployment(const Scene& scene, const std::string& image) {
  REQUIRE_FALSE(
      scene.create("developer", scene.deployments(), scene.deployment("web", image)).ok());
  return scene.open_request("web").metadata.name;
}

TEST_CASE("a report that turns after the approval refuses the write, until it is clean again") {
  install_trivy_kinds();
  const Namespace staging("staging");
  const Scene scene(by_scan(staging.name()));
  const std::string image = "registry.example.com/shop/web:2@" + kDigest;
  Scanned scanned;
  scanned.digest = kDigest;
  report(staging.name(), "web", scanned);
  const std::string request = denied_deployment(scene, image);
  await_result(scene, request, CheckOutcome::Pass, "0 critical");
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);

  scanned.critical = 2;
  report(staging.name(), "web", scanned);
  scene.await_phase(request, RequestPhase::Pending);
  const auto refused =
      scene.create("developer", scene.deployments(), scene.deployment("web", image));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("2 critical (at most 0)") != std::string::npos);
  // Another report of the same image that is clean hides nothing.
  scanned.critical = 0;
  report(staging.name(), "other", scanned);
  await_result(scene, request, CheckOutcome::Fail, "2 critical");

  report(staging.name(), "web", scanned);
  scene.await_phase(request, RequestPhase::Approved);
  must(scene.create("developer", scene.deployments(), scene.deployment("web", image)));
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a held Deployment waits for the report of its proposed image, by digest") {
  install_trivy_kinds();
  const Namespace staging("staging");
  PolicyShape shape = by_scan(staging.name());
  shape.hold = "Auto";
  const Scene scene(shape);
  Scanned other;  // the same tag, but another content
  other.digest = "sha256:" + std::string(64, 'b');
  report(staging.name(), "other", other);
  const std::string request = held_deployment(scene, "registry.example.com/shop/web:2@" + kDigest);
  scene.approve("lead", request);
  await_result(scene, request, CheckOutcome::Fail, "no report");
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  Scanned mirrored;
  mirrored.registry = "mirror.example.com", mirrored.repository = "copies/web", mirrored.tag = "";
  mirrored.digest = kDigest;
  report(staging.name(), "mirrored", mirrored);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a tag is met by registry, repository and tag, and the text says that it can move") {
  install_trivy_kinds();
  const Namespace staging("staging");
  const Scene scene(by_scan(staging.name()));
  Scanned elsewhere;
  elsewhere.registry = "quay.io";
  report(staging.name(), "elsewhere", elsewhere);
  const std::string request = denied_deployment(scene, "registry.example.com/shop/web:2");
  await_result(scene, request, CheckOutcome::Fail, "no report");
  report(staging.name(), "web", {});
  await_result(scene, request, CheckOutcome::Pass, "by tag alone, which can move");
}

TEST_CASE("a report that is missing or too old fails, or is only shown, as the policy says") {
  install_trivy_kinds();
  const Namespace staging("staging");
  std::string missing = "Fail";
  SUBCASE("fails") {}
  SUBCASE("is only shown") { missing = "Pass"; }
  const Scene scene(by_scan(staging.name(), {{"missing", missing}}));
  const CheckOutcome outcome = missing == "Fail" ? CheckOutcome::Fail : CheckOutcome::Pass;
  const std::string request = denied_deployment(scene, "registry.example.com/shop/web:2");
  await_result(scene, request, outcome, "no report");
  Scanned old;
  old.updated = to_rfc3339(system_clock().now() - Duration(25 * 3'600'000));
  report(staging.name(), "web", old);
  await_result(scene, request, outcome, "no report of the last 24h");
  scene.approve("lead", request);
  if (missing == "Fail") {
    CHECK(eventually([&] {
      return message_of(scene, request).find("waits for check live") != std::string::npos;
    }));
  } else {
    scene.await_phase(request, RequestPhase::Approved);
  }
  // However it is: one that is young and bad is bad.
  old.updated = "", old.critical = 1;
  report(staging.name(), "web", old);
  await_result(scene, request, CheckOutcome::Fail, "1 critical");
}

TEST_CASE("reports in namespaces that the policy does not name count for nothing") {
  install_trivy_kinds();
  const Namespace staging("staging"), forger("forger");
  const Scene scene(by_scan(staging.name()));
  report(forger.name(), "web", {});
  const std::string request = denied_deployment(scene, "registry.example.com/shop/web:2");
  await_result(scene, request, CheckOutcome::Fail, "no report");
}

// ---- HTTP

PolicyShape by_http(const Secret& secret, Json more = Json::object()) {
  Json http{{"secretRef", secret.name()}, {"timeout", "1s"}};
  http.merge_patch(more);
  return checking({{"http", std::move(http)}});
}

const char* const kPass =
    R"({"body": "{\"result\": \"pass\", \"text\": \"change CHG-7 is open\"}"})";
const char* const kFail =
    R"({"body": "{\"result\": \"fail\", \"text\": \"change CHG-7 is closed\"}"})";

TEST_CASE("an endpoint is asked with the request, its own token and never the operator's") {
  const Receiver receiver;
  receiver.answer(kPass);
  const std::string token = unique("token");
  const Secret secret(receiver.url("/ask/{namespace}/{request}"), {{"token", token}});
  std::string method = "POST";
  SUBCASE("POST") {}
  SUBCASE("GET") { method = "GET"; }
  const Scene scene(by_http(secret, {{"method", method}}));
  const std::string request = held_deployment(scene, "registry.example.com/shop/web:2");
  await_result(scene, request, CheckOutcome::Pass, "change CHG-7 is open");
  const auto asked = receiver.posts("/ask/" + scene.ns() + "/" + request);
  REQUIRE_FALSE(asked.empty());
  CHECK(string_at(asked[0], {"method"}) == method);
  CHECK(string_at(asked[0], {"headers", "authorization"}) == "Bearer " + token);
  const std::string body = string_at(asked[0], {"body"});
  if (method == "GET") {
    CHECK(body.empty());
  } else {
    const Json question = json_of(body);
    CHECK(question["check"] == "live");
    CHECK(string_at(question, {"request", "metadata", "name"}) == request);
    CHECK(question["request"]["spec"]["images"][0]["image"] == "registry.example.com/shop/web:2");
    CHECK_FALSE(question["request"].contains("status"));
  }
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("an endpoint without a token gets none") {
  const Receiver receiver;
  receiver.answer(kPass);
  const Secret secret(receiver.url("/ask"));
  const Scene scene(by_http(secret));
  await_result(scene, held_deployment(scene), CheckOutcome::Pass);
  for (const Json& post : receiver.posts("/ask"))
    CHECK(string_at(post, {"headers", "authorization"}).empty());
}

TEST_CASE("an endpoint that changes its mind after the approval refuses the write") {
  const Receiver receiver;
  receiver.answer(kPass);
  const Secret secret(receiver.url("/ask"));
  const Scene scene(by_http(secret));
  const std::string request = denied_config_map(scene);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  receiver.answer(kFail);
  scene.await_phase(request, RequestPhase::Pending);
  const auto refused =
      scene.create("developer", scene.config_maps(), scene.config_map("settings", "1"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("change CHG-7 is closed") != std::string::npos);
  receiver.answer(kPass);
  scene.await_phase(request, RequestPhase::Approved);
  must(scene.create("developer", scene.config_maps(), scene.config_map("settings", "1")));
}

TEST_CASE("an endpoint that is slow, down or hostile never passes, and keeps nobody waiting") {
  const Receiver receiver;
  const std::string canary = unique("canary");
  std::string how, url = receiver.url("/ask?" + canary), words;
  SUBCASE("silent") { how = "hang", words = "did not answer within 1s"; }
  SUBCASE("huge") { how = "huge", words = "larger than 65536 bytes"; }
  SUBCASE("endless") { how = "endless", words = "larger than 65536 bytes"; }
  SUBCASE("dripping") { how = "drip", words = "did not answer within 1s"; }
  SUBCASE("redirecting to the API server") {
    how = dump_json({{"status", 307}, {"location", config_of("admin").server + "/api/v1/secrets"}});
    words = "leads elsewhere";
  }
  SUBCASE("failing") { how = R"({"status": 503, "body": "try later"})", words = "503: try later"; }
  SUBCASE("no JSON") { how = R"({"body": "<html>pass</html>"})", words = "no JSON object"; }
  SUBCASE("another result") {
    how = R"({"body": "{\"result\": \"PASS\"}"})", words = "neither pass nor fail";
  }
  SUBCASE("another success") {
    how = R"({"status": 201, "body": "{\"result\": \"pass\"}"})", words = "201";
  }
  SUBCASE("words that would deceive a terminal") {
    how = R"({"body": "{\"result\": \"fail\", \"text\": \"no\\u001b[2J\\u202e\"}"})";
    words = "no\\u{1b}[2J\\u{202e}";
  }
  SUBCASE("down") { url = "http://127.0.0.1:1/" + canary, words = "the endpoint"; }
  if (!how.empty()) receiver.answer(how);
  const Secret secret(url, {{"token", "token-" + canary}});
  const Scene scene(by_http(secret));
  const std::string request = held_deployment(scene);
  const bool says_fail = how.find("fail") != std::string::npos;
  await_result(scene, request, says_fail ? CheckOutcome::Fail : CheckOutcome::Unknown, words);
  CHECK(result_of(scene.request(request)).text.find("127.0.0.1") == std::string::npos);
  scene.approve("lead", request);
  // Others go on meanwhile.
  const Scene other;
  const std::string quick = held_deployment(other);
  other.approve("lead", quick);
  other.await_phase(quick, RequestPhase::Released);
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
  CHECK(is_paused(scene.get(scene.deployments("web"))));
  const std::string log = content_of(environment("HOLDPOINT_CLUSTER") + "/logs/operator.log");
  CHECK(log.find(canary) == std::string::npos);
  for (const Json& post : receiver.posts("/api/v1/secrets")) FAIL(dump_json(post));
}

TEST_CASE("a Secret without an address is told in the policy and in the result") {
  const Receiver receiver;
  const Secret secret("not an address");
  const auto shape = by_http(secret);
  Scene scene;
  must(client_as("admin").patch(path_of(kApiVersion, "approvalpolicies", "", scene.policy()),
                                kube::PatchType::Merge, {{"spec", shape.spec_patch}}, {}, soon()));
  CHECK(eventually([&] {
    return dump_json(scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy())))
               .find("does not begin with https://") != std::string::npos;
  }));
  await_result(scene, held_deployment(scene), CheckOutcome::Unknown,
               "does not begin with https://");
}

}  // namespace
}  // namespace holdpoint::cluster
