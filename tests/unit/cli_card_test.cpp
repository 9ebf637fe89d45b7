#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.hpp"
#include "cli/card.hpp"
#include "cli/kubectl.hpp"
#include "cli/names.hpp"
#include "core/approval/checks.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"

namespace holdpoint::cli {
namespace {

constexpr const char* kCreated = "2026-01-02T03:00:00Z";

// A request of developer for a Deployment that is stored held, seen by anna of the leads half an
// hour later.
struct Desk {
  Dossier dossier;

  Desk() {
    ApprovalPolicy& policy = dossier.policy;
    policy.metadata.name = "production";
    policy.metadata.uid = "policy-uid";
    Stage stage;
    stage.name = "leads";
    stage.approvers.groups = {"leads"};
    policy.spec.stages = {stage};
    dossier.policy_is = Dossier::PolicyIs::Read;
    ApprovalRequest& request = dossier.request;
    request.metadata.name = "web-0123456789-1";
    request.metadata.namespace_ = "production";
    request.metadata.uid = "request-uid";
    request.metadata.creation_timestamp = kCreated;
    request.spec.target.kind = "Deployment";
    request.spec.target.group = "apps";
    request.spec.target.resource = "deployments";
    request.spec.target.namespace_ = "production";
    request.spec.target.name = "web";
    request.spec.operation = Operation::Update;
    request.spec.hold = RequestHold::Suspend;
    request.spec.binding_digest = "sha256:1";
    request.spec.requester = {"developer", "uid-dev", {"developers"}};
    request.spec.client = "kubectl-client-side-apply";
    request.spec.reason = "Release 2.4";
    request.spec.summary = {"image web 1.4.1 -> 1.5.0", "replicas 3 -> 10"};
    request.spec.diff = "@ spec.template.spec.containers[web].image\n-web:1.4.1\n+web:1.5.0";
    rules();
    dossier.me = Identity{"anna", "uid-anna", {"leads"}};
    dossier.authorized = true;
    dossier.now = *parse_rfc3339("2026-01-02T03:30:00Z");
    // What runs, and what is held in its place.
    const auto with_image = [](const char* image) {
      return Json{{"spec", {{"containers", Json::array({{{"name", "web"}, {"image", image}}})}}}};
    };
    request.spec.base = {{"/spec/template", with_image("web:1.4.1")}};
    request.spec.base_digest = *content_digest(request.spec.base);
    Live& live = dossier.live;
    live.is = Live::Is::Read;
    live.at = dossier.now - std::chrono::seconds(2);
    live.requests = std::vector<ApprovalRequest>{};
    live.object = {
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata",
         {{"name", "web"},
          {"generation", 7},
          {"annotations", {{kHeldAnnotation, "production/web-0123456789-1"}}}}},
        {"spec", {{"replicas", 3}, {"paused", true}, {"template", with_image("web:1.5.0")}}},
        {"status", {{"readyReplicas", 3}, {"updatedReplicas", 3}, {"observedGeneration", 7}}}};
    request.spec.content_digest =
        *content_digest(Json{{"/spec/template", with_image("web:1.5.0")}});
  }
  // The request follows the policy.
  void rules() {
    dossier.request.spec.stages = dossier.policy.spec.stages;
    dossier.request.spec.policy = {"production", "policy-uid", policy_hash(dossier.policy.spec)};
  }
  Desk& required(int people) {
    dossier.policy.spec.stages[0].required = people;
    rules();
    return *this;
  }
  Desk& decided(const std::string& who, Decision decision, const std::string& reason = "") {
    Approval approval;
    approval.metadata.name = "by-" + who;
    approval.metadata.creation_timestamp = "2026-01-02T03:10:00Z";
    approval.spec.request = {dossier.request.metadata.name, "request-uid", "sha256:1"};
    approval.spec.decision = decision;
    approval.spec.reason = reason;
    approval.spec.author = {who, "uid-" + who, {"leads"}};
    dossier.approvals.push_back(approval);
    return *this;
  }
  // The policy wants the ConfigMap ops/freeze to say no, and this is what it said 12 s ago.
  Desk& checked(CheckOutcome said) {
    Check check;
    check.name = "no-freeze";
    check.object.emplace();
    check.object->resource = "configmaps";
    check.object->field = "/data/active";
    check.object->value = "false";
    dossier.policy.spec.checks = dossier.request.spec.checks = {check};
    const std::string is = said == CheckOutcome::Pass ? "false" : "true, wanted false";
    dossier.request.status.checks = {{"no-freeze", definition_of(check), said,
                                      "ConfigMap ops/freeze /data/active is " + is,
                                      "2026-01-02T03:29:48Z"}};
    rules();
    return *this;
  }
  [[nodiscard]] std::string text() const { return card(dossier, Colour::No); }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

ApprovalRequest named(const std::string& name, RequestPhase phase = RequestPhase::Pending) {
  ApprovalRequest request;
  request.metadata.name = name;
  request.status.phase = phase;
  return request;
}

}  // namespace

TEST_CASE("the card tells an approver what there is to know") {
  CHECK(Desk().text() ==
        "Pending  risk Low  Deployment production/web  (UPDATE)\n"
        "\n"
        "change    image web 1.4.1 -> 1.5.0\n"
        "          replicas 3 -> 10\n"
        "now       3 of 3 ready, image web:1.4.1 (read 2s ago)\n"
        "last      no release of it is kept\n"
        "policy    production gates UPDATE of deployments: stored, but nothing of it runs "
        "until approved\n"
        "asked     30m ago by developer, through kubectl-client-side-apply; expires in 23h 30m: "
        "\"Release 2.4\"\n"
        "approval  0 of 1, needs group leads; you may approve: yes\n"
        "\n"
        "diff against what runs now:\n"
        "  @ spec.template.spec.containers[web].image\n"
        "  -web:1.4.1\n"
        "  +web:1.5.0");
  CHECK(next_steps(Desk().dossier) ==
        "approve   kubectl holdpoint approve web-0123456789-1 -n production\n"
        "deny      kubectl holdpoint deny web-0123456789-1 -n production --reason '...'");
}

TEST_CASE("the card says whether this very person may approve") {
  Desk desk;
  SUBCASE("somebody whom the policy does not name") {
    desk.dossier.me = Identity{"sec", "uid-sec", {"appsec"}};
    CHECK(has(desk.text(), "you may approve: no: you (sec) may not decide"));
  }
  SUBCASE("somebody without the verb") {
    desk.dossier.authorized = false;
    CHECK(has(desk.text(), "you may approve: no: you (anna) lack the right"));
  }
  SUBCASE("the requester") {
    desk.dossier.me = Identity{"developer", "uid-dev", {"leads"}};
    CHECK(has(desk.text(), "you may approve: no: you (developer) asked for this change"));
    CHECK(next_steps(desk.dossier) ==
          "pass on   kubectl holdpoint approve web-0123456789-1 -n production\n"
          "withdraw  kubectl holdpoint withdraw web-0123456789-1 -n production");
  }
  SUBCASE("a writer of what is held") {
    desk.dossier.writers = {"anna", "developer"};
    CHECK(has(desk.text(), "you may approve: no: you (anna) asked for this change or wrote it"));
    CHECK(has(desk.text(), "written   by anna as well"));
  }
  SUBCASE("somebody who has approved") {
    desk.required(2).decided("anna", Decision::Approve);
    CHECK(has(desk.text(), "1 of 2, needs group leads; you may approve: no: you (anna) approved"));
  }
  SUBCASE("a policy that is not to be read") {
    desk.dossier.policy_is = Dossier::PolicyIs::Unreadable;
    CHECK(has(desk.text(), "0 of 1, needs group leads; you may approve: yes"));
    desk.dossier.me = Identity{"developer", "uid-dev", {"leads"}};
    CHECK(has(desk.text(), "you may approve: unknown"));
    desk.dossier.me = Identity{"sec", "uid-sec", {"appsec"}};
    CHECK(has(desk.text(), "you may approve: no"));
  }
  SUBCASE("nobody knows") {
    desk.dossier.me.reset();
    CHECK(has(desk.text(), "you may approve: unknown"));
  }
}

TEST_CASE(
    "the card counts the Approvals that are there, whether the operator has seen them or not") {
  Desk desk;
  desk.decided("bob", Decision::Approve, "looks good");
  CHECK(has(desk.text(), "Approved  risk Low  Deployment production/web"));
  CHECK(has(desk.text(), "decided   approved by bob (for leads): \"looks good\""));
  CHECK(next_steps(desk.dossier) ==
        "release   kubectl holdpoint resume deployment/web -n production");
  // ... but not those that Holdpoint found out not to count.
  DecisionLine line;
  line.approval = "by-bob";
  line.note = "the author lacks the verb approve on the policy";
  desk.dossier.request.status.decisions = {line};
  CHECK(has(desk.text(), "Pending  risk Low  Deployment production/web"));
  CHECK(has(desk.text(), "(does not count, the author lacks the verb approve on the policy)"));
}

TEST_CASE("the card tells of a failing check once, and until when the approvals count") {
  const std::string fails =
      "check     no-freeze Fail, seen 12s ago: ConfigMap ops/freeze /data/active is true, wanted "
      "false\n";
  const std::string counts = "; counts until 2026-01-02T04:10:00Z (in 40m)";
  Desk desk;
  desk.checked(CheckOutcome::Fail);
  CHECK(has(desk.text(), fails));
  CHECK(has(desk.text(),
            "\napproval  0 of 1, needs group leads; you may approve: yes\n"
            "waits     for check no-freeze (above)\n"));
  desk.decided("anna", Decision::Approve);
  CHECK(has(desk.text(), fails));
  CHECK(has(desk.text(), "\napproval  1 of 1, approved by anna" + counts +
                             "\nwaits     for check no-freeze (above)\n"));
  const std::string text = desk.text();
  CHECK(text.find("is true, wanted false") == text.rfind("is true, wanted false"));
  CHECK_FALSE(has(text, "expires in"));
  desk.checked(CheckOutcome::Pass);
  CHECK(has(desk.text(),
            "check     no-freeze Pass, seen 12s ago, counts for 4m 48s more: ConfigMap "
            "ops/freeze /data/active is false\n"));
  CHECK(has(desk.text(), "\napproval  approved by anna" + counts + "\n"));
  CHECK_FALSE(has(desk.text(), "\nwaits "));
}

TEST_CASE("Approvals are counted for those who may not read the policy, too") {
  Desk desk;
  desk.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  desk.required(2).decided("bob", Decision::Approve);
  CHECK(has(desk.text(), "1 of 2, needs group leads"));
  desk.decided("carol", Decision::Approve);
  CHECK(has(desk.text(), "Approved  risk Low  Deployment"));
  desk.decided("eve", Decision::Deny);
  CHECK(has(desk.text(), "Denied  risk Low  Deployment"));
  Desk old;
  old.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  old.dossier.now = *parse_rfc3339("2026-03-02T03:30:00Z");  // it may wait that long
  CHECK(old.text().starts_with("Pending"));
  CHECK_FALSE(has(old.text(), "expires"));
}

TEST_CASE("what is over says how it ended") {
  Desk desk;
  desk.decided("bob", Decision::Deny, "not on Friday");
  CHECK(has(desk.text(), "Denied  risk Low  Deployment production/web"));
  CHECK(has(desk.text(), "outcome   denied by bob: \"not on Friday\""));
  CHECK_FALSE(has(desk.text(), "you may approve"));
  const std::string again =
      "ask again kubectl annotate --overwrite deployments/web -n production "
      "holdpoint.dev/ask-again=web-0123456789-1";
  const std::string put_back = "put back  kubectl holdpoint abandon deployment/web -n production\n";
  CHECK(next_steps(desk.dossier) == put_back + again);
  desk.dossier.request.spec.operation = Operation::Create;  // nothing ran before
  CHECK(next_steps(desk.dossier) ==
        "remove    kubectl delete deployment/web -n production\n" + again);
  desk.dossier.request.spec.hold = RequestHold::Deny;
  CHECK(next_steps(desk.dossier).empty());
  desk.dossier.reads_trail = true;
  CHECK(next_steps(desk.dossier) ==
        "trail     kubectl holdpoint audit list --request web-0123456789-1");
  Desk late;
  late.dossier.now = *parse_rfc3339("2026-01-04T03:30:00Z");
  CHECK(late.text().starts_with("Expired"));
  CHECK(next_steps(late.dossier) == put_back + again);
  late.dossier.live.object["metadata"]["annotations"].clear();  // put back by now
  CHECK(next_steps(late.dossier).empty());
  Desk orphan;
  orphan.dossier.policy_is = Dossier::PolicyIs::Gone;
  CHECK(orphan.text().starts_with("Stale"));
  CHECK(next_steps(orphan.dossier) ==
        "waiting   kubectl holdpoint list -n production\n"
        "put back  kubectl holdpoint abandon deployment/web -n production");
}

TEST_CASE("M6: the card shows hostile text, it does not obey it") {
  Desk desk;
  ApprovalRequestSpec& spec = desk.dossier.request.spec;
  spec.requester.username =
      "\xd0\xb0"
      "dmin";  // Cyrillic a
  spec.reason = "ok\nApproved by everybody\x1b[2J";
  spec.summary = {
      "image web 1 -> \xe2\x80\xae"
      "2"};
  spec.diff = "-a\x1b[31m\n+b\x07";
  Json& live = desk.dossier.live.object;
  live["spec"]["template"]["spec"]["containers"][0]["image"] = "x\x1b[2J\n";
  live["status"]["conditions"] = Json::array(
      {{{"type", "Progressing"}, {"status", "False"}, {"reason", "a\x1b[1m"}, {"message", "b"}}});
  spec.target.name = "web\x1b]0;x";
  const std::string text = desk.text();
  CHECK(has(text, "dmin (mixed scripts!)"));
  CHECK(has(text, "\"ok\\u{a}Approved by everybody\\u{1b}[2J\""));
  CHECK(has(text, "1 -> \\u{202e}2"));
  CHECK_FALSE(has(text, "\x1b"));
  CHECK_FALSE(has(text, "\x07"));
  CHECK_FALSE(has(next_steps(desk.dossier), "\x1b"));
}

TEST_CASE("the diff on a card has at most 30 lines") {
  Desk desk;
  std::string diff = "@ x";
  for (int i = 0; i < 99; ++i) diff += "\n+" + std::to_string(i);
  desk.dossier.request.spec.diff = diff;
  desk.dossier.live.is = Live::Is::Unknown;
  const std::string text = desk.text();
  CHECK(has(text, "+27\n  … 71 more lines"));
  CHECK_FALSE(has(text, "+28"));
}

TEST_CASE("colour is for the state alone") {
  const std::string text = card(Desk().dossier, Colour::Yes);
  CHECK(text.starts_with("\x1b[33mPending\x1b[0m  risk Low  Deployment"));
  CHECK(std::count(text.begin(), text.end(), '\x1b') == 2);
}

TEST_CASE("a decision is told with what comes next") {
  ApprovalRequest request = Desk().dossier.request;
  const auto after = [&](RequestPhase phase, RequestHold hold,
                         Decision decision = Decision::Approve, bool counted = true) {
    request.status.phase = phase;
    request.status.message = "1 of 2, needs group leads";
    request.spec.hold = hold;
    return outcome(request, decision, "x-1", counted, Desk().dossier.now);
  };
  CHECK(after(RequestPhase::Released, RequestHold::Suspend) ==
        "approved (x-1): Deployment production/web is released");
  CHECK(after(RequestPhase::Approved, RequestHold::Deny) ==
        "approved (x-1): apply the change again");
  request.status.expires_at = "2026-01-02T04:10:00Z";
  CHECK(after(RequestPhase::Approved, RequestHold::Deny) ==
        "approved (x-1): apply the change again within 40m");
  CHECK(has(after(RequestPhase::Approved, RequestHold::Retry), "goes through by itself"));
  CHECK(has(after(RequestPhase::Pending, RequestHold::Deny), "1 of 2, needs group leads"));
  CHECK(has(after(RequestPhase::Pending, RequestHold::Deny, Decision::Approve, false),
            "has not counted it yet"));
  CHECK(has(after(RequestPhase::Expired, RequestHold::Deny), "the request was over: Expired"));
  CHECK(has(after(RequestPhase::Denied, RequestHold::Suspend, Decision::Deny),
            "kubectl holdpoint abandon deployment/web -n production"));
  CHECK(after(RequestPhase::Denied, RequestHold::Deny, Decision::Deny) ==
        "denied (x-1): Deployment production/web stays as it is");
  for (const auto phase : {RequestPhase::Pending, RequestPhase::Approved, RequestPhase::Released,
                           RequestPhase::Denied})
    for (const auto decision : {Decision::Approve, Decision::Deny, Decision::Withdraw})
      CHECK_FALSE(has(after(phase, RequestHold::Suspend, decision), "\n"));
}

TEST_CASE("a decision is told with the check that the change still waits for") {
  ApprovalRequest request = Desk().checked(CheckOutcome::Fail).dossier.request;
  request.status.message = "approved by anna; waits for check no-freeze: as seen";
  request.status.approvals = "1 of 1";
  request.status.expires_at = "2026-01-02T04:10:00Z";
  const auto told = [&](RequestHold hold) {
    request.spec.hold = hold;
    return outcome(request, Decision::Approve, "x-1", true, Desk().dossier.now);
  };
  const std::string waits =
      "approved (x-1): waits for check no-freeze: ConfigMap ops/freeze /data/active is true, "
      "wanted false; ";
  CHECK(told(RequestHold::Suspend) == waits + "goes on by itself when that passes, within 40m");
  CHECK(told(RequestHold::Deny) == waits + "apply the change again when that passes, within 40m");
  CHECK(told(RequestHold::Retry) ==
        waits + "the client that waits goes through by itself when that passes, within 40m");
  request.status.approvals = "1 of 2";
  request.status.message = "waits for approval: 1 of 2, needs group leads, and check no-freeze: x";
  CHECK(told(RequestHold::Deny) == "approved (x-1): " + request.status.message);
}

TEST_CASE("a broken glass tells of the review that it owes") {
  Desk desk;
  ApprovalRequest& request = desk.dossier.request;
  request.status.phase = RequestPhase::Approved;
  request.status.review = ReviewDebt{"bob", "2026-01-03T03:10:00Z", ""};
  const std::string review = "kubectl holdpoint review web-0123456789-1 -n production";
  const Instant now = desk.dossier.now;
  const std::string told = outcome(request, Decision::BreakGlass, "x-1", true, now);
  CHECK(has(told, "owes a review of it within 23h 40m; until it is done"));
  CHECK(told.starts_with("glass broken (x-1): Deployment production/web is being released\n"));
  CHECK(told.ends_with("\n" + review));
  CHECK_FALSE(has(outcome(request, Decision::Approve, "x-1", true, now), review));

  // Who may not read the policy sees what the operator saw, not that the glass counts for nothing.
  desk.decided("bob", Decision::BreakGlass, "outage");
  request.status.decisions = {{"by-bob", "bob", "BreakGlass", "", "outage", ""}};
  desk.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  CHECK(has(desk.text(), "glass broken by bob: \"outage\""));
  CHECK_FALSE(has(desk.text(), "does not count"));
  CHECK(has(desk.text(), "Approved  risk Low"));
  CHECK(
      has(desk.text(), "owed      a review by somebody else than bob, until 2026-01-03T03:10:00Z"));
  CHECK(next_steps(desk.dossier) == "review    " + review);
  request.status.review->reviewed_by = "anna";
  CHECK_FALSE(has(desk.text(), "owed "));
  CHECK_FALSE(has(outcome(request, Decision::BreakGlass, "x-1", true, now), review));
}

TEST_CASE("the card tells what runs now, in the words of the kind") {
  Desk desk;
  Json& object = desk.dossier.live.object;
  const auto now = [&] {
    return state_now(desk.dossier.request, desk.dossier.live, desk.dossier.now);
  };
  const auto is = [&](const char* group, const char* kind, const char* resource) {
    Target& target = desk.dossier.request.spec.target;
    target.group = group, target.kind = kind, target.resource = resource;
    object["kind"] = kind;
  };
  SUBCASE("a rollout that is stuck") {
    object["metadata"]["annotations"].clear();
    object["spec"]["paused"] = false;
    object["status"] = {{"readyReplicas", 2}, {"updatedReplicas", 1}, {"observedGeneration", 6}};
    object["status"]["conditions"] = Json::array(
        {{{"type", "Progressing"}, {"status", "False"}, {"reason", "ProgressDeadlineExceeded"}}});
    CHECK(now() ==
          "2 of 3 ready, 1 of the newest version, stuck (ProgressDeadlineExceeded), its controller "
          "has not seen the latest edit, image web:1.5.0 (read 2s ago)");
  }
  SUBCASE("what was made held") {
    desk.dossier.request.spec.operation = Operation::Create;
    desk.dossier.request.spec.base = Json();
    CHECK(now() == "nothing of it runs yet (read 2s ago)");
    CHECK_FALSE(has(desk.text(), "last  "));
  }
  SUBCASE("several containers") {
    const std::string digest = "@sha256:0123456789abcdef" + std::string(48, '0');
    auto& containers = object["spec"]["template"]["spec"]["containers"];
    object["metadata"]["annotations"].clear();
    object["spec"]["paused"] = false;
    containers = Json::array({{{"name", "a"}, {"image", "r.io:5000/x/a:1.2"}},
                              {{"name", "b"}, {"image", "r.io:5000/b"}},
                              {{"name", "c"}, {"image", "r.io:5000/c" + digest}},
                              {{"name", "d"}, {"image", "d"}}});
    CHECK(has(now(), "images a 1.2, b r.io:5000/b, c @sha256:0123456789ab and 1 more (read"));
    containers.erase(containers.begin());
    containers[1]["image"] = "c:1.2" + digest;
    CHECK(has(now(), "images b r.io:5000/b, c 1.2@sha256:0123456789ab, d d (read"));
  }
  SUBCASE("what another request holds") {
    object["metadata"]["annotations"][kHeldAnnotation] = "production/web-other-1";
    CHECK(now() == "3 of 3 ready, image unknown (read 2s ago)");
    ApprovalRequest other = desk.dossier.request;
    other.metadata.name = "web-other-1";
    desk.dossier.live.requests = std::vector<ApprovalRequest>{other};
    CHECK(now() == "3 of 3 ready, image web:1.4.1 (read 2s ago)");
  }
  SUBCASE("a Job") {
    is("batch", "Job", "jobs");
    object["spec"] = {{"suspend", true}, {"template", object["spec"]["template"]}};
    object["status"] = Json::object();
    CHECK(now() == "suspended, has not started, image web:1.5.0 (read 2s ago)");
    object["spec"]["suspend"] = false;
    object["status"] = {{"active", 1}, {"failed", 2}};
    CHECK(now().starts_with("runs: 1 active, 0 of 1 succeeded, 2 failed, image web:1.5.0"));
    object["status"]["conditions"] =
        Json::array({{{"type", "Failed"}, {"status", "True"}, {"reason", "BackoffLimitExceeded"}}});
    CHECK(now().starts_with("failed (BackoffLimitExceeded)"));
    object["status"]["conditions"] =
        Json::array({{{"type", "Complete"},
                      {"status", "True"},
                      {"lastTransitionTime", "2026-01-02T02:30:00Z"}}});
    CHECK(now().starts_with("complete since 1h ago"));
  }
  SUBCASE("a Job whose pods wait by a gate") {
    is("batch", "Job", "jobs");
    object["spec"] = {{"template", object["spec"]["template"]}};
    object["spec"]["template"]["spec"]["schedulingGates"] =
        Json::array({{{"name", kSchedulingGate}}});
    object["status"] = {{"active", 1}};
    CHECK(now().starts_with("1 pod waits, none has started"));
  }
  SUBCASE("a CronJob") {
    is("batch", "CronJob", "cronjobs");
    object["spec"] = {{"schedule", "0 3 * * *"}, {"suspend", true}};
    object["status"] = {{"lastScheduleTime", "2026-01-02T03:00:00Z"}};
    CHECK(now() == "schedule 0 3 * * *, suspended, last run 30m ago (read 2s ago)");
  }
  SUBCASE("a ConfigMap") {
    is("", "ConfigMap", "configmaps");
    object["data"] = {{"a", "12"}, {"b", "345"}, {"c", ""}, {"d", ""}};
    CHECK(now() == "4 keys, 5 bytes: a, b, c and 1 more (read 2s ago)");
    object.erase("data");
    CHECK(now() == "empty (read 2s ago)");
  }
  SUBCASE("any other kind") {
    is("example.com", "Widget", "widgets");
    CHECK(now() == "it is there, and tells nothing of its state (read 2s ago)");
    object["status"]["conditions"] = Json::array(
        {{{"type", "Ready"}, {"status", "False"}, {"reason", "Broken"}, {"message", "no disk"}}});
    CHECK(now() == "Ready=False (Broken: no disk) (read 2s ago)");
  }
  SUBCASE("what is on its way out, gone, or not to be read") {
    object["metadata"]["deletionTimestamp"] = "2026-01-02T03:29:00Z";
    CHECK(has(now(), ", being deleted (read"));
    desk.dossier.live.is = Live::Is::Absent;
    CHECK(now() == "it is gone");
    desk.dossier.request.spec.operation = Operation::Create;
    CHECK(now() == "not there yet");
    desk.dossier.live.is = Live::Is::Unknown;
    desk.dossier.live.why = "you may not read deployments here";
    CHECK(now() == "unknown: you may not read deployments here");
    CHECK(has(desk.text(), "diff as it was when it was asked; what runs now is unknown to you:"));
  }
  SUBCASE("types that the API would not have") {
    object["spec"] = {{"replicas", "many"}, {"template", 3}};
    object["status"] = Json::array({1});
    CHECK(has(now(), "0 of 1 ready"));
    is("batch", "Job", "jobs");
    object["spec"] = "x";
    CHECK(has(now(), "has not started"));
  }
}

TEST_CASE("the card tells the last change and who approved it, or that this is unknown") {
  Desk desk;
  const auto last = [&] {
    return last_change(desk.dossier.request, desk.dossier.live, desk.dossier.now);
  };
  CHECK(last() == "no release of it is kept");
  ApprovalRequest older = desk.dossier.request;
  older.metadata.name = "web-older-1";
  older.status.phase = RequestPhase::Released;
  older.status.ended_at = "2025-12-31T03:30:00Z";
  older.spec.summary = {"image web 1.4.0 -> 1.4.1"};
  older.status.decisions = {{"a", "anna", "Approve", "leads", "", ""},
                            {"b", "eve", "Approve", "", "", "lacks the right"},
                            {"c", "bob", "Approve", "leads", "", ""}};
  ApprovalRequest oldest = older;
  oldest.metadata.name = "web-oldest-1";
  oldest.status.ended_at = "2025-12-01T03:30:00Z";
  ApprovalRequest denied = older;
  denied.metadata.name = "web-denied-1";
  denied.status.phase = RequestPhase::Denied;
  denied.status.ended_at = "2026-01-01T03:30:00Z";
  desk.dossier.live.requests = {older, denied, oldest};
  CHECK(last() == "2d ago by developer, approved by anna, bob: image web 1.4.0 -> 1.4.1");
  (*desk.dossier.live.requests)[0].status.decisions = {{"a", "anna", "BreakGlass", "", "", ""}};
  CHECK(has(last(), "glass broken by anna"));
  desk.dossier.live.requests.reset();
  CHECK(last() == "who approved it is unknown to you");
  // Of what is not held the object itself tells a little.
  desk.dossier.live.object["metadata"]["annotations"].clear();
  desk.dossier.live.object["metadata"]["managedFields"] =
      Json::array({{{"manager", "helm"}, {"time", "2026-01-02T02:30:00Z"}},
                   {{"manager", "kube-controller-manager"},
                    {"subresource", "status"},
                    {"time", "2026-01-02T03:29:00Z"}}});
  CHECK(last() == "written 1h ago through helm; who approved it is unknown to you");
}

TEST_CASE("the diff is made anew against what runs, and says where it cannot be") {
  Desk desk;
  const auto basis = [&] {
    return diff_now(desk.dossier.request, &desk.dossier.policy, desk.dossier.live).basis;
  };
  desk.dossier.request.spec.diff = "what somebody recorded";
  CHECK_FALSE(has(desk.text(), "recorded"));
  CHECK(has(desk.text(), "-web:1.4.1"));
  SUBCASE("held content that is not what was asked any more") {
    desk.dossier.live.object["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1";
    CHECK(has(basis(), "edited since"));
    CHECK(has(desk.text(), "+evil:1"));
  }
  SUBCASE("what is not stored is against what runs, as long as that is the same") {
    desk.dossier.request.spec.hold = RequestHold::Deny;
    desk.dossier.request.spec.base = Json();
    Json& object = desk.dossier.live.object;
    object["metadata"]["annotations"].clear();
    object["spec"]["paused"] = false;
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1.4.1";
    CHECK(basis() == "against what runs now");
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1.4.2";
    CHECK(basis() == "against what ran when it was asked; something else runs now");
    // Who may not read the policy does not know what is covered, so a difference proves nothing.
    CHECK(has(diff_now(desk.dossier.request, nullptr, desk.dossier.live).basis, "unknown to you"));
  }
  SUBCASE("Secrets are never compared") {
    desk.dossier.request.spec.target.group = "";
    desk.dossier.request.spec.target.resource = "secrets";
    CHECK(has(basis(), "unknown to you"));
  }
}

TEST_CASE("decisions that may not be read are unknown, never none") {
  Desk desk;
  ApprovalRequestStatus& status = desk.dossier.request.status;
  desk.dossier.approvals_unknown = "approvals.holdpoint.dev is forbidden";
  status.observed_generation = 1;
  status.phase = RequestPhase::Approved;
  status.message = "approved by bob";
  status.decisions = {{"by-bob", "bob", "Approve", "leads", "", ""}};
  status.expires_at = "2026-01-02T04:30:00Z";
  CHECK(has(desk.text(), "Approved  risk Low"));
  CHECK(has(desk.text(), "decided   approved by bob (for leads)"));
  CHECK(has(desk.text(), "; counts until 2026-01-02T04:30:00Z (in "));
  CHECK(has(desk.text(),
            "decided   newer decisions are unknown: approvals.holdpoint.dev is forbidden"));
}

TEST_CASE("the list has a line for each request, in the order in which they were asked") {
  ApprovalRequest first = Desk().dossier.request, second = first;
  second.metadata.name = "api-1";
  second.metadata.creation_timestamp = "2026-01-02T03:20:00Z";
  second.spec.summary = {"image api 1 -> 2"};
  second.status.phase = RequestPhase::Approved;
  second.status.approvals = "1 of 1";
  second.status.expires_at = "2026-01-02T04:20:00Z";
  CHECK(request_table({second, first}, Desk().dossier.now, Colour::No) ==
        "NAMESPACE    NAME               STATE      TARGET           CHANGE                        "
        "  RISK   APPROVALS   WAITS FOR   REQUESTER   AGE   EXPIRES\n"
        "production   web-0123456789-1   Pending    deployment/web   image web 1.4.1 -> 1.5.0 (+1) "
        "  Low    -           approval    developer   30m   -\n"
        "production   api-1              Approved   deployment/web   image api 1 -> 2              "
        "  Low    1 of 1      -           developer   10m   50m");
}

TEST_CASE("the list says what a request waits for") {
  Desk desk;
  ApprovalRequest& request = desk.checked(CheckOutcome::Fail).dossier.request;
  const auto told = [&](const char* approvals) {
    request.status.approvals = approvals;
    return waits_for(request, desk.dossier.now);
  };
  CHECK(told("") == "approval, check no-freeze");
  CHECK(told("0 of 2") == "2 more approvals, check no-freeze");
  CHECK(told("1 of 2") == "1 more approval, check no-freeze");
  CHECK(told("1 of 1") == "check no-freeze");
  CHECK(told("by policy") == "check no-freeze");
  // A check that the policy has only since then is told by the status.
  desk.checked(CheckOutcome::Pass);
  request.status.message = "approved by anna; waits for check later: not looked up yet, and so on";
  CHECK(told("0 of 1") == "1 more approval");
  CHECK(told("1 of 1") == "approved by anna; waits for check later: not looked up yet,…");
  request.status.phase = RequestPhase::Scheduled;
  CHECK(told("1 of 1") == "its time");
  request.status.phase = RequestPhase::Approved;
  CHECK(told("1 of 1") == "-");
}

TEST_CASE("what an ended request left held is found by the mark on the object") {
  const Desk desk;
  ApprovalRequest denied = desk.dossier.request;
  denied.status.phase = RequestPhase::Denied;
  denied.status.ended_at = "2026-01-02T03:20:00Z";
  const auto targets = [](const std::vector<ApprovalRequest>& requests) {
    std::vector<std::string> names;
    for (const Target& target : may_be_left_held(requests)) names.push_back(target.name);
    return names;
  };
  SUBCASE("each target is looked at once, the latest end first") {
    ApprovalRequest older = denied, other = denied;
    older.metadata.name = "web-older";
    other.spec.target.name = "api";
    other.status.ended_at = "2026-01-02T03:25:00Z";
    CHECK(targets({older, denied, other}) == std::vector<std::string>{"api", "web"});
  }
  SUBCASE("what waits, was refused, or was released since is not looked at") {
    CHECK(targets({desk.dossier.request}).empty());
    ApprovalRequest released = denied;
    released.status.phase = RequestPhase::Released;
    CHECK(targets({released}).empty());
    released.metadata.creation_timestamp = "2026-01-02T03:30:00Z";
    CHECK(targets({denied, released}).empty());
    released.spec.policy.name = "other";
    CHECK(targets({denied, released}).size() == 1);
    denied.spec.hold = RequestHold::Deny;
    CHECK(targets({denied}).empty());
  }
  SUBCASE("the mark tells, not the request") {
    Json object = desk.dossier.live.object;
    object["metadata"]["namespace"] = "production";
    CHECK(left_held({denied}, {object}).size() == 1);
    CHECK(left_held({desk.dossier.request}, {object}).empty());
    CHECK(left_held({named("web-9")}, {object}).empty());
    // Typed onto another object: what the request is about is not held by that.
    Json forged = object;
    forged["metadata"]["name"] = "mine";
    CHECK(left_held({denied}, {forged}).empty());
    ApprovalRequest refused = denied;
    refused.spec.hold = RequestHold::Deny;
    CHECK(left_held({refused}, {object}).empty());
    object["metadata"]["namespace"] = "other";
    CHECK(left_held({denied}, {object}).empty());
    object["metadata"]["namespace"] = "production";
    object["spec"]["paused"] = false;
    CHECK(left_held({denied}, {object}).empty());
    CHECK(left_held({denied}, {Json("text")}).empty());
  }
  SUBCASE("the table has the command that puts back") {
    ApprovalRequest fresh = denied;
    fresh.spec.operation = Operation::Create;
    CHECK(leftover_table({denied, fresh}, Colour::No) ==
          "NAMESPACE    NAME               STATE    TO PUT BACK WHAT RAN, OR REMOVE WHAT IS NEW\n"
          "production   web-0123456789-1   Denied   kubectl holdpoint abandon deployment/web -n "
          "production\n"
          "production   web-0123456789-1   Denied   kubectl delete deployment/web -n production");
  }
}

TEST_CASE("a request is found by the first letters of its name, when they fit one alone") {
  const std::vector<ApprovalRequest> requests{named("web-1"), named("web-2"), named("api-1"),
                                              named("api-1-old", RequestPhase::Released)};
  CHECK((*find_request(requests, "web-1"))->metadata.name == "web-1");
  CHECK((*find_request(requests, "ap"))->metadata.name == "api-1");
  CHECK((*find_request(requests, "api-1-"))->metadata.name == "api-1-old");
  const auto several = find_request(requests, "web");
  REQUIRE_FALSE(several.ok());
  CHECK(has(several.error().message, "web-1, web-2"));
  CHECK(find_request(requests, "db").error().kind == ErrorKind::NotFound);
}

TEST_CASE("a request is found by what it asks about") {
  const auto about = [](const char* name, const char* kind, const char* resource, const char* group,
                        RequestPhase phase, const char* created) {
    ApprovalRequest request = named(name, phase);
    request.spec.target.group = group, request.spec.target.kind = kind;
    request.spec.target.resource = resource, request.spec.target.name = "web";
    request.metadata.creation_timestamp = created;
    return request;
  };
  const std::vector<ApprovalRequest> requests{
      about("d-1", "Deployment", "deployments", "apps", RequestPhase::Released,
            "2026-01-01T00:00:00Z"),
      about("d-2", "Deployment", "deployments", "apps", RequestPhase::Pending,
            "2026-01-02T00:00:00Z"),
      about("d-3", "Deployment", "deployments", "apps", RequestPhase::Denied,
            "2026-01-03T00:00:00Z"),
      about("c-1", "ConfigMap", "configmaps", "", RequestPhase::Released, "2026-01-01T00:00:00Z"),
      about("c-2", "ConfigMap", "configmaps", "", RequestPhase::Released, "2026-01-02T00:00:00Z"),
      about("n-1", "Ingress", "ingresses", "x.io", RequestPhase::Pending, "2026-01-02T00:00:00Z"),
      about("n-2", "Ingress", "ingresses", "x.io", RequestPhase::Pending, "2026-01-03T00:00:00Z")};
  for (const char* typed :
       {"deployment/web", "deploy/web", "Deployments/web", "deployments.apps/web"})
    CHECK((*find_request(requests, typed))->metadata.name == "d-2");
  CHECK((*find_request(requests, "cm/web"))->metadata.name == "c-2");
  CHECK(has(find_request(requests, "ingress/web").error().message, "n-1, n-2; type the name"));
  CHECK(find_request(requests, "deployment/we").error().kind == ErrorKind::NotFound);
  CHECK(check_request("deployment/web").ok());
  for (const char* bad : {"deployment/", "/web", "a/b/c", "deployment/-x", "--all/x", "a/\x1b[2J"})
    CHECK_FALSE(check_request(bad).ok());
}

TEST_CASE("a name that is almost right is told the right one") {
  ApprovalRequest about = named("checkout-0123456789-1");
  about.spec.target.kind = "Deployment", about.spec.target.name = "checkout";
  const std::vector<ApprovalRequest> requests{about, named("web-1"), named("web-2")};
  const struct {
    const char* typed;
    const char* told;
  } rows[] = {{"chekcout", "; did you mean checkout-0123456789-1?"},
              {"chekout-0123456789-1", "; did you mean checkout-0123456789-1?"},
              {"deployment/chekout", "; did you mean deployment/checkout?"},
              {"wep-1", "; did you mean web-1?"},
              {"wep-", "; did you mean web-1 or web-2?"},
              {"db", ""},
              {"payments", ""}};
  for (const auto& row : rows) {
    CAPTURE(row.typed);
    CHECK(did_you_mean(requests, row.typed) == row.told);
  }
}

TEST_CASE("who lacks a right of Holdpoint's own is told the role that grants it") {
  const auto refused = [](const std::string& verb, const std::string& resource,
                          const std::string& where, const std::string& group = "holdpoint.dev") {
    return resource + "." + group + " is forbidden: User \"eve\" cannot " + verb + " resource \"" +
           resource + "\" in API group \"" + group + "\" " + where;
  };
  const std::string here = "in the namespace \"web\"", everywhere = "at the cluster scope";
  const std::string step = "\n  next:  ask for a ";
  const std::string bind = step + "RoleBinding to the ClusterRole holdpoint-";
  const struct {
    std::string message, told;
  } rows[] = {{refused("create", "approvals", here), bind + "approver in namespace web"},
              {refused("list", "approvalrequests", here), bind + "viewer in namespace web"},
              {refused("create", "approvalrequests", here), bind + "requester in namespace web"},
              {refused("list", "auditrecords", here), bind + "auditor in namespace web"},
              {refused("list", "approvalrequests", everywhere),
               step + "ClusterRoleBinding to the ClusterRole holdpoint-viewer"},
              {refused("patch", "approvalpolicies", everywhere),
               step + "ClusterRoleBinding to the ClusterRole holdpoint-policy-admin"},
              {refused("delete", "auditrecords", here), ""},
              {refused("get", "deployments", here, "apps"), ""},
              {"you (eve) lack the right to decide on web-1", ""}};
  for (const auto& row : rows) {
    CAPTURE(row.message);
    CHECK(role_step(row.message) == row.told);
  }
  CHECK(role_step(refused("create", "approvals", here), "holdpoint-break-glass") ==
        bind + "break-glass in namespace web");
}

TEST_CASE("names that Kubernetes would not take never reach kubectl") {
  for (const char* good : {"web-0123456789-1", "a", "a.b-c"}) CHECK(is_name(good));
  for (const std::string bad :
       {"", "-x", "--all", "Web", "a b", "a\n", "a\x1b[0m", "a/b", "a;b", "ä"})
    CHECK_FALSE(is_name(bad));
  CHECK_FALSE(has(check_name("request", "x\x1b[31m").error().message, "\x1b"));
  CHECK(parse_holdable("deployment/web")->path() == "deployments.apps/web");
  CHECK(parse_holdable("jobs.batch/x")->how == Pausable::Job);
  for (const char* bad : {"web", "deployment/", "deployment/-x", "pod/x", "/x", "deployment/a/b"})
    CHECK_FALSE(parse_holdable(bad).ok());
}

TEST_CASE("kubectl's words are shown without its noise") {
  CHECK(clean_message(
            "Error from server (Forbidden): error when creating \"STDIN\": admission webhook "
            "\"approvals.holdpoint.dev\" "
            "denied the request: you (lead) asked for this change\n  next:  pass it on\n") ==
        "you (lead) asked for this change\n  next:  pass it on");
  CHECK(clean_message(
            "Error from server (NotFound): approvalrequests.holdpoint.dev \"x\" not found\n") ==
        "approvalrequests.holdpoint.dev \"x\" not found");
  CHECK(clean_message("E1123 16:00:00.0 1 memcache.go:265] \"Unhandled Error\"\nThe connection to "
                      "the server was refused\n") == "The connection to the server was refused");
  CHECK(has(clean_message("E1123 16:00:00.0 1 memcache.go:265] \"Unhandled Error\"\n"),
            "Unhandled Error"));
  CHECK(clean_message("a\x1b[2Jb") == "a\\u{1b}[2Jb");
  CHECK(kind_of_failure("Error from server (NotFound): x") == ErrorKind::NotFound);
  CHECK(kind_of_failure("Error from server (Conflict): x") == ErrorKind::Conflict);
  CHECK(kind_of_failure("whatever") == ErrorKind::Unavailable);
}

TEST_CASE("a program is run with its arguments as they are, and with input of any size") {
  const Kubectl echo("/bin/echo", {"--flag=a b"});
  CHECK(echo.run({"$HOME", "`id`", "x;y"})->out == "--flag=a b $HOME `id` x;y\n");
  const std::string large(3'000'000, 'x');
  CHECK(Kubectl("/bin/cat", {}).run({}, &large)->out == large);
  CHECK(Kubectl("/bin/sh", {}).run({"-c", "exit 3"})->exit_code == 3);
  CHECK(Kubectl("/bin/sh", {}).run({"-c", "kill -9 $$"})->exit_code == 137);
  CHECK(Kubectl("/bin/true", {}).run({}, &large).ok());  // it ends without reading
  const auto missing = Kubectl("/nowhere/kubectl", {}).run({});
  REQUIRE_FALSE(missing.ok());
  CHECK(has(missing.error().message, "HOLDPOINT_KUBECTL"));
  CHECK(Kubectl("/bin/echo", {}).json({"{\"a\":1}"})->at("a") == 1);
  CHECK(Kubectl("/bin/echo", {}).json({"no json"}).error().kind == ErrorKind::Invalid);
  CHECK(Kubectl("/bin/sh", {})
            .json({"-c", "echo 'Error from server (NotFound): no' >&2; exit 1"})
            .error()
            .kind == ErrorKind::NotFound);
  // A slow one has shown what it said by then, but not how it ended.
  const auto slow =
      Kubectl("/bin/sh", {})
          .json(
              {"-c",
               "echo log in >&2; echo 'Error from server (NotFound): no' >&2; sleep 1.5; exit 1"});
  CHECK(slow.error().kind == ErrorKind::NotFound);
  CHECK(slow.error().message == "no");
}

}  // namespace holdpoint::cli
