// What a change was a part of goes on without it: its request ends, and nothing that is approved
// later runs. The kinds are Flux's and Argo CD's by name, and the test is their controller.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "core/approval/hold.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

const kube::Client& admin() { return client_as("admin"); }

// A kind of somebody else's, as long as this lives.
class Kind {
 public:
  Kind(std::string group, std::string version, std::string plural, const std::string& kind)
      : group_(std::move(group)),
        version_(std::move(version)),
        plural_(std::move(plural)),
        kind_(kind) {
    const Json open{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    std::string singular = kind;
    for (char& c : singular) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    must(
        admin().create(crds(),
                       {{"apiVersion", "apiextensions.k8s.io/v1"},
                        {"kind", "CustomResourceDefinition"},
                        {"metadata", {{"name", plural_ + "." + group_}}},
                        {"spec",
                         {{"group", group_},
                          {"scope", "Namespaced"},
                          {"names", {{"plural", plural_}, {"singular", singular}, {"kind", kind}}},
                          {"versions", Json::array({{{"name", version_},
                                                     {"served", true},
                                                     {"storage", true},
                                                     {"subresources", {{"status", Json::object()}}},
                                                     {"schema", {{"openAPIV3Schema", open}}}}})}}}},
                       {}, soon()));
    REQUIRE(eventually([&] { return admin().list(path("default"), {}, soon()).ok(); }));
  }
  // Gone at its return: the next test makes it anew.
  ~Kind() {
    const kube::ResourcePath own = crds(plural_ + "." + group_);
    (void)admin().remove(own, "", soon());
    CHECK(eventually([&] {
      const auto left = admin().get(own, soon());
      return !left.ok() && left.error().kind == ErrorKind::NotFound;
    }));
  }
  Kind(const Kind&) = delete;
  Kind& operator=(const Kind&) = delete;

  [[nodiscard]] kube::ResourcePath path(const std::string& ns, const std::string& name = {}) const {
    return path_of(group_ + "/" + version_, plural_, ns, name);
  }
  void make(const std::string& ns, const std::string& name, const Json& status) const {
    must(admin().create(path(ns),
                        {{"apiVersion", group_ + "/" + version_},
                         {"kind", kind_},
                         {"metadata", {{"name", name}, {"namespace", ns}}},
                         {"spec", {{"interval", "1m"}}}},
                        {}, soon()));
    tell(ns, name, status);
  }
  // What its controller writes.
  void tell(const std::string& ns, const std::string& name, Json status) const {
    status["observedGeneration"] = 1;
    kube::ResourcePath where = path(ns, name);
    where.subresource = "status";
    must(admin().patch(where, kube::PatchType::Merge, {{"status", status}}, {}, soon()));
  }

 private:
  [[nodiscard]] static kube::ResourcePath crds(const std::string& name = {}) {
    return path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", name);
  }
  std::string group_, version_, plural_, kind_;
};

Kind kustomizations() {
  return {"kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization"};
}

std::string in(int seconds) { return to_rfc3339(system_clock().now() + Duration(1000 * seconds)); }

Json ready(const std::string& status, const std::string& since,
           const std::string& message = "as the test says") {
  return Json::array({{{"type", "Ready"},
                       {"status", status},
                       {"reason", "Test"},
                       {"message", message},
                       {"lastTransitionTime", since}}});
}

// As Flux's controller may: who writes the labels alone speaks for nobody.
void let_speak(const Scene& scene) {
  grant(scene.ns(), user_named("developer"), "kustomize.toolkit.fluxcd.io", "kustomizations",
        {"patch"});
}

Result<Json> send(const std::string& manager, const kube::ResourcePath& path, const Json& object) {
  kube::WriteOptions options;
  options.field_manager = manager;
  for (int tries = 0;; ++tries) {
    auto answer = client_as("developer").create(path, object, options, soon());
    if (answer.ok() || answer.error().kind != ErrorKind::Unavailable || tries == 10) return answer;
    (void)wait_for(Duration(300), {});
  }
}

Json of_flux(const Scene& scene, Json object) {
  object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "apps";
  object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = scene.ns();
  return object;
}

Json hook_job(const Scene& scene) {
  Json job = scene.job("migrate");
  job["metadata"]["annotations"] = {{"helm.sh/hook", "pre-upgrade"}};
  job["metadata"]["labels"] = {{"app.kubernetes.io/instance", "web"},
                               {"helm.sh/chart", "web-2.0.0"}};
  return job;
}

// As Helm keeps a release.
void record(const Scene& scene, const std::string& version, const std::string& status) {
  const std::string name = "sh.helm.release.v1.web.v" + version;
  const Json labels{{"owner", "helm"}, {"name", "web"}, {"status", status}, {"version", version}};
  const auto path = path_of("v1", "secrets", scene.ns());
  if (admin().get(path_of("v1", "secrets", scene.ns(), name), soon()).ok()) {
    must(admin().patch(path_of("v1", "secrets", scene.ns(), name), kube::PatchType::Merge,
                       {{"metadata", {{"labels", labels}}}}, {}, soon()));
    return;
  }
  must(admin().create(path,
                      {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"type", "helm.sh/release.v1"},
                       {"metadata", {{"name", name}, {"labels", labels}}},
                       {"stringData", {{"release", "nobody reads this"}}}},
                      {}, soon()));
}

void let_records_be_seen(const Scene& scene) {
  grant_role(scene.ns(), "holdpoint-helm-records",
             account_named("holdpoint-system", "holdpoint-operator"));
}

// It failed with our words, none of its pods ever ran, and nobody can approve it any more.
void never_runs(const Scene& scene, const std::string& request, const std::string& why) {
  scene.await_phase(request, RequestPhase::Stale);
  CHECK(scene.request(request).status.message.find(why) != std::string::npos);
  Json failed;
  REQUIRE(eventually([&] {
    const Json job = scene.get(scene.jobs("migrate"));
    const Json* conditions = member_at(job, {"status", "conditions"});
    if (conditions == nullptr) return false;
    for (const Json& condition : *conditions)
      if (string_at(condition, {"type"}) == "Failed") failed = condition;
    return !failed.is_null();
  }));
  CHECK(string_at(failed, {"reason"}) == "HoldpointStale");
  const auto late = scene.decide("lead", request);
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().message.find("is over: Stale") != std::string::npos);
  for (const Json& pod : must(admin().list(path_of("v1", "pods", scene.ns()), {}, soon())).items)
    CHECK(has_gate(member_at(pod, {"spec"})));
}

TEST_CASE("a change that Flux was refused is stale once its Kustomization is ready without it") {
  const Scene scene;
  const Kind kind = kustomizations();
  kind.make(scene.ns(), "apps",
            {{"lastAttemptedRevision", "main@sha1:aaa"}, {"conditions", ready("Unknown", in(-5))}});
  const Json config = of_flux(scene, scene.config_map("settings", "2"));
  REQUIRE_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
  const ApprovalRequest request = scene.open_request("settings");
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->revision == "main@sha1:aaa");

  // A monorepo moves on and brings the same content again: nothing changes, and nobody is asked
  // again.
  kind.tell(scene.ns(), "apps",
            {{"lastAttemptedRevision", "main@sha1:bbb"}, {"conditions", ready("False", in(1))}});
  REQUIRE_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
  CHECK(scene.requests_for("settings").size() == 1);
  CHECK(scene.open_request("settings").metadata.name == request.metadata.name);

  SUBCASE("approving it later runs nothing") {
    kind.tell(scene.ns(), "apps",
              {{"lastAttemptedRevision", "main@sha1:ccc"},
               {"lastAppliedRevision", "main@sha1:ccc"},
               {"conditions", ready("True", in(1))}});
    const auto late = scene.decide("lead", request.metadata.name);
    REQUIRE_FALSE(late.ok());
    CHECK(late.error().message.find("main@sha1:ccc now, without this change") != std::string::npos);
  }
  SUBCASE("and so does an approval that was not used in time, also while no operator runs") {
    scene.approve("lead", request.metadata.name);
    scene.await_phase(request.metadata.name, RequestPhase::Approved);
    REQUIRE(cluster_command("stop", {"operator"}).ok());
    kind.tell(scene.ns(), "apps",
              {{"lastAttemptedRevision", "main@sha1:ccc"},
               {"lastAppliedRevision", "main@sha1:ccc"},
               {"conditions", ready("True", in(1))}});
    CHECK_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
    REQUIRE(cluster_command("start", {"operator"}).ok());
    CHECK(scene.requests_for("settings").size() == 2);
  }
  // Where nothing is stored the operator looks every 30 s; the webhook knows at once.
  REQUIRE(eventually(
      [&] { return scene.request(request.metadata.name).status.phase == RequestPhase::Stale; },
      Duration(45'000)));
  // Whoever brings it back is asked anew.
  kind.tell(scene.ns(), "apps", {{"conditions", ready("Unknown", in(2))}});
  REQUIRE_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
  CHECK(scene.open_request("settings").spec.attempt > request.spec.attempt);
}

TEST_CASE("a Job that Flux left behind is stale once its Kustomization does not have it any more") {
  const Scene scene;
  const Kind kind = kustomizations();
  const std::string id = scene.ns() + "_migrate_batch_Job";
  const auto at = [&](const std::string& revision, const Json& entries) {
    kind.tell(scene.ns(), "apps",
              {{"lastAttemptedRevision", revision},
               {"lastAppliedRevision", revision},
               {"conditions", ready("True", in(1))},
               {"inventory", {{"entries", entries}}}});
  };
  kind.make(scene.ns(), "apps",
            {{"lastAttemptedRevision", "main@sha1:aaa"}, {"conditions", ready("Unknown", in(-5))}});
  must(send("kustomize-controller", scene.jobs(), of_flux(scene, scene.job("migrate"))));
  const std::string request = scene.open_request("migrate").metadata.name;
  at("main@sha1:bbb", Json::array({{{"id", id}, {"v", "v1"}}}));
  (void)wait_for(Duration(6'000), {});  // longer than between two looks
  CHECK(scene.request(request).status.phase == RequestPhase::Pending);
  at("main@sha1:ccc", Json::array());
  never_runs(scene, request, "does not have this object any more");
}

TEST_CASE(
    "the changes of one sync are one set: approved in one go, and the next reconcile passes "
    "whole") {
  PolicyShape shape;
  shape.spec_patch = {{"separationOfDuties", {{"authorAnnotations", {"ci.example.com/author"}}}}};
  const Scene scene(shape), other;
  let_speak(scene);
  const Kind kind = kustomizations();
  kind.make(scene.ns(), "apps",
            {{"lastAttemptedRevision", "main@sha1:aaa"}, {"conditions", ready("Unknown", in(-5))}});
  const auto of = [&](Json object) {
    object["metadata"]["annotations"]["ci.example.com/author"] = "carol";
    return of_flux(scene, std::move(object));
  };
  const Json web = of(scene.deployment("web")), config = of(scene.config_map("settings", "2"));
  CHECK_FALSE(send("kustomize-controller", scene.deployments(), web).ok());
  CHECK_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
  must(send("kustomize-controller", scene.jobs(), of(scene.job("migrate"))));
  kind.tell(scene.ns(), "apps", {{"conditions", ready("False", in(1))}});
  const std::string set = "flux/" + scene.ns() + "/apps";
  const auto plugin = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "holdpoint");
    return as("lead").kubectl(words);
  };

  const Output listed = plugin({"list", "--change-set", set, "-n", scene.ns()});
  CHECK(listed.out.find("CHANGE SET") != std::string::npos);
  CHECK(listed.out.find(set) != std::string::npos);
  const Output shown = plugin({"show", "--change-set", set, "-n", scene.ns()});
  CAPTURE(shown.out);
  CHECK(shown.out.find("3 changes") != std::string::npos);
  CHECK(shown.out.find("by carol") != std::string::npos);
  CHECK(shown.out.find("main@sha1:aaa") != std::string::npos);
  const auto job_at = shown.out.find("1. Pending  Job"),
             web_at = shown.out.find("3. Pending  Deployment");
  CHECK(job_at < web_at);
  CHECK(web_at != std::string::npos);

  // The same name elsewhere is another set, and a wrong name is told what there is.
  const Output elsewhere = plugin({"approve", "--change-set", set, "-n", other.ns()});
  CHECK(elsewhere.exit_code != 0);
  const Output wrong = plugin({"approve", "--change-set", "nope", "-n", scene.ns()});
  CHECK(wrong.exit_code != 0);
  CHECK(wrong.err.find(set + " (3)") != std::string::npos);

  const std::string pin = " --seen ";
  const auto pin_at = shown.out.find(pin);
  REQUIRE(pin_at != std::string::npos);
  const Output approved =
      plugin({"approve", "--change-set", set, "-n", scene.ns(), "--seen",
              shown.out.substr(pin_at + pin.size(), 12), "--reason", "release 7"});
  CAPTURE(approved.out);
  REQUIRE_MESSAGE(approved.exit_code == 0, approved.err);
  const auto first = approved.out.find("Job " + scene.ns() + "/migrate: approved");
  const auto last = approved.out.find("Deployment " + scene.ns() + "/web: approved");
  CHECK(first < last);
  CHECK(last != std::string::npos);
  scene.await_phase(scene.requests_for("migrate").front().metadata.name, RequestPhase::Released);
  const std::string web_request = scene.open_request("web").metadata.name;
  const std::string config_request = scene.open_request("settings").metadata.name;
  scene.await_phase(web_request, RequestPhase::Approved);
  scene.await_phase(config_request, RequestPhase::Approved);
  // Flux is told once, when nothing of it waits any more.
  REQUIRE(eventually([&] {
    return !string_at(scene.get(kind.path(scene.ns(), "apps")),
                      {"metadata", "annotations", "reconcile.fluxcd.io/requestedAt"})
                .empty();
  }));
  const auto retriggered = [&] {
    const auto all =
        must(admin().list(path_of(kApiVersion, "auditrecords", "holdpoint-system"), {}, soon()));
    return std::count_if(all.items.begin(), all.items.end(), [&](const Json& one) {
      return string_at(one, {"spec", "fact"}) == "Retriggered" &&
             string_at(one, {"spec", "subject", "namespace"}) == scene.ns();
    });
  };
  std::ptrdiff_t told = 0;
  CHECK(eventually([&] { return retriggered() > 0; }));
  // Nor again by the change that had waited for the other.
  CHECK_FALSE(eventually(
      [&] {
        told = retriggered();
        return told > 1;
      },
      Duration(3'000)));
  CHECK(told == 1);
  kind.tell(scene.ns(), "apps", {{"conditions", ready("Unknown", in(2))}});
  must(send("kustomize-controller", scene.config_maps(), config));
  must(send("kustomize-controller", scene.deployments(), web));
  scene.await_phase(web_request, RequestPhase::Released);
  scene.await_phase(config_request, RequestPhase::Released);
}

TEST_CASE("labels of somebody else's Kustomization have nobody told, and show nothing of it") {
  const Scene scene;
  const Kind kind = kustomizations();
  kind.make(scene.ns(), "apps", {{"conditions", ready("Unknown", in(0))}});
  const Json config = of_flux(scene, scene.config_map("settings", "1"));
  REQUIRE_FALSE(send("kustomize-controller", scene.config_maps(), config).ok());
  const std::string request = scene.open_request("settings").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  REQUIRE(wait_for(Duration(2'000), {}));
  CHECK(string_at(scene.get(kind.path(scene.ns(), "apps")),
                  {"metadata", "annotations", "reconcile.fluxcd.io/requestedAt"})
            .empty());
  for (const Json& event :
       must(client_as("admin").list(path_of("v1", "events", scene.ns()), {}, soon())).items)
    CHECK(string_at(event, {"involvedObject", "kind"}) != "Kustomization");
}

TEST_CASE("change sets that people named alike in two namespaces are approved one by one") {
  const Scene one, two;
  for (const Scene* scene : {&one, &two}) {
    Json config = scene->config_map("settings", "2");
    config["metadata"]["annotations"]["holdpoint.dev/change-set"] = "release 7";
    REQUIRE_FALSE(scene->create("developer", scene->config_maps(), config).ok());
    (void)scene->open_request("settings");
  }
  const auto approve = [&](const std::vector<std::string>& where) {
    std::vector<std::string> words{"holdpoint", "approve", "--change-set", "release 7"};
    words.insert(words.end(), where.begin(), where.end());
    return as("admin").kubectl(words);
  };
  const Output both = approve({"-A"});
  CHECK(both.exit_code != 0);
  CHECK(both.err.find(one.ns()) != std::string::npos);
  CHECK(both.err.find(two.ns()) != std::string::npos);
  for (const Scene* scene : {&one, &two})
    CHECK(scene->open_request("settings").status.decisions.empty());
  (void)as("lead").kubectl({"holdpoint", "approve", "--change-set", "release 7", "-n", one.ns()});
  one.await_phase(one.open_request("settings").metadata.name, RequestPhase::Approved);
  CHECK(two.open_request("settings").status.phase == RequestPhase::Pending);
}

TEST_CASE("a hook that waits ends with the release that made it") {
  const Scene scene;
  let_records_be_seen(scene);
  record(scene, "1", "deployed");
  record(scene, "2", "pending-upgrade");
  must(send("helm", scene.jobs(), hook_job(scene)));
  const ApprovalRequest request = scene.open_request("migrate");
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->name == "web");
  CHECK(request.spec.origin->revision == "web-2.0.0");
  CHECK(request.spec.hold == RequestHold::Gate);
  std::string why;
  SUBCASE("which failed") {
    record(scene, "2", "failed");
    why =
        "revision 2 of Helm release " + scene.ns() + "/web, which this hook belongs to, is failed";
  }
  SUBCASE("which was rolled back") {
    (void)wait_for(Duration(1'100), {});  // times of the API server have whole seconds
    record(scene, "3", "pending-rollback");
    why = "is at revision 3 (pending-rollback) now, and this hook belongs to revision 2";
  }
  never_runs(scene, request.metadata.name, why);
}

TEST_CASE("the Helm CLI rolls back, its hook stays behind, and approving it later runs nothing") {
  const Scene scene;
  let_records_be_seen(scene);
  grant_role(scene.ns(), "admin", group_named("developers"));
  const std::filesystem::path chart = std::filesystem::temp_directory_path() / unique("chart");
  std::filesystem::create_directories(chart / "templates");
  std::ofstream(chart / "Chart.yaml") << "apiVersion: v2\nname: web\nversion: 2.0.0\n";
  std::ofstream(chart / "templates" / "job.json") << hook_job(scene).dump();
  const auto helm = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "helm");
    for (const char* word : {"web", chart.c_str(), "--kube-context", "developer", "-n"})
      words.emplace_back(word);
    words.push_back(scene.ns());
    return run(words);
  };
  const Output installed = helm({"install"});
  REQUIRE_MESSAGE(installed.ok(), installed.text());
  const Output upgraded = helm({"upgrade", "--rollback-on-failure", "--timeout", "6s"});
  CHECK_FALSE(upgraded.ok());
  CHECK(upgraded.err.find("has been rolled back") != std::string::npos);
  std::filesystem::remove_all(chart);
  REQUIRE_FALSE(scene.requests_for("migrate").empty());
  const ApprovalRequest request = scene.requests_for("migrate").front();
  CHECK(request.spec.client == "helm");
  CHECK(request.spec.change_set == "helm/" + scene.ns() + "/web");
  never_runs(scene, request.metadata.name, "Helm release " + scene.ns() + "/web");
}

TEST_CASE("a hook whose release is in progress is approved and runs") {
  const Scene scene;
  let_records_be_seen(scene);
  record(scene, "1", "pending-install");
  // What else a record holds stays where it is.
  const auto seen = must(as_service_account("holdpoint-system", "holdpoint-operator")
                             .list_metadata(path_of("v1", "secrets", scene.ns()), {}, soon()));
  REQUIRE(seen.items.size() == 1);
  CHECK(string_at(seen.items.front(), {"metadata", "labels", "status"}) == "pending-install");
  CHECK(member_at(seen.items.front(), {"data"}) == nullptr);
  must(send("helm", scene.jobs(), hook_job(scene)));
  const std::string request = scene.open_request("migrate").metadata.name;
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a hook whose release nobody may see says so and ends after hold.patience") {
  PolicyShape shape;
  shape.patience = "12s";
  const Scene scene(shape);
  // Other tests have it read Secrets, for a while.
  REQUIRE(eventually([&] {
    return !must(as_service_account("holdpoint-system", "holdpoint-operator")
                     .may_i({"list", "", "secrets", "", scene.ns(), ""}, soon()));
  }));
  record(scene, "1", "pending-install");
  must(send("helm", scene.jobs(), hook_job(scene)));
  const std::string request = scene.open_request("migrate").metadata.name;
  CHECK(eventually([&] {
    for (const Condition& condition : scene.request(request).status.conditions)
      if (condition.type == "OriginSeen" && condition.status == "False") return true;
    return false;
  }));
  const Output shown = as("lead").kubectl({"holdpoint", "show", request, "-n", scene.ns()});
  CHECK(shown.out.find("Helm release " + scene.ns() + "/web") != std::string::npos);
  CHECK(shown.out.find("is not to be seen") != std::string::npos);
  never_runs(scene, request, "it has waited longer than hold.patience");
}

TEST_CASE("a hook of a HelmRelease is stale when its attempt is over") {
  const Scene scene;
  const Kind kind("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease");
  kind.make(scene.ns(), "web",
            {{"lastAttemptedRevision", "2.0.0"}, {"conditions", ready("Unknown", in(-2))}});
  Json job = hook_job(scene);
  job["metadata"]["labels"] = {{"helm.toolkit.fluxcd.io/name", "web"},
                               {"helm.toolkit.fluxcd.io/namespace", scene.ns()}};
  must(send("helm-controller", scene.jobs(), job));
  const std::string request = scene.open_request("migrate").metadata.name;
  kind.tell(scene.ns(), "web",
            {{"conditions", ready("False", in(1), "upgrade failed: timed out")}});
  never_runs(scene, request, "that this hook belongs to is over");
}

TEST_CASE("what an Argo CD application is to prune is stale, and stays paused") {
  const Scene scene;
  const Kind kind("argoproj.io", "v1alpha1", "applications", "Application");
  kind.make(scene.ns(), "shop",
            {{"operationState",
              {{"phase", "Running"},
               {"startedAt", in(-2)},
               {"operation", {{"sync", {{"revision", "aaa"}}}}}}}});
  Json web = scene.deployment("web");
  web["metadata"]["annotations"] = {{"argocd.argoproj.io/tracking-id",
                                     scene.ns() + "_shop:apps/Deployment:" + scene.ns() + "/web"}};
  must(send("argocd-controller", scene.deployments(), web));
  const ApprovalRequest request = scene.open_request("web");
  REQUIRE(request.spec.origin.has_value());
  CHECK(request.spec.origin->revision == "aaa");
  kind.tell(scene.ns(), "shop",
            {{"operationState", {{"phase", "Succeeded"}, {"finishedAt", in(1)}}},
             {"resources", Json::array({{{"group", "apps"},
                                         {"kind", "Deployment"},
                                         {"namespace", scene.ns()},
                                         {"name", "web"},
                                         {"requiresPruning", true}}})}});
  scene.await_phase(request.metadata.name, RequestPhase::Stale);
  CHECK_FALSE(scene.decide("lead", request.metadata.name).ok());
  CHECK(is_paused(scene.get(scene.deployments("web"))));
}

}  // namespace
}  // namespace holdpoint::cluster
