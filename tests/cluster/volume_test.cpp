// The same thing many times over: nothing is mixed up, and nothing is lost. HOLDPOINT_SOAK=N makes
// it N times as many.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

int times(int count) {
  const char* soak = std::getenv("HOLDPOINT_SOAK");
  const int factor = soak == nullptr ? 1 : std::atoi(soak);
  return count * std::max(1, factor);
}

// Request -> fact -> how many records.
std::map<std::string, std::map<std::string, int>> records() {
  std::map<std::string, std::map<std::string, int>> counts;
  for (const Json& record :
       must(client_as("admin").list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {},
                                    soon()))
           .items)
    ++counts[string_at(record, {"spec", "subject", "request"})]
            [string_at(record, {"spec", "fact"})];
  return counts;
}

TEST_CASE("A10: every broken glass is on the trail once, and so is the review that it owes") {
  PolicyShape shape;
  shape.spec_patch = {{"breakGlass", {{"allowed", true}}}};
  const Scene scene(shape);
  grant_role(scene.ns(), "holdpoint-break-glass", user_named("sre"));
  std::vector<std::string> requests;
  for (int i = 0; i < times(15); ++i) {
    const std::string name = "outage-" + std::to_string(i);
    REQUIRE_FALSE(scene.create("developer", scene.config_maps(), scene.config_map(name, "1")).ok());
    requests.push_back(scene.open_request(name).metadata.name);
    must(scene.decide("sre", requests.back(), "BreakGlass", "outage " + std::to_string(i)));
    must(scene.create("developer", scene.config_maps(), scene.config_map(name, "1")));
    // What is owed stands in the way of the next, whenever that comes.
    scene.await_phase(requests.back(), RequestPhase::Released);
    must(scene.decide("lead", requests.back(), "Review"));
    REQUIRE(eventually(
        [&] { return scene.request(requests.back()).status.review->reviewed_by == "lead"; }));
  }
  auto told = records();
  for (const std::string& request : requests) {
    CAPTURE(request);
    for (const char* fact : {"Requested", "BreakGlass", "Claimed", "Released", "Reviewed"})
      CHECK_MESSAGE(told[request][fact] == 1, fact);
  }
}

TEST_CASE("B14: of many generated Jobs exactly those run that were approved") {
  const Scene scene;
  Json job = scene.job("");
  job["metadata"].erase("name");
  job["metadata"]["generateName"] = "migrate-";
  constexpr int kAtOnce = 40;  // less than what one user may have pending
  std::set<std::string> approved, denied;
  for (int round = 0; round < times(1); ++round) {
    std::vector<Result<Json>> made(kAtOnce, Error{});
    std::vector<std::thread> clients;
    for (int client = 0; client < 8; ++client)
      clients.emplace_back([&, client] {
        for (int i = client; i < kAtOnce; i += 8)
          made[static_cast<std::size_t>(i)] = scene.create("developer", scene.jobs(), job);
      });
    for (std::thread& client : clients) client.join();
    std::map<std::string, std::string> request_of;
    for (const Json& item : must(client_as("admin").list(scene.requests(), {}, soon())).items)
      request_of[string_at(item, {"spec", "target", "name"})] =
          string_at(item, {"metadata", "name"});
    bool yes = true;
    for (auto& answer : made) {
      const std::string name = string_at(must(std::move(answer)), {"metadata", "name"});
      REQUIRE(request_of.contains(name));
      must(scene.decide("lead", request_of[name], yes ? "Approve" : "Deny"));
      (yes ? approved : denied).insert(name);
      yes = !yes;
    }
    REQUIRE(eventually([&] {
      std::size_t running = 0;
      for (const Json& item : must(client_as("admin").list(scene.jobs(), {}, soon())).items)
        if (!is_suspended(item)) ++running;
      return running >= approved.size();
    }));
  }
  for (const Json& item : must(client_as("admin").list(scene.jobs(), {}, soon())).items) {
    const std::string name = string_at(item, {"metadata", "name"});
    CHECK_MESSAGE(is_suspended(item) == denied.contains(name), name);
  }
  CHECK(approved.size() == denied.size());
}

}  // namespace
}  // namespace holdpoint::cluster
