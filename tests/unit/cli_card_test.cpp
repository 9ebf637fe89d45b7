#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.hpp"
#include "cli/card.hpp"
#include "cli/kubectl.hpp"
#include "cli/names.hpp"
#include "core/approval/digest.hpp"

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
        "Pending  Deployment production/web  (UPDATE)\n"
        "\n"
        "change    image web 1.4.1 -> 1.5.0\n"
        "          replicas 3 -> 10\n"
        "policy    production gates this UPDATE of deployments: stored, but nothing of it runs "
        "until approved\n"
        "risk      Low: no rule of the policy is met\n"
        "asked     30m ago by developer, through kubectl-client-side-apply: \"Release 2.4\"\n"
        "expires   in 23h 30m\n"
        "approval  0 of 1, needs group leads; you may approve: yes\n"
        "\n"
        "  @ spec.template.spec.containers[web].image\n"
        "  -web:1.4.1\n"
        "  +web:1.5.0");
  CHECK(next_command(Desk().dossier) == "kubectl holdpoint approve web-0123456789-1 -n production");
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
  CHECK(has(desk.text(), "Approved  Deployment production/web"));
  CHECK(has(desk.text(), "decided   approved by bob (for leads): \"looks good\""));
  CHECK(next_command(desk.dossier) == "kubectl holdpoint resume deployment/web -n production");
  // ... but not those that Holdpoint found out not to count.
  DecisionLine line;
  line.approval = "by-bob";
  line.note = "the author lacks the verb approve on the policy";
  desk.dossier.request.status.decisions = {line};
  CHECK(has(desk.text(), "Pending  Deployment production/web"));
  CHECK(has(desk.text(), "(does not count, the author lacks the verb approve on the policy)"));
}

TEST_CASE("Approvals are counted for those who may not read the policy, too") {
  Desk desk;
  desk.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  desk.required(2).decided("bob", Decision::Approve);
  CHECK(has(desk.text(), "1 of 2, needs group leads"));
  desk.decided("carol", Decision::Approve);
  CHECK(has(desk.text(), "Approved  Deployment"));
  desk.decided("eve", Decision::Deny);
  CHECK(has(desk.text(), "Denied  Deployment"));
  Desk old;
  old.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  old.dossier.now = *parse_rfc3339("2026-03-02T03:30:00Z");  // it may wait that long
  CHECK(old.text().starts_with("Pending"));
  CHECK_FALSE(has(old.text(), "expires"));
}

TEST_CASE("what is over says how it ended") {
  Desk desk;
  desk.decided("bob", Decision::Deny, "not on Friday");
  CHECK(has(desk.text(), "Denied  Deployment production/web"));
  CHECK(has(desk.text(), "outcome   denied by bob: \"not on Friday\""));
  CHECK_FALSE(has(desk.text(), "you may approve"));
  CHECK(next_command(desk.dossier) == "kubectl holdpoint abandon deployment/web -n production");
  desk.dossier.request.spec.operation = Operation::Create;  // nothing ran before
  CHECK(next_command(desk.dossier) == "kubectl delete deployment/web -n production");
  desk.dossier.request.spec.hold = RequestHold::Deny;
  CHECK(next_command(desk.dossier) == "kubectl holdpoint audit list --request web-0123456789-1");
  Desk late;
  late.dossier.now = *parse_rfc3339("2026-01-04T03:30:00Z");
  CHECK(late.text().starts_with("Expired"));
  CHECK(next_command(late.dossier) ==
        "kubectl annotate --overwrite deployment/web -n production "
        "holdpoint.dev/ask-again=web-0123456789-1");
  Desk orphan;
  orphan.dossier.policy_is = Dossier::PolicyIs::Gone;
  CHECK(orphan.text().starts_with("Stale"));
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
  spec.target.name = "web\x1b]0;x";
  const std::string text = desk.text();
  CHECK(has(text, "dmin (mixed scripts!)"));
  CHECK(has(text, "\"ok\\u{a}Approved by everybody\\u{1b}[2J\""));
  CHECK(has(text, "1 -> \\u{202e}2"));
  CHECK_FALSE(has(text, "\x1b"));
  CHECK_FALSE(has(text, "\x07"));
  CHECK_FALSE(has(next_command(desk.dossier), "\x1b"));
}

TEST_CASE("the diff on a card has at most 30 lines") {
  Desk desk;
  std::string diff = "@ x";
  for (int i = 0; i < 99; ++i) diff += "\n+" + std::to_string(i);
  desk.dossier.request.spec.diff = diff;
  const std::string text = desk.text();
  CHECK(has(text, "+27\n  … 71 more lines"));
  CHECK_FALSE(has(text, "+28"));
}

TEST_CASE("colour is for the state alone") {
  const std::string text = card(Desk().dossier, Colour::Yes);
  CHECK(text.starts_with("\x1b[33mPending\x1b[0m  Deployment"));
  CHECK(std::count(text.begin(), text.end(), '\x1b') == 2);
}

TEST_CASE("a decision is told with what comes next") {
  ApprovalRequest request = Desk().dossier.request;
  const auto after = [&](RequestPhase phase, RequestHold hold,
                         Decision decision = Decision::Approve, bool counted = true) {
    request.status.phase = phase;
    request.status.message = "1 of 2, needs group leads";
    request.spec.hold = hold;
    return outcome(request, decision, "x-1", counted);
  };
  CHECK(after(RequestPhase::Released, RequestHold::Suspend) ==
        "approved (x-1): Deployment production/web is released");
  CHECK(after(RequestPhase::Approved, RequestHold::Deny) ==
        "approved (x-1): apply the change again");
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

TEST_CASE("a broken glass tells of the review that it owes") {
  Desk desk;
  ApprovalRequest& request = desk.dossier.request;
  request.status.phase = RequestPhase::Approved;
  request.status.review = ReviewDebt{"bob", "2026-01-03T03:10:00Z", ""};
  const std::string review = "kubectl holdpoint review web-0123456789-1 -n production";
  const std::string told = outcome(request, Decision::BreakGlass, "x-1", true);
  CHECK(told.starts_with("glass broken (x-1): Deployment production/web is being released\n"));
  CHECK(told.ends_with("\n" + review));
  CHECK_FALSE(has(outcome(request, Decision::Approve, "x-1", true), review));

  // Who may not read the policy sees what the operator saw, not that the glass counts for nothing.
  desk.decided("bob", Decision::BreakGlass, "outage");
  request.status.decisions = {{"by-bob", "bob", "BreakGlass", "", "outage", ""}};
  desk.dossier.policy_is = Dossier::PolicyIs::Unreadable;
  CHECK(has(desk.text(), "glass broken by bob: \"outage\""));
  CHECK_FALSE(has(desk.text(), "does not count"));
  CHECK(has(desk.text(),
            "owed      a review by somebody else than bob, until 2026-01-03T03:10:00Z: " + review));
  request.status.review->reviewed_by = "anna";
  CHECK_FALSE(has(desk.text(), "owed "));
  CHECK_FALSE(has(outcome(request, Decision::BreakGlass, "x-1", true), review));
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
        "  RISK   APPROVALS   REQUESTER   AGE   EXPIRES\n"
        "production   web-0123456789-1   Pending    deployment/web   image web 1.4.1 -> 1.5.0 (+1) "
        "  Low    -           developer   30m   -\n"
        "production   api-1              Approved   deployment/web   image api 1 -> 2              "
        "  Low    1 of 1      developer   10m   50m");
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
}

}  // namespace holdpoint::cli
