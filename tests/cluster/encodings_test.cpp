// An API server that speaks CBOR, and stores our own objects so: the gate sees what JSON would say.
#include <doctest/doctest.h>

#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

net::HttpResponse send(const char* method, const std::string& target, const Json& object,
                       const char* type = "application/cbor") {
  std::string bytes = "\xd9\xd9\xf7";  // the tag that says that CBOR follows (RFC 8949, 3.4.6)
  Json::to_cbor(object, bytes);
  return send_raw("developer", method, target, type, bytes);
}

TEST_CASE("B15: what is sent as CBOR is held, and has the digest of the same in JSON") {
  const Scene scene;
  const net::HttpResponse made =
      send("POST", scene.deployments().text(), scene.deployment("web", "web:1"));
  REQUIRE_MESSAGE(made.status == 201, made.body);
  CHECK(is_paused(json_of(made.body)));
  const std::string first = scene.open_request("web").metadata.name;
  must(scene.merge("developer", scene.deployments("web"), scene.deployment("web", "web:1")));
  CHECK(scene.open_request("web").metadata.name == first);
  scene.approve("lead", first);
  scene.await_phase(first, RequestPhase::Released);

  const std::string web = scene.deployments("web").text();
  const Json change = scene.deployment("web", "web:2");
  must(scene.merge("developer", scene.deployments("web"), change));
  const std::string second = scene.open_request("web").metadata.name;
  const auto is_the_same = [&](const net::HttpResponse& answer) {
    CHECK_MESSAGE(answer.status == 200, answer.body);
    CHECK(is_paused(scene.get(scene.deployments("web"))));
    CHECK(scene.open_request("web").metadata.name == second);
  };
  is_the_same(
      send("PATCH", web + "?fieldManager=cbor&force=true", change, "application/apply-patch+cbor"));
  is_the_same(send("PUT", web, change));
}

TEST_CASE("B15: what cannot be held is refused as CBOR, and stored as CBOR once approved") {
  const Scene scene;
  const auto sent = [&] {
    return send("POST", scene.config_maps().text(), scene.config_map("app", "1"));
  };
  const net::HttpResponse refused = sent();
  CHECK_MESSAGE(refused.status == 403, refused.body);
  scene.approve("lead", scene.open_request("app").metadata.name);
  const net::HttpResponse stored = sent();
  CHECK_MESSAGE(stored.status == 201, stored.body);
  CHECK(string_at(scene.get(scene.config_maps("app")), {"data", "value"}) == "1");
}

}  // namespace
}  // namespace holdpoint::cluster
