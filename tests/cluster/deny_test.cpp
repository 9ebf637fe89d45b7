// What cannot be stored and wait: refused (Deny), asked back (Retry), warned of (Warn), and the
// claim on an approval.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

std::string last_line(const std::string& text) {
  std::string trimmed = text;
  while (!trimmed.empty() && trimmed.back() == '\n') trimmed.pop_back();
  return trimmed.substr(trimmed.rfind('\n') + 1);
}

using namespace std::chrono_literals;

Json value(const std::string& text) { return {{"data", {{"value", text}}}}; }

TEST_CASE("a refused change says what, why and who, and ends in the command to copy") {
  const Scene scene;
  const auto refused = as("developer").apply(dump_json(scene.config_map("app", "1")));
  CHECK(refused.exit_code != 0);
  const std::string request = scene.open_request("app").metadata.name;
  CHECK(last_line(refused.err) == "kubectl holdpoint approve " + request + " -n " + scene.ns());
  CHECK(refused.err.find("group leads") != std::string::npos);
  CHECK(refused.err.find("immutable") == std::string::npos);
  CHECK_FALSE(client_as("admin").get(scene.config_maps("app"), soon()).ok());

  SUBCASE("approved, the same apply goes through, once") {
    scene.approve("lead", request);
    const auto applied = as("developer").apply(dump_json(scene.config_map("app", "1")));
    CHECK_MESSAGE(applied.ok(), applied.text());
    scene.await_phase(request, RequestPhase::Released);
    CHECK(scene.request(request).status.claim->writer.username == "developer");
  }
  SUBCASE("asked again while pending, it is the same request") {
    CHECK(as("developer").apply(dump_json(scene.config_map("app", "1"))).exit_code != 0);
    CHECK(scene.requests_for("app").size() == 1);
  }
  SUBCASE("other content is another request, and ends the older one") {
    // Requests are told apart by time of creation, which the API server gives in whole seconds.
    const std::string created = scene.request(request).metadata.creation_timestamp;
    REQUIRE(eventually([&] { return to_rfc3339(system_clock().now()) > created; }));
    CHECK(as("developer").apply(dump_json(scene.config_map("app", "2"))).exit_code != 0);
    scene.await_phase(request, RequestPhase::Superseded);
    CHECK_FALSE(scene.decide("lead", request).ok());
  }
}

Json stored_config(const Scene& scene, const std::string& name, const std::string& text) {
  (void)scene.create("developer", scene.config_maps(), scene.config_map(name, text));
  const std::string request = scene.open_request(name).metadata.name;
  scene.approve("lead", request);
  Json stored = must(scene.create("developer", scene.config_maps(), scene.config_map(name, text)));
  scene.await_phase(request, RequestPhase::Released);
  return stored;
}

TEST_CASE("an approval serves one stored change: back and forth asks each time") {
  const Scene scene;
  stored_config(scene, "app", "1");
  const auto change = [&](const std::string& text) {
    return scene.merge("developer", scene.config_maps("app"), value(text));
  };
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest there = scene.open_request("app");
  scene.approve("lead", there.metadata.name);
  must(change("2"));
  REQUIRE_FALSE(change("1").ok());
  const std::string back = scene.open_request("app").metadata.name;
  scene.approve("lead", back);
  must(change("1"));
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest again = scene.open_request("app");
  CHECK(again.spec.attempt == there.spec.attempt + 1);
  CHECK(again.metadata.name != there.metadata.name);
}

TEST_CASE("an approval serves one stored change while the operator is down too") {
  const Scene scene;
  stored_config(scene, "app", "1");
  const auto change = [&](const std::string& text) {
    return scene.merge("developer", scene.config_maps("app"), value(text));
  };
  REQUIRE_FALSE(change("2").ok());
  const ApprovalRequest there = scene.open_request("app");
  scene.approve("lead", there.metadata.name);
  REQUIRE(cluster_command("stop", {"operator"}).ok());
  must(change("2"));
  // Back to 1 by admin's hand is a change like any other; approve it while nobody reconciles.
  REQUIRE_FALSE(change("1").ok());
  std::string back;
  for (const auto& request : scene.requests_for("app"))
    if (request.spec.base_digest == there.spec.content_digest) back = request.metadata.name;
  REQUIRE_FALSE(back.empty());
  scene.approve("lead", back);
  must(change("1"));
  const auto twice = change("2");
  CHECK_FALSE(twice.ok());
  REQUIRE(cluster_command("start", {"operator"}).ok());
}

TEST_CASE("B8: an approval for an update is no use for a recreated object") {
  const Scene scene;
  stored_config(scene, "app", "1");
  REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value("2")).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  // Deleting is gated here too: approve it, so that the object can go.
  REQUIRE_FALSE(client_as("developer").remove(scene.config_maps("app"), "", soon()).ok());
  for (const auto& request : scene.requests_for("app"))
    if (request.spec.operation == Operation::Delete) scene.approve("lead", request.metadata.name);
  REQUIRE(client_as("developer").remove(scene.config_maps("app"), "", soon()).ok());
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "2")).ok());
}

TEST_CASE("in mode Retry kubectl waits by itself and goes through when approved meanwhile") {
  PolicyShape retry;
  retry.hold = "Retry";
  const Scene scene(retry);
  Output applied;
  std::thread client(
      [&] { applied = as("developer").apply(dump_json(scene.config_map("app", "1"))); });
  const bool asked = eventually([&] { return !scene.requests_for("app").empty(); });
  if (asked) (void)scene.decide("lead", scene.requests_for("app").front().metadata.name);
  client.join();
  REQUIRE(asked);
  CHECK_MESSAGE(applied.ok(), applied.text());
  CHECK(applied.out.find("created") != std::string::npos);
}

TEST_CASE("patience ends the waiting in mode Retry") {
  PolicyShape retry;
  retry.hold = "Retry";
  retry.patience = "1s";
  const Scene scene(retry);
  const auto applied = as("developer").apply(dump_json(scene.config_map("app", "1")));
  CHECK(applied.exit_code != 0);
  CHECK(applied.err.find("kubectl holdpoint approve") != std::string::npos);
}

TEST_CASE("mode Warn stores everything, warns, counts, and asks nobody") {
  PolicyShape warn;
  warn.mode = "Warn";
  const Scene scene(warn);
  const auto before = webhook_metric("holdpoint_would_hold_total", {{"policy", scene.policy()}});
  const auto applied = as("developer").apply(dump_json(scene.deployment("web")));
  CHECK_MESSAGE(applied.ok(), applied.text());
  CHECK(applied.err.find("would be held") != std::string::npos);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
  CHECK(scene.requests_for("web").empty());
  CHECK(webhook_metric("holdpoint_would_hold_total", {{"policy", scene.policy()}}) == before + 1);
}

TEST_CASE("mode Off gates nothing, and Enforce gates again") {
  Scene scene;
  scene.patch_policy({{"spec", {{"mode", "Off"}}}});
  CHECK(eventually([&] {
    return scene.create("developer", scene.config_maps(), scene.config_map(unique("a"), "1")).ok();
  }));
  scene.patch_policy({{"spec", {{"mode", "Enforce"}}}});
  CHECK(eventually([&] {
    return !scene.create("developer", scene.config_maps(), scene.config_map(unique("b"), "1")).ok();
  }));
}

TEST_CASE("a policy that the API server would refuse says so and takes no other down") {
  const Scene scene;
  const std::string name = scene.ns() + "-bad";
  Json policy = scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy()));
  policy["metadata"] = {{"name", name}};
  policy.erase("status");
  policy["spec"]["match"]["conditions"] =
      Json::array({{{"name", "bad"}, {"expression", "request.nosuch("}}});
  must(client_as("admin").create(path_of(kApiVersion, "approvalpolicies"), policy, {}, soon()));
  Condition ready;
  CHECK(eventually([&] {
    const auto now =
        must(decode<ApprovalPolicy>(scene.get(path_of(kApiVersion, "approvalpolicies", "", name))));
    for (const Condition& condition : now.status.conditions)
      if (condition.type == "Ready") ready = condition;
    return ready.status == "False";
  }));
  CHECK(ready.message.find("nosuch") != std::string::npos);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  (void)client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", name), "", soon());
}

TEST_CASE("a policy for a resource that nobody serves is not Ready and says which") {
  const Scene scene;
  const std::string name = scene.ns() + "-none";
  Json policy = scene.get(path_of(kApiVersion, "approvalpolicies", "", scene.policy()));
  policy["metadata"] = {{"name", name}};
  policy.erase("status");
  policy["spec"]["match"]["resources"] = Json::array(
      {{{"apiGroups", {"example.com"}}, {"resources", {"gadgets"}}, {"operations", {"CREATE"}}}});
  must(client_as("admin").create(path_of(kApiVersion, "approvalpolicies"), policy, {}, soon()));
  std::string message;
  CHECK(eventually([&] {
    const auto now =
        must(decode<ApprovalPolicy>(scene.get(path_of(kApiVersion, "approvalpolicies", "", name))));
    for (const Condition& condition : now.status.conditions)
      if (condition.type == "Ready" && condition.status == "False") message = condition.message;
    return message.find("gadgets") != std::string::npos;
  }));
  (void)client_as("admin").remove(path_of(kApiVersion, "approvalpolicies", "", name), "", soon());
}

TEST_CASE("M1: leaving the policy's scope by labels is refused") {
  PolicyShape labelled;
  labelled.spec_patch = {{"match", {{"objectSelector", {{"matchLabels", {{"tier", "prod"}}}}}}}};
  const Scene scene(labelled);
  Json config = scene.config_map("app", "1");
  config["metadata"]["labels"] = {{"tier", "prod"}};
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), config).ok());
  scene.approve("lead", scene.open_request("app").metadata.name);
  must(scene.create("developer", scene.config_maps(), config));
  const auto relabelled = scene.merge("developer", scene.config_maps("app"),
                                      {{"metadata", {{"labels", {{"tier", nullptr}}}}}});
  CHECK_FALSE(relabelled.ok());
  CHECK(scene
            .merge("developer", scene.config_maps("app"),
                   {{"metadata", {{"labels", {{"team", "x"}}}}}})
            .ok());
}

TEST_CASE("A3: a policy that covers other things makes an older approval useless") {
  Scene scene;
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string first = scene.open_request("app").metadata.name;
  scene.approve("lead", first);
  scene.patch_policy({{"spec", {{"match", {{"changes", {"/data", "/immutable"}}}}}}});
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  scene.await_phase(first, RequestPhase::Stale);
  const std::string second = scene.open_request("app").metadata.name;
  scene.approve("lead", second);
  CHECK(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
}

// What one client's write came to.
struct Attempt {
  std::chrono::steady_clock::time_point began;
  std::string stored;  // the object's resourceVersion; empty: refused
};

// 64 clients write `text` over and over, through all webhook processes, until `during` returns, and
// once more after.
std::vector<Attempt> storm(const Scene& scene, const std::string& text,
                           const std::function<void()>& during) {
  std::vector<Attempt> attempts;
  std::mutex mutex;
  std::atomic<bool> over{false};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 64; ++i)
      clients.emplace_back([&] {
        for (bool last = false; !last;) {
          last = over;
          const auto began = std::chrono::steady_clock::now();
          const auto answer = scene.merge("developer", scene.config_maps("app"), value(text));
          const std::lock_guard lock(mutex);
          attempts.push_back({began, answer.ok()
                                         ? string_at(*answer, {"metadata", "resourceVersion"})
                                         : std::string()});
        }
      });
    try {
      during();
    } catch (...) {  // a failed test
      over = true;
      throw;
    }
    over = true;
  }
  return attempts;
}

TEST_CASE("B14: an approval for a generated name is for no name that somebody chose") {
  const Scene scene;
  Json first = scene.config_map("demo-harmless", "1"), other = scene.config_map("payments", "1");
  for (Json* object : {&first, &other}) (*object)["metadata"]["generateName"] = "demo-";
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), first).ok());
  const ApprovalRequest request = scene.open_request("demo-harmless");
  CHECK(request.spec.target.generate_name.empty());
  scene.approve("lead", request.metadata.name);
  CHECK_FALSE(scene.create("developer", scene.config_maps(), other).ok());
  must(scene.create("developer", scene.config_maps(), first));
}

TEST_CASE("a creation of what is there already asks nobody") {
  const Scene scene;
  stored_config(scene, "app", "1");
  scene.running_deployment("web");
  const auto again = scene.create("developer", scene.config_maps(), scene.config_map("app", "2"));
  const auto anew =
      scene.create("developer", scene.deployments(), scene.deployment("web", "web:2"));
  for (const auto* answer : {&again, &anew}) {
    REQUIRE_FALSE(answer->ok());
    CHECK(answer->error().message.find("is there already") != std::string::npos);
  }
  CHECK(scene.requests_for("app").size() == 1);
  CHECK(scene.requests_for("web").size() == 1);
}

TEST_CASE("A1, A2: 64 clients, three webhooks, one approval: stored once; revoked: never after") {
  const Scene scene;
  stored_config(scene, "app", "0");
  std::size_t released = 1, stored_though_revoked = 0, kept_out = 0;
  for (int round = 1; round <= 6; ++round) {
    const std::string text = std::to_string(round);
    CAPTURE(text);
    REQUIRE_FALSE(scene.merge("developer", scene.config_maps("app"), value(text)).ok());
    const std::string request = scene.open_request("app").metadata.name;
    const bool revoke = round % 3 != 0;
    auto revoked = std::chrono::steady_clock::time_point::max();
    const auto attempts = storm(scene, text, [&] {
      if (!revoke) {
        scene.approve("lead", request);
        return scene.await_phase(request, RequestPhase::Released);
      }
      // The approval begins to count at a moment that is known before, so that the revocation meets
      // the claim.
      const Instant opens = std::chrono::ceil<std::chrono::seconds>(system_clock().now()) + 2s;
      const Json approval = must(scene.create("lead", scene.approvals(),
                                              {{"apiVersion", kApiVersion},
                                               {"kind", "Approval"},
                                               {"metadata", {{"generateName", "revoked-"}}},
                                               {"spec",
                                                {{"request", {{"name", request}}},
                                                 {"decision", "Approve"},
                                                 {"reason", "test"},
                                                 {"notBefore", to_rfc3339(opens)}}}}));
      while (system_clock().now() < opens - (6 - round) * 400ms) std::this_thread::sleep_for(1ms);
      const auto gone = client_as("lead").remove(
          scene.approvals(string_at(approval, {"metadata", "name"})), "", soon());
      if (gone.ok()) {
        revoked = std::chrono::steady_clock::now();
      } else {  // too late, and told so
        CHECK_MESSAGE(gone.error().message.find("cannot be revoked") != std::string::npos,
                      gone.error().message);
        scene.await_phase(request, RequestPhase::Released);
      }
    });
    // An identical write after the stored one is no change, and passes: same version. So of all
    // that passed there is one version, and the first of it began before the revocation returned.
    std::set<std::string> versions;
    auto first = std::chrono::steady_clock::time_point::max();
    for (const Attempt& attempt : attempts)
      if (!attempt.stored.empty()) {
        versions.insert(attempt.stored);
        first = std::min(first, attempt.began);
      }
    const Json app = scene.get(scene.config_maps("app"));
    const bool is_new = string_at(app, {"data", "value"}) == text;
    CHECK(versions.size() == (is_new ? 1 : 0));
    if (is_new) {
      CHECK(first < revoked);
      ++released;
      scene.await_phase(request, RequestPhase::Released);
    } else {
      CHECK(revoke);
      ++kept_out;
      CHECK_FALSE(scene.merge("developer", scene.config_maps("app"), value(text)).ok());
    }
    if (revoke && is_new) ++stored_though_revoked;
  }
  MESSAGE("revoked in time: " << kept_out << ", too late: " << stored_though_revoked);
  // One record for each stored version, and none besides.
  std::size_t ended = 0;
  for (const auto& request : scene.requests_for("app"))
    if (request.status.phase == RequestPhase::Released) ++ended;
  CHECK(ended == released);
  const auto records = must(client_as("admin").list(
      path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
  CHECK(static_cast<std::size_t>(
            std::count_if(records.items.begin(), records.items.end(), [&](const Json& record) {
              return string_at(record, {"spec", "fact"}) == "Released" &&
                     string_at(record, {"spec", "subject", "namespace"}) == scene.ns();
            })) == released);
}

}  // namespace
}  // namespace holdpoint::cluster
