#include "core/change/moved_on.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/standing.hpp"
#include "core/change/origin.hpp"

namespace holdpoint {
namespace {

using Is = OriginState::Is;

constexpr const char* kAsked = "2026-01-02T10:00:00Z";
constexpr const char* kBefore = "2026-01-02T09:59:30Z";
constexpr const char* kAfter = "2026-01-02T10:30:00Z";

// A change of web that its controller asked for at 10:00, refused or stored held.
ApprovalRequest a_request(OriginKind kind, RequestHold hold, const std::string& hook = "") {
  ApprovalRequest request;
  request.metadata.creation_timestamp = kAsked;
  request.spec.hold = hold;
  request.spec.target = {"batch", "v1", "Job", "jobs", "shop", "web", "", ""};
  request.spec.origin = Origin{kind, "apps", "web", "rev-a", hook, 0};
  request.spec.client = kind == OriginKind::Kustomization ? "kustomize-controller"
                        : kind == OriginKind::HelmRelease ? "helm-controller"
                        : kind == OriginKind::Application ? "argocd-controller"
                                                          : "helm";
  return request;
}

Json ready(const std::string& status, const std::string& since) {
  return Json::array({{{"type", "Reconciling"}, {"status", "True"}},
                      {{"type", "Ready"},
                       {"status", status},
                       {"lastTransitionTime", since},
                       {"message", "timed out waiting for the condition"}}});
}

// As kustomize-controller 1.9 writes it.
Json kustomization(const std::string& status, const std::string& since, const std::string& applied,
                   const std::string& attempted) {
  return {{"metadata", {{"generation", 3}}},
          {"status",
           {{"observedGeneration", 3},
            {"conditions", ready(status, since)},
            {"lastAppliedRevision", applied},
            {"lastAttemptedRevision", attempted},
            {"inventory", {{"entries", {{{"id", "shop_web_batch_Job"}, {"v", "v1"}}}}}}}}};
}

// As helm-controller 1.6 writes it: newest snapshot first.
Json helm_release(const std::string& status, const std::string& since, const std::string& snapshot,
                  const std::string& deployed) {
  return {{"metadata", {{"generation", 2}}},
          {"status",
           {{"observedGeneration", 2},
            {"conditions", ready(status, since)},
            {"lastAttemptedRevision", "rev-a"},
            {"history",
             {{{"version", 7},
               {"status", snapshot},
               {"chartVersion", "2.0.0"},
               {"lastDeployed", deployed}}}}}}};
}

Json application(const std::string& phase, const std::string& revision, const std::string& sync,
                 const std::string& compared) {
  Json operation{{"phase", phase},
                 {"startedAt", kBefore},
                 {"operation", {{"sync", {{"revision", "rev-a"}}}}},
                 {"syncResult", {{"revision", revision}}}};
  if (phase != "Running") operation["finishedAt"] = kBefore;
  return {{"status",
           {{"operationState", operation}, {"sync", {{"status", sync}, {"revision", compared}}}}}};
}

Json record(int version, const std::string& status, const std::string& created) {
  return {{"metadata",
           {{"creationTimestamp", created},
            {"labels",
             {{"owner", "helm"},
              {"name", "web"},
              {"status", status},
              {"version", std::to_string(version)}}}}}};
}

TEST_CASE("a refused change is stale once its Kustomization is ready without it, and not before") {
  const ApprovalRequest request = a_request(OriginKind::Kustomization, RequestHold::Deny);
  const auto is = [&](const Json& live) { return state_by_object(request, live).is; };
  // Refused, tried again, and the same content on another revision of a monorepo: refused as well.
  CHECK(is(kustomization("Unknown", kBefore, "rev-0", "rev-a")) == Is::Current);
  CHECK(is(kustomization("False", kAfter, "rev-0", "rev-a")) == Is::Current);
  CHECK(is(kustomization("False", kAfter, "rev-0", "rev-b")) == Is::Current);
  CHECK(is(kustomization("Unknown", kAfter, "rev-0", "rev-b")) == Is::Current);
  // All of another revision went through; or all of this one, after an edit of the Kustomization.
  const OriginState moved =
      state_by_object(request, kustomization("True", kAfter, "rev-b", "rev-b"));
  CHECK(moved.is == Is::MovedOn);
  CHECK(moved.why == "Kustomization apps/web is at rev-b now, without this change");
  CHECK(is(kustomization("True", kAfter, "rev-a", "rev-a")) == Is::MovedOn);
  CHECK(is(kustomization("True", kBefore, "rev-b", "rev-b")) == Is::MovedOn);
  // Ready from before it was asked, or of a spec that is not the one that stands there.
  CHECK(is(kustomization("True", kBefore, "rev-a", "rev-a")) == Is::Current);
  Json edited = kustomization("True", kAfter, "rev-b", "rev-b");
  edited["metadata"]["generation"] = 4;
  CHECK(is(edited) == Is::Current);
  CHECK(is(Json()) == Is::MovedOn);
  CHECK(is(Json::object()) == Is::Current);
}

TEST_CASE("what is stored held stays valid while the inventory of its Kustomization names it") {
  const ApprovalRequest request = a_request(OriginKind::Kustomization, RequestHold::Gate);
  Json live = kustomization("True", kAfter, "rev-b", "rev-b");
  CHECK(state_by_object(request, live).is == Is::Current);
  live["status"]["inventory"]["entries"][0]["id"] = "shop_other_batch_Job";
  CHECK(state_by_object(request, live).is == Is::MovedOn);
  live["status"]["conditions"] = ready("Unknown", kAfter);
  CHECK(state_by_object(request, live).is == Is::Current);
  live["status"]["conditions"] = ready("True", kAfter);
  live["status"].erase("inventory");
  CHECK(state_by_object(request, live).is == Is::Current);
}

TEST_CASE("a refused change of a HelmRelease outlives the rollback that follows the refusal") {
  const ApprovalRequest request = a_request(OriginKind::HelmRelease, RequestHold::Deny);
  const auto is = [&](const Json& live) { return state_by_object(request, live).is; };
  CHECK(is(helm_release("Unknown", kBefore, "deployed", kBefore)) == Is::Current);
  CHECK(is(helm_release("False", kAfter, "failed", kBefore)) == Is::Current);
  CHECK(is(helm_release("False", kAfter, "deployed", kAfter)) == Is::Current);  // rolled back
  CHECK(is(helm_release("True", kBefore, "deployed", kBefore)) ==
        Is::Current);  // drift is corrected
  CHECK(is(helm_release("True", kAfter, "deployed", kAfter)) == Is::MovedOn);
  // What is no hook goes with its release.
  CHECK(state_by_object(a_request(OriginKind::HelmRelease, RequestHold::Gate),
                        helm_release("False", kAfter, "failed", kBefore))
            .is == Is::Current);
}

TEST_CASE("a held hook is stale when the attempt of its HelmRelease is over") {
  const ApprovalRequest request =
      a_request(OriginKind::HelmRelease, RequestHold::Gate, "pre-install,pre-upgrade");
  const auto is = [&](const Json& live) { return state_by_object(request, live).is; };
  CHECK(is(helm_release("Unknown", kBefore, "deployed", kBefore)) == Is::Current);
  CHECK(is(helm_release("Unknown", kBefore, "failed", kBefore)) == Is::Current);  // a second try
  CHECK(is(helm_release("True", kAfter, "deployed", kBefore)) == Is::Current);
  const OriginState failed =
      state_by_object(request, helm_release("False", kAfter, "failed", kBefore));
  CHECK(failed.is == Is::MovedOn);
  CHECK(failed.why.find("is over") != std::string::npos);
  CHECK(failed.why.find("timed out waiting") == std::string::npos);  // not everybody may read that
  CHECK(is(helm_release("False", kAfter, "deployed", kAfter)) == Is::MovedOn);   // rolled back
  CHECK(is(helm_release("True", kAfter, "deployed", kAfter)) == Is::MovedOn);    // superseded
  CHECK(is(helm_release("Unknown", kAfter, "failed", kBefore)) == Is::MovedOn);  // another try runs
  CHECK(is(Json()) == Is::MovedOn);
  CHECK(is(Json::object()) == Is::Unknown);
  // A rollback runs while the release is not ready: nothing is to be seen of its hooks.
  CHECK(state_by_object(a_request(OriginKind::HelmRelease, RequestHold::Gate, "post-rollback"),
                        helm_release("False", kBefore, "failed", kBefore))
            .is == Is::Unknown);
}

TEST_CASE("a long revision that stays the same is not taken for another one") {
  for (const std::size_t size : {300U, 600U}) {
    CAPTURE(size);
    const std::string revision(size, 'a');
    const auto is = [&](OriginKind kind, RequestHold hold, const std::string& hook,
                        const Json& live) {
      ApprovalRequest request = a_request(kind, hold, hook);
      request.spec.origin->revision = visible_cut(revision, kMostRevision);
      return state_by_object(request, live).is;
    };
    Json release = helm_release("Unknown", kBefore, "deployed", kBefore);
    release["status"]["lastAttemptedRevision"] = revision;
    CHECK(is(OriginKind::HelmRelease, RequestHold::Gate, "pre-upgrade", release) == Is::Current);
    release["status"]["lastAttemptedRevision"] = "b" + revision;
    CHECK(is(OriginKind::HelmRelease, RequestHold::Gate, "pre-upgrade", release) == Is::MovedOn);
    CHECK(is(OriginKind::Kustomization, RequestHold::Deny, "",
             kustomization("True", kBefore, revision, revision)) == Is::Current);
    CHECK(is(OriginKind::Application, RequestHold::Deny, "",
             application("Succeeded", revision, "Synced", revision)) == Is::Current);
  }
}

TEST_CASE("a change of an Application is stale once the application is at another revision") {
  const ApprovalRequest request = a_request(OriginKind::Application, RequestHold::Deny);
  const auto is = [&](const Json& live) { return state_by_object(request, live).is; };
  CHECK(is(application("Running", "rev-a", "OutOfSync", "rev-a")) == Is::Current);
  CHECK(is(application("Failed", "rev-a", "OutOfSync", "rev-a")) == Is::Current);
  CHECK(is(application("Failed", "rev-a", "OutOfSync", "rev-b")) == Is::Current);
  CHECK(is(application("Running", "rev-b", "Synced", "rev-b")) == Is::Current);
  CHECK(is(application("Succeeded", "rev-b", "Synced", "rev-b")) == Is::MovedOn);
  CHECK(is(application("Failed", "rev-a", "Synced", "rev-b")) == Is::MovedOn);  // reverted in Git
  Json partial = application("Succeeded", "rev-b", "OutOfSync", "rev-b");
  partial["status"]["operationState"]["operation"]["sync"]["resources"] =
      Json::array({{{"kind", "Service"}}});
  CHECK(is(partial) == Is::Current);
  Json again = application("Succeeded", "rev-a", "Synced", "rev-a");
  CHECK(is(again) == Is::Current);  // from before it was asked
  again["status"]["operationState"]["finishedAt"] = kAfter;
  CHECK(is(again) == Is::MovedOn);
  CHECK(is(Json()) == Is::MovedOn);
}

TEST_CASE(
    "what an Application holds is stale when it is to be pruned, and its hook with its sync") {
  const ApprovalRequest request = a_request(OriginKind::Application, RequestHold::Suspend);
  Json live = application("Succeeded", "rev-b", "OutOfSync", "rev-b");
  const Json mine{{"group", "batch"}, {"kind", "Job"}, {"namespace", "shop"}, {"name", "web"}};
  live["status"]["resources"] = Json::array({mine});
  CHECK(state_by_object(request, live).is == Is::Current);
  live["status"]["resources"][0]["requiresPruning"] = true;
  CHECK(state_by_object(request, live).is == Is::MovedOn);

  const ApprovalRequest hook = a_request(OriginKind::Application, RequestHold::Suspend, "PreSync");
  const auto is = [&](const Json& state) { return state_by_object(hook, state).is; };
  CHECK(is(application("Running", "rev-a", "OutOfSync", "rev-a")) == Is::Current);
  CHECK(is(application("Failed", "rev-a", "OutOfSync", "rev-a")) == Is::MovedOn);
  CHECK(is(application("Terminating", "rev-a", "OutOfSync", "rev-a")) == Is::MovedOn);
  Json later = application("Running", "rev-b", "OutOfSync", "rev-b");
  later["status"]["operationState"]["startedAt"] = kAfter;
  CHECK(is(later) == Is::MovedOn);
  CHECK(is(Json::object()) == Is::Unknown);
}

TEST_CASE("a held hook of the Helm CLI is stale when Helm's records say that its release went on") {
  const ApprovalRequest request = a_request(OriginKind::Release, RequestHold::Gate, "pre-upgrade");
  const auto is = [&](const std::vector<Json>& records) {
    return state_by_records(request, records).is;
  };
  const Json old = record(1, "deployed", "2026-01-01T00:00:00Z");
  CHECK(is({old, record(2, "pending-upgrade", kBefore)}) == Is::Current);
  CHECK(is({record(2, "pending-upgrade", kAsked), old}) == Is::Current);
  CHECK(is({old, record(2, "deployed", kBefore)}) == Is::Current);
  CHECK(is({old, record(2, "failed", kBefore)}) == Is::MovedOn);
  CHECK(is({old, record(2, "superseded", kBefore), record(3, "deployed", kAfter)}) == Is::MovedOn);
  const OriginState rolled = state_by_records(
      request, {record(10, "pending-rollback", kAfter), record(9, "failed", kBefore)});
  CHECK(rolled.is == Is::MovedOn);
  CHECK(rolled.why ==
        "Helm release apps/web is at revision 10 (pending-rollback) now, and this hook belongs to "
        "revision 9");
  // Nothing there, or nothing that can be read.
  CHECK(is({}) == Is::Unknown);
  CHECK(is({record(2, "deployed", kAfter)}) == Is::Unknown);
  CHECK(is({record(0, "deployed", kBefore), record(-1, "failed", "soon"), Json("x")}) ==
        Is::Unknown);
  // What Helm did not store waits for nothing: its approval admits it, whoever deploys it.
  CHECK(state_by_records(a_request(OriginKind::Release, RequestHold::Deny), {}).is == Is::Current);
}

TEST_CASE("only what the controller itself sent follows its origin") {
  ApprovalRequest request = a_request(OriginKind::Kustomization, RequestHold::Deny);
  const Json live = kustomization("True", kAfter, "rev-b", "rev-b");
  request.spec.client = "kubectl-edit";
  CHECK(state_by_object(request, live).is == Is::Current);
  request.spec.client = "kustomize-controller";
  request.spec.proposed = Json::object();  // asked ahead
  CHECK(state_by_object(request, live).is == Is::Current);
  request.spec.proposed = nullptr;
  request.spec.origin->revision.clear();
  CHECK(state_by_object(request, Json()).is == Is::Current);  // never seen, so not gone
  request.spec.origin.reset();
  CHECK(state_by_object(request, live).is == Is::Current);
}

TEST_CASE("a hook tells its release as charts do, and where it does not it is still a hook") {
  Json job{{"metadata",
            {{"name", "migrate"},
             {"namespace", "shop"},
             {"labels", {{"app.kubernetes.io/instance", "web"}, {"helm.sh/chart", "web-2.0.0"}}},
             {"annotations", {{"helm.sh/hook", "pre-upgrade"}, {"helm.sh/hook-weight", "-5"}}}}}};
  const auto origin = origin_of(job);
  REQUIRE(origin.has_value());
  CHECK(origin->kind == OriginKind::Release);
  CHECK(describe(*origin) == "Helm release shop/web");
  CHECK(origin->revision == "web-2.0.0");
  CHECK(origin->hook == "pre-upgrade");
  CHECK(origin->wave == -5);
  CHECK(change_set_of(job) == "helm/shop/web");
  job["metadata"]["labels"] = {{"app.kubernetes.io/instance", "not a/name"}};
  job["metadata"]["annotations"]["helm.sh/hook-weight"] = "99999999999999999999";
  const auto nameless = origin_of(job);
  REQUIRE(nameless.has_value());
  CHECK(nameless->name.empty());
  CHECK(nameless->wave == 0);
  CHECK(describe(*nameless) == "Helm release of shop");
  CHECK(change_set_of(job).empty());
  job["metadata"]["annotations"].erase("helm.sh/hook");
  CHECK_FALSE(origin_of(job).has_value());
}

// What comes of a request by what is known of its origin.
struct Judged {
  ApprovalPolicy policy;
  ApprovalRequest request = a_request(OriginKind::Release, RequestHold::Gate, "pre-upgrade");
  StandingInput input;
  Judged() {
    policy.metadata.name = "prod", policy.metadata.uid = "p";
    policy.spec.stages = {{"leads", {{"leads"}, {}, {}}, 1}};
    request.metadata.name = "web-1", request.metadata.uid = "r";
    request.spec.policy = {"prod", "p", policy_hash(policy.spec)};
    request.spec.stages = policy.spec.stages;
    Approval approval;
    approval.metadata.creation_timestamp = "2026-01-02T10:05:00Z";
    approval.spec.request.uid = "r";
    approval.spec.author = {"bob", "", {"leads"}};
    input.ballots = {{approval, true, false, {}}};
  }
  Standing at(const std::string& time) {
    input.request = &request, input.policy = &policy;
    input.now = *parse_rfc3339(time);
    return next_state(input);
  }
};

TEST_CASE("no approval brings back what its origin went on without") {
  Judged judged;
  CHECK(judged.at("2026-01-02T10:06:00Z").phase == RequestPhase::Approved);
  judged.input.origin = {Is::MovedOn, "Helm release apps/web is at revision 3"};
  const Standing standing = judged.at("2026-01-02T10:06:00Z");
  CHECK(standing.phase == RequestPhase::Stale);
  CHECK(standing.message == "Helm release apps/web is at revision 3; deploy it again to ask anew");
  judged.input.released = true;  // what happened has happened
  CHECK(judged.at("2026-01-02T10:06:00Z").phase == RequestPhase::Released);
}

TEST_CASE("a hook whose release nobody can see waits for hold.patience and no longer") {
  Judged judged;
  judged.input.origin = state_unseen(judged.request.spec);
  REQUIRE(judged.input.origin.is == Is::Unknown);
  const Standing waits = judged.at("2026-01-02T10:06:00Z");
  CHECK(waits.phase == RequestPhase::Approved);
  CHECK(waits.unseen.find("2026-01-02T10:15:00Z") != std::string::npos);
  CHECK(*waits.next_change <= *parse_rfc3339("2026-01-02T10:15:00Z"));
  CHECK(judged.at("2026-01-02T10:15:00Z").phase == RequestPhase::Stale);
  judged.policy.spec.hold.patience = "2h";
  CHECK(judged.at("2026-01-02T10:15:00Z").phase == RequestPhase::Approved);
  judged.policy.spec.hold.patience = "soon";  // what cannot be read is over
  CHECK(judged.at("2026-01-02T10:06:00Z").phase == RequestPhase::Stale);
}

}  // namespace
}  // namespace holdpoint
