// The Kubernetes client against the real API server.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "kube/discovery.hpp"
#include "kube/lease.hpp"
#include "kube/watch_cache.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "tests/cluster/support/cluster.hpp"
#include "tests/cluster/support/relay.hpp"

using namespace holdpoint;
using namespace holdpoint::cluster;
using namespace holdpoint::kube;

namespace {

Json a_config_map(const std::string& name, const std::string& value = "1") {
  return Json{{"apiVersion", "v1"},
              {"kind", "ConfigMap"},
              {"metadata", {{"name", name}}},
              {"data", {{"key", value}}}};
}

ResourcePath config_maps(const std::string& namespace_, const std::string& name = {}) {
  return path_of("v1", "configmaps", namespace_, name);
}

std::string value_of(const Json& config_map) { return string_at(config_map, {"data", "key"}); }
std::string name_of(const Json& object) { return string_at(object, {"metadata", "name"}); }
std::string version_of(const Json& object) {
  return string_at(object, {"metadata", "resourceVersion"});
}

Json make(const Namespace& place, const std::string& name, const std::string& value = "1") {
  return must(
      client_as("admin").create(config_maps(place.name()), a_config_map(name, value), {}, soon()));
}

Json set_value(const Namespace& place, const std::string& name, const std::string& value) {
  return must(client_as("admin").patch(config_maps(place.name(), name), PatchType::Merge,
                                       Json{{"data", {{"key", value}}}}, {}, soon()));
}

ErrorKind kind_of(const Result<Json>& result) {
  if (result.ok()) fail_test("expected an error, got " + dump_json(*result));
  return result.error().kind;
}

// A client of one person that reaches the API server through `relay`.
ApiConfig through(const Relay& relay, const std::string& context = "admin") {
  ApiConfig config = config_of(context);
  config.server = relay.url();
  return config;
}

// Only what the selector of these tests names, so that the API server's own ConfigMaps stay out.
const Query kOurs{{"fieldSelector", "metadata.name!=kube-root-ca.crt"}};

// Forgets all versions before `revision`, as the API server asks etcd to do each 5 minutes. etcd
// has a JSON gateway on its client port.
void compact_etcd(const std::string& revision) {
  std::ifstream file(environment("HOLDPOINT_CLUSTER") + "/run/etcd.cmd");
  const std::string command{std::istreambuf_iterator<char>(file), {}};
  const auto flag = command.find("--listen-client-urls");
  const auto url = command.find("http://", flag);
  if (flag == std::string::npos || url == std::string::npos)
    fail_test("etcd's client port is not known: " + command);
  const net::HttpClient etcd(
      {command.substr(url, command.find_first_of(" ,'\n", url) - url), {}, {}, {}, {}});
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/v3/kv/compaction";
  request.headers["Content-Type"] = "application/json";
  request.body = dump_json(Json{{"revision", revision}, {"physical", true}});
  const auto answer = must(etcd.call(request, soon()));
  if (answer.status != 200) fail_test("etcd was not compacted: " + answer.body);
}

// After this, the versions from before are gone: an API server that has just started has no history
// of its own, and etcd has none left to give.
void age_versions(const std::string& revision) {
  compact_etcd(revision);
  const auto stopped = cluster_command("stop", {"apiserver", "--kill"});
  if (!stopped.ok()) fail_test(stopped.text());
  const auto started = cluster_command("start", {"apiserver"});
  if (!started.ok()) fail_test(started.text());
}

// What a WatchCache told, in order: "Added a=1".
class Told {
 public:
  WatchCache::OnChange listener() {
    return [this](WatchEventType type, const ObjectPtr& object) {
      static const std::map<WatchEventType, std::string> kWords{
          {WatchEventType::Added, "Added "},
          {WatchEventType::Modified, "Modified "},
          {WatchEventType::Deleted, "Deleted "},
          {WatchEventType::Bookmark, "Bookmark "}};
      const std::lock_guard lock(mutex_);
      lines_.push_back(kWords.at(type) + name_of(*object) + "=" + value_of(*object));
    };
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] bool has(const std::string& line) const {
    const auto all = lines();
    return std::find(all.begin(), all.end(), line) != all.end();
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  mutable std::mutex mutex_;  // guards lines_
  std::vector<std::string> lines_;
};

}  // namespace

TEST_CASE("objects are created, read, updated and deleted") {
  const Namespace place;
  const Client& api = client_as("admin");
  const auto path = config_maps(place.name(), "a");
  const Json made = make(place, "a");
  CHECK(value_of(made) == "1");
  CHECK(kind_of(api.create(config_maps(place.name()), a_config_map("a"), {}, soon())) ==
        ErrorKind::Conflict);
  CHECK(api.create(config_maps(place.name()), a_config_map("a"), {}, soon()).error().cause ==
        "AlreadyExists");

  Json read = must(api.get(path, soon()));
  CHECK(version_of(read) == version_of(made));
  read["data"]["key"] = "2";
  CHECK(value_of(must(api.update(path, read, {}, soon()))) == "2");

  const auto other_uid = api.remove(path, "00000000-0000-0000-0000-000000000000", soon());
  REQUIRE_FALSE(other_uid.ok());
  CHECK(other_uid.error().kind == ErrorKind::Conflict);
  CHECK(api.remove(path, string_at(read, {"metadata", "uid"}), soon()).ok());
  const auto gone = api.get(path, soon());
  CHECK(kind_of(gone) == ErrorKind::NotFound);
  CHECK(gone.error().message.find("\"a\" not found") != std::string::npos);
  CHECK(gone.error().cause == "NotFound");
}

TEST_CASE("an update with a stale resourceVersion is a Conflict and changes nothing") {
  const Namespace place;
  const Client& api = client_as("admin");
  Json stale = make(place, "a");
  set_value(place, "a", "2");
  stale["data"]["key"] = "3";
  const auto path = config_maps(place.name(), "a");
  const auto refused = api.update(path, stale, {}, soon());
  CHECK(kind_of(refused) == ErrorKind::Conflict);
  CHECK(refused.error().cause == "Conflict");
  CHECK(value_of(must(api.get(path, soon()))) == "2");
}

TEST_CASE("JSON, merge and apply patches are understood, each by its content type") {
  const Namespace place;
  const Client& api = client_as("admin");
  make(place, "a");
  const auto path = config_maps(place.name(), "a");
  CHECK(value_of(must(api.patch(path, PatchType::Merge, Json{{"data", {{"key", "merge"}}}}, {},
                                soon()))) == "merge");

  const Json operations =
      Json::array({{{"op", "test"}, {"path", "/data/key"}, {"value", "merge"}},
                   {{"op", "replace"}, {"path", "/data/key"}, {"value", "json"}}});
  CHECK(value_of(must(api.patch(path, PatchType::Json, operations, {}, soon()))) == "json");
  CHECK(kind_of(api.patch(path, PatchType::Json, operations, {}, soon())) ==
        ErrorKind::Invalid);  // the test fails

  WriteOptions options;
  options.field_manager = "somebody-else";
  const auto contested =
      api.patch(path, PatchType::Apply, a_config_map("a", "apply"), options, soon());
  CHECK(kind_of(contested) == ErrorKind::Conflict);
  options.force = true;
  const Json applied =
      must(api.patch(path, PatchType::Apply, a_config_map("a", "apply"), options, soon()));
  CHECK(value_of(applied) == "apply");
  CHECK(dump_json(applied["metadata"]["managedFields"]).find("somebody-else") != std::string::npos);

  // Apply also creates.
  options.field_manager = "holdpoint";
  CHECK(value_of(must(api.patch(config_maps(place.name(), "b"), PatchType::Apply,
                                a_config_map("b", "new"), options, soon()))) == "new");
}

TEST_CASE("a dry run answers as if stored, and stores nothing") {
  const Namespace place;
  const Client& api = client_as("admin");
  WriteOptions dry;
  dry.dry_run = true;
  CHECK(must(api.create(config_maps(place.name()), a_config_map("a"), dry, soon()))["metadata"]
            .contains("uid"));
  CHECK(kind_of(api.get(config_maps(place.name(), "a"), soon())) == ErrorKind::NotFound);
  Json made = make(place, "a");
  made["data"]["key"] = "2";
  const auto path = config_maps(place.name(), "a");
  CHECK(value_of(must(api.update(path, made, dry, soon()))) == "2");
  CHECK(value_of(must(api.patch(path, PatchType::Merge, Json{{"data", {{"key", "3"}}}}, dry,
                                soon()))) == "3");
  CHECK(value_of(must(api.get(path, soon()))) == "1");
}

TEST_CASE("names that mean another path never reach the API server") {
  const Namespace place;
  const Client& api = client_as("admin");
  make(place, "a");
  CHECK(kind_of(api.get(config_maps(place.name(), ""), soon())) == ErrorKind::Invalid);
  CHECK(kind_of(api.get(config_maps(place.name(), "../secrets"), soon())) == ErrorKind::Invalid);
  const auto emptied = api.remove(config_maps(place.name(), ""), "", soon());
  REQUIRE_FALSE(emptied.ok());
  CHECK(emptied.error().kind == ErrorKind::Invalid);
  CHECK(api.get(config_maps(place.name(), "a"), soon()).ok());
}

TEST_CASE("warnings of the API server come with the answer") {
  const Namespace place;
  // A variable that is set twice is legal, and warned of.
  const Json variables =
      Json::array({{{"name", "A"}, {"value", "1"}}, {{"name", "A"}, {"value", "2"}}});
  const Json containers = Json::array({{{"name", "c"}, {"image", "i"}, {"env", variables}}});
  const Json pod{{"apiVersion", "v1"},
                 {"kind", "Pod"},
                 {"metadata", {{"name", "a"}}},
                 {"spec", {{"containers", containers}}}};
  WriteOptions dry;
  dry.dry_run = true;
  const auto answer = must(client_as("admin").create_with_warnings(
      path_of("v1", "pods", place.name()), pod, dry, soon()));
  REQUIRE_FALSE(answer.warnings.empty());
  bool told = false;
  for (const std::string& warning : answer.warnings)
    told = told || warning.find("\"A\"") != std::string::npos;
  CHECK_MESSAGE(told, answer.warnings.front());
}

TEST_CASE("who lacks the right is Forbidden, and who is unknown too") {
  CHECK(kind_of(client_as("developer").get(path_of("v1", "secrets", "kube-system", "x"), soon())) ==
        ErrorKind::Forbidden);
  ApiConfig stranger = config_of("developer");
  stranger.token = "not-a-token";
  const Client api(stranger, "holdpoint-tests");
  CHECK(kind_of(api.get(path_of("v1", "namespaces", "", "default"), soon())) ==
        ErrorKind::Forbidden);
}

TEST_CASE("an API server whose certificate we do not trust, or that is not there, is Unavailable") {
  ApiConfig config = config_of("admin");
  SUBCASE("no trust") { config.ca_pem.clear(); }
  SUBCASE("nobody listens") { config.server = "https://127.0.0.1:1"; }
  const Client api(config, "holdpoint-tests");
  CHECK(kind_of(api.get_raw("/version", soon())) == ErrorKind::Unavailable);
}

TEST_CASE("a call to an API server that does not answer ends at its deadline") {
  const ApiConfig real = config_of("admin");
  Relay relay(real.server);
  relay.stall(true);
  const Client api(through(relay), "holdpoint-tests");
  const auto before = Deadline::in(Duration(3'000));
  const auto late = api.get_raw("/version", Deadline::in(Duration(500)));
  CHECK(kind_of(late) == ErrorKind::DeadlineExceeded);
  CHECK(before.left() > Duration(500));
}

TEST_CASE("a list of more than one page is complete, and items tell their kind") {
  const Namespace place;
  constexpr int kCount = 520;
  for (int i = 0; i < kCount; ++i) make(place, "item-" + std::to_string(i));
  const auto listed = must(client_as("admin").list(config_maps(place.name()), kOurs, soon()));
  CHECK(listed.items.size() == kCount);
  CHECK_FALSE(listed.resource_version.empty());
  std::set<std::string> names;
  for (const Json& item : listed.items) names.insert(name_of(item));
  CHECK(names.size() == kCount);
  CHECK(string_at(listed.items.front(), {"kind"}) == "ConfigMap");
  CHECK(string_at(listed.items.front(), {"apiVersion"}) == "v1");

  // The rest of the pages expires: a relay gives the API server a token from before etcd's
  // compaction.
  const ApiConfig real = config_of("admin");
  const net::HttpClient forward({real.server, real.ca_pem, {}, {}, [&] { return real.token; }});
  std::mutex mutex;  // guards what follows
  std::vector<std::string> asked;
  std::vector<std::future<void>> answers;
  auto server = must(
      net::HttpServer::start({}, [&](const net::ServerRequest& request, const net::Reply& reply) {
        const std::lock_guard lock(mutex);
        std::string target = request.target;
        if (const auto at = target.find("continue="); at != std::string::npos) {
          const auto end = target.find('&', at);
          // {"v":"meta.k8s.io/v1","rv":1,"start":"a"}
          target.replace(at, end - at,
                         "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0");
        }
        asked.push_back(target);
        answers.push_back(std::async(std::launch::async, [&forward, target, reply] {
          net::HttpRequest call;
          call.target = target;
          const auto answer = must(forward.call(call, soon()));
          reply.send({answer.status, "application/json", answer.body, {}});
        }));
      }));
  age_versions(version_of(make(place, "last")));
  ApiConfig broken = real;
  broken.server = "http://127.0.0.1:" + std::to_string(server->port());
  const auto again =
      must(Client(broken, "holdpoint-tests").list(config_maps(place.name()), kOurs, soon()));
  CHECK(again.items.size() == kCount + 1);
  std::set<std::string> names_again;
  for (const Json& item : again.items) names_again.insert(name_of(item));
  CHECK(names_again.size() == kCount + 1);
  const std::lock_guard lock(mutex);
  REQUIRE(asked.size() == 3);  // a page, the expired rest, all in one
  CHECK(asked[1].find("continue=") != std::string::npos);
  CHECK(asked[2].find("limit=") == std::string::npos);
}

TEST_CASE("a watch tells what happened since its resource version, and can be taken up again") {
  const Namespace place;
  const Client& api = client_as("admin");
  const std::string start =
      must(api.list(config_maps(place.name()), kOurs, soon())).resource_version;
  make(place, "a", "1");
  set_value(place, "a", "2");

  std::vector<std::string> seen;
  std::string last = start;
  const auto until = [&](std::size_t count) {
    return [&, count](const WatchEvent& event) {
      last = version_of(event.object);
      if (event.type != WatchEventType::Bookmark)
        seen.push_back(std::to_string(static_cast<int>(event.type)) + name_of(event.object) +
                       value_of(event.object));
      return seen.size() < count;
    };
  };
  REQUIRE(api.watch(config_maps(place.name()), kOurs, start, Duration(30'000), {}, until(1)).ok());
  CHECK(seen == std::vector<std::string>{"0a1"});
  CHECK(api.remove(config_maps(place.name(), "a"), "", soon()).ok());
  REQUIRE(api.watch(config_maps(place.name()), kOurs, last, Duration(30'000), {}, until(3)).ok());
  CHECK(seen == std::vector<std::string>{"0a1", "1a2", "2a2"});

  // It ends by itself when the API server's time is over.
  const auto quiet = api.watch(config_maps(place.name()), kOurs, last, Duration(1'000), {},
                               [](const WatchEvent&) { return true; });
  CHECK_MESSAGE(quiet.ok(), (quiet.ok() ? "" : describe(quiet.error())));
}

TEST_CASE("bookmarks are asked for and told") {
  const Namespace place;
  make(place, "a");
  // Each minute otherwise; the end of the initial events is one that need not be waited for.
  Query query = kOurs;
  query["sendInitialEvents"] = "true";
  query["resourceVersionMatch"] = "NotOlderThan";
  const auto there = must(client_as("admin").list(config_maps(place.name()), kOurs, soon()));
  std::vector<WatchEventType> seen;
  const auto watched =
      client_as("admin").watch(config_maps(place.name()), query, there.resource_version,
                               Duration(20'000), {}, [&](const WatchEvent& event) {
                                 seen.push_back(event.type);
                                 return event.type != WatchEventType::Bookmark;
                               });
  CHECK_MESSAGE(watched.ok(), (watched.ok() ? "" : describe(watched.error())));
  CHECK(seen == std::vector<WatchEventType>{WatchEventType::Added, WatchEventType::Bookmark});
}

TEST_CASE("a watch is stopped within milliseconds") {
  const Namespace place;
  const Client& api = client_as("admin");
  const std::string start =
      must(api.list(config_maps(place.name()), kOurs, soon())).resource_version;
  std::stop_source stop;
  std::atomic<bool> ended{false};
  const std::jthread watcher([&] {
    CHECK(api.watch(config_maps(place.name()), kOurs, start, Duration(60'000), stop.get_token(),
                    [](const WatchEvent&) { return true; })
              .ok());
    ended = true;
  });
  wait_for(Duration(300), {});
  CHECK_FALSE(ended);
  stop.request_stop();
  CHECK(eventually([&] { return ended.load(); }, Duration(1'000)));
}

TEST_CASE("a watch without the right to it says so") {
  const auto refused = client_as("developer")
                           .watch(path_of("v1", "secrets", "kube-system"), {}, "1", Duration(5'000),
                                  {}, [](const WatchEvent&) { return true; });
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::Forbidden);
}

TEST_CASE("a watch cache follows a collection, without managedFields") {
  const Namespace place;
  const Json first = make(place, "a", "1");
  CHECK(first["metadata"].contains("managedFields"));  // a live answer keeps them
  Told told;
  WatchCache cache(client_as("admin"), config_maps(place.name()), kOurs, told.listener());
  REQUIRE(eventually([&] { return cache.synced(); }));
  REQUIRE(cache.find(place.name(), "a") != nullptr);
  CHECK_FALSE((*cache.find(place.name(), "a"))["metadata"].contains("managedFields"));
  CHECK(cache.find(place.name(), "b") == nullptr);

  make(place, "b", "1");
  set_value(place, "a", "2");
  CHECK(client_as("admin").remove(config_maps(place.name(), "b"), "", soon()).ok());
  const std::vector<std::string> expected{"Added a=1", "Added b=1", "Modified a=2", "Deleted b=1"};
  CHECK(eventually([&] { return told.lines() == expected; }));
  CHECK(cache.find(place.name(), "b") == nullptr);
  CHECK(value_of(*cache.find(place.name(), "a")) == "2");
  CHECK(cache.all().size() == 1);
  CHECK(cache.silence() < Duration(30'000));
  CHECK_FALSE((*cache.find(place.name(), "a"))["metadata"].contains("managedFields"));
}

TEST_CASE("a watch cache converges after its stream was dropped") {
  const Namespace place;
  make(place, "a", "1");
  make(place, "b", "1");
  Relay relay(config_of("admin").server);
  const Client api(through(relay), "holdpoint-tests");
  Told told;
  WatchCache cache(api, config_maps(place.name()), kOurs, told.listener());
  REQUIRE(eventually([&] { return cache.synced(); }));
  told.forget();

  relay.refuse(true);
  set_value(place, "a", "2");
  CHECK(client_as("admin").remove(config_maps(place.name(), "b"), "", soon()).ok());
  make(place, "c", "1");
  wait_for(Duration(1'000), {});
  CHECK(told.lines().empty());
  CHECK(value_of(*cache.find(place.name(), "a")) == "1");  // the last state known stays

  relay.refuse(false);
  const std::vector<std::string> expected{"Modified a=2", "Deleted b=1", "Added c=1"};
  CHECK(eventually([&] { return told.lines() == expected; }, Duration(15'000)));
  CHECK(cache.all().size() == 2);

  relay.drop();
  set_value(place, "a", "3");
  CHECK(eventually([&] { return value_of(*cache.find(place.name(), "a")) == "3"; },
                   Duration(15'000)));
}

TEST_CASE(
    "a watch cache whose version expired lists again and tells the difference; the API server "
    "restarts meanwhile") {
  const Namespace place;
  make(place, "kept", "1");
  make(place, "changed", "1");
  make(place, "deleted", "1");
  make(place, "replaced", "1");
  Relay relay(config_of("admin").server);
  const Client api(through(relay), "holdpoint-tests");
  Told told;
  WatchCache cache(api, config_maps(place.name()), kOurs, told.listener());
  REQUIRE(eventually([&] { return cache.synced(); }));
  told.forget();

  relay.refuse(true);
  set_value(place, "changed", "2");
  const Client& admin = client_as("admin");
  CHECK(admin.remove(config_maps(place.name(), "deleted"), "", soon()).ok());
  CHECK(admin.remove(config_maps(place.name(), "replaced"), "", soon()).ok());
  make(place, "replaced", "2");
  age_versions(version_of(make(place, "added", "1")));
  const auto expired = admin.watch(path_of("v1", "configmaps"), {}, "1", Duration(5'000), {},
                                   [](const WatchEvent&) { return true; });
  REQUIRE_FALSE(expired.ok());
  CHECK(expired.error().kind == ErrorKind::Conflict);
  CHECK(expired.error().cause == "Expired");
  relay.refuse(false);

  CHECK(eventually([&] { return told.lines().size() >= 5; }, Duration(15'000)));
  const auto lines = told.lines();
  CHECK(std::set<std::string>(lines.begin(), lines.end()) ==
        std::set<std::string>{"Modified changed=2", "Deleted deleted=1", "Deleted replaced=1",
                              "Added replaced=2", "Added added=1"});
  CHECK(lines.size() == 5);
  CHECK(cache.all().size() == 4);
  // And it goes on from there.
  set_value(place, "kept", "2");
  CHECK(eventually([&] { return told.has("Modified kept=2"); }));
}

TEST_CASE(
    "a watch cache ends within milliseconds, while it watches, waits to try again, or lists") {
  const Namespace place;
  Relay relay(config_of("admin").server);
  const Client api(through(relay), "holdpoint-tests");
  auto cache = std::make_unique<WatchCache>(api, config_maps(place.name()), kOurs, nullptr);
  SUBCASE("watching") {
    REQUIRE(eventually([&] { return cache->synced(); }));
  }
  SUBCASE("waiting") {
    relay.refuse(true);
    wait_for(Duration(1'500), {});
  }
  SUBCASE("listing") {
    cache.reset();
    relay.stall(true);
    cache = std::make_unique<WatchCache>(api, config_maps(place.name()), kOurs, nullptr);
    wait_for(Duration(500), {});
    CHECK_FALSE(cache->synced());
  }
  const auto limit = Deadline::in(Duration(1'000));
  cache.reset();
  CHECK_FALSE(limit.over());
}

TEST_CASE("an access review tells who has a right and who has not") {
  const Client& api = client_as("admin");
  Client::Attributes create;
  create.verb = "create";
  create.group = "apps";
  create.resource = "deployments";
  create.namespace_ = "production";
  const Identity developer{"developer", "", {"developers", "system:authenticated"}};
  CHECK(must(api.may(developer, create, soon())));
  CHECK_FALSE(must(api.may(Identity{"developer", "", {"system:authenticated"}}, create,
                           soon())));  // by the group alone
  create.namespace_ = "kube-system";
  CHECK_FALSE(must(api.may(developer, create, soon())));

  const auto nobody = api.may(Identity{"", "", {"developers"}}, create, soon());
  REQUIRE_FALSE(nobody.ok());
  CHECK(nobody.error().kind == ErrorKind::Invalid);
  const auto not_allowed_to_ask = client_as("developer").may(developer, create, soon());
  REQUIRE_FALSE(not_allowed_to_ask.ok());
  CHECK(not_allowed_to_ask.error().kind == ErrorKind::Forbidden);

  create.namespace_ = "production";
  CHECK(must(client_as("developer").may_i(create, soon())));
  create.namespace_ = "kube-system";
  CHECK_FALSE(must(client_as("developer").may_i(create, soon())));
}

TEST_CASE("discovery tells the preferred version, kind and scope of a resource") {
  Discovery discovery(client_as("admin"));
  const auto deployments = must(discovery.find("apps", "deployments", soon()));
  CHECK(deployments.version == "v1");
  CHECK(deployments.kind == "Deployment");
  CHECK(deployments.namespaced);
  CHECK(must(discovery.find("", "configmaps", soon())).kind == "ConfigMap");
  CHECK_FALSE(must(discovery.find("", "namespaces", soon())).namespaced);
  CHECK(must(discovery.find("autoscaling", "horizontalpodautoscalers", soon())).version == "v2");
  for (const auto& [group, resource] :
       std::vector<std::pair<std::string, std::string>>{{"apps", "nothings"},
                                                        {"nobody.example", "deployments"},
                                                        {"", "deployments"},
                                                        {"apps", "Deployment"}}) {
    const auto missing = discovery.find(group, resource, soon());
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().kind == ErrorKind::NotFound);
  }
  CHECK(discovery.find("..", "deployments", soon()).error().kind == ErrorKind::Invalid);
}

TEST_CASE("discovery finds a resource as soon as its definition is there, after it was missing") {
  const Client& api = client_as("admin");
  const std::string group = unique("kube") + ".example";
  Discovery discovery(api);
  CHECK(discovery.find(group, "things", soon()).error().kind == ErrorKind::NotFound);
  const Json schema{{"openAPIV3Schema", {{"type", "object"}}}};
  const Json definition{
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata", {{"name", "things." + group}}},
      {"spec",
       {{"group", group},
        {"scope", "Cluster"},
        {"names", {{"plural", "things"}, {"kind", "Thing"}}},
        {"versions",
         {{{"name", "v1beta1"}, {"served", true}, {"storage", false}, {"schema", schema}},
          {{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}}}}}};
  const auto definitions = path_of("apiextensions.k8s.io/v1", "customresourcedefinitions");
  must(api.create(definitions, definition, {}, soon()));
  CHECK(eventually([&] {
    const auto found = discovery.find(group, "things", soon());
    return found.ok() && found->version == "v1" && found->kind == "Thing" && !found->namespaced;
  }));
  CHECK(api.remove(path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "",
                           "things." + group),
                   "", soon())
            .ok());
}

namespace {

// One candidate for a lease, on a thread of its own.
class Candidate {
 public:
  Candidate(const Client& client, const Namespace& place, const std::string& identity)
      : options_{place.name(),    "leader",        identity,
                 Duration(6'000), Duration(4'000), Duration(1'000)},
        thread_([this, &client](const std::stop_token& stop) {
          result_ = lead_while_elected(client, options_, stop, [this](const std::stop_token& lost) {
            leads_ = true;
            while (wait_for(Duration(10'000), lost)) continue;
            leads_ = false;
          });
          ended_ = true;
        }) {}
  [[nodiscard]] bool leads() const { return leads_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] Result<Done> stop() {
    thread_.request_stop();
    thread_.join();
    return result_;
  }

 private:
  LeaseOptions options_;
  std::atomic<bool> leads_{false};
  std::atomic<bool> ended_{false};
  Result<Done> result_{Done{}};
  std::jthread thread_;
};

Json lease_of(const Namespace& place) {
  return must(client_as("admin").get(
      path_of("coordination.k8s.io/v1", "leases", place.name(), "leader"), soon()));
}

}  // namespace

TEST_CASE(
    "of two candidates one leads, and after its graceful stop the other takes over within 3 s") {
  const Namespace place;
  Candidate first(client_as("admin"), place, "first");
  REQUIRE(eventually([&] { return first.leads(); }));
  Candidate second(client_as("admin"), place, "second");
  wait_for(Duration(7'000), {});  // longer than the lease: it is renewed
  CHECK(first.leads());
  CHECK_FALSE(second.leads());
  CHECK(string_at(lease_of(place), {"spec", "holderIdentity"}) == "first");
  CHECK(lease_of(place)["spec"]["leaseTransitions"] == 0);

  CHECK(first.stop().ok());
  CHECK(eventually([&] { return second.leads(); }, Duration(3'000)));
  CHECK(string_at(lease_of(place), {"spec", "holderIdentity"}) == "second");
  CHECK(lease_of(place)["spec"]["leaseTransitions"] == 1);

  CHECK(second.stop().ok());
  const Json released = lease_of(place);
  CHECK(string_at(released, {"spec", "holderIdentity"}).empty());
  CHECK(released["spec"]["leaseDurationSeconds"] == 1);
}

TEST_CASE("a leader that cannot renew stops leading before another may begin") {
  const Namespace place;
  Relay relay(config_of("admin").server);
  const Client cut_off(through(relay), "holdpoint-tests");
  Candidate first(cut_off, place, "first");
  REQUIRE(eventually([&] { return first.leads(); }));
  Candidate second(client_as("admin"), place, "second");
  wait_for(Duration(1'500), {});
  SUBCASE("refused") { relay.refuse(true); }
  SUBCASE("no answer at all") { relay.stall(true); }
  std::atomic<bool> both{false};
  CHECK(eventually(
      [&] {
        if (first.leads() && second.leads()) both = true;
        return second.leads();
      },
      Duration(15'000)));
  CHECK_FALSE(both);
  CHECK(eventually([&] { return first.ended(); }));
  const auto lost = first.stop();
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().kind == ErrorKind::Unavailable);
  relay.stall(false);
  CHECK(second.stop().ok());
}

TEST_CASE(
    "a lease that somebody else took or deleted: the first ends the lead, the second is taken "
    "again") {
  const Namespace place;
  const auto path = path_of("coordination.k8s.io/v1", "leases", place.name(), "leader");
  Candidate leader(client_as("admin"), place, "leader");
  REQUIRE(eventually([&] { return leader.leads(); }));
  CHECK(client_as("admin").remove(path, "", soon()).ok());
  CHECK(eventually([&] { return client_as("admin").get(path, soon()).ok(); }));
  CHECK(leader.leads());
  must(client_as("admin").patch(path, PatchType::Merge,
                                Json{{"spec", {{"holderIdentity", "usurper"}}}}, {}, soon()));
  CHECK(eventually([&] { return leader.ended(); }, Duration(5'000)));
  CHECK_FALSE(leader.stop().ok());
  CHECK(string_at(lease_of(place), {"spec", "holderIdentity"}) == "usurper");
}
