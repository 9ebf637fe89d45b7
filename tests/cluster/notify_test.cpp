// Notices to a real HTTP receiver: each once, in the shape of its target, whatever fails meanwhile.
#include <doctest/doctest.h>

#include <algorithm>

#include "crds/codec.hpp"
#include "tests/cluster/support/receiver.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

Json target(const char* name, const char* type, const Secret& secret) {
  return {{"name", name}, {"type", type}, {"secretRef", secret.name()}};
}

PolicyShape telling(Json targets, Json more = Json::object()) {
  PolicyShape shape;
  shape.spec_patch = std::move(more);
  shape.spec_patch["notify"] = std::move(targets);
  return shape;
}

std::string asked(const Scene& scene) {
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  return scene.open_request("web").metadata.name;
}

using Types = std::vector<std::string>;

TEST_CASE("a request and its end are told once to each target, in its shape, and never again") {
  const Receiver receiver;
  const std::string canary = unique("canary");
  const Secret bus(receiver.url("/bus?key=" + canary),
                   {{"token", "token-" + canary},
                    {"link", "https://approvals.example.com/{namespace}/{request}"}});
  const Secret slack(receiver.url("/slack"));
  const Secret teams(receiver.url("/teams"));
  const Scene scene(telling({target("bus", "CloudEvents", bus), target("chat", "Slack", slack),
                             target("room", "Teams", teams)}));
  const std::string request = asked(scene);
  const std::string command = "kubectl holdpoint show " + request + " -n " + scene.ns();

  REQUIRE(eventually([&] { return scene.request(request).status.notified.size() == 3; }));
  const Json post = receiver.posts("/bus?key=" + canary).at(0);
  CHECK(string_at(post, {"headers", "content-type"}) == "application/cloudevents+json");
  CHECK(string_at(post, {"headers", "authorization"}) == "Bearer token-" + canary);
  const Json event = json_of(string_at(post, {"body"}));
  CHECK(event["specversion"] == "1.0");
  CHECK(event["type"] == "dev.holdpoint.request.requested");
  CHECK(event["subject"] == request);
  CHECK(event["data"]["requester"] == "developer");
  CHECK(event["data"]["command"] == command);
  CHECK(event["data"]["link"] == "https://approvals.example.com/" + scene.ns() + "/" + request);
  const Json chat = receiver.posts("/slack").at(0);
  CHECK(string_at(chat, {"headers", "authorization"}).empty());
  CHECK(string_at(json_of(string_at(chat, {"body"})), {"text"}).find(command) != std::string::npos);
  const Json card = json_of(string_at(receiver.posts("/teams").at(0), {"body"}));
  CHECK(card["attachments"][0]["content"]["type"] == "AdaptiveCard");

  // Whoever leads next has it from the request.
  REQUIRE(cluster_command("stop", {"operator", "--kill"}).ok());
  REQUIRE(cluster_command("start", {"operator"}).ok());
  scene.approve("lead", request);
  REQUIRE(eventually([&] { return scene.request(request).status.notified.size() == 6; }));
  CHECK(receiver.events("/bus?key=" + canary) == Types{"requested", "released"});
  CHECK(receiver.posts("/slack").size() == 2);
  CHECK(receiver.posts("/teams").size() == 2);

  const std::string log = content_of(environment("HOLDPOINT_CLUSTER") + "/logs/operator.log");
  CHECK(log.find("\"notified\"") != std::string::npos);
  CHECK(log.find(canary) == std::string::npos);
}

TEST_CASE(
    "a receiver that fails is asked again until it takes the notice, and keeps nobody waiting") {
  const Receiver receiver;
  const Secret secret(receiver.url("/bus"));
  const Scene scene(telling({target("bus", "CloudEvents", secret)}));
  std::string failure;
  SUBCASE("with an error") { failure = "500"; }
  SUBCASE("with a redirect, which is not followed") { failure = "307"; }
  SUBCASE("with silence") { failure = "hang"; }
  receiver.answer(failure);
  const std::string request = asked(scene);
  REQUIRE(eventually([&] { return !receiver.posts("/bus").empty(); }));
  CHECK(scene.request(request).status.notified.empty());
  CHECK(receiver.posts("/elsewhere").empty());
  if (failure == "hang") {
    scene.approve("lead", request);
    scene.await_phase(request, RequestPhase::Released);  // while nobody answers
    return;
  }
  receiver.answer("204");
  REQUIRE(eventually([&] { return scene.request(request).status.notified.size() == 1; }));
  const auto posts = receiver.posts("/bus");
  for (const Json& post : posts)
    CHECK(json_of(string_at(post, {"body"}))["id"] ==
          json_of(string_at(posts[0], {"body"}))["id"]);  // whoever saw two can tell
}

TEST_CASE("a Secret that is missing or wrong is told in the log, and what is due waits for it") {
  const Receiver receiver;
  PolicyShape shape = telling(Json::array(
      {{{"name", "bus"}, {"type", "CloudEvents"}, {"secretRef", unique("not-there-yet")}}}));
  const Scene scene(shape);
  const std::string request = asked(scene);
  const std::string log = environment("HOLDPOINT_CLUSTER") + "/logs/operator.log";
  CHECK(eventually([&] {
    return content_of(log).find(shape.spec_patch["notify"][0]["secretRef"].get<std::string>()) !=
           std::string::npos;
  }));
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("steps of a ladder are told to their targets, reminders to all, each once") {
  const Receiver receiver;
  const Secret team(receiver.url("/team"));
  const Secret pager(receiver.url("/pager"));
  const Json stage{
      {"name", "leads"},
      {"approvers", {{"groups", {"leads"}}}},
      {"escalation",
       Json::array(
           {{{"after", "1s"}, {"addApprovers", {{"groups", {"sre"}}}}, {"notify", {"pager"}}}})}};
  const Scene scene(
      telling({target("team", "CloudEvents", team), target("pager", "CloudEvents", pager)},
              {{"stages", Json::array({stage})}, {"expiry", {{"pending", "10s"}}}}));
  const std::string request = asked(scene);
  scene.await_phase(request, RequestPhase::Expired);
  REQUIRE(eventually([&] { return receiver.events("/pager").size() == 5; }));
  CHECK(receiver.events("/pager") ==
        Types{"requested", "escalated", "reminder", "reminder", "expired"});
  CHECK(eventually([&] {
    return receiver.events("/team") == Types{"requested", "reminder", "reminder", "expired"};
  }));
}

TEST_CASE("A10: broken glass is told to every target, with whom it passed over") {
  const Receiver receiver;
  const Secret team(receiver.url("/team"));
  const Scene scene(
      telling({target("team", "CloudEvents", team)}, {{"breakGlass", {{"allowed", true}}}}));
  grant_role(scene.ns(), "holdpoint-break-glass", user_named("sre"));
  const std::string request = asked(scene);
  must(scene.decide("sre", request, "BreakGlass", "database is down"));
  scene.await_phase(request, RequestPhase::Released);
  REQUIRE(eventually([&] {
    const auto events = receiver.events("/team");
    return std::count(events.begin(), events.end(), "breakglass") == 1;
  }));
  for (const Json& post : receiver.posts("/team")) {
    const Json event = json_of(string_at(post, {"body"}));
    if (event["type"] != "dev.holdpoint.request.breakglass") continue;
    CHECK(event["data"]["brokenBy"] == "sre");
    CHECK(event["data"]["because"] == "database is down");
    CHECK(string_at(event, {"data", "passedOver"}).find("leads") != std::string::npos);
  }
}

}  // namespace
}  // namespace holdpoint::cluster
