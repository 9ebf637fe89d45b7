#include "core/notify/notice.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/digest.hpp"
#include "operator/notifier.hpp"

namespace holdpoint {
namespace {

Instant at(const std::string& time) { return *parse_rfc3339("2026-01-01T" + time + "Z"); }

// A request of 10:00 that expires at 12:00, told to a team and a pager.
struct Desk {
  ApprovalPolicy policy;
  ApprovalRequest request;
  Standing standing;

  Desk() {
    policy.metadata.name = "prod";
    policy.spec.notify = {{"team", NotifyType::Slack, "team"},
                          {"pager", NotifyType::CloudEvents, "pager"}};
    request.metadata.name = "web-1", request.metadata.uid = "r",
    request.metadata.namespace_ = "production";
    request.metadata.creation_timestamp = "2026-01-01T10:00:00Z";
    request.spec.policy.name = "prod";
    request.spec.target.kind = "Deployment", request.spec.target.namespace_ = "production";
    request.spec.target.name = "web";
    request.spec.requester.username = "alice";
    request.spec.summary = {"image of web: web:1 -> web:2"};
    request.status.phase = RequestPhase::Pending;
    standing.expires_at = at("12:00:00");
    standing.waiting_for = "0 of 1, needs group leads";
  }
  Desk& ended(RequestPhase phase, const std::string& time) {
    request.status.phase = standing.phase = phase;
    request.status.ended_at = "2026-01-01T" + time + "Z";
    return *this;
  }
  std::vector<std::string> due(const std::string& time) const {
    std::vector<std::string> ids;
    for (const Notice& notice : due_notices(request, policy, standing, at(time)))
      ids.push_back(notice.id);
    return ids;
  }
  Notice first(const std::string& time = "10:01:00") const {
    return due_notices(request, policy, standing, at(time)).at(0);
  }
};

using Ids = std::vector<std::string>;

TEST_CASE("a request that waits is told to every target until its status says that it was") {
  Desk desk;
  CHECK(desk.due("10:01:00") == Ids{"team/Requested", "pager/Requested"});
  desk.request.status.notified = {"team/Requested"};
  CHECK(desk.due("10:01:00") == Ids{"pager/Requested"});
  desk.request.status.notified = {"team/Requested", "pager/Requested"};
  CHECK(desk.due("10:01:00").empty());
}

TEST_CASE("what flows through at once is told to nobody") {
  Desk desk;
  desk.standing.phase = RequestPhase::Approved;
  CHECK(desk.due("10:01:00").empty());
  CHECK(desk.ended(RequestPhase::Released, "10:00:01").due("10:01:00").empty());
}

TEST_CASE("reminders come at half and at nine tenths, the latest alone after a pause") {
  Desk desk;
  desk.policy.spec.notify.resize(1);
  desk.request.status.notified = {"team/Requested"};
  CHECK(desk.due("10:59:59").empty());
  CHECK(next_reminder(desk.request, desk.policy, desk.standing, at("10:59:59")) == at("11:00:00"));
  CHECK(desk.due("11:00:00") == Ids{"team/Reminder/50"});
  CHECK(next_reminder(desk.request, desk.policy, desk.standing, at("11:00:00")) == at("11:48:00"));
  CHECK(desk.due("11:48:00") == Ids{"team/Reminder/90"});
  desk.request.status.notified = {"team/Requested", "team/Reminder/90"};
  CHECK(desk.due("11:59:59").empty());
  CHECK_FALSE(next_reminder(desk.request, desk.policy, desk.standing, at("11:48:00")).has_value());
}

TEST_CASE("a step of a ladder is told to the targets that it names") {
  Desk desk;
  desk.request.status.notified = {"team/Requested", "pager/Requested"};
  EscalationStep step{"30m", {{"sre"}, {}, {}}, std::nullopt, {"pager", "unknown"}};
  desk.standing.escalations = {{"leads", 0, at("10:30:00"), step}};
  CHECK(desk.due("10:31:00") == Ids{"pager/Escalated/leads/0"});
  CHECK(desk.first("10:31:00").data["askedAsWell"] == "group sre");
}

TEST_CASE("an end is told for a day, to whom was told of the request") {
  Desk desk;
  desk.request.status.notified = {"pager/Requested"};
  desk.ended(RequestPhase::Denied, "10:30:00");
  CHECK(desk.due("10:31:00") == Ids{"pager/Denied"});
  desk.request.status.ended_at = "2025-12-31T10:30:00Z";
  CHECK(desk.due("10:31:00").empty());
}

TEST_CASE("broken glass is told to all, with who, why and whom it passed over") {
  Desk desk;
  desk.request.spec.stages = {{"leads", {{"leads"}, {}, {}}, 2}};
  desk.standing.phase = RequestPhase::Approved;
  desk.standing.approved_at = at("10:10:00");
  desk.standing.glass_broken_by = "sre";
  DecisionLine line;
  line.username = "sre", line.decision = "BreakGlass", line.reason = "outage";
  desk.standing.decisions = {line};
  CHECK(desk.due("10:11:00") == Ids{"team/BreakGlass", "pager/BreakGlass"});
  const Notice notice = desk.first("10:11:00");
  CHECK(notice.data["brokenBy"] == "sre");
  CHECK(notice.data["because"] == "outage");
  CHECK(notice.data["passedOver"].get<std::string>().find("leads") != std::string::npos);
}

TEST_CASE("however many steps there are, ends still fit into the status") {
  Desk desk;
  desk.policy.spec.notify.resize(1);
  for (std::size_t i = 0; i < 200; ++i)
    desk.standing.escalations.push_back(
        {"leads", i, at("10:01:00"), EscalationStep{"1m", {}, std::nullopt, {"team"}}});
  const auto due = desk.due("10:02:00");
  CHECK(due.size() < 128);
  desk.request.status.notified = due;
  CHECK(desk.ended(RequestPhase::Denied, "10:30:00").due("10:31:00") == Ids{"team/Denied"});
}

TEST_CASE("M6: no text in a notice is a mention, a link, markup or invisible") {
  Desk desk;
  const std::string hostile =
      "<!channel> <https://evil|ok> *b* \u202egpj.exe [x](https://evil) \x1b[31m\n@here";
  desk.request.spec.reason = hostile;
  desk.request.spec.summary = {hostile};
  desk.request.spec.requester.username = hostile;
  const Notice notice = desk.first();
  for (const NotifyType type : {NotifyType::CloudEvents, NotifyType::Slack, NotifyType::Teams}) {
    const std::string json = body(type, notice).json;
    CHECK(json.find("\u202e") == std::string::npos);
    CHECK(json.find("\\u001b") == std::string::npos);
  }
  const Json slack = Json::parse(body(NotifyType::Slack, notice).json);
  CHECK(slack.dump().find("<!channel>") == std::string::npos);
  for (const Json& block : slack["blocks"]) CHECK(block["text"]["type"] == "plain_text");
  CHECK(slack["mrkdwn"] == false);
  const Json teams = Json::parse(body(NotifyType::Teams, notice).json);
  for (const Json& part : teams["attachments"][0]["content"]["body"])
    CHECK(part["inlines"][0]["type"] == "TextRun");
}

TEST_CASE("the longest request stays within what Slack takes") {
  Desk desk;
  desk.request.spec.summary.assign(64, std::string(2000, '&'));
  desk.request.spec.reason = std::string(1024, '<');
  const Json slack = Json::parse(body(NotifyType::Slack, desk.first()).json);
  CHECK(slack["blocks"].size() <= 50);
  for (const Json& block : slack["blocks"]) {
    const bool is_header = block["type"] == "header";
    CHECK(block["text"]["text"].get<std::string>().size() <= (is_header ? 150 : 3000));
  }
}

TEST_CASE("a link is the receiver's own pattern, in each shape") {
  const Notice notice = Desk().first();
  const std::string link = link_of(notice, "https://x.example/{namespace}/{request}?q={request}");
  CHECK(link == "https://x.example/production/web-1?q=web-1");
  for (const NotifyType type : {NotifyType::CloudEvents, NotifyType::Slack, NotifyType::Teams})
    CHECK(body(type, notice, link).json.find(link) != std::string::npos);
}

TEST_CASE("a Secret gives an address, and is refused in words that do not repeat it") {
  const auto of = [](const std::string& url, const std::string& link = {}) {
    return operator_::receiver_of(
        {{"data", {{"url", base64(url)}, {"link", base64(link)}, {"token", base64(" t\n")}}}});
  };
  const auto receiver = of("https://hooks.example.com:8443/a/b?c=d#e\n");
  REQUIRE(receiver.ok());
  CHECK(receiver->endpoint == "https://hooks.example.com:8443");
  CHECK(receiver->target == "/a/b?c=d");
  CHECK(receiver->token == "t");
  CHECK(of("http://h")->target == "/");
  CHECK(of("http://h?x=1")->target == "/?x=1");
  for (const char* bad : {"", "ftp://h", "hooks.example.com", "https://", "https://u:canary@h/",
                          "file:///etc/passwd", "httpsx://h"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(of(bad).ok());
    CHECK(of(bad).error().message.find("canary") == std::string::npos);
  }
  CHECK_FALSE(of("https://h", "javascript:alert(1)").ok());
  CHECK_FALSE(operator_::receiver_of({{"data", {{"url", "%%%"}}}}).ok());
  CHECK_FALSE(operator_::receiver_of(Json::object()).ok());
}

}  // namespace
}  // namespace holdpoint
