#include "core/change/risk.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.hpp"
#include "core/change/covered.hpp"

namespace holdpoint {
namespace {

using enum RiskFactor;

const std::string kDigest = "@sha256:" + std::string(64, 'a');

Json parsed(const std::string& text) {
  auto json = parse_json(text);
  REQUIRE_MESSAGE(json.ok(), text);
  return *json;
}

// The spec of a pod with one container `web`, to which `container` is merged, as `spec` is to the
// whole.
Json pod_spec(const std::string& container = "{}", const std::string& spec = "{}") {
  Json web = {{"name", "web"}, {"image", "example/web:1" + kDigest}};
  web.merge_patch(parsed(container));
  Json out = {{"containers", Json::array({web})}};
  out.merge_patch(parsed(spec));
  return out;
}

Json pod(const std::string& container = "{}", const std::string& spec = "{}") {
  return {{"/spec/template", {{"spec", pod_spec(container, spec)}}}};
}

std::vector<RiskRule> all_rules() {
  std::vector<RiskRule> rules;
  for (const RiskFactor factor :
       {NewImageRepository, UnpinnedImage, Privileged, HostAccess, ReplicasCut, SecretReference,
        AccessControl, FirstDeployment, Deletion})
    rules.push_back({factor, RiskLevel::High, 50});
  return rules;
}

Risk of_deployment(const Json& base, const Json& content) {
  return assess_risk(all_rules(), "apps", "deployments", base, content);
}

std::string told(const Risk& risk) {
  std::vector<std::string> lines;
  for (const RiskHit& hit : risk.hits) lines.push_back(hit.what);
  return join(lines, " | ");
}

bool has(const Risk& risk, RiskFactor factor) {
  return std::any_of(risk.hits.begin(), risk.hits.end(),
                     [&](const RiskHit& hit) { return hit.factor == factor; });
}

bool same(const Risk& a, const Risk& b) {
  return a.level == b.level && std::equal(a.hits.begin(), a.hits.end(), b.hits.begin(),
                                          b.hits.end(), [](const RiskHit& x, const RiskHit& y) {
                                            return x.factor == y.factor && x.level == y.level &&
                                                   x.what == y.what;
                                          });
}

void check_bounds(const Risk& risk) {
  CHECK(risk.hits.size() <= 16);
  CHECK((risk.level == RiskLevel::Low || !risk.hits.empty()));
  if (!risk.hits.empty()) CHECK(risk.level == risk.hits.front().level);
  for (const RiskHit& hit : risk.hits) {
    CHECK(!hit.what.empty());
    CHECK(visible_cut(hit.what, 160) == hit.what);
  }
  CHECK(std::is_sorted(risk.hits.begin(), risk.hits.end(),
                       [](const RiskHit& a, const RiskHit& b) { return a.level > b.level; }));
}

// A small random number generator: the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : seed_(seed) {}
  std::uint32_t operator()(std::uint32_t below) {
    return (seed_ = seed_ * 1664525u + 1013904223u) / 65536u % below;
  }

 private:
  std::uint32_t seed_;
};

// Anything from the words that the rules look for, well and badly put together.
Json anything(Dice& next, int depth) {
  static const std::vector<std::string> kKeys{"name",         "containers",
                                              "env",          "valueFrom",
                                              "secretKeyRef", "image",
                                              "volumes",      "ports",
                                              "hostPort",     "securityContext",
                                              "privileged",   "initContainers",
                                              "capabilities", "add",
                                              "hostNetwork",  "spec",
                                              "template",     "secret",
                                              "secretName",   "metadata",
                                              "hostPath",     "imagePullSecrets",
                                              "annotations",  "runAsNonRoot",
                                              "replicas",     "0",
                                              "runAsUser",    "seccompProfile",
                                              "type",         ""};
  switch (next(depth <= 0 ? 6 : 10)) {
    case 0:
      return next(3);
    case 1:
      return next(2) == 0;
    case 2:
      return nullptr;
    case 3:
      return "a" + std::to_string(next(3));
    case 4:
      return next(2) == 0 ? "Unconfined" : "r/x:1";
    case 5:
      return -1.5;
    case 6: {
      Json list = Json::array();
      for (std::uint32_t i = next(4); i > 0; --i) list.push_back(anything(next, depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (std::uint32_t i = next(5); i > 0; --i)
        object[kKeys[next(static_cast<std::uint32_t>(kKeys.size()))]] = anything(next, depth - 1);
      return object;
    }
  }
}

Json any_part(Dice& next) {
  switch (next(8)) {
    case 0:
      return nullptr;
    case 1:
      return anything(next, 4);
    case 2:
      return {{"", anything(next, 6)}};
    case 3:
      return {{"/spec/template/spec/containers", anything(next, 4)},
              {"/spec/template/spec/containers/0/image", anything(next, 2)}};
    case 4:
      return {{"/spec", anything(next, 6)}, {"/spec/replicas", anything(next, 1)}};
    default: {
      Json spec = anything(next, 4);
      if (spec.is_object()) spec["containers"] = Json::array({anything(next, 4), pod_spec()});
      return {{"/spec/template", {{"spec", spec}}}};
    }
  }
}

}  // namespace

TEST_CASE("a change is as risky as what it brings") {
  struct Row {
    RiskFactor factor;
    const char *before, *after, *says;  // `says` empty: no hit at all
  };
  const Row rows[] = {
      // Images.
      {NewImageRepository, "{}", R"({"image":"registry.example.com/x@D"})",
       "image web registry.example.com/x: repository not used before"},
      {NewImageRepository, "{}", R"({"image":"example/web:2@D"})", ""},
      {NewImageRepository, R"({"image":"nginx:1@D"})", R"({"image":"docker.io/library/nginx:2@D"})",
       ""},
      {NewImageRepository, R"({"image":"index.docker.io/nginx@D"})", R"({"image":"nginx@D"})", ""},
      {NewImageRepository, R"({"image":"localhost/x@D"})", R"({"image":"localhost:5000/x@D"})",
       "image web localhost:5000/x: repository not used before"},
      {NewImageRepository, R"({"image":"me/nginx@D"})", R"({"image":"nginx@D"})",
       "image web docker.io/library/nginx: repository not used before"},
      {NewImageRepository, R"({"image":"r:5000/x@D"})", R"({"image":"r:5000/x:5@D"})", ""},
      {UnpinnedImage, "{}", R"({"image":"example/web:2"})", "image web example/web:2: no digest"},
      {UnpinnedImage, "{}", R"({"image":"example/web:2@sha256:abc"})",
       "image web example/web:2@sha256:abc: no digest"},
      {UnpinnedImage, R"({"image":"example/web:2"})", R"({"image":"example/web:2"})", ""},
      {UnpinnedImage, R"({"image":"example/web:2"})", R"({"image":"example/web:2@D"})", ""},
      {UnpinnedImage, R"({"image":"example/web:1"})",
       R"({"image":"example/web:1","env":[{"name":"A","value":"2"}]})", ""},
      // Privileges.
      {Privileged, "{}", R"({"securityContext":{"privileged":true}})",
       "security web privileged true: more privileges"},
      {Privileged, "{}", R"({"securityContext":{"privileged":false}})", ""},
      {Privileged, R"({"securityContext":{"privileged":true}})",
       R"({"securityContext":{"privileged":true},"args":["x"]})", ""},
      {Privileged, "{}", R"({"securityContext":{"allowPrivilegeEscalation":true}})",
       "security web allowPrivilegeEscalation true: more privileges"},
      {Privileged, R"({"securityContext":{"capabilities":{"add":["A"]}}})",
       R"({"securityContext":{"capabilities":{"add":["B","A"]}}})",
       "capability web B: more privileges"},
      {Privileged, "{}", R"({"securityContext":{"capabilities":{"add":[],"drop":["ALL"]}}})", ""},
      {Privileged, R"({"securityContext":{"runAsUser":1}})",
       R"({"securityContext":{"runAsUser":0}})", "security web runAsUser 0: more privileges"},
      {Privileged, R"({"securityContext":{"runAsUser":0}})",
       R"({"securityContext":{"runAsUser":1}})", ""},
      {Privileged, R"({"securityContext":{"runAsNonRoot":true}})",
       R"({"securityContext":{"runAsNonRoot":false}})", "security web: runAsNonRoot is dropped"},
      {Privileged, R"({"securityContext":{"runAsNonRoot":true}})", "{}",
       "security web: runAsNonRoot is dropped"},
      {Privileged, "{}", R"({"securityContext":{"runAsNonRoot":false}})", ""},
      {Privileged, "{}", R"({"securityContext":{"procMount":"Unmasked"}})",
       "security web procMount Unmasked: more privileges"},
      {Privileged, R"({"securityContext":{"seccompProfile":{"type":"RuntimeDefault"}}})",
       R"({"securityContext":{"seccompProfile":{"type":"Unconfined"}}})",
       "security web seccompProfile.type Unconfined: more privileges"},
      {Privileged, "{}", R"({"securityContext":{"appArmorProfile":{"type":"Unconfined"}}})",
       "security web appArmorProfile.type Unconfined: more privileges"},
      {Privileged, "{}", R"({"securityContext":{"seccompProfile":{"type":"Localhost"}}})", ""},
      // The node.
      {HostAccess, "{}", R"({"ports":[{"containerPort":80,"hostPort":81}]})",
       "hostPort web 81: access to the node"},
      {HostAccess, R"({"ports":[{"hostPort":81}]})",
       R"({"ports":[{"hostPort":0},{"name":"a","hostPort":81}]})", ""},
      {HostAccess, "{}", R"({"securityContext":{"windowsOptions":{"hostProcess":true}}})",
       "security web windowsOptions.hostProcess true: access to the node"},
      // Secrets.
      {SecretReference, "{}",
       R"({"env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]})",
       "env web P s: Secret not used before"},
      {SecretReference,
       R"({"env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]})",
       R"({"env":[{"name":"Q","valueFrom":{"secretKeyRef":{"name":"s","key":"l"}}}]})", ""},
      {SecretReference, "{}", R"({"envFrom":[{"secretRef":{"name":"s"}}]})",
       "env web s: Secret not used before"},
      {SecretReference, "{}", R"({"envFrom":[{"configMapRef":{"name":"s"}}]})", ""},
      {SecretReference, "{}", R"({"env":[{"name":"LEVEL","value":"debug"}]})", ""},
  };
  for (const Row& row : rows) {
    const auto with = [](std::string text) {
      if (const auto at = text.find("@D"); at != std::string::npos) text.replace(at, 2, kDigest);
      return pod(text);
    };
    const Risk risk = of_deployment(with(row.before), with(row.after));
    CHECK_MESSAGE(told(risk) == row.says, row.after);
    CHECK(has(risk, row.factor) == (*row.says != 0));
    CHECK(risk.level == (*row.says == 0 ? RiskLevel::Low : RiskLevel::High));
    check_bounds(risk);
  }
}

TEST_CASE("what the pod says is as risky as what a container says") {
  struct Row {
    const char *before, *after, *says;
  };
  const Row rows[] = {
      {"{}", R"({"hostNetwork":true})", "security of the pod hostNetwork true: access to the node"},
      {"{}", R"({"hostPID":true})", "security of the pod hostPID true: access to the node"},
      {"{}", R"({"hostIPC":true})", "security of the pod hostIPC true: access to the node"},
      {R"({"hostIPC":true})", R"({"hostIPC":true,"hostPID":false})", ""},
      {"{}", R"({"securityContext":{"windowsOptions":{"hostProcess":true}}})",
       "security of the pod windowsOptions.hostProcess true: access to the node"},
      {"{}", R"({"securityContext":{"runAsUser":0}})",
       "security of the pod runAsUser 0: more privileges"},
      {"{}", R"({"securityContext":{"seccompProfile":{"type":"Unconfined"}}})",
       "security of the pod seccompProfile.type Unconfined: more privileges"},
      // A container inherits what the pod says, and may say otherwise.
      {R"({"securityContext":{"runAsNonRoot":true}})", "{}",
       "security web: runAsNonRoot is dropped"},
      {R"({"securityContext":{"runAsNonRoot":true}})",
       R"({"securityContext":{"runAsNonRoot":true},"containers":[{"name":"new","securityContext":{"runAsNonRoot":false}}]})",
       "security new: runAsNonRoot is dropped"},
      {R"({"containers":[{"name":"web","securityContext":{"runAsNonRoot":true}}]})",
       R"({"securityContext":{"runAsNonRoot":true},"containers":[{"name":"web"}]})", ""},
      {R"({"volumes":[{"name":"v","hostPath":{"path":"/a"}}]})",
       R"({"volumes":[{"name":"v","hostPath":{"path":"/"}}]})",
       "hostPath volume v /: access to the node"},
      {R"({"volumes":[{"name":"v","hostPath":{"path":"/a"}}]})",
       R"({"volumes":[{"name":"v","hostPath":{"path":"/a","type":"Directory"}}]})", ""},
      {"{}", R"({"volumes":[{"name":"v","secret":{"secretName":"s"}}]})",
       "secret volume v s: Secret not used before"},
      {"{}", R"({"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"s"}}]}}]})",
       "secret volume v s: Secret not used before"},
      {"{}", R"({"volumes":[{"name":"v","csi":{"nodePublishSecretRef":{"name":"s"}}}]})",
       "secret volume v s: Secret not used before"},
      {"{}", R"({"volumes":[{"name":"v","configMap":{"name":"s"}},{"name":"e","emptyDir":{}}]})",
       ""},
      {"{}", R"({"volumes":[{"name":"v","image":{"reference":"r.io/x:1"}}]})",
       "image volume v r.io/x: repository not used before | image volume v r.io/x:1: no digest"},
      {R"({"imagePullSecrets":[{"name":"a"}]})",
       R"({"imagePullSecrets":[{"name":"b"},{"name":"a"}]})",
       "pull secret of the pod b: Secret not used before"},
      // A pull secret that a container gets to see is another thing.
      {R"({"imagePullSecrets":[{"name":"a"}]})",
       R"({"imagePullSecrets":[{"name":"a"}],"volumes":[{"name":"v","secret":{"secretName":"a"}}]})",
       "secret volume v a: Secret not used before"},
      {"{}", R"({"initContainers":[{"name":"i","securityContext":{"privileged":true}}]})",
       "security init container i privileged true: more privileges"},
      {"{}", R"({"ephemeralContainers":[{"name":"e","securityContext":{"privileged":true}}]})",
       "security ephemeral container e privileged true: more privileges"},
      {"{}", R"({"nodeSelector":{"a":"b"},"terminationGracePeriodSeconds":1})", ""},
  };
  for (const Row& row : rows) {
    const Risk risk = of_deployment(pod("{}", row.before), pod("{}", row.after));
    CHECK_MESSAGE(told(risk) == row.says, row.after);
    check_bounds(risk);
  }
  const auto noted = [](const char* profile) {
    Json part = pod();
    part["/spec/template"]["metadata"]["annotations"]
        ["container.apparmor.security.beta.kubernetes.io/web"] = profile;
    return part;
  };
  CHECK(has(of_deployment(noted("runtime/default"), noted("unconfined")), Privileged));
  CHECK(!has(of_deployment(noted("unconfined"), noted("runtime/default")), Privileged));
}

TEST_CASE("containers are compared by name, never by place") {
  const Json a = parsed(R"({"name":"a","securityContext":{"privileged":true}})"),
             b = parsed(R"({"name":"b"})");
  const auto with = [](const Json& containers) {
    return Json{{"/spec/template", {{"spec", {{"containers", containers}}}}}};
  };
  CHECK(told(of_deployment(with({a, b}), with({b, a}))).empty());
  const Json evil = parsed(R"({"name":"b","securityContext":{"privileged":true}})");
  CHECK(told(of_deployment(with({a, b}), with({a, evil}))) ==
        "security b privileged true: more privileges");
  // A name that comes twice hides nothing.
  const Json plain = parsed(R"({"name":"a"})");
  CHECK(told(of_deployment(with({a, plain}), with({a, a}))) ==
        "security a#2 privileged true: more privileges");
}

TEST_CASE("fewer replicas are risky by how many go") {
  struct Row {
    const char *from, *to;
    std::int64_t percent;
    const char* says;
  };
  const Row rows[] = {
      {"10", "4", 50, "replicas 10 -> 4: 60 % fewer"},
      {"10", "5", 50, ""},
      {"10", "3", 70, ""},
      {"3", "10", 50, ""},
      {"3", "3", 0, ""},
      {"3", "2", 0, "replicas 3 -> 2: 33 % fewer"},
      {"3", "0", 50, "replicas 3 -> 0: 100 % fewer"},
      {"3", "0", 100, "replicas 3 -> 0: 100 % fewer"},
      {"0", "0", 50, ""},
      {"3", "3", -5, ""},
      {"", "0", 50, "replicas 1 -> 0: 100 % fewer"},
      {"5", "", 50, "replicas 5 -> 1: 80 % fewer"},
      {"5", "null", 50, "replicas 5 -> 1: 80 % fewer"},
      {"", "", 0, ""},
      {"3", "\"3\"", 50, "replicas: cannot be read"},
      {"3", "-1", 50, "replicas: cannot be read"},
      {"3", "3.0", 50, "replicas: cannot be read"},
      {"[]", "3", 50, "replicas: cannot be read"},
      {"18446744073709551615", "1", 50, "replicas 18446744073709551615 -> 1: 100 % fewer"},
  };
  for (const Row& row : rows) {
    const std::vector<RiskRule> rules{{ReplicasCut, RiskLevel::High, row.percent}};
    const auto part = [](const std::string& pointer, const std::string& value) {
      Json spec = value.empty() ? Json::object() : Json{{"replicas", parsed(value)}};
      if (pointer == "/spec") return Json{{"/spec", spec}};
      if (pointer.empty()) return Json{{"", {{"spec", spec}}}};
      return value.empty() ? Json::object() : Json{{"/spec/replicas", spec["replicas"]}};
    };
    for (const char* pointer : {"/spec", "/spec/replicas", ""})
      for (const char* resource : {"deployments", "things"}) {
        const Risk risk =
            assess_risk(rules, "apps", resource, part(pointer, row.from), part(pointer, row.to));
        CHECK_MESSAGE(told(risk) == row.says,
                      (std::string(row.from) + " " + row.to + " " + pointer));
      }
  }
}

TEST_CASE("first deployments, deletions and access control are told as what they are") {
  const Json config{{"/data", {{"a", "1"}}}}, other{{"/data", {{"a", "2"}}}};
  const auto of = [](const char* group, const Json& base, const Json& content) {
    return told(assess_risk(all_rules(), group, "things", base, content));
  };
  const char *core = "", *rbac = "rbac.authorization.k8s.io";
  CHECK(of(core, nullptr, config) == "new: there was nothing before");
  CHECK(of(core, config, nullptr) == "deleted: there will be nothing after");
  CHECK(of(core, config, other).empty());
  CHECK(of(core, nullptr, nullptr).empty());
  CHECK(of(rbac, config, other) == "things: who may do what changes");
  CHECK(of(rbac, config, config).empty());
  CHECK(of(rbac, nullptr, config) ==
        "new: there was nothing before | things: who may do what changes");
  // Where there was nothing, all that is there is new.
  CHECK(told(of_deployment(nullptr, pod())) ==
        "image web docker.io/example/web: repository not used before | "
        "new: there was nothing before");
  CHECK(told(of_deployment(pod(), nullptr)) == "deleted: there will be nothing after");
}

TEST_CASE("a pod is found through whatever pointer is covered, in every kind") {
  struct Kind {
    const char *group, *resource, *pod;
  };
  const Kind kinds[] = {
      {"", "pods", ""},
      {"", "podtemplates", "/template"},
      {"", "replicationcontrollers", "/spec/template"},
      {"apps", "deployments", "/spec/template"},
      {"apps", "replicasets", "/spec/template"},
      {"apps", "statefulsets", "/spec/template"},
      {"apps", "daemonsets", "/spec/template"},
      {"batch", "jobs", "/spec/template"},
      {"batch", "cronjobs", "/spec/jobTemplate/spec/template"},
      {"argoproj.io", "rollouts", "/spec/template"},
      {"example.com", "things", "/spec/parts/0/podTemplate"},
  };
  const auto object = [](const Kind& kind, const std::string& container, const std::string& spec) {
    Json out = Json::object();
    out[Json::json_pointer(std::string(kind.pod) + "/spec")] = pod_spec(container, spec);
    return out;
  };
  for (const Kind& kind : kinds) {
    const RawObject before = object(kind, "{}", "{}");
    const RawObject after = object(
        kind,
        R"({"image":"r.io/evil","securityContext":{"privileged":true},"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s"}}}]})",
        R"({"hostPID":true})");
    const std::string image = std::string(kind.pod) + "/spec/containers/0/image";
    const auto of = [&](const std::vector<std::string>& pointers) {
      return assess_risk(all_rules(), kind.group, kind.resource,
                         covered_part(before, kind.group, kind.resource, pointers, ""),
                         covered_part(after, kind.group, kind.resource, pointers, ""));
    };
    // Every parent of the image, then the image itself.
    for (std::size_t at = 0; at != std::string::npos; at = image.find('/', at + 1)) {
      const Risk risk = of({image.substr(0, at)});
      CHECK_MESSAGE(has(risk, NewImageRepository), (kind.resource + image.substr(0, at)));
      CHECK(has(risk, UnpinnedImage));
      CHECK(has(risk, Privileged));
      CHECK(has(risk, SecretReference));
      CHECK(has(risk, HostAccess) == (at <= image.find("/spec/containers") + 5));
    }
    CHECK(has(of({image}), NewImageRepository));
    CHECK(has(of({image}), UnpinnedImage));
    CHECK(!has(of({image}), Privileged));
    const std::string web = std::string(kind.pod) + "/spec/containers/0";
    CHECK(told(of({web + "/securityContext", web + "/name"})) ==
          told(of({web + "/securityContext/privileged", web + "/name"})));
    CHECK(has(of({web + "/env/0/valueFrom/secretKeyRef/name"}), SecretReference));
    // A child beside its parent changes nothing.
    CHECK(same(of({web, image, ""}), of({""})));
    CHECK(!has(of({web + "/name"}), Privileged));
  }
  const auto one = [](const char* pointer, const Json& value) {
    return assess_risk(all_rules(), "apps", "deployments", Json::object(), {{pointer, value}});
  };
  CHECK(has(one("/spec/template/spec/hostNetwork", true), HostAccess));
  CHECK(has(assess_risk(all_rules(), "argoproj.io", "rollouts", Json::object(),
                        {{"/spec/template/spec/hostNetwork", true}}),
            HostAccess));
  CHECK(has(one("/spec/template/spec/volumes/1/hostPath/path", "/"), HostAccess));
  CHECK(has(one("/spec/template/spec/securityContext/runAsUser", 0), Privileged));
  CHECK(told(assess_risk(all_rules(), "apps", "deployments",
                         {{"/spec/template/spec/securityContext/runAsNonRoot", true}},
                         {{"/spec/template/spec/securityContext/runAsNonRoot", false}})) ==
        "security of the pod: runAsNonRoot is dropped");
}

TEST_CASE("pods of one custom resource are told apart") {
  const auto part = [](const char* first, const char* second) {
    return Json{{"/spec",
                 {{"server", {{"pod", pod_spec(first)}}},
                  {"jobs", {{{"name", "x"}, {"pod", pod_spec(second)}}}}}}};
  };
  const char* bad = R"({"securityContext":{"privileged":true}})";
  const auto of = [&](const Json& base, const Json& content) {
    return told(assess_risk(all_rules(), "example.com", "things", base, content));
  };
  CHECK(of(part("{}", bad), part(bad, bad)) ==
        "security web in spec.server.pod privileged true: more privileges");
  CHECK(of(part(bad, "{}"), part(bad, bad)) ==
        "security web in spec.jobs.x.pod privileged true: more privileges");
  CHECK(of(part(bad, bad), part("{}", "{}")).empty());
  CHECK(
      of({{"/spec", {{"containers", "many"}}}}, {{"/spec", {{"containers", {"a", "b"}}}}}).empty());
}

TEST_CASE("what cannot be read counts as risky") {
  struct Row {
    const char* spec;
    std::vector<RiskFactor> factors;
  };
  const std::vector<RiskFactor> all{NewImageRepository, UnpinnedImage, Privileged, HostAccess,
                                    SecretReference};
  const Row rows[] = {
      {R"({"containers":"web"})", all},
      {R"({"containers":{}})", all},
      {R"({"containers":{"web":{"image":"x"}}})", all},
      {R"({"containers":[null]})", all},
      {R"({"containers":["web",7]})", all},
      {R"({"initContainers":5})", all},
      {R"({"containers":[{"name":"web","image":5}]})", {NewImageRepository, UnpinnedImage}},
      {R"({"containers":[{"name":"web","image":["x"]}]})", {NewImageRepository, UnpinnedImage}},
      {R"({"containers":[{"name":"web","securityContext":"x"}]})", {Privileged, HostAccess}},
      {R"({"containers":[{"securityContext":{"privileged":"true"}}]})", {Privileged}},
      {R"({"containers":[{"securityContext":{"runAsUser":"0"}}]})", {Privileged}},
      {R"({"containers":[{"securityContext":{"runAsUser":0.0}}]})", {Privileged}},
      {R"({"containers":[{"securityContext":{"capabilities":{"add":"ALL"}}}]})", {Privileged}},
      {R"({"containers":[{"securityContext":{"capabilities":{"add":[null]}}}]})", {Privileged}},
      {R"({"containers":[{"ports":[{"hostPort":"80"}]}]})", {HostAccess}},
      {R"({"containers":[{"ports":[null]}]})", {HostAccess}},
      {R"({"containers":[{"env":[null]}]})", {SecretReference}},
      {R"({"containers":[{"env":{}}]})", {SecretReference}},
      {R"({"containers":[{"env":[{"name":"A","valueFrom":{"secretKeyRef":"s"}}]}]})",
       {SecretReference}},
      {R"({"containers":[{"envFrom":[{"secretRef":{"name":5}}]}]})", {SecretReference}},
      {R"({"hostNetwork":1})", {HostAccess}},
      {R"({"imagePullSecrets":["a"]})", {SecretReference}},
      {R"({"volumes":"all"})", {NewImageRepository, UnpinnedImage, HostAccess, SecretReference}},
      {R"({"volumes":[{"name":"v","hostPath":{"path":{}}}]})", {HostAccess}},
      {R"({"volumes":[{"name":"v","hostPath":"/"}]})", {HostAccess, SecretReference}},
      {R"({"volumes":[{"name":"v","projected":{"sources":[5]}}]})", {SecretReference}},
      {R"("text")", all},
      {"[]", all},
  };
  for (const Row& row : rows) {
    const Json part{{"/spec/template", {{"spec", parsed(row.spec)}}}};
    for (const Json& base : {pod(), part}) {
      const Risk risk = of_deployment(base, part);
      check_bounds(risk);
      CHECK(risk.level == RiskLevel::High);
      CHECK(told(risk).find("cannot be read") != std::string::npos);
      for (const RiskFactor factor : all) {
        const bool hides =
            std::find(row.factors.begin(), row.factors.end(), factor) != row.factors.end();
        const Risk alone =
            assess_risk({{factor, RiskLevel::High}}, "apps", "deployments", base, part);
        CHECK_MESSAGE((alone.level == RiskLevel::High) == hides,
                      (row.spec + std::string(" ") + std::to_string(static_cast<int>(factor))));
      }
    }
  }
  // Nothing on the way to the pod may be anything else, nor the part, nor its pointers.
  for (const Json& part :
       {Json("text"), Json(5), Json::array({1}), Json{{"", "x"}}, Json{{"", nullptr}},
        Json{{"", Json::array()}}, Json{{"/spec", "x"}}, Json{{"/spec", Json::array()}},
        Json{{"/spec/template", 5}}, Json{{"spec", Json::object()}}, Json{{"/~", 1}},
        Json{{"/spec", 5}, {"/spec/template", pod_spec()}}}) {
    const Risk risk = of_deployment(pod(), part);
    CHECK_MESSAGE(risk.level == RiskLevel::High, dump_json(part));
    check_bounds(risk);
  }
  // What an unreadable reference had is not known: all that there is now is new.
  CHECK(has(of_deployment("text", pod()), NewImageRepository));
  CHECK(has(of_deployment("text", pod()), ReplicasCut));
}

TEST_CASE("what is nested too deep or has too many parts counts as risky") {
  for (const int depth : {500, 20000}) {
    Json deep = "x";
    for (int i = 0; i < depth; ++i) {
      Json outer = i % 2 == 0 ? Json::array() : Json::object();
      if (i % 2 == 0) outer.push_back(std::move(deep));
      if (i % 2 != 0) outer["a"] = std::move(deep);
      deep = std::move(outer);
    }
    Json part = Json::object();
    part["/spec"] = std::move(deep);
    for (const char* group : {"apps", "example.com", "rbac.authorization.k8s.io"}) {
      const Risk risk = assess_risk(all_rules(), group, "deployments", part, part);
      CHECK(risk.level == RiskLevel::High);
      CHECK(has(risk, AccessControl) == (std::string(group).starts_with("rbac")));
      check_bounds(risk);
    }
    CHECK(has(of_deployment(part, pod()), NewImageRepository));
  }
  Json pointers = Json::object();
  pointers[std::string(20000, '/')] = 1;
  check_bounds(of_deployment(pointers, pointers));
  Json wide{{"/data", Json::array()}};
  for (int i = 0; i < 110000; ++i) wide["/data"].push_back(i);
  CHECK(of_deployment(nullptr, wide).level == RiskLevel::High);
}

TEST_CASE("M6: hostile text is shown, not obeyed, and bounded") {
  const std::string reasons = "repository not used before";
  Json evil = pod();
  auto& web = evil["/spec/template"]["spec"]["containers"][0];
  web["name"] = "a\n\x1b[31m\xe2\x80\xae" + std::string(500, 'x');
  web["image"] = "r.io/\xe2\x80\xae\n" + std::string(5000, 'y');
  web["env"] = Json::array(
      {{{"name", "\x07"}, {"valueFrom", {{"secretKeyRef", {{"name", "\xff\xfe\x1b]0;x"}}}}}}});
  const Risk risk = of_deployment(pod(), evil);
  check_bounds(risk);
  CHECK(risk.hits.size() == 3);
  for (const RiskHit& hit : risk.hits) CHECK(visible(hit.what) == hit.what);
  CHECK(told(risk).find(reasons) != std::string::npos);
}

TEST_CASE("at most 16 hits, the most severe first, and the last tells how many were left out") {
  Json many = pod();
  for (int i = 0; i < 40; ++i)
    many["/spec/template"]["spec"]["containers"].push_back(
        {{"name", "c" + std::to_string(i)}, {"image", "example/web:" + std::to_string(i)}});
  many["/spec/template"]["spec"]["hostPID"] = true;
  const std::vector<RiskRule> rules{{UnpinnedImage, RiskLevel::Medium},
                                    {HostAccess, RiskLevel::Critical}};
  const Risk risk = assess_risk(rules, "apps", "deployments", pod(), many);
  check_bounds(risk);
  CHECK(risk.level == RiskLevel::Critical);
  REQUIRE(risk.hits.size() == 16);
  CHECK(risk.hits.front().factor == HostAccess);
  CHECK(risk.hits.back().what == "and 26 more hits");
}

TEST_CASE("of several rules for one factor the highest counts, and no rule hits nothing") {
  const Json after{{"/spec/replicas", 2}}, before{{"/spec/replicas", 10}};
  const auto of = [&](const std::vector<RiskRule>& rules) {
    return assess_risk(rules, "apps", "deployments", before, after);
  };
  const RiskRule low{ReplicasCut, RiskLevel::Medium, 10}, high{ReplicasCut, RiskLevel::High, 50},
      out_of_reach{ReplicasCut, RiskLevel::Critical, 90};
  CHECK(of({low, high, out_of_reach}).level == RiskLevel::High);
  CHECK(of({out_of_reach, high, low}).hits.size() == 1);
  CHECK(of({out_of_reach}).level == RiskLevel::Low);
  CHECK(of({}).level == RiskLevel::Low);
  CHECK(of({}).hits.empty());
  CHECK(of({{ReplicasCut, RiskLevel::Low, 10}}).hits.size() == 1);
}

TEST_CASE("the default rules let a change of an env value through as low") {
  const auto& rules = default_risk_rules();
  const auto of = [&](const Json& base, const Json& content) {
    return assess_risk(rules, "apps", "deployments", base, content).level;
  };
  const char* old_env = R"({"image":"x:1","env":[{"name":"LEVEL","value":"info"}]})";
  const char* new_env = R"({"image":"x:1","env":[{"name":"LEVEL","value":"debug"}]})";
  CHECK(of(pod(old_env), pod(new_env)) == RiskLevel::Low);
  CHECK(of(pod(), pod(R"({"image":"example/web:2"})")) == RiskLevel::Medium);
  CHECK(of(pod(), pod("{}", R"({"hostPID":true})")) == RiskLevel::Critical);
  CHECK(of(pod(), nullptr) == RiskLevel::High);
  for (const RiskRule& rule : all_rules())
    CHECK(std::count_if(rules.begin(), rules.end(), [&](const RiskRule& given) {
            return given.factor == rule.factor && given.level > RiskLevel::Low;
          }) == 1);
}

TEST_CASE("whatever the objects, the answer is bounded, repeatable and free of the rules' order") {
  Dice next(11);
  int risky = 0, equal_and_quiet = 0;
  for (int i = 0; i < 500; ++i) {
    const Json base = any_part(next), content = any_part(next);
    for (const auto& [group, resource] :
         {std::pair{"apps", "deployments"}, std::pair{"", "pods"}, std::pair{"example.com", "x"},
          std::pair{"rbac.authorization.k8s.io", "roles"}}) {
      std::vector<RiskRule> rules;
      for (std::uint32_t n = next(8); n > 0; --n)
        rules.push_back(
            {static_cast<RiskFactor>(next(9)), static_cast<RiskLevel>(next(4)), next(120)});
      const Risk risk = assess_risk(rules, group, resource, base, content);
      check_bounds(risk);
      CHECK(same(risk, assess_risk(rules, group, resource, base, content)));
      std::vector<RiskRule> turned(rules.rbegin(), rules.rend());
      CHECK(same(risk, assess_risk(turned, group, resource, base, content)));
      rules.insert(rules.begin() + next(static_cast<std::uint32_t>(rules.size()) + 1),
                   {static_cast<RiskFactor>(next(9)), static_cast<RiskLevel>(next(4)), next(120)});
      CHECK(assess_risk(rules, group, resource, base, content).level >= risk.level);
      risky += risk.level > RiskLevel::Low ? 1 : 0;

      // Nothing changed: nothing hits, but for what cannot be read.
      const Risk still = assess_risk(all_rules(), group, resource, content, content);
      for (const RiskHit& hit : still.hits)
        CHECK_MESSAGE((hit.what.ends_with("cannot be read") || hit.what.starts_with("and ")),
                      (hit.what + dump_json(content)));
      equal_and_quiet += still.hits.empty() ? 1 : 0;
    }
  }
  CHECK(risky > 250);
  CHECK(equal_and_quiet > 125);
}

TEST_CASE("a large hostile object is judged in bounded time and space") {
  Json items = Json::array(), names = Json::array();
  for (int i = 0; i < 10000; ++i) {
    items.push_back(i % 2 == 0 ? Json() : Json::object());
    names.push_back({{"name", "SAME"}, {"value", std::string(20, 'v')}});
  }
  Json many = pod(), env = pod(), nested{{"/spec", Json::object()}};
  many["/spec/template"]["spec"]["containers"] = items;
  env["/spec/template"]["spec"]["containers"][0]["env"] = names;
  const std::string key(200000, 'k');
  for (int i = 0; i < 3000; ++i) nested["/spec"][key].push_back({{"containers", {{{"image", 1}}}}});
  for (const Json& part : {many, env, nested})
    for (const char* resource : {"deployments", "things"}) {
      const Risk risk = assess_risk(all_rules(), "apps", resource, pod(), part);
      check_bounds(risk);
      CHECK((risk.level == RiskLevel::Low) == (part == env));
    }
}

}  // namespace holdpoint
