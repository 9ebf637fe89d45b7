// What checks say of what was fetched, and what they mean for a request.
#include "core/approval/checks.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/approval/digest.hpp"
#include "core/approval/standing.hpp"
#include "core/approval/wording.hpp"
#include "core/change/risk.hpp"
#include "core/context/checks.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

using enum CheckOutcome;

Json json_of(const std::string& text) { return *parse_json(text); }

// ---- objects

const char* const kDeployment = R"({
  "status": {
    "replicas": 3, "ratio": 0.5, "big": 9007199254740993, "phase": "Healthy", "version": "10",
    "frozen": false, "nothing": null, "list": [1, 2],
    "conditions": [{"type": "Progressing", "status": "True"}, {"type": "Ready", "status": "False"}],
    "with/slash": {"with~tilde": "odd"}}})";

Finding look(const std::string& field, Comparison is, const std::string& value,
             WhenMissing missing = WhenMissing::Fail) {
  ObjectCheck check;
  check.field = field;
  check.is = is;
  check.value = value;
  check.missing = missing;
  return judge_object(check, "Deployment shop/web", json_of(kDeployment));
}

TEST_CASE("each comparison holds for what it says, and for nothing else") {
  using enum Comparison;
  struct Row {
    const char* field;
    Comparison is;
    const char* value;
    CheckOutcome wanted;
  };
  const Row rows[] = {
      {"/status/replicas", Equals, "3", Pass},
      {"/status/replicas", Equals, "3.0", Pass},
      {"/status/replicas", Equals, "4", Fail},
      {"/status/replicas", Equals, "three", Fail},
      {"/status/replicas", NotEquals, "4", Pass},
      {"/status/replicas", NotEquals, "3", Fail},
      {"/status/replicas", LessThan, "4", Pass},
      {"/status/replicas", LessThan, "3", Fail},
      {"/status/replicas", AtMost, "3", Pass},
      {"/status/replicas", AtMost, "2", Fail},
      {"/status/replicas", AtLeast, "3", Pass},
      {"/status/replicas", AtLeast, "4", Fail},
      {"/status/replicas", MoreThan, "2", Pass},
      {"/status/replicas", MoreThan, "3", Fail},
      {"/status/replicas", MoreThan, "-1e3", Pass},
      {"/status/replicas", MoreThan, "few", Unknown},
      {"/status/replicas", MoreThan, "nan", Unknown},
      {"/status/replicas", MoreThan, "", Unknown},
      {"/status/ratio", LessThan, "0.51", Pass},
      {"/status/ratio", MoreThan, "0.5", Fail},
      // 2^53 + 1 is another number than 2^53.
      {"/status/big", Equals, "9007199254740993", Pass},
      {"/status/big", Equals, "9007199254740992", Fail},
      {"/status/big", MoreThan, "9007199254740992", Pass},
      {"/status/phase", Equals, "Healthy", Pass},
      {"/status/phase", Equals, "healthy", Fail},
      {"/status/phase", NotEquals, "Degraded", Pass},
      {"/status/phase", NotEquals, "Healthy", Fail},
      {"/status/phase", AtLeast, "1", Unknown},
      // A text is compared as such, but for an order.
      {"/status/version", Equals, "10.0", Fail},
      {"/status/version", MoreThan, "9", Pass},
      {"/status/frozen", Equals, "false", Pass},
      {"/status/frozen", Equals, "true", Fail},
      {"/status/frozen", NotEquals, "true", Pass},
      {"/status/frozen", LessThan, "1", Unknown},
      {"/status/phase", Exists, "", Pass},
      {"/status/phase", DoesNotExist, "", Fail},
      {"/status/list", Exists, "", Pass},
      {"/status/other", Exists, "", Fail},
      {"/status/other", DoesNotExist, "", Pass},
      {"/status/nothing", Exists, "", Fail},
      {"/status/nothing", DoesNotExist, "", Pass},
      {"/status/list", Equals, "[1,2]", Unknown},
      {"/status/list", NotEquals, "1", Unknown},
      {"/status/list/1", Equals, "2", Pass},
      {"/status/list/2", Equals, "2", Fail},
      {"/status/with~1slash/with~0tilde", Equals, "odd", Pass},
      {"/status/conditions/type=Ready/status", Equals, "False", Pass},
      {"/status/conditions/type=Progressing/status", Equals, "True", Pass},
      {"/status/conditions/type=Stalled/status", DoesNotExist, "", Pass},
      {"/status/conditions/type=Stalled/status", Equals, "True", Fail},
      {"/status/phase/deeper", Equals, "x", Fail},
  };
  for (const Row& row : rows) {
    CAPTURE(row.field);
    CAPTURE(to_string(row.is));
    CAPTURE(row.value);
    const Finding found = look(row.field, row.is, row.value);
    CAPTURE(found.text);
    CHECK(found.result == row.wanted);
    CHECK_FALSE(found.text.empty());
  }
}

TEST_CASE("a missing object or field is what the check says of it") {
  using enum Comparison;
  for (const Comparison is : {Equals, NotEquals, LessThan, AtMost, AtLeast, MoreThan}) {
    CHECK(look("/status/unavailableReplicas", is, "0").result == Fail);
    CHECK(look("/status/unavailableReplicas", is, "0", WhenMissing::Pass).result == Pass);
    CHECK(look("/status/nothing", is, "0", WhenMissing::Pass).result == Pass);
  }
  CHECK(look("/status/x", Equals, "0").text == "Deployment shop/web has no /status/x, wanted 0");
  ObjectCheck check;
  check.field = "/spec/open";
  check.value = "true";
  CHECK(judge_object(check, "Incident ops/7", nullptr).result == Fail);
  CHECK(judge_object(check, "Incident ops/7", nullptr).text ==
        "there is no Incident ops/7, wanted true");
  check.missing = WhenMissing::Pass;
  CHECK(judge_object(check, "Incident ops/7", nullptr).result == Pass);
  check.is = Exists;
  CHECK(judge_object(check, "Incident ops/7", nullptr).result == Fail);
  check.is = DoesNotExist;
  CHECK(judge_object(check, "Incident ops/7", nullptr).result == Pass);
}

TEST_CASE("what an object says is shown safely, and not at any length") {
  ObjectCheck check;
  check.field = "/x";
  check.value = "y";
  Json object{{"x", "\x1b[2J\u202e" + std::string(10'000, 'a')}};
  const std::string text = judge_object(check, "A b", object).text;
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\\u{202e}") != std::string::npos);
  CHECK(text.size() < 1000);
}

// ---- images and reports

TEST_CASE("image names are completed as container runtimes complete them") {
  const auto name = [](const std::string& image) {
    const auto parsed = parse_image(image);
    return parsed ? parsed->registry + " " + parsed->repository + " " + parsed->tag + " " +
                        parsed->digest
                  : "none";
  };
  const std::string digest = "sha256:" + std::string(64, '0');
  CHECK(name("nginx") == "index.docker.io library/nginx latest ");
  CHECK(name("nginx:1.27") == "index.docker.io library/nginx 1.27 ");
  CHECK(name("docker.io/nginx:1") == "index.docker.io library/nginx 1 ");
  CHECK(name("shop/web") == "index.docker.io shop/web latest ");
  CHECK(name("localhost/web:2") == "localhost web 2 ");
  CHECK(name("registry.example.com:5000/a/b/c:2") == "registry.example.com:5000 a/b/c 2 ");
  CHECK(name("quay.io/a/b@" + digest) == "quay.io a/b  " + digest);
  CHECK(name("quay.io/a/b:1@" + digest) == "quay.io a/b 1 " + digest);
  for (const std::string& bad :
       {std::string(""), std::string(":"), std::string("@"), std::string("a b"),
        std::string("web@sha256:12"), std::string("web@"), std::string("Web"),
        std::string("web:\x1b"), std::string("a//b"), std::string("/web"), std::string("web/"),
        std::string(256, 'a'), "web:" + std::string(129, 'a'), std::string("../web")}) {
    CAPTURE(bad);
    CHECK(name(bad) == "none");
  }
}

const std::string kDigest = "sha256:" + std::string(64, 'a');

Json report(const std::string& server, const std::string& repository, const std::string& tag,
            const std::string& digest, int critical, int high, const std::string& updated) {
  return {{"report",
           {{"artifact", {{"repository", repository}, {"tag", tag}, {"digest", digest}}},
            {"registry", {{"server", server}}},
            {"summary",
             {{"criticalCount", critical},
              {"highCount", high},
              {"mediumCount", 7},
              {"lowCount", 9},
              {"unknownCount", 0}}},
            {"updateTimestamp", updated}}}};
}

struct Scan {
  VulnerabilityCheck check;
  std::vector<ContainerImage> images{{"web", "registry.example.com/shop/web:2"}};
  std::vector<Json> reports;
  Instant now = *parse_rfc3339("2026-01-02T10:00:00Z");

  Scan() { check.at_most.critical = 0; }
  Scan& with(int critical, const std::string& updated = "2026-01-02T09:00:00Z", int high = 0,
             const std::string& tag = "2", const std::string& digest = "") {
    reports.push_back(
        report("registry.example.com", "shop/web", tag, digest, critical, high, updated));
    return *this;
  }
  Finding found() const { return judge_reports(check, images, reports, now); }
};

TEST_CASE("a report within the limits passes, one above fails, and the text tells the counts") {
  CHECK(Scan().with(0).found().result == Pass);
  CHECK(Scan().with(0).found().text ==
        "registry.example.com/shop/web:2: 0 critical (by tag alone, which can move), scanned 1h "
        "ago");
  CHECK(Scan().with(2).found().result == Fail);
  CHECK(Scan().with(2).found().text ==
        "registry.example.com/shop/web:2: 2 critical (at most 0) (by tag alone, which can move)");
  Scan scan;
  scan.check.at_most.critical = 2;
  scan.check.at_most.high = 1;
  CHECK(scan.with(2, "2026-01-02T09:00:00Z", 1).found().result == Pass);
  CHECK(scan.with(2, "2026-01-02T09:00:00Z", 2).found().result == Fail);
  scan.check.at_most = {};
  scan.check.at_most.medium = 6;
  CHECK(scan.found().text.find("7 medium (at most 6)") != std::string::npos);
  scan.check.at_most = {};
  scan.check.at_most.low = 9;
  scan.check.at_most.unknown = 0;
  CHECK(scan.found().result == Pass);
}

TEST_CASE("an image without a report that is young enough is what the check says of it") {
  CHECK(Scan().found().result == Fail);
  CHECK(Scan().found().text.find("no report") != std::string::npos);
  for (const char* updated :
       {"2026-01-01T09:59:59Z", "", "yesterday", "2026-01-02T11:00:00Z"}) {  // old, none, ahead
    CAPTURE(updated);
    CHECK(Scan().with(0, updated).found().result == Fail);
    CHECK(Scan().with(0, updated).found().text.find("no report of the last 24h") !=
          std::string::npos);
  }
  CHECK(Scan().with(0, "2026-01-01T10:00:01Z").found().result == Pass);
  Scan shown;
  shown.check.missing = WhenMissing::Pass;
  CHECK(shown.found().result == Pass);
  CHECK(shown.found().text.find("no report") != std::string::npos);
  CHECK(shown.with(1).found().result == Fail);  // it lets no bad report pass
}

TEST_CASE("a clean report does not hide another of the same image, whatever their order and age") {
  CHECK(Scan().with(0).with(3, "2026-01-02T08:00:00Z").found().result == Fail);
  CHECK(Scan().with(3).with(0, "2026-01-02T09:30:00Z").found().result == Fail);
  // What is too old counts neither way.
  CHECK(Scan().with(0).with(3, "2025-12-01T08:00:00Z").found().result == Pass);
}

TEST_CASE("reports are chosen by digest where the image has one, else by registry and tag") {
  Scan scan;
  SUBCASE("of another tag") { scan.with(0, "2026-01-02T09:00:00Z", 0, "3"); }
  SUBCASE("of another registry") {
    scan.reports = {report("quay.io", "shop/web", "2", "", 0, 0, "2026-01-02T09:00:00Z")};
  }
  SUBCASE("of another repository") {
    scan.reports = {
        report("registry.example.com", "shop/other", "2", "", 0, 0, "2026-01-02T09:00:00Z")};
  }
  SUBCASE("of the same tag, but another digest") {
    scan.images[0].image = "registry.example.com/shop/web:2@" + kDigest;
    scan.with(0, "2026-01-02T09:00:00Z", 0, "2", "sha256:" + std::string(64, 'b'));
  }
  SUBCASE("of the same tag without a digest") {
    scan.images[0].image = "registry.example.com/shop/web:2@" + kDigest;
    scan.with(0);
  }
  SUBCASE("none of its own, as JSON that is none") { scan.reports = {nullptr, 7, Json::array()}; }
  CHECK(scan.found().result == Fail);
  CHECK(scan.found().text.find("no report") != std::string::npos);
}

TEST_CASE("a digest is met wherever it is kept, and the text does not speak of tags") {
  Scan scan;
  scan.images[0].image = "mirror.example.com/copies/web@" + kDigest;
  scan.with(0, "2026-01-02T09:00:00Z", 0, "", kDigest);
  CHECK(scan.found().result == Pass);
  CHECK(scan.found().text.find("tag") == std::string::npos);
  CHECK(may_concern(scan.images, "shop/web", ""));
  CHECK_FALSE(may_concern(scan.images, "shop/other", ""));
  CHECK(may_concern({{"web", "nginx:1"}}, "library/nginx", "1"));
  CHECK_FALSE(may_concern({{"web", "nginx:1"}}, "library/nginx", "2"));
}

TEST_CASE("all images must be within the limits, init containers too, and what cannot be read") {
  Scan scan;
  scan.with(0);
  scan.images.push_back({"init container migrate", "registry.example.com/shop/migrate:1"});
  CHECK(scan.found().result == Fail);
  scan.reports.push_back(
      report("registry.example.com", "shop/migrate", "1", "", 0, 0, "2026-01-02T09:00:00Z"));
  CHECK(scan.found().result == Pass);
  scan.images.push_back({"containers", ""});
  CHECK(scan.found().result == Unknown);
  scan.images.back().image = "not an image";
  CHECK(scan.found().result == Unknown);
  scan.images.assign(kMostImages + 1, {"web", "registry.example.com/shop/web:2"});
  CHECK(scan.found().result == Unknown);
  scan.images.clear();
  CHECK(scan.found().result == Pass);
}

TEST_CASE("a report whose counts cannot be read is over every limit") {
  Scan scan;
  for (const Json& count : {Json(nullptr), Json("0"), Json(0.5), Json::object()}) {
    scan.reports.clear();
    scan.with(0);
    scan.reports[0]["report"]["summary"]["criticalCount"] = count;
    CHECK(scan.found().result == Fail);
  }
  scan.reports[0]["report"].erase("summary");
  CHECK(scan.found().result == Fail);
}

TEST_CASE("the images of a change are those of all its containers and image volumes") {
  const Json content = json_of(R"({"/spec/template": {"spec": {
    "initContainers": [{"name": "migrate", "image": "shop/migrate:1"}],
    "containers": [{"name": "web", "image": "shop/web:2"}, {"name": "odd", "image": 7}],
    "volumes": [{"name": "model", "image": {"reference": "shop/model:3"}}]}}})");
  const auto images = images_of("apps", "deployments", content);
  std::vector<std::string> told;
  for (const ContainerImage& image : images) told.push_back(image.where + "=" + image.image);
  std::sort(told.begin(), told.end());
  CHECK(told == std::vector<std::string>{"image odd=", "init container migrate=shop/migrate:1",
                                         "volume model=shop/model:3", "web=shop/web:2"});
  CHECK(images_of("", "configmaps", json_of(R"({"/data": {"a": "b"}})")).empty());
  CHECK(images_of("apps", "deployments", nullptr).empty());
  Json many = json_of(R"({"/spec/template": {"spec": {"containers": []}}})");
  for (int i = 0; i < 100; ++i)
    many["/spec/template"]["spec"]["containers"].push_back(
        {{"name", "c" + std::to_string(i)}, {"image", "a:" + std::to_string(i)}});
  CHECK(images_of("apps", "deployments", many).size() == kMostImages + 1);
  CHECK(images_of("batch", "cronjobs",
                  json_of(R"({"/spec": {"jobTemplate": {"spec": {"template": {"spec":
                    {"containers": [{"name": "m", "image": "m:1"}]}}}}}})"))
            .size() == 1);
}

// ---- endpoints

TEST_CASE("an endpoint's answer passes by one word alone") {
  CHECK(judge_answer(200, R"({"result": "pass"})").result == Pass);
  CHECK(judge_answer(200, R"({"result": "pass", "text": "CHG-7"})").text == "CHG-7");
  CHECK(judge_answer(200, R"({"result": "fail", "text": "no"})").result == Fail);
  for (const char* body : {"", "pass", "\"pass\"", "[]", "{}", R"({"result": "PASS"})",
                           R"({"result": true})", R"({"result": ["pass"]})",
                           R"({"result": "pass"} x)", R"({"result": "fail", "result": "pass"})",
                           R"({"Result": "pass"})", "{\"result\": \"pass\""}) {
    CAPTURE(body);
    CHECK(judge_answer(200, body).result == Unknown);
  }
  for (const int status : {0, 100, 201, 204, 301, 302, 307, 400, 401, 404, 429, 500, 503}) {
    CAPTURE(status);
    CHECK(judge_answer(status, R"({"result": "pass"})").result == Unknown);
  }
  std::string deep(100, '[');
  CHECK(judge_answer(200, R"({"result": "pass", "more": )" + deep).result == Unknown);
  CHECK(judge_answer(200, R"({"result": "fail", "text": "\u001b[2J"})").text == "\\u{1b}[2J");
}

TEST_CASE("an endpoint is told the request, and neither its base nor what was proposed") {
  ApprovalRequest request;
  request.metadata.name = "web-1";
  request.metadata.uid = "u";
  request.metadata.resource_version = "7";
  request.metadata.labels = {{"a", "b"}};
  request.spec.base = Json{{"secret", "of the base"}};
  request.spec.proposed = Json{{"secret", "of the proposal"}};
  request.status.message = "where it stands";
  const Json question = question_of(request, "change-ticket");
  CHECK(question["check"] == "change-ticket");
  CHECK(string_at(question, {"request", "metadata", "name"}) == "web-1");
  const std::string text = dump_json(question);
  for (const char* word : {"of the base", "of the proposal", "where it stands", "resourceVersion"})
    CHECK(text.find(word) == std::string::npos);
}

// ---- what they mean for a request

Instant at(const std::string& time) { return *parse_rfc3339("2026-01-01T" + time + "Z"); }

Check a_check(const std::string& name = "scan", const std::string& value = "open") {
  Check check;
  check.name = name;
  check.object.emplace();
  check.object->resource = "configmaps";
  check.object->field = "/data/state";
  check.object->value = value;
  return check;
}

CheckResult seen(const Check& check, CheckOutcome outcome, const std::string& time) {
  return {check.name, definition_of(check), outcome, "as seen", "2026-01-01T" + time + "Z"};
}

// Asked at 10:00 and approved at 10:10, which is enough; it is 10:30.
struct Court {
  ApprovalPolicy policy;
  ApprovalRequest request;
  StandingInput input;

  Court() {
    policy.metadata.name = "prod", policy.metadata.uid = "p";
    policy.spec.stages = {{"leads", {{"leads"}, {}, {}}, 1}};
    policy.spec.expiry = {"2h", "1h"};
    policy.spec.checks = {a_check()};
    request.metadata.name = "web-1", request.metadata.uid = "r";
    request.metadata.namespace_ = "production";
    request.metadata.creation_timestamp = "2026-01-01T10:00:00Z";
    request.spec.policy = {"prod", "p", policy_hash(policy.spec)};
    request.spec.binding_digest = "sha256:b";
    request.spec.requester = {"alice", "", {}};
    request.spec.stages = policy.spec.stages;
    request.spec.checks = policy.spec.checks;
    input.now = at("10:30:00");
    by("bob", "10:10:00");
  }
  Court& by(const std::string& who, const std::string& time,
            Decision decision = Decision::Approve) {
    Ballot ballot;
    ballot.authorized = ballot.may_break_glass = true;
    ballot.approval.metadata.name = who;
    ballot.approval.metadata.creation_timestamp = "2026-01-01T" + time + "Z";
    ballot.approval.spec.request = {"web-1", "r", "sha256:b"};
    ballot.approval.spec.decision = decision;
    ballot.approval.spec.reason = "because";
    ballot.approval.spec.author = {who, "", {"leads"}};
    input.ballots.push_back(std::move(ballot));
    return *this;
  }
  Court& saw(CheckOutcome outcome, const std::string& time = "10:28:00") {
    request.status.checks.push_back(seen(a_check(), outcome, time));
    return *this;
  }
  Standing standing() {
    input.request = &request;
    input.policy = &policy;
    return next_state(input);
  }
  RequestPhase phase() { return standing().phase; }
};

TEST_CASE("what has its approvals is approved exactly while its check passes and is young") {
  CHECK(Court().saw(Pass).phase() == RequestPhase::Approved);
  CHECK(Court().saw(Pass).standing().approved_at == at("10:10:00"));
  CHECK(Court().saw(Pass).standing().next_change == at("10:33:00"));  // maxAge is 5m
  struct Row {
    CheckOutcome outcome;
    const char* time;
    const char* words;
  };
  for (const Row& row : {Row{Fail, "10:29:59", "check scan: as seen"},
                         Row{Unknown, "10:29:59", "check scan: as seen"},
                         Row{Pass, "10:25:00", "its last result is older than 5m: as seen"},
                         Row{Pass, "10:31:00", "its result has no time that can be right"}}) {
    const Standing standing = Court().saw(row.outcome, row.time).standing();
    CAPTURE(row.time);
    CHECK(standing.phase == RequestPhase::Pending);
    CHECK(standing.only_checks);
    CHECK_FALSE(standing.approved_at.has_value());
    CHECK(standing.waiting_for.find(row.words) != std::string::npos);
    CHECK(standing.approved_so_far == "1 of 1, approved by bob");
    CHECK(standing.message.find("approved by bob; waits for check scan") == 0);
    CHECK(standing.have == 1);
  }
  CHECK(Court().saw(Pass, "10:25:01").phase() == RequestPhase::Approved);
  CHECK(Court().saw(Pass, "10:30:20").phase() == RequestPhase::Approved);  // clocks differ a little
  CHECK(Court().standing().waiting_for == "check scan: not looked up yet");
}

TEST_CASE("a result without a time, or of another definition, is none") {
  Court court;
  court.saw(Pass);
  SUBCASE("no time") { court.request.status.checks[0].observed_at = ""; }
  SUBCASE("another definition") {
    court.request.status.checks[0].definition = definition_of(a_check("scan", "closed"));
  }
  SUBCASE("an age that cannot be read") { court.policy.spec.checks[0].max_age = "soon"; }
  CHECK(court.phase() == RequestPhase::Pending);
}

TEST_CASE("a definition is what is looked up, whatever its name, mode and age") {
  Check check = a_check();
  check.name = "other", check.mode = CheckMode::Show, check.max_age = "1h";
  CHECK(definition_of(check) == definition_of(a_check()));
  for (const auto change : std::initializer_list<void (*)(ObjectCheck&)>{
           [](ObjectCheck& o) { o.api_group = "apps"; }, [](ObjectCheck& o) { o.resource = "x"; },
           [](ObjectCheck& o) { o.namespace_ = "x"; }, [](ObjectCheck& o) { o.name = "x"; },
           [](ObjectCheck& o) { o.field = "/x"; },
           [](ObjectCheck& o) { o.is = Comparison::NotEquals; },
           [](ObjectCheck& o) { o.value = "x"; },
           [](ObjectCheck& o) { o.missing = WhenMissing::Pass; }}) {
    Check changed = a_check();
    change(*changed.object);
    CHECK(definition_of(changed) != definition_of(a_check()));
  }
}

TEST_CASE("its validity counts from the approval, however long a check held it up") {
  Court court;
  court.saw(Fail);
  CHECK(court.standing().expires_at == at("11:10:00"));
  court.input.now = at("11:09:59");
  CHECK(court.phase() == RequestPhase::Pending);
  court.input.now = at("11:10:00");
  CHECK(court.phase() == RequestPhase::Expired);
  CHECK(court.standing().message.find("held up by check scan") != std::string::npos);
  CHECK_FALSE(court.standing().approved_at.has_value());
}

TEST_CASE("a second approval, given while a check fails, does not make the first last longer") {
  Court court;
  court.saw(Fail).by("eve", "10:25:00");
  CHECK(court.standing().expires_at == at("11:10:00"));
  SUBCASE("nor with a time before which it may not run") {
    court.input.ballots[1].approval.spec.not_before = "2026-01-01T22:00:00Z";
    CHECK(court.standing().expires_at == at("11:10:00"));
    court.request.status.checks[0].result = Pass;
    CHECK(court.phase() == RequestPhase::Scheduled);  // it puts it off all the same
    CHECK(court.standing().expires_at == at("11:10:00"));
    court.request.status.checks[0].result = Fail;
  }
  court.input.now = at("11:09:59");
  CHECK(court.phase() == RequestPhase::Pending);
  court.input.now = at("11:10:00");
  CHECK(court.phase() == RequestPhase::Expired);
}

TEST_CASE("who passes a freeze after the last slot was filled says from when it counts") {
  Court court;
  court.saw(Pass).by("eve", "10:25:00");
  court.input.ballots[1].approval.spec.not_before = "2026-01-01T22:00:00Z";
  court.policy.spec.freeze = {{"0 10 * * *", "2h", "UTC", {{}, {"eve"}, {}}}};
  CHECK(court.phase() == RequestPhase::Scheduled);
  CHECK(court.standing().starts_at == at("22:00:00"));
  CHECK(court.standing().expires_at == at("23:00:00"));
}

TEST_CASE("what was checked when it was asked and what is checked now must both pass") {
  Court court;
  court.saw(Pass);
  SUBCASE("taken out of the policy, it is still wanted") {
    court.policy.spec.checks.clear();
    CHECK(court.phase() == RequestPhase::Approved);
    court.request.status.checks[0].result = Fail;
    CHECK(court.phase() == RequestPhase::Pending);
  }
  SUBCASE("put into the policy later, it is wanted as well") {
    court.policy.spec.checks.push_back(a_check("second", "also"));
    CHECK(court.phase() == RequestPhase::Pending);
    court.request.status.checks.push_back(seen(a_check("second", "also"), Pass, "10:28:00"));
    CHECK(court.phase() == RequestPhase::Approved);
  }
  SUBCASE("the shorter age of the two counts") {
    court.policy.spec.checks[0].max_age = "1m";
    CHECK(court.phase() == RequestPhase::Pending);
    std::swap(court.policy.spec.checks[0].max_age, court.request.spec.checks[0].max_age);
    CHECK(court.phase() == RequestPhase::Pending);
  }
  SUBCASE("required then or now is required") {
    court.request.status.checks[0].result = Fail;
    court.policy.spec.checks[0].mode = CheckMode::Show;
    CHECK(court.phase() == RequestPhase::Pending);
    court.request.spec.checks[0].mode = CheckMode::Show;
    CHECK(court.phase() == RequestPhase::Approved);
    court.policy.spec.checks[0].mode = CheckMode::Require;
    CHECK(court.phase() == RequestPhase::Pending);
  }
  SUBCASE("changed, it has no result yet") {
    court.policy.spec.checks = {a_check("scan", "wide open")};
    CHECK(court.phase() == RequestPhase::Pending);
    CHECK(court.standing().checks.size() == 2);
  }
}

TEST_CASE("a check that is only shown holds nothing up") {
  Court court;
  court.request.spec.checks[0].mode = court.policy.spec.checks[0].mode = CheckMode::Show;
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.saw(Fail).phase() == RequestPhase::Approved);
  CHECK(court.standing().checks.at(0).outcome == Fail);
}

TEST_CASE("low risk that needs nobody waits for its check all the same") {
  Court court;
  court.input.ballots.clear();
  court.policy.spec.auto_approve = court.request.spec.auto_approve = AutoApprove{RiskLevel::Low};
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK(court.standing().only_checks);
  CHECK(court.saw(Pass).phase() == RequestPhase::Approved);
}

TEST_CASE("without its approvals a request waits for both, and says so") {
  Court court;
  court.input.ballots.clear();
  CHECK(court.saw(Fail).standing().waiting_for ==
        "0 of 1, needs group leads, and check scan: as seen");
  CHECK(court.standing().approved_so_far == "0 of 1, needs group leads");
  CHECK_FALSE(court.standing().only_checks);
  court.request.status.checks[0].result = Pass;
  CHECK(court.standing().waiting_for == "0 of 1, needs group leads");
}

TEST_CASE("broken glass passes over checks, before and after the approvals, and stays broken") {
  Court court;
  court.policy.spec.break_glass.allowed = true;
  court.saw(Fail).by("sre", "10:20:00", Decision::BreakGlass);
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().glass_broken_by == "sre");
  CHECK(court.standing().review.has_value());
  court.request.status.checks[0].result = Pass;
  CHECK(court.standing().glass_broken_by == "sre");
  court.policy.spec.checks.clear();
  court.request.spec.checks.clear();
  CHECK(court.standing().glass_broken_by.empty());  // nothing was passed over
}

TEST_CASE("a check changes nothing of what has ended, is being stored, or is denied") {
  Court court;
  court.saw(Fail);
  SUBCASE("being stored") {
    court.request.status.claim =
        Claim{"uid", "1", "2026-01-01T10:29:50.000000Z", {"alice", "", {}}};
    CHECK(court.phase() == RequestPhase::Approved);
    CHECK(court.standing().approved_at == at("10:10:00"));
  }
  SUBCASE("released") {
    court.input.released = true;
    CHECK(court.phase() == RequestPhase::Released);
  }
  SUBCASE("denied") {
    court.by("eve", "10:29:00", Decision::Deny);
    CHECK(court.phase() == RequestPhase::Denied);
    CHECK_FALSE(court.standing().approved_at.has_value());
  }
  SUBCASE("ended") {
    court.request.status.phase = RequestPhase::Expired;
    CHECK(court.phase() == RequestPhase::Expired);
  }
}

TEST_CASE("an approval that came before a newer change is not undone by a check that flips") {
  Court court;
  court.input.newer = {{"web-2", at("10:20:00")}};
  CHECK(court.saw(Pass).phase() == RequestPhase::Approved);
  court.request.status.checks[0].result = Fail;
  CHECK(court.phase() == RequestPhase::Pending);
}

TEST_CASE("checks and their ages are told in one line") {
  Court court;
  court.policy.spec.checks.push_back(a_check("second", "also"));
  court.policy.spec.checks.back().mode = CheckMode::Show;
  CHECK(tell_checks(court.saw(Pass).standing().checks, at("10:30:00")) ==
        "checks: scan Pass 2m ago, second Unknown (shown only)");
  CHECK(tell_checks({}, at("10:30:00")).empty());
  court.policy.spec.checks.back().mode = CheckMode::Require;
  court.request.status.checks[0].result = Fail;
  CHECK(held_up_by(court.standing().checks) == "check scan: as seen; and 1 other check");
  CHECK(names_of_held_up(court.standing().checks) == "checks scan, second");
  court.request.status.checks[0].result = Pass;
  CHECK(names_of_held_up(court.standing().checks) == "check second");
  CHECK(names_of_held_up({}).empty());
}

TEST_CASE("a check tells how old its result is, and how much longer that counts") {
  Court court;
  court.saw(Pass, "10:29:48");
  const auto told = [&] { return describe_check(court.standing().checks.at(0), at("10:30:00")); };
  CHECK(told() == "scan Pass, seen 12s ago, counts for 4m 48s more: as seen");
  court.request.status.checks[0].result = Fail;
  CHECK(told() == "scan Fail, seen 12s ago: as seen");
  court.request.status.checks[0].result = Pass;
  court.request.status.checks[0].observed_at = "2026-01-01T10:20:00Z";
  CHECK(told() == "scan Unknown, seen 10m ago: its last result is older than 5m: as seen");
  court.request.spec.checks[0].mode = court.policy.spec.checks[0].mode = CheckMode::Show;
  court.request.status.checks[0].observed_at = "2026-01-01T10:29:48Z";
  CHECK(told() == "scan Pass (shown only), seen 12s ago: as seen");
  court.request.status.checks.clear();
  CHECK(told() == "scan Unknown (shown only): not looked up yet");
}

TEST_CASE("a refusal says once what it needs, and which check it waits for") {
  Court court;
  court.request.spec.target.kind = "ConfigMap";
  court.request.spec.target.namespace_ = "shop";
  court.request.spec.target.name = "settings";
  const auto refusal = [&] {
    return denied_message(court.request.spec.target, Operation::Update, "settings-1", court.policy,
                          court.standing(), {"1 key: limit"});
  };
  court.saw(Fail);
  CHECK(refusal() ==
        "ConfigMap shop/settings was not stored: it is approved, but waits for a check, as "
        "settings-1\n"
        "  change:  1 key: limit\n"
        "  policy:  prod\n"
        "  waits:   check scan: as seen\n"
        "  next:    apply again when it passes; look with the command below\n"
        "kubectl holdpoint show settings-1 -n shop");
  court.input.ballots.clear();
  court.request.status.checks.clear();
  CHECK(refusal() ==
        "ConfigMap shop/settings was not stored: it waits for approval as settings-1\n"
        "  change:  1 key: limit\n"
        "  policy:  prod\n"
        "  waits:   0 of 1, needs group leads, and check scan: not looked up yet\n"
        "  next:    pass the command below to an approver, then apply again\n"
        "kubectl holdpoint approve settings-1 -n shop");
}

}  // namespace
}  // namespace holdpoint
