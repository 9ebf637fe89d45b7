// More doors to the same effect: old templates, other managers, other versions, terminating
// objects, switches of references. Each test tries to get through.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/text.hpp"
#include "core/approval/standing.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

const Json kUnpause{{"spec", {{"paused", false}}}};

Json value(const std::string& text) { return {{"data", {{"value", text}}}}; }

Json finalizers(const Json& list) { return {{"metadata", {{"finalizers", list}}}}; }

// By developer; comes back where the answer asks for that, as client-go does by itself: a
// controller wrote the status meanwhile.
Result<Json> patch(const kube::ResourcePath& path, kube::PatchType type, const Json& body,
                   const kube::WriteOptions& options = {}) {
  Result<Json> answer = client_as("developer").patch(path, type, body, options, soon());
  (void)eventually([&] {
    if (answer.ok() || answer.error().kind != ErrorKind::Unavailable) return true;
    answer = client_as("developer").patch(path, type, body, options, soon());
    return false;
  });
  return answer;
}

// RFC 6902: what no client but a raw one sends for a paused object.
Result<Json> replace(const kube::ResourcePath& path, const std::string& where,
                     const std::string& text) {
  return patch(path, kube::PatchType::Json,
               Json::array({{{"op", "replace"}, {"path", where}, {"value", text}}}));
}

Result<Json> replace_image(const Scene& scene, const std::string& name, const std::string& image) {
  return replace(scene.deployments(name), "/spec/template/spec/containers/0/image", image);
}

void check_held(const Scene& scene, const std::string& name) {
  const Json now = scene.get(scene.deployments(name));
  CHECK(is_paused(now));
  CHECK_FALSE(held_mark(now).empty());
}

// Stored by developer with one approval of lead.
Json stored(const Scene& scene, const kube::ResourcePath& collection, const Json& object) {
  REQUIRE_FALSE(scene.create("developer", collection, object).ok());
  const std::string request =
      scene.open_request(string_at(object, {"metadata", "name"})).metadata.name;
  scene.approve("lead", request);
  Json now = must(scene.create("developer", collection, object));
  scene.await_phase(request, RequestPhase::Released);
  return now;
}

TEST_CASE("B7: an older template, approved once, is held when it comes again, and runs nothing") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  must(replace_image(scene, "web", "web:2"));
  const std::string second = scene.open_request("web").metadata.name;
  scene.approve("lead", second);
  scene.await_phase(second, RequestPhase::Released);
  REQUIRE(eventually([&] { return scene.images_of_sets(true).contains("web:2"); }));
  scene.settle("web");
  const auto before = scene.images_of_sets(true);

  const Json older = must(replace_image(scene, "web", "web:1"));
  CHECK(is_paused(older));
  const ApprovalRequest request = scene.open_request("web");
  CHECK(request.metadata.name != second);
  must(scene.merge("developer", scene.deployments("web"), kUnpause));
  check_held(scene, "web");
  scene.settle("web");
  CHECK(scene.images_of_sets(true) == before);

  // What runs is no change.
  const Json back = must(replace_image(scene, "web", "web:2"));
  CHECK_FALSE(is_paused(back));
  CHECK(held_mark(back).empty());
}

TEST_CASE("B7: rollout undo and rollout restart are held like any other change") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  must(replace_image(scene, "web", "web:2"));
  const std::string second = scene.open_request("web").metadata.name;
  scene.approve("lead", second);
  scene.await_phase(second, RequestPhase::Released);
  // What undo goes by.
  REQUIRE(eventually([&] {
    return string_at(scene.get(scene.deployments("web")),
                     {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == "2";
  }));
  scene.settle("web");
  for (const char* how : {"undo", "restart"}) {
    CAPTURE(std::string(how));
    const Output done =
        as("developer").kubectl({"rollout", how, "deployment/web", "-n", scene.ns()});
    CHECK_MESSAGE(done.ok(), done.text());
    CHECK(done.err.find("held until approved") != std::string::npos);
    check_held(scene, "web");
    // Back to what runs.
    if (std::string(how) == "undo")
      CHECK_FALSE(is_paused(must(replace_image(scene, "web", "web:2"))));
  }
}

TEST_CASE("B9: a held Job that is edited is held by a new request, and the old approval is void") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  const std::string first = scene.open_request("migrate").metadata.name;
  const auto edit = [](const char* node, bool suspend) {
    return Json{
        {"spec",
         {{"suspend", suspend}, {"template", {{"spec", {{"nodeSelector", {{"pool", node}}}}}}}}}};
  };
  // Requests are told apart by time of creation, which the API server gives in whole seconds.
  const std::string created = scene.request(first).metadata.creation_timestamp;
  REQUIRE(eventually([&] { return to_rfc3339(system_clock().now()) > created; }));
  // Suspended Jobs let their node selector be changed: here together with the resume.
  CHECK(is_suspended(must(scene.merge("developer", scene.jobs("migrate"), edit("evil", false)))));
  scene.await_phase(first, RequestPhase::Superseded);
  CHECK_FALSE(scene.decide("lead", first).ok());
  CHECK(is_suspended(
      must(scene.merge("developer", scene.jobs("migrate"), {{"spec", {{"suspend", false}}}}))));
  const std::string second = scene.open_request("migrate").metadata.name;
  CHECK(second != first);
  CHECK(is_suspended(scene.get(scene.jobs("migrate"))));
  scene.approve("lead", second);
  scene.await_phase(second, RequestPhase::Released);
  const Json released = scene.get(scene.jobs("migrate"));
  CHECK_FALSE(is_suspended(released));
  CHECK(released["spec"]["template"]["spec"]["nodeSelector"]["pool"] == "evil");
}

TEST_CASE("B9: a Job that its user suspends opens no gap for an edit") {
  const Scene scene;
  must(scene.create("developer", scene.jobs(), scene.job("migrate")));
  const std::string first = scene.open_request("migrate").metadata.name;
  scene.approve("lead", first);
  scene.await_phase(first, RequestPhase::Released);
  const auto suspend = [&](bool wanted) {
    return scene.merge("developer", scene.jobs("migrate"), {{"spec", {{"suspend", wanted}}}});
  };
  must(suspend(true));
  // The Job controller takes the start time back.
  REQUIRE(eventually([&] {
    return string_at(scene.get(scene.jobs("migrate")), {"status", "startTime"}).empty();
  }));
  const auto edited =
      scene.merge("developer", scene.jobs("migrate"),
                  {{"spec", {{"template", {{"spec", {{"nodeSelector", {{"pool", "evil"}}}}}}}}}});
  const Json resumed = must(suspend(false));
  const Json* pool = member_at(resumed, {"spec", "template", "spec", "nodeSelector", "pool"});
  CHECK((is_suspended(resumed) || pool == nullptr));
  if (edited.ok()) CHECK_FALSE(held_mark(resumed).empty());
}

TEST_CASE(
    "B7, B9: a forged mark of an old request does not make what it was asked over pass again") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  // A request over web:1 that has ended otherwise than by release.
  must(replace_image(scene, "web", "web:2"));
  const std::string old = scene.open_request("web").metadata.name;
  must(scene.decide("lead", old, "Deny"));
  scene.await_phase(old, RequestPhase::Denied);
  // web:3 is approved, and is what runs.
  must(replace_image(scene, "web", "web:3"));
  const std::string third = scene.open_request("web").metadata.name;
  scene.approve("lead", third);
  scene.await_phase(third, RequestPhase::Released);

  (void)scene.merge("developer", scene.deployments("web"),
                    {{"metadata",
                      {{"annotations",
                        {{"holdpoint.dev/held", scene.policy() + "/" + old},
                         {"holdpoint.dev/held-by", R"(["developer"])"}}}}},
                     {"spec", {{"paused", true}}}});
  CHECK(held_mark(scene.get(scene.deployments("web"))).empty());
  must(replace_image(scene, "web", "web:1"));
  (void)scene.merge(
      "developer", scene.deployments("web"),
      {{"metadata",
        {{"annotations", {{"holdpoint.dev/held", nullptr}, {"holdpoint.dev/held-by", nullptr}}}}},
       {"spec", {{"paused", false}}}});
  check_held(scene, "web");
}

TEST_CASE(
    "B7, B9: a forged mark of an old request does not make what it was asked over pass again") {
  std::string to;
  SUBCASE("Auto") { to = "Auto"; }
  SUBCASE("Deny") { to = "Deny"; }
  SUBCASE("Retry") { to = "Retry"; }
  CAPTURE(to);
  Scene scene;
  scene.running_deployment("web", "web:1");
  // A request over web:1 that has ended otherwise than by release.
  must(replace_image(scene, "web", "web:2"));
  const std::string old = scene.open_request("web").metadata.name;
  must(scene.decide("lead", old, "Deny"));
  scene.await_phase(old, RequestPhase::Denied);
  // web:3 is approved, and is what runs.
  must(replace_image(scene, "web", "web:3"));
  const std::string third = scene.open_request("web").metadata.name;
  scene.approve("lead", third);
  scene.await_phase(third, RequestPhase::Released);
  scene.patch_policy({{"spec", {{"hold", {{"mode", to}}}}}});

  const auto forged = scene.merge("developer", scene.deployments("web"),
                                  {{"metadata",
                                    {{"annotations",
                                      {{"holdpoint.dev/held", scene.policy() + "/" + old},
                                       {"holdpoint.dev/held-by", R"(["developer"])"}}}}},
                                   {"spec", {{"paused", true}}}});
  if (to != "Auto") {  // there the companion takes it out
    REQUIRE_FALSE(forged.ok());
    CHECK(forged.error().message.find("holdpoint.dev/held is Holdpoint's own") !=
          std::string::npos);
  }
  (void)replace_image(scene, "web", "web:1");
  (void)scene.merge(
      "developer", scene.deployments("web"),
      {{"metadata",
        {{"annotations", {{"holdpoint.dev/held", nullptr}, {"holdpoint.dev/held-by", nullptr}}}}},
       {"spec", {{"paused", false}}}});
  const Json now = scene.get(scene.deployments("web"));
  const bool rolled_back =
      now["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1" && !is_paused(now);
  CHECK_FALSE(rolled_back);
}

TEST_CASE("B9: a mark says nothing of other writers, and nobody else's policy") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  const auto marked = [&](const char* annotation, const std::string& value) {
    return patch(
        scene.deployments("web"), kube::PatchType::Merge,
        {{"metadata", {{"annotations", {{annotation, value}}}}}, {"spec", {{"paused", true}}}});
  };
  (void)marked("holdpoint.dev/held-by", R"(["lead","second-lead"])");
  CHECK_FALSE(marked("holdpoint.dev/held", "no-such-policy/web-1").ok());
  must(replace_image(scene, "web", "web:2"));
  (void)marked("holdpoint.dev/held-by", R"(["developer","lead"])");
  const std::string request = scene.open_request("web").metadata.name;
  const std::string mark = held_mark(scene.get(scene.deployments("web")));
  CHECK_FALSE(marked("holdpoint.dev/held", mark + ",no-such-policy/web-1").ok());
  // So lead may approve, and nothing stays behind.
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  CHECK(held_mark(scene.get(scene.deployments("web"))).empty());
}

TEST_CASE("B10: a gated ConfigMap is not made immutable, and gets no binary data, unapproved") {
  const Scene scene;
  stored(scene, scene.config_maps(), scene.config_map("app", "1"));
  for (const Json& patch : {Json{{"immutable", true}}, Json{{"binaryData", {{"blob", "AAEC"}}}},
                            Json{{"binaryData", {{"value2", "AAEC"}}}, {"immutable", true}},
                            Json{{"data", {{"value", nullptr}}}}, Json{{"data", nullptr}}}) {
    CAPTURE(dump_json(patch));
    const auto refused = scene.merge("developer", scene.config_maps("app"), patch);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().kind == ErrorKind::Forbidden);
  }
  const Json now = scene.get(scene.config_maps("app"));
  CHECK(now["data"] == Json{{"value", "1"}});
  CHECK_FALSE(now.contains("immutable"));
  CHECK_FALSE(now.contains("binaryData"));
}

TEST_CASE("B10: a new ConfigMap is refused, and a Deployment that switches to another is held") {
  const Scene scene;
  stored(scene, scene.config_maps(), scene.config_map("app", "1"));
  Json deployment = scene.deployment("web");
  Json& pod = deployment["spec"]["template"]["spec"];
  pod["containers"][0]["envFrom"] = Json::array({{{"configMapRef", {{"name", "app"}}}}});
  pod["volumes"] = Json::array(
      {{{"name", "all"},
        {"projected", {{"sources", Json::array({{{"configMap", {{"name", "app"}}}}})}}}}});
  must(scene.create("developer", scene.deployments(), deployment));
  const std::string first = scene.open_request("web").metadata.name;
  scene.approve("lead", first);
  scene.await_phase(first, RequestPhase::Released);

  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("evil", "2")).ok());
  const auto held = [&](const char* path) {
    CAPTURE(std::string(path));
    const Json now =
        must(replace(scene.deployments("web"), std::string("/spec/template/spec/") + path, "evil"));
    CHECK(is_paused(now));
    CHECK_FALSE(held_mark(now).empty());
    CHECK(scene.open_request("web").spec.diff.find("evil") != std::string::npos);
  };
  held("containers/0/envFrom/0/configMapRef/name");
  held("volumes/0/projected/sources/0/configMap/name");
}

TEST_CASE("B11: an object that is being deleted is gated like any other until it is gone") {
  PolicyShape no_deletes;
  no_deletes.resources = Json::array(
      {{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"operations", {"CREATE", "UPDATE"}}},
       {{"apiGroups", {"apps"}},
        {"resources", {"deployments"}},
        {"operations", {"CREATE", "UPDATE"}}}});
  const Scene scene(no_deletes);
  const kube::Client& developer = client_as("developer");
  const auto linger = [&](const kube::ResourcePath& path) {
    must(scene.merge("developer", path, finalizers(Json::array({"example.com/stay"}))));
    REQUIRE(developer.remove(path, "", soon()).ok());
    REQUIRE_FALSE(string_at(scene.get(path), {"metadata", "deletionTimestamp"}).empty());
  };
  stored(scene, scene.config_maps(), scene.config_map("app", "1"));
  linger(scene.config_maps("app"));
  CHECK_FALSE(scene.merge("developer", scene.config_maps("app"), value("2")).ok());
  // Not even together with the finalizer that goes.
  Json both = value("2");
  both.merge_patch(finalizers(nullptr));
  CHECK_FALSE(scene.merge("developer", scene.config_maps("app"), both).ok());
  CHECK(string_at(scene.get(scene.config_maps("app")), {"data", "value"}) == "1");

  scene.running_deployment("web", "web:1");
  linger(scene.deployments("web"));
  must(replace_image(scene, "web", "web:2"));
  check_held(scene, "web");
  must(scene.merge("developer", scene.deployments("web"), kUnpause));
  check_held(scene, "web");

  // The end itself is nobody's to approve.
  for (const auto& path : {scene.config_maps("app"), scene.deployments("web")}) {
    must(scene.merge("developer", path, finalizers(nullptr)));
    CHECK_FALSE(client_as("admin").get(path, soon()).ok());
  }
}

TEST_CASE("B16: a forced apply over the pause, by whatever manager, leaves the object held") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  must(replace_image(scene, "web", "web:2"));
  const std::string request = scene.open_request("web").metadata.name;
  const std::string mark = held_mark(scene.get(scene.deployments("web")));
  const auto apply = [&](const char* manager, const Json& annotations, bool paused) {
    Json whole = scene.deployment("web", "web:2");
    whole["spec"]["paused"] = paused;
    if (!annotations.is_null()) whole["metadata"]["annotations"] = annotations;
    kube::WriteOptions options;
    options.force = true;
    options.field_manager = manager;
    CAPTURE(std::string(manager));
    const Json now = must(patch(scene.deployments("web"), kube::PatchType::Apply, whole, options));
    CHECK(is_paused(now));
    CHECK(held_mark(now) == mark);
  };
  apply("evil", nullptr, false);
  apply("evil", {{"holdpoint.dev/held", ""}, {"holdpoint.dev/held-by", "[]"}}, false);
  // Whoever owned them lets go of them now.
  apply("evil", nullptr, false);
  apply("holdpoint", {{"holdpoint.dev/held", scene.policy() + "/nothing-1"}}, true);
  apply("holdpoint-operator", nullptr, false);
  // Nobody owns anything.
  must(scene.merge("developer", scene.deployments("web"),
                   {{"metadata", {{"managedFields", Json::array({Json::object()})}}}}));
  check_held(scene, "web");
  must(scene.merge("developer", scene.deployments("web"), kUnpause));
  check_held(scene, "web");
  scene.settle("web");
  CHECK(scene.images_of_sets(true) == std::multiset<std::string>{"web:1"});
  // The same spec by other managers is the same change.
  CHECK(scene.open_request("web").metadata.name == request);
  CHECK(scene.requests_for("web").size() == 2);
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
  CHECK_FALSE(is_paused(scene.get(scene.deployments("web"))));
}

// A kind of two served versions, of which the newer one has a field more. Holdpoint may read it.
class Widgets {
 public:
  Widgets() : group_(unique("b") + ".example.com") {
    const auto version = [](const char* name, bool storage, const Json& fields) {
      return Json{{"name", name},
                  {"served", true},
                  {"storage", storage},
                  {"schema",
                   {{"openAPIV3Schema",
                     {{"type", "object"},
                      {"properties", {{"spec", {{"type", "object"}, {"properties", fields}}}}}}}}}};
    };
    const Json text{{"type", "string"}};
    must(client_as("admin").create(
        path_of("apiextensions.k8s.io/v1", "customresourcedefinitions"),
        {{"apiVersion", "apiextensions.k8s.io/v1"},
         {"kind", "CustomResourceDefinition"},
         {"metadata", {{"name", "widgets." + group_}}},
         {"spec",
          {{"group", group_},
           {"scope", "Namespaced"},
           {"names",
            {{"plural", "widgets"},
             {"singular", "widget"},
             {"kind", "Widget"},
             {"listKind", "WidgetList"}}},
           {"versions", Json::array({version("v1", false, {{"size", text}}),
                                     version("v2", true, {{"size", text}, {"more", text}})})}}}},
        {}, soon()));
    role(group_ + "-read", {"get", "list", "watch"}, {{"holdpoint.dev/gated-kinds", "true"}});
    role(group_ + "-edit", {"create", "update", "patch", "get"},
         {{"rbac.authorization.k8s.io/aggregate-to-edit", "true"}});
    REQUIRE(eventually([&] {
      return client_as("admin").get_raw("/apis/" + group_ + "/v2/widgets", soon()).ok() &&
             client_as("admin").get_raw("/apis/" + group_ + "/v1/widgets", soon()).ok();
    }));
  }
  ~Widgets() {
    for (const char* name : {"-read", "-edit"})
      (void)client_as("admin").remove(
          path_of("rbac.authorization.k8s.io/v1", "clusterroles", "", group_ + name), "", soon());
    (void)client_as("admin").remove(
        path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets." + group_),
        "", soon());
  }
  Widgets(const Widgets&) = delete;
  Widgets& operator=(const Widgets&) = delete;

  [[nodiscard]] PolicyShape gated() const {
    PolicyShape shape;
    shape.resources = Json::array({{{"apiGroups", {group_}},
                                    {"resources", {"widgets"}},
                                    {"operations", {"CREATE", "UPDATE"}}}});
    return shape;
  }
  [[nodiscard]] kube::ResourcePath path(const Scene& scene, const char* version,
                                        const std::string& name = {}) const {
    return path_of(group_ + "/" + version, "widgets", scene.ns(), name);
  }
  [[nodiscard]] Json widget(const char* version, const std::string& name, const Json& spec) const {
    return {{"apiVersion", group_ + "/" + version},
            {"kind", "Widget"},
            {"metadata", {{"name", name}}},
            {"spec", spec}};
  }

 private:
  void role(const std::string& name, const std::vector<std::string>& verbs,
            const Json& labels) const {
    must(client_as("admin").create(
        path_of("rbac.authorization.k8s.io/v1", "clusterroles"),
        {{"apiVersion", "rbac.authorization.k8s.io/v1"},
         {"kind", "ClusterRole"},
         {"metadata", {{"name", name}, {"labels", labels}}},
         {"rules",
          Json::array({{{"apiGroups", {group_}}, {"resources", {"widgets"}}, {"verbs", verbs}}})}},
        {}, soon()));
  }

  std::string group_;
};

TEST_CASE("B18: two served versions of a kind are one gate, with one digest") {
  const Widgets widgets;
  const Scene scene(widgets.gated());
  const auto create = [&](const char* version, const Json& spec) {
    return scene.create("developer", widgets.path(scene, version),
                        widgets.widget(version, "one", spec));
  };
  const auto change = [&](const char* version, const Json& spec) {
    return scene.merge("developer", widgets.path(scene, version, "one"), {{"spec", spec}});
  };
  REQUIRE(eventually([&] {  // the role for edit is aggregated a moment later
    const auto refused = create("v1", {{"size", "1"}});
    return !refused.ok() && refused.error().message.find("waits for approval") != std::string::npos;
  }));
  const std::string first = scene.open_request("one").metadata.name;
  const auto other = create("v2", {{"size", "1"}});
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().message.find(first) != std::string::npos);
  CHECK(scene.requests_for("one").size() == 1);
  scene.approve("lead", first);
  // Asked in v1, stored in v2.
  must(create("v2", {{"size", "1"}}));
  scene.await_phase(first, RequestPhase::Released);

  for (const char* version : {"v1", "v2"}) CHECK_FALSE(change(version, {{"size", "2"}}).ok());
  const std::string second = scene.open_request("one").metadata.name;
  CHECK(scene.requests_for("one").size() == 2);
  // A field that one version alone knows is no way by, nor along with what is approved.
  CHECK_FALSE(change("v2", {{"more", "evil"}}).ok());
  scene.approve("lead", second);
  CHECK_FALSE(change("v2", {{"size", "2"}, {"more", "evil"}}).ok());
  CHECK(string_at(scene.get(widgets.path(scene, "v2", "one")), {"spec", "more"}).empty());
}

TEST_CASE("M1: what is held does not leave by a condition, and a condition looks at both objects") {
  PolicyShape shape;
  shape.spec_patch = {
      {"match",
       {{"conditions", Json::array({{{"name", "tier"},
                                     {"expression",
                                      "[object, oldObject].exists(o, o != null && "
                                      "o.?metadata.?labels[?'tier'].orValue('') == 'prod')"}}})}}}};
  Scene scene(shape);
  Json web = scene.deployment("web");
  CHECK_FALSE(is_paused(must(scene.create("developer", scene.deployments(), web))));
  must(client_as("developer").remove(scene.deployments("web"), "", soon()));
  web["metadata"]["labels"] = {{"tier", "prod"}};
  REQUIRE(is_paused(must(scene.create("developer", scene.deployments(), web))));
  const Json out{{"metadata", {{"labels", {{"tier", nullptr}}}}}, {"spec", {{"paused", false}}}};
  for (int tries = 0; tries < 2; ++tries) {
    (void)scene.merge("developer", scene.deployments("web"), out);
    CHECK(is_paused(scene.get(scene.deployments("web"))));
  }

  const auto path = path_of(kApiVersion, "approvalpolicies", "", scene.policy());
  must(client_as("admin").patch(
      path, kube::PatchType::Merge,
      {{"spec",
        {{"match",
          {{"conditions",
            Json::array({{{"name", "tier"}, {"expression", "has(object.metadata.labels)"}}})}}}}}},
      {}, soon()));
  CHECK(eventually([&] {
    const auto policy = must(decode<ApprovalPolicy>(must(client_as("admin").get(path, soon()))));
    return std::any_of(policy.status.conditions.begin(), policy.status.conditions.end(),
                       [](const Condition& one) {
                         return one.type == "Ready" && one.reason == "InvalidCondition";
                       });
  }));
}

TEST_CASE("M3: edit in holdpoint-system makes no pod and no token there, without webhook either") {
  const std::string system = "holdpoint-system";
  struct Edit {
    std::string binding = grant_role("holdpoint-system", "edit", user_named("developer"));
    ~Edit() {
      (void)client_as("admin").remove(
          path_of("rbac.authorization.k8s.io/v1", "rolebindings", "holdpoint-system", binding), "",
          soon());
    }
  } const edit;
  const kube::Client& developer = client_as("developer");
  const auto tried = [&] {
    const Json pod{{"apiVersion", "v1"},
                   {"kind", "Pod"},
                   {"metadata", {{"generateName", "evil-"}}},
                   {"spec",
                    {{"serviceAccountName", "holdpoint-operator"},
                     {"securityContext",
                      {{"runAsNonRoot", true}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
                     {"containers", Json::array({{{"name", "main"},
                                                  {"image", "evil:1"},
                                                  {"securityContext",
                                                   {{"allowPrivilegeEscalation", false},
                                                    {"capabilities", {{"drop", {"ALL"}}}}}}}})}}}};
    kube::ResourcePath token = path_of("v1", "serviceaccounts", system, "holdpoint-operator");
    token.subresource = "token";
    const Json ask{{"apiVersion", "authentication.k8s.io/v1"},
                   {"kind", "TokenRequest"},
                   {"spec", Json::object()}};
    for (const auto& answer : {developer.create(path_of("v1", "pods", system), pod, {}, soon()),
                               developer.create(token, ask, {}, soon())}) {
      REQUIRE_FALSE(answer.ok());
      CHECK_MESSAGE(answer.error().message.find("holdpoint-namespace-system") != std::string::npos,
                    answer.error().message);
    }
  };
  tried();
  struct Stopped {
    Stopped() {
      for (std::size_t i = 0; i < split(environment("HOLDPOINT_WEBHOOK_HEALTH"), ' ').size(); ++i)
        names.push_back(i == 0 ? "webhook" : "webhook-" + std::to_string(i + 1));
      for (const std::string& name : names) CHECK(cluster_command("stop", {name, "--kill"}).ok());
    }
    ~Stopped() {
      for (const std::string& name : names) CHECK(cluster_command("start", {name}).ok());
    }
    std::vector<std::string> names;
  } const stopped;
  tried();
}

bool ours_differ(const Json& a, const Json& b) {
  const auto ours = [](const Json& object) {
    Json found = Json::object();
    if (const Json* all = member_at(object, {"metadata", "annotations"}); all != nullptr)
      for (const auto& [key, text] : all->items())
        if (key.starts_with("holdpoint.dev/")) found[key] = text;
    return found;
  };
  return ours(a) != ours(b);
}

TEST_CASE("M4: over random writes the API server asks exactly where our own matcher says so") {
  const Scene scene;
  const Json base = scene.running_deployment("web", "web:1");
  std::mt19937 random(4711);
  const auto pick = [&](int count) {
    return static_cast<int>(random() % static_cast<unsigned>(count));
  };
  const auto any_patch = [&]() -> Json {
    const std::string text = "v" + std::to_string(pick(3));
    switch (pick(12)) {
      case 0:
        return {{"metadata", {{"labels", {{"team", text}}}}}};
      case 1:
        return {{"metadata", {{"annotations", {{"note", text}}}}}};
      case 2:
        return {{"metadata", {{"annotations", {{"holdpoint.dev/reason", text}}}}}};
      case 3:
        return {{"metadata", {{"annotations", {{"not.holdpoint.dev/x", text}}}}}};
      case 4:
        return {{"metadata", {{"labels", nullptr}}}};
      case 5:
        return {{"spec", {{"replicas", 1 + pick(4)}}}};
      case 6:
        return {{"spec", {{"minReadySeconds", pick(3)}}}};
      case 7:
        return {{"spec", {{"strategy", {{"rollingUpdate", {{"maxSurge", pick(3)}}}}}}}};
      case 8:
        return {{"spec", {{"template", {{"metadata", {{"annotations", {{"note", text}}}}}}}}}};
      case 9:
        return {{"spec", {{"template", {{"spec", {{"nodeSelector", {{"pool", text}}}}}}}}}};
      case 10:
        return {{"spec", {{"template", {{"spec", {{"nodeSelector", nullptr}}}}}}}};
      default: {
        Json containers = base["spec"]["template"]["spec"]["containers"];
        containers[0]["image"] = "web:" + std::to_string(1 + pick(2));
        if (pick(2) == 0) containers[0]["env"] = Json::array({{{"name", "A"}, {"value", text}}});
        return {{"spec", {{"template", {{"spec", {{"containers", containers}}}}}}}};
      }
    }
  };
  const auto pointers = covered_pointers({}, "apps", "deployments");
  const auto asked = [&] {
    return webhook_metric("holdpoint_webhook_reviews_total",
                          {{"policy", scene.policy()}, {"action", "gate"}});
  };
  int reached = 0, untouched = 0;
  double before = asked();
  for (int i = 0; i < 300; ++i) {
    Json change = any_patch();
    if (pick(3) == 0) change.merge_patch(any_patch());
    Json wanted = base;
    wanted.merge_patch(change);
    const bool expected =
        ours_differ(base, wanted) || covered_part(base, "apps", "deployments", pointers, "") !=
                                         covered_part(wanted, "apps", "deployments", pointers, "");
    CAPTURE(dump_json(change));
    must(scene.merge("developer", scene.deployments("web"), change, true));
    const double after = asked();
    CHECK(after - before == (expected ? 1 : 0));
    before = after;
    ++(expected ? reached : untouched);
  }
  CHECK(reached > 50);
  CHECK(untouched > 50);
}

TEST_CASE("M5: of two policies over one object both must be satisfied, whichever came first") {
  Scene scene;
  stored(scene, scene.config_maps(), scene.config_map("app", "0"));
  PolicyShape security;
  security.approvers = {{"groups", {"appsec"}}};
  const auto write = [&](const std::string& text) {
    return scene.merge("developer", scene.config_maps("app"), value(text));
  };
  const auto request_of = [&](const std::string& policy) {
    std::string name;
    REQUIRE(eventually([&] {
      for (const ApprovalRequest& request : scene.requests_for("app"))
        if (request.spec.policy.name == policy && !is_end(request.status.phase))
          name = request.metadata.name;
      return !name.empty();
    }));
    return name;
  };
  // Named so that one sorts before the policy that was there, the other after it.
  const std::string before = "a-" + scene.ns(), after = "z-" + scene.ns();
  std::vector<std::pair<std::string, const char*>> need{{scene.policy(), "lead"}};
  int text = 0;
  for (const std::string& name : {after, before}) {
    scene.add_policy(name, security);
    need.insert(need.begin(), {name, "security"});
    for (int rotation = 0; rotation < 2; ++rotation) {
      const std::string now = std::to_string(++text);
      CAPTURE(now);
      REQUIRE_FALSE(write(now).ok());
      // Both ask at once; the API server may have stopped at the first refusal.
      for (const auto& [policy, who] : need) {
        REQUIRE_FALSE(write(now).ok());
        scene.approve(who, request_of(policy));
      }
      must(write(now));
      std::reverse(need.begin(), need.end());
      // Only then is an open request one of the next change.
      CHECK(eventually([&] {
        const auto all = scene.requests_for("app");
        return std::all_of(all.begin(), all.end(), [](const ApprovalRequest& request) {
          return is_end(request.status.phase);
        });
      }));
    }
  }
}

TEST_CASE("M7: a value with the mark of bytes that were no text is refused, held nowhere") {
  const Scene scene;
  scene.running_deployment("web", "web:1");
  stored(scene, scene.config_maps(), scene.config_map("app", "1"));
  const std::string mark = "\xef\xbf\xbd";
  const auto refused = [&](const Result<Json>& answer) {
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().message.find("U+FFFD") != std::string::npos);
  };
  refused(scene.create("developer", scene.config_maps(), scene.config_map("new", "a" + mark)));
  refused(scene.merge("developer", scene.config_maps("app"), value(mark)));
  const auto with_env = [](const std::string& text) {
    return Json{
        {"spec",
         {{"template",
           {{"spec",
             {{"containers",
               Json::array({{{"name", "main"},
                             {"image", "web:1"},
                             {"env", Json::array({{{"name", "A"}, {"value", text}}})}}})}}}}}}}};
  };
  refused(scene.merge("developer", scene.deployments("web"), with_env(mark)));
  // And on top of a held change, where it would hide behind a request that is open.
  must(scene.merge("developer", scene.deployments("web"), with_env("good")));
  refused(scene.merge("developer", scene.deployments("web"), with_env("good" + mark)));
  CHECK(scene.requests_for("new").empty());
  CHECK(scene.requests_for("web").size() == 2);
  // Where nothing is gated it is the user's own business.
  must(scene.merge("developer", scene.deployments("web"),
                   {{"metadata", {{"annotations", {{"note", mark}}}}}}));
}

}  // namespace
}  // namespace holdpoint::cluster
