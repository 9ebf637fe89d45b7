#include "core/change/change.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "base/text.hpp"
#include "core/change/change_text.hpp"
#include "core/change/covered.hpp"
#include "core/change/origin.hpp"

namespace holdpoint {
namespace {

Json parsed(const std::string& text) {
  auto json = parse_json(text);
  REQUIRE_MESSAGE(json.ok(), text);
  return *json;
}

// The covered part of a Deployment with one container `web`, to which `edit` is merged.
Json pod(const std::string& container = "{}", const std::string& spec = "{}") {
  Json web = parsed(R"({"name":"web","image":"example/web:1.4.1"})");
  web.merge_patch(parsed(container));
  Json pod_spec = {{"containers", Json::array({web})}};
  pod_spec.merge_patch(parsed(spec));
  return {{"/spec/template", {{"metadata", {{"labels", {{"app", "web"}}}}}, {"spec", pod_spec}}}};
}

Json data(const std::string& keys) { return {{"/data", parsed(keys)}}; }

std::vector<std::string> of_deployment(const Json& before, const Json& after) {
  return describe_change("apps", "deployments", before, after).summary;
}
std::vector<std::string> of_config(const Json& before, const Json& after) {
  return describe_change("", "configmaps", before, after).summary;
}

using Lines = std::vector<std::string>;

void check_bounds(const Change& change) {
  CHECK(change.summary.size() <= 8);
  for (const auto& line : change.summary) {
    CHECK(visible_cut(line, 160) == line);
    CHECK(visible(line) == line);
  }
  CHECK(change.lines.size() <= 64);
  for (const auto& line : change.lines) {
    CHECK(visible_cut(line.what, 63) == line.what);
    for (const auto& text : {line.where, line.from, line.to})
      CHECK(visible_cut(text, 1024) == text);
  }
  CHECK(change.diff.size() <= 4096);
  CHECK(std::count(change.diff.begin(), change.diff.end(), '\n') <= 29);
  for (const auto& line : split(change.diff, '\n')) CHECK(visible(line) == line);
}

}  // namespace

TEST_CASE("a change is told in the words of the domain") {
  struct Row {
    const char *before, *after, *says;
  };
  const Row rows[] = {
      {"{}", R"({"image":"example/web:1.5.0"})", "image web 1.4.1 -> 1.5.0"},
      {"{}", R"({"image":"other/web:1.4.1"})", "image web example/web:1.4.1 -> other/web:1.4.1"},
      {R"({"image":"r:5000/web"})", R"({"image":"r:5000/web:2"})", "image web (no tag) -> 2"},
      {R"({"image":"web:1@sha256:aaaaaaaaaaaaaaaa"})",
       R"({"image":"web:1@sha256:bbbbbbbbbbbbbbbb"})",
       "image web 1@sha256:aaaaaaaaaaaa -> 1@sha256:bbbbbbbbbbbb"},
      {R"({"env":[{"name":"LOG_LEVEL","value":"info"}]})",
       R"({"env":[{"name":"LOG_LEVEL","value":"debug"}]})", "env web LOG_LEVEL info -> debug"},
      {R"({"env":[{"name":"A","value":"1"}]})",
       R"({"env":[{"name":"B","value":"2"},{"name":"A","value":"1"}]})", "added env web B 2"},
      {R"({"env":[{"name":"A","value":"1"}]})", "{}", "removed env web A 1"},
      {R"({"env":[{"name":"KEY","value":"x"}]})",
       R"({"env":[{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]})",
       "env web KEY x -> from secret s key k"},
      {"{}", R"({"envFrom":[{"secretRef":{"name":"all"}}]})", "added env web all of secret all"},
      {R"({"resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"256Mi"}}})",
       R"({"resources":{"limits":{"memory":"512Mi"},"requests":{"memory":"512Mi"}}})",
       "memory web 256Mi -> 512Mi"},
      {R"({"resources":{"limits":{"memory":"256Mi"}}})",
       R"({"resources":{"limits":{"memory":"1Gi"}}})", "memory limit web 256Mi -> 1Gi"},
      {R"({"args":["up","--to=1"]})", R"({"args":["up","--to=2 3"]})",
       "args web up --to=1 -> up \"--to=2 3\""},
      {R"({"ports":[{"containerPort":80}]})",
       R"({"ports":[{"containerPort":80},{"containerPort":81,"name":"admin"}]})",
       "added port web 81/TCP admin"},
      {R"({"ports":[{"containerPort":80,"name":"http"}]})",
       R"({"ports":[{"containerPort":80,"name":"web"}]})", "port web 80/TCP http -> web"},
      {"{}", R"({"volumeMounts":[{"mountPath":"/etc/x","name":"config","readOnly":true}]})",
       "added mount web /etc/x config (read-only)"},
      {"{}", R"({"securityContext":{"privileged":true}})", "added security web privileged true"},
      {R"({"readinessProbe":{"httpGet":{"path":"/a","port":1}}})",
       R"({"readinessProbe":{"httpGet":{"path":"/b","port":1}}})",
       "readinessProbe web httpGet.path /a -> /b"},
      {R"({"imagePullPolicy":"Always"})", R"({"imagePullPolicy":"Never"})",
       "imagePullPolicy web Always -> Never"},
  };
  for (const Row& row : rows) {
    const Lines summary = of_deployment(pod(row.before), pod(row.after));
    CHECK_MESSAGE(summary == Lines{row.says}, join(summary, " | "));
  }
}

TEST_CASE("what belongs to the pod is told in the words of the domain") {
  struct Row {
    const char *before, *after, *says;
  };
  const Row rows[] = {
      {"{}", R"({"serviceAccountName":"root","serviceAccount":"root"})",
       "added service account root"},
      {R"({"securityContext":{"runAsUser":10}})", R"({"securityContext":{"runAsUser":0}})",
       "security pod runAsUser 10 -> 0"},
      {"{}", R"({"hostNetwork":true})", "added hostNetwork true"},
      {R"({"nodeSelector":{"disk":"ssd"}})", R"({"nodeSelector":{"disk":"hdd"}})",
       "nodeSelector disk ssd -> hdd"},
      {"{}", R"({"volumes":[{"name":"root","hostPath":{"path":"/"}}]})",
       "added volume root hostPath /"},
      {R"({"volumes":[{"name":"c","configMap":{"name":"a"}}]})",
       R"({"volumes":[{"name":"c","configMap":{"name":"b"}}]})",
       "volume c configMap a -> configMap b"},
      {"{}", R"({"initContainers":[{"name":"i","image":"x:1"}]})", "added init container i x:1"},
      {R"({"dnsPolicy":"Default"})", R"({"dnsPolicy":"None"})",
       "field spec.template.spec.dnsPolicy Default -> None"},
      {R"({"tolerations":[{"key":"a","operator":"Exists"}]})", R"({"tolerations":[]})",
       "removed field spec.template.spec.tolerations[] {\"key\":\"a\",\"operator\":\"Exists\"}"},
  };
  for (const Row& row : rows) {
    const Lines summary = of_deployment(pod("{}", row.before), pod("{}", row.after));
    CHECK_MESSAGE(summary == Lines{row.says}, join(summary, " | "));
  }
  CHECK(of_deployment({{"/spec/replicas", 3}}, {{"/spec/replicas", 10}}) ==
        Lines{"replicas 3 -> 10"});
  CHECK(of_deployment({{"", {{"spec", {{"replicas", 3}}}}}},
                      {{"", {{"spec", {{"replicas", 10}}}}}}) == Lines{"replicas 3 -> 10"});
}

TEST_CASE("containers are compared by name, and their order alone is told as order") {
  const Json a = parsed(R"({"name":"a","image":"a:1"})"),
             b = parsed(R"({"name":"b","image":"b:1"})");
  const auto with = [&](const Json& containers) {
    return Json{{"/spec/template", {{"spec", {{"containers", containers}}}}}};
  };
  CHECK(of_deployment(with({a, b}), with({b, a})) ==
        Lines{"order spec.template.spec.containers a, b -> b, a"});
  CHECK(of_deployment(with({a, b}), with(Json::array({b}))) == Lines{"removed container a a:1"});
  CHECK(of_deployment(with(Json::array({a})), with({b, a})) == Lines{"added container b b:1"});
}

TEST_CASE("an env name that comes twice hides nothing") {
  const auto env = [](const std::string& last) {
    return pod(R"({"env":[{"name":"X","value":"1"},{"name":"X","value":")" + last + R"("}]})");
  };
  CHECK(of_deployment(env("1"), env("evil")) == Lines{"env web X#2 1 -> evil"});
}

TEST_CASE("texts are compared by line") {
  const Change change =
      describe_change("", "configmaps", data(R"({"app.yaml":"a: 1\nb: 2\nc: 3\n"})"),
                      data(R"({"app.yaml":"a: 1\nb: 4\nb2: 5\nc: 3\n"})"));
  CHECK(change.summary == Lines{"data app.yaml: 3 lines changed (+2 -1)"});
  CHECK(change.diff == "@ data.app.yaml line 2\n-b: 2\n+b: 4\n+b2: 5");
  CHECK(of_config(data(R"({"LEVEL":"info"})"), data(R"({"LEVEL":"debug"})")) ==
        Lines{"data LEVEL info -> debug"});
  CHECK(of_config(data("{}"), data(R"({"a":"1\n2\n"})")) == Lines{"added data a 2 lines"});
  CHECK(of_config(data(R"({"a":"1\n2\n"})"), data(R"({"a":"1\n2"})")) ==
        Lines{"data a: 2 lines changed (+1 -1)"});
}

TEST_CASE("A13: a Secret shows key names and sizes, never a value nor its seal") {
  const RawObject before = parsed(
      R"({"metadata":{"name":"s","namespace":"n"},"type":"Opaque","data":{"password":"c2VjcmV0LWNhbmFyeQ==","old":"YWJj"}})");
  const RawObject after = parsed(
      R"({"metadata":{"name":"s","namespace":"n"},"type":"Opaque","data":{"password":"b3RoZXItY2FuYXJ5LTE2","new":"YWJj"}})");
  const std::vector<std::vector<std::string>> shapes{
      {"/data", "/type"}, {"/data/password"}, {"/data/password/hmac"}, {""}};
  for (const auto& pointers : shapes) {
    const Json a = covered_part(before, "", "secrets", pointers, "key"),
               b = covered_part(after, "", "secrets", pointers, "key");
    for (const auto& change :
         {describe_change("", "secrets", a, b), describe_change("", "secrets", nullptr, b),
          describe_change("", "secrets", a, nullptr)}) {
      std::string all = change.diff + join(change.summary, "\n");
      for (const auto& line : change.lines) all += line.what + line.where + line.from + line.to;
      CHECK(all.find("canary") == std::string::npos);
      for (const Json& part : {a, b}) {
        const Json flat = part.flatten();
        for (const auto& [key, value] : flat.items())
          if (key.ends_with("hmac"))
            CHECK(all.find(value.get<std::string>().substr(0, 16)) == std::string::npos);
      }
    }
  }
  const Json a = covered_part(before, "", "secrets", {"/data", "/type"}, "key"),
             b = covered_part(after, "", "secrets", {"/data", "/type"}, "key");
  CHECK(describe_change("", "secrets", a, b).summary ==
        Lines{"added data new 3 bytes", "removed data old 3 bytes",
              "data password: value changed (13 -> 15 bytes)"});
}

TEST_CASE("rules of roles are told as rules, and what reaches far comes first") {
  const auto rules = [](const char* text) { return Json{{"/rules", parsed(text)}}; };
  const Lines summary =
      describe_change(
          "rbac.authorization.k8s.io", "roles",
          rules(R"([{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}])"),
          rules(
              R"([{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","list"],"resourceNames":["web"]},
                                                  {"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}])"))
          .summary;
  CHECK(summary == Lines{"added rule get on secrets", "removed rule get on pods",
                         "added rule get,list on deployments in apps named web"});
}

TEST_CASE("anything else is told by its path") {
  const auto spec = [](const char* text) { return Json{{"/spec", parsed(text)}}; };
  const auto of = [&](const char* a, const char* b) {
    return describe_change("example.com", "things", spec(a), spec(b)).summary;
  };
  CHECK(of(R"({"x":{"y":1}})", R"({"x":{"y":2}})") == Lines{"field spec.x.y 1 -> 2"});
  CHECK(of(R"({"x":"1"})", R"({"x":1})") == Lines{"field spec.x \"1\" -> 1"});
  CHECK(of(R"({"x":""})", "{}") == Lines{"removed field spec.x \"\""});
  CHECK(of("{}", R"({"x":{}})") == Lines{"added field spec.x {}"});
  CHECK(of(R"({"l":[{"name":"a","v":1},{"name":"b","v":1}]})",
           R"({"l":[{"name":"b","v":2},{"name":"a","v":1}]})") ==
        Lines{"field spec.l[b].v 1 -> 2", "order spec.l a, b -> b, a"});
  CHECK(of(R"({"l":[{"p":1},{"p":2}]})", R"({"l":[{"p":2},{"p":3}]})") ==
        Lines{"field spec.l[].p 1 -> 3"});
}

TEST_CASE("a creation is told by what it runs, without what the API server fills in") {
  const Json created = pod(
      R"({"imagePullPolicy":"IfNotPresent","terminationMessagePath":"/dev/termination-log","resources":{},
                               "args":["serve"],"env":[{"name":"A","value":"1"}],"securityContext":{"privileged":true}})",
      R"({"dnsPolicy":"ClusterFirst","schedulerName":"default-scheduler","restartPolicy":"Always","securityContext":{}})");
  const Change change = describe_change("apps", "deployments", nullptr, created);
  CHECK(change.summary == Lines{"new: 1 container: web example/web:1.4.1",
                                "added security web privileged true", "added args web serve"});
  for (const char* noise :
       {"imagePullPolicy", "termination", "dnsPolicy", "scheduler", "restartPolicy", "resources"})
    CHECK_MESSAGE(change.diff.find(noise) == std::string::npos, noise);
  CHECK(change.diff.find("+spec.template.spec.containers[web].env[A]: 1") != std::string::npos);
  CHECK(describe_change("apps", "deployments", created, nullptr).summary ==
        Lines{"deleted: 1 container: web example/web:1.4.1"});
  CHECK(of_config(nullptr, data(R"({"a":"1","b":"2"})")) == Lines{"new: 2 keys: a, b"});
  CHECK(describe_change("example.com", "things", nullptr, Json{{"/spec", {{"x", 1}}}}).summary ==
        Lines{"new", "added field spec.x 1"});
}

TEST_CASE("nobody hides a dangerous change behind many small ones") {
  Json after = pod(R"({"securityContext":{"privileged":true}})");
  for (int i = 0; i < 500; ++i)
    after["/spec/template"]["metadata"]["labels"]["a" + std::to_string(i)] = std::string(100, 'x');
  const Change change = describe_change("apps", "deployments", pod(), after);
  check_bounds(change);
  REQUIRE(change.summary.size() == 8);
  CHECK(change.summary.front() == "added security web privileged true");
  CHECK(change.summary.back() == "and 494 more changes");
  CHECK(change.lines.size() == 64);
  CHECK(change.lines.front().what == "security");
  CHECK(change.lines.back().to == "438 more changes");
  CHECK(change.diff.starts_with(
      "+spec.template.spec.containers[web].securityContext.privileged: true\n"));
  CHECK(change.diff.ends_with("more lines left out"));
}

TEST_CASE("two values that differ never look alike, however long they are") {
  const std::string same(5000, 'a');
  const Lines summary =
      of_config(data("{\"k\":\"" + same + "1\"}"), data("{\"k\":\"" + same + "2\"}"));
  REQUIRE(summary.size() == 1);
  CHECK(summary[0].find("a1 -> ") != std::string::npos);
  CHECK(summary[0].ends_with("a2"));
  const auto [a, b] =
      shorten_images("web@sha256:aaaaaaaaaaaaaaaa1", "web@sha256:aaaaaaaaaaaaaaaa2");
  CHECK(a != b);
  // The mark of a hidden character and the same mark typed out.
  const Lines marks = of_config(data("{\"k\":\"x\\u202e\"}"), data("{\"k\":\"x\\\\u{202e}\"}"));
  REQUIRE(marks.size() == 1);
  CHECK(marks[0] == "data k \"x\\u{202e}\" -> \"x\\\\u{202e}\"");
}

TEST_CASE("M6: hostile text is shown, not obeyed") {
  const Json after = parsed(
      R"({"/data":{"k\n\u001b[31m":"\u202etxt.exe\u200b\u0007","m":"a\n\u001b]0;x\u0007\n"}})");
  const Change change = describe_change("", "configmaps", Json{{"/data", Json::object()}}, after);
  check_bounds(change);
  CHECK(join(change.summary, "\n").find("\\u{202e}txt.exe\\u{200b}") != std::string::npos);
}

TEST_CASE("every difference is told, whatever the objects") {
  // Objects from a small grammar: any two that differ have at least one line, in either direction.
  std::uint32_t seed = 7;
  const auto next = [&](std::uint32_t below) {
    return (seed = seed * 1664525u + 1013904223u) / 65536u % below;
  };
  const std::vector<std::string> names{
      "name",  "containers", "env", "value",   "resources",       "limits",
      "ports", "image",      "x",   "volumes", "securityContext", "args"};
  const std::function<Json(int)> any = [&](int depth) -> Json {
    switch (next(depth <= 0 ? 4 : 7)) {
      case 0:
        return std::string("a") + std::to_string(next(3));
      case 1:
        return next(3);
      case 2:
        return nullptr;
      case 3:
        return "l1\nl" + std::to_string(next(3)) + "\n";
      case 4: {
        Json list = Json::array();
        for (std::uint32_t i = next(4); i > 0; --i) list.push_back(any(depth - 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (std::uint32_t i = next(4); i > 0; --i)
          object[names[next(static_cast<std::uint32_t>(names.size()))]] = any(depth - 1);
        if (next(2) == 0) object["name"] = "n" + std::to_string(next(2));
        if (next(3) == 0)
          object["containers"] =
              Json::array({{{"name", "c"}, {"image", "i"}, {names[next(12)], any(depth - 1)}}});
        return object;
      }
    }
  };
  int differing = 0;
  for (int i = 0; i < 5000; ++i) {
    Json a{{"/spec", any(4)}};
    Json b = a;
    b["/spec"] = any(4);
    if (next(2) == 0) {  // one leaf apart
      const Json flat = a.flatten();
      if (flat.empty()) continue;
      auto leaf = flat.begin();
      std::advance(leaf, next(static_cast<std::uint32_t>(flat.size())));
      b = a;
      b[Json::json_pointer(leaf.key())] = "other";
    }
    for (const char* resource : {"deployments", "secrets", "roles"}) {
      const std::string group = std::string(resource) == "roles" ? "rbac.authorization.k8s.io" : "";
      const Change change = describe_change(group, resource, a, b);
      check_bounds(change);
      CHECK_MESSAGE(change.lines.empty() == (a == b), (a.dump() + " " + b.dump()));
      CHECK(change.summary.empty() == (a == b));
      CHECK(change.diff.empty() == (a == b));
      check_bounds(describe_change(group, resource, nullptr, b));
    }
    differing += a == b ? 0 : 1;
  }
  CHECK(differing > 3000);
}

TEST_CASE("large texts are described in bounded time and space") {
  std::string a, b;
  for (int i = 0; i < 100000; ++i)
    a += "a" + std::to_string(i) + "\n", b += "b" + std::to_string(i) + "\n";
  const Change change =
      describe_change("", "configmaps", Json{{"/data", {{"k", a}}}}, Json{{"/data", {{"k", b}}}});
  check_bounds(change);
  CHECK(change.summary == Lines{"data k: 200000 lines changed (+100000 -100000)"});
  Json many = Json::array();
  for (int i = 0; i < 50000; ++i) many.push_back({{"name", "SAME"}, {"value", std::to_string(i)}});
  Json with = pod();
  with["/spec/template"]["spec"]["containers"][0]["env"] = many;
  const Change twice = describe_change("apps", "deployments", pod(), with);
  check_bounds(twice);
  CHECK(twice.summary.back() == "and 49993 more changes");
}

RawObject tracked(const char* api_version, const char* kind, Json metadata,
                  const std::string& tracking) {
  metadata["annotations"]["argocd.argoproj.io/tracking-id"] = tracking;
  return Json{{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

TEST_CASE("an object tells what it was made from, and changes of two applications are two sets") {
  const auto object = [](const char* part, const Json& texts) {
    return Json{{"metadata", {{part, texts}}}};
  };
  const auto argo = [](const std::string& application) {
    return tracked("apps/v1", "Deployment", {{"namespace", "production"}, {"name", "web"}},
                   application + ":apps/Deployment:production/web");
  };
  const RawObject shop = argo("shop");
  const RawObject other = argo("team-a_shop");
  CHECK(origin_of(shop)->namespace_ == "argocd");
  CHECK(origin_of(other)->namespace_ == "team-a");
  CHECK(origin_of(other)->name == "shop");
  CHECK(change_set_of(shop) == "argocd/shop");
  CHECK(change_set_of(other) == "argocd/team-a_shop");
  // Argo CD that tracks by label: the label is its own, or it is the one who writes.
  CHECK(change_set_of(object("labels", {{"argocd.argoproj.io/instance", "team-a_shop"}})) ==
        "argocd/team-a_shop");
  const RawObject labelled = object("labels", {{"app.kubernetes.io/instance", "shop"}});
  CHECK(change_set_of(labelled, "argocd-controller") == "argocd/shop");
  CHECK_FALSE(origin_of(labelled, "helm").has_value());
  const RawObject flux = object("labels", {{"helm.toolkit.fluxcd.io/name", "shop"},
                                           {"helm.toolkit.fluxcd.io/namespace", "apps"}});
  CHECK(origin_of(flux)->kind == OriginKind::HelmRelease);
  CHECK(change_set_of(flux) == "flux/apps/shop");
  // What is no name of an object is not asked for at the API server.
  for (const char* bad : {"", "../../secrets", "Shop", "-shop", "a/b", "team_a_b"})
    CHECK_FALSE(origin_of(argo(bad)).has_value());
}

TEST_CASE("a tracking id that was written for another object tells of no application") {
  const Json web{{"namespace", "production"}, {"name", "web"}};
  const auto of = [&](const char* tracking) {
    return origin_of(tracked("apps/v1", "Deployment", web, tracking), "argocd-controller");
  };
  REQUIRE(of("shop:apps/Deployment:production/web").has_value());
  for (const char* copied :
       {"shop", "shop:", "shop:apps/Deployment", "shop:apps/Deployment:production",
        "shop:apps/Deployment:production/", "shop:apps/Deployment:production/other",
        "shop:apps/Deployment:production/web2", "shop:apps/Deployment:other/web",
        "shop:apps/Deployment:product/web", "shop:apps/Deployment:/web",
        "shop:apps/StatefulSet:production/web", "shop:batch/Deployment:production/web",
        "shop:/Deployment:production/web", "shop:apps/Deployment:production/web:x"})
    CHECK_FALSE_MESSAGE(of(copied).has_value(), copied);
  // A Deployment's annotations are copied to its ReplicaSets, and labels beside it help nobody.
  RawObject copy = tracked("apps/v1", "ReplicaSet", web, "shop:apps/Deployment:production/web");
  copy["metadata"]["labels"] = {{"argocd.argoproj.io/instance", "shop"},
                                {"app.kubernetes.io/instance", "shop"}};
  CHECK_FALSE(origin_of(copy, "argocd-controller").has_value());
  CHECK(change_set_of(copy, "argocd-controller").empty());
  copy["metadata"]["labels"] = {{"helm.toolkit.fluxcd.io/name", "shop"},
                                {"helm.toolkit.fluxcd.io/namespace", "apps"}};
  CHECK(change_set_of(copy) == "flux/apps/shop");

  // The core group is empty.
  CHECK(change_set_of(tracked("v1", "ConfigMap", web, "shop:/ConfigMap:production/web")) ==
        "argocd/shop");
  CHECK(change_set_of(tracked("v1", "ConfigMap", web, "shop:v1/ConfigMap:production/web")).empty());
  // What has no namespace carries that of the application's destination, or none.
  const Json reader{{"name", "system:reader"}};
  for (const char* place : {"production", ""})
    CHECK(change_set_of(tracked("rbac.authorization.k8s.io/v1", "ClusterRole", reader,
                                std::string("shop:rbac.authorization.k8s.io/ClusterRole:") + place +
                                    "/system:reader")) == "argocd/shop");
  // A hook is named at each sync, after its id was written.
  CHECK(change_set_of(tracked("batch/v1", "Job",
                              {{"namespace", "production"},
                               {"name", "migrate-1a2b3c4-presync-1764288000"},
                               {"generateName", "migrate-"}},
                              "shop:batch/Job:production/")) == "argocd/shop");
}

TEST_CASE("owners are told by group, kind and name; what nothing can serve is left out") {
  const auto owned = [](const Json& references) {
    return owners_of({{"metadata", {{"ownerReferences", references}}}});
  };
  const auto owner = [](const char* version, const char* kind, const char* name) {
    return Json{{"apiVersion", version}, {"kind", kind}, {"name", name}, {"uid", "1"}};
  };
  const auto found = owned(Json::array(
      {owner("batch/v1", "CronJob", "nightly"), owner("v1", "Secret", "key"),
       owner("a%b/v1", "X", "x"), owner("../v1", "X", "x"), owner("v1", "", "x"), Json("text")}));
  REQUIRE(found.size() == 2);
  CHECK(found[0].group == "batch");
  CHECK(found[0].kind == "CronJob");
  CHECK(found[0].name == "nightly");
  CHECK(found[1].group.empty());
  CHECK(owned(Json("text")).empty());
  CHECK(owners_of(Json::object()).empty());
  CHECK(owned(Json(std::vector<Json>(100, owner("v1", "Secret", "key")))).size() == 64);
}

}  // namespace holdpoint
