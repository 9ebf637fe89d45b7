#include "core/approval/stages.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace holdpoint {
namespace {

Instant at(const std::string& time) { return *parse_rfc3339("2026-01-01T" + time + "Z"); }

Stage stage(const std::string& name, const std::string& group, std::int64_t required = 1) {
  Stage made;
  made.name = name;
  made.approvers.groups = {group};
  made.required = required;
  return made;
}

EscalationStep step(const std::string& after, const std::string& group, bool deny = false) {
  EscalationStep made;
  made.after = after;
  if (!group.empty()) made.add_approvers.groups = {group};
  if (deny) made.action = EscalationAction::Deny;
  return made;
}

Voice voice(const std::string& who, const std::string& time, std::vector<std::string> groups) {
  return {{who, "", std::move(groups)}, at(time)};
}

struct Walk {
  std::vector<Stage> stages;
  std::vector<Voice> voices;
  bool one_person = true;
  RiskLevel risk = RiskLevel::Low;
  Instant now = at("12:00:00");
  [[nodiscard]] Progress go() const {
    return walk_stages(stages, one_person, risk, voices, at("10:00:00"), now);
  }
};

TEST_CASE("a stage asks only when the one before it is full") {
  Walk walk{{stage("team", "leads"), stage("security", "appsec")}, {}};
  CHECK(walk.go().waiting_for == "stage team: 0 of 1, needs group leads");
  walk.voices = {voice("bob", "10:10:00", {"leads"})};
  CHECK(walk.go().waiting_for == "stage security: 0 of 1, needs group appsec");
  walk.voices.push_back(voice("sam", "10:20:00", {"appsec"}));
  CHECK(walk.go().full);
  CHECK(walk.go().full_at == at("10:20:00"));
}

TEST_CASE("an approval that came early waits for its stage and counts then") {
  Walk walk{{stage("team", "leads"), stage("security", "appsec")},
            {voice("sam", "10:05:00", {"appsec"})}};
  const Progress waiting = walk.go();
  CHECK_FALSE(waiting.full);
  CHECK(waiting.have == 1);
  CHECK(waiting.filled_by[0] == "security");
  CHECK(waiting.waiting_for.find("stage team") == 0);
  walk.voices.push_back(voice("bob", "10:30:00", {"leads"}));
  CHECK(walk.go().full);
  CHECK(walk.go().full_at == at("10:30:00"));
}

TEST_CASE("A8: one person in two groups fills one slot, unless the policy says otherwise") {
  Walk walk{{stage("team", "leads"), stage("security", "appsec")},
            {voice("sam", "10:05:00", {"appsec", "leads"})}};
  CHECK_FALSE(walk.go().full);
  walk.one_person = false;
  CHECK(walk.go().full);
  walk.stages[0].required = 2;  // but never two slots of one stage
  CHECK_FALSE(walk.go().full);
}

TEST_CASE("people are moved to where they are needed") {
  // bob can fill both, sam only the first: counting alone would put bob there.
  const Walk walk{
      {stage("team", "leads"), stage("security", "appsec")},
      {voice("bob", "10:05:00", {"leads", "appsec"}), voice("sam", "10:06:00", {"leads"})}};
  CHECK(walk.go().full);
}

TEST_CASE("a stage with `when` applies at its risk and above, and where none applies nobody can") {
  Walk walk{{stage("team", "leads"), stage("security", "appsec")},
            {voice("bob", "10:05:00", {"leads"})}};
  walk.stages[1].when = StageCondition{RiskLevel::High};
  CHECK(walk.go().full);
  walk.risk = RiskLevel::High;
  CHECK_FALSE(walk.go().full);
  walk.risk = RiskLevel::Critical;
  CHECK_FALSE(walk.go().full);
  walk.stages = {walk.stages[1]};
  walk.risk = RiskLevel::Medium;
  CHECK_FALSE(walk.go().full);
  CHECK(walk.go().waiting_for.find("nobody") == 0);
}

TEST_CASE("what a ladder adds counts from the step on, never before") {
  Walk walk{{stage("team", "leads")}, {}};
  walk.stages[0].escalation = {step("30m", "sre")};
  walk.now = at("10:29:59");
  CHECK(walk.go().taken.empty());
  CHECK(walk.go().next == at("10:30:00"));
  walk.voices = {voice("pat", "10:29:00", {"sre"})};
  walk.now = at("11:00:00");
  CHECK_FALSE(walk.go().full);  // it came before pat was asked
  walk.voices = {voice("pat", "10:31:00", {"sre"})};
  CHECK(walk.go().full);
  CHECK(walk.go().taken.size() == 1);
  CHECK(Walk{walk.stages, {}}.go().waiting_for == "0 of 1, needs group leads or group sre");
}

TEST_CASE("a ladder is counted from when its own stage began to ask") {
  Walk walk{{stage("team", "leads"), stage("security", "appsec")},
            {voice("bob", "11:00:00", {"leads"})}};
  walk.stages[1].escalation = {step("30m", "sre"), step("2h", "", true)};
  walk.now = at("11:29:00");
  CHECK(walk.go().taken.empty());
  walk.now = at("11:31:00");
  REQUIRE(walk.go().taken.size() == 1);
  CHECK(walk.go().taken[0].at == at("11:30:00"));
  CHECK(walk.go().next == at("13:00:00"));
  CHECK_FALSE(walk.go().denied.has_value());
  walk.now = at("13:00:00");
  CHECK(walk.go().denied.has_value());
}

TEST_CASE("a ladder ends when its stage is full, and an approval after its end is too late") {
  Walk walk{{stage("team", "leads")}, {voice("bob", "10:59:00", {"leads"})}};
  walk.stages[0].escalation = {step("1h", "", true)};
  CHECK(walk.go().taken.empty());
  CHECK_FALSE(walk.go().denied.has_value());
  walk.voices[0].at = at("11:01:00");
  CHECK(walk.go().denied.has_value());
  walk.stages[0].escalation[0].after = "soon";  // a time that cannot be read is no step
  CHECK(walk.go().taken.empty());
}

TEST_CASE("property: more voices, fewer stages and a lower bar never turn a yes into a no") {
  std::mt19937 random(11);
  const char* groups[] = {"a", "b", "c"};
  for (int round = 0; round < 3000; ++round) {
    Walk walk;
    for (auto i = 1 + random() % 3; i > 0; --i) {
      walk.stages.push_back(stage("s" + std::to_string(i), groups[random() % 3],
                                  1 + static_cast<std::int64_t>(random() % 2)));
      if (random() % 3 == 0) walk.stages.back().escalation = {step("30m", groups[random() % 3])};
      if (random() % 4 == 0) walk.stages.back().when = StageCondition{RiskLevel::High};
    }
    walk.one_person = random() % 2 == 0;
    walk.risk = random() % 2 == 0 ? RiskLevel::Low : RiskLevel::High;
    std::vector<std::string> times{"10:05:00", "10:20:00", "10:40:00", "11:10:00", "11:50:00"};
    times.resize(random() % 6);
    for (std::size_t i = 0; i < times.size(); ++i) {
      std::vector<std::string> in;
      for (const char* group : groups)
        if (random() % 2 == 0) in.emplace_back(group);
      walk.voices.push_back(voice("p" + std::to_string(i), times[i], in));
    }
    const bool full = walk.go().full;
    const Progress progress = walk.go();
    CHECK(progress.have <= progress.needed);
    CHECK((full == (progress.have == progress.needed && progress.needed > 0)));
    if (!full && progress.needed > 0) {  // where no stage applies there is nothing to compare
      Walk stricter = walk;              // one more stage never helps
      stricter.stages.push_back(stage("more", "a"));
      CHECK_FALSE(stricter.go().full);
      stricter = walk;
      ++stricter.stages[0].required;
      CHECK_FALSE((stricter.go().full && !walk.stages[0].when.has_value()));
      if (!walk.voices.empty()) {
        Walk fewer = walk;
        fewer.voices.pop_back();
        CHECK_FALSE(fewer.go().full);
      }
      Walk separate = walk;  // distinct people across stages never makes it easier
      separate.one_person = true;
      CHECK_FALSE(separate.go().full);
    } else if (full) {
      Walk later = walk;
      later.now = at("23:00:00");
      CHECK(later.go().full);
      CHECK(later.go().full_at == walk.go().full_at);
    }
  }
}

TEST_CASE("a stage that nobody can ever fill is told by the policy") {
  ApprovalPolicySpec spec;
  Stage two;
  two.name = "owners";
  two.required = 2;
  two.approvers.users = {"anna"};
  spec.stages = {two};
  CHECK(never_full(spec).find("asks for 2 people and names 1") != std::string::npos);
  SUBCASE("not with somebody else") { spec.stages[0].approvers.users.push_back("ben"); }
  SUBCASE("not with an account") { spec.stages[0].approvers.service_accounts = {"ci/robot"}; }
  SUBCASE("not with a group, whose people are not known") {
    spec.stages[0].approvers.groups = {"leads"};
  }
  SUBCASE("not where its ladder adds somebody") {
    EscalationStep later;
    later.after = "1h";
    later.add_approvers.users = {"ben"};
    spec.stages[0].escalation = {later};
  }
  SUBCASE("not with one") { spec.stages[0].required = 1; }
  CHECK(never_full(spec).empty());
}

TEST_CASE("one person named twice is one person") {
  ApprovalPolicySpec spec;
  Stage two;
  two.name = "owners";
  two.required = 2;
  two.approvers.users = {"anna", "anna"};
  spec.stages = {two};
  CHECK_FALSE(never_full(spec).empty());
  spec.stages[0].approvers.users = {"system:serviceaccount:ci:robot"};
  spec.stages[0].approvers.service_accounts = {"ci/robot"};
  CHECK_FALSE(never_full(spec).empty());
}

TEST_CASE("a step that notifies a target which is not there is told by the policy") {
  ApprovalPolicySpec spec;
  spec.stages = {stage("owners", "leads")};
  EscalationStep later = step("1h", "sre");
  later.notify = {"pager"};
  spec.stages[0].escalation = {later};
  CHECK(never_full(spec).find("pager") != std::string::npos);
  NotifyTarget pager;
  pager.name = "pager";
  spec.notify = {pager};
  CHECK(never_full(spec).empty());
}

}  // namespace
}  // namespace holdpoint
