#include "core/approval/standing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "core/approval/digest.hpp"
#include "core/approval/selector.hpp"
#include "core/approval/slots.hpp"

namespace holdpoint {
namespace {

Instant at(const std::string& time) { return *parse_rfc3339("2026-01-01T" + time + "Z"); }

// A request of alice at 10:00, pending for 2 h, approvals valid for 1 h, one stage of the group
// leads.
struct Court {
  ApprovalPolicy policy;
  ApprovalRequest request;
  StandingInput input;

  explicit Court(std::int64_t required = 1) {
    policy.metadata.name = "prod", policy.metadata.uid = "p";
    policy.spec.stages = {{"leads", {{"leads"}, {"zoe"}, {"ops/bot"}}, required}};
    policy.spec.expiry = {"2h", "1h"};
    request.metadata.name = "web-1", request.metadata.uid = "r",
    request.metadata.namespace_ = "production";
    request.metadata.creation_timestamp = "2026-01-01T10:00:00Z";
    request.spec.policy = {"prod", "p", policy_hash(policy.spec)};
    request.spec.binding_digest = "sha256:b";
    request.spec.requester = {"alice", "u-alice", {"developers"}};
    request.spec.stages = policy.spec.stages;
    input.now = at("10:30:00");
  }
  Approval approval(const std::string& who, const std::string& time,
                    Decision decision = Decision::Approve) const {
    Approval made;
    made.metadata.name = "by-" + who + "-" + time;
    made.metadata.creation_timestamp = "2026-01-01T" + time + "Z";
    made.spec.request = {"web-1", "r", "sha256:b"};
    made.spec.decision = decision;
    made.spec.author = {who, "u-" + who, {"leads"}};
    return made;
  }
  Court& by(const std::string& who, const std::string& time = "10:10:00",
            Decision decision = Decision::Approve) {
    input.ballots.push_back({approval(who, time, decision), true, false, {}});
    return *this;
  }
  Standing standing() {
    input.request = &request;
    input.policy = &policy;
    return next_state(input);
  }
  RequestPhase phase() { return standing().phase; }
};

TEST_CASE("one approval of one is enough, and nothing is not") {
  CHECK(Court().phase() == RequestPhase::Pending);
  CHECK(Court().by("bob").phase() == RequestPhase::Approved);
  CHECK(Court(2).by("bob").phase() == RequestPhase::Pending);
  CHECK(Court(2).by("bob").by("eve").phase() == RequestPhase::Approved);
  CHECK(Court(2).by("bob").standing().waiting_for ==
        "1 of 2, needs group leads or user zoe or service account ops/bot");
}

TEST_CASE("an approval counts only as the rules say") {
  Court court;
  court.by("bob");
  Approval& approval = court.input.ballots[0].approval;
  SUBCASE("of another request's uid") { approval.spec.request.uid = "other"; }
  SUBCASE("of another digest") { approval.spec.request.binding_digest = "sha256:c"; }
  SUBCASE("without the right") { court.input.ballots[0].authorized = false; }
  SUBCASE("by somebody the stage does not name") { approval.spec.author.groups = {"developers"}; }
  SUBCASE("while it is being revoked") {
    approval.metadata.deletion_timestamp = "2026-01-01T10:20:00Z";
  }
  SUBCASE("from before the request") {
    approval.metadata.creation_timestamp = "2026-01-01T09:59:59Z";
  }
  SUBCASE("from after it expired") {
    approval.metadata.creation_timestamp = "2026-01-01T12:00:01Z";
  }
  SUBCASE("without a time") { approval.metadata.creation_timestamp = ""; }
  SUBCASE("by the requester") { approval.spec.author = {"alice", "", {"leads"}}; }
  SUBCASE("by the requester's uid under another name") {
    approval.spec.author = {"alice2", "u-alice", {"leads"}};
  }
  SUBCASE("by whose write it is") { court.input.writers = {{"bob", "", {}}}; }
  SUBCASE("by nobody") { approval.spec.author.username = ""; }
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK_FALSE(court.standing().decisions.at(0).note.empty());
}

TEST_CASE("the requester may approve where the policy says so") {
  Court court;
  court.policy.spec.separation_of_duties.requester_may_approve = true;
  CHECK(court.by("alice").phase() == RequestPhase::Pending);  // it did not when this was asked
  court.request.spec.separation_of_duties = court.policy.spec.separation_of_duties;
  CHECK(court.phase() == RequestPhase::Approved);
}

TEST_CASE("one person is one, by name or by uid") {
  Court court(2);
  court.by("bob").by("bob", "10:11:00");
  CHECK(court.phase() == RequestPhase::Pending);
  court.input.ballots[1].approval.spec.author = {"robert", "u-bob", {"leads"}};
  CHECK(court.phase() == RequestPhase::Pending);
}

TEST_CASE("time: an expired request is denied even with enough approvals") {
  Court court;
  court.input.now = at("12:00:00");
  CHECK(court.phase() == RequestPhase::Expired);
  court.by("bob", "11:30:00");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.now = at("12:29:59");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.now = at("12:30:00");
  CHECK(court.phase() == RequestPhase::Expired);
}

TEST_CASE("validity counts from the last approval that was needed, not from a later one") {
  Court court;
  court.by("bob", "10:10:00").by("eve", "10:40:00");
  court.input.now = at("11:09:59");
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().approved_at == at("10:10:00"));
  court.input.now = at("11:10:00");
  CHECK(court.phase() == RequestPhase::Expired);
}

TEST_CASE("one denial by somebody eligible ends it, approved or not") {
  CHECK(Court().by("bob", "10:10:00", Decision::Deny).phase() == RequestPhase::Denied);
  CHECK(Court().by("bob").by("eve", "10:20:00", Decision::Deny).phase() == RequestPhase::Denied);
  Court court;
  court.by("bob", "10:10:00", Decision::Deny);
  court.input.ballots[0].approval.spec.author.groups = {};
  CHECK(court.phase() == RequestPhase::Pending);
}

TEST_CASE("only the requester withdraws") {
  CHECK(Court().by("alice", "10:10:00", Decision::Withdraw).phase() == RequestPhase::Withdrawn);
  CHECK(Court().by("bob", "10:10:00", Decision::Withdraw).phase() == RequestPhase::Pending);
}

TEST_CASE("A3: what was asked for then and what is asked for now must both be met") {
  Court court;
  court.by("bob");
  SUBCASE("the policy asks for more: it waits for the rest") {
    court.policy.spec.stages[0].required = 2;
    CHECK(court.phase() == RequestPhase::Pending);
    CHECK(court.standing().waiting_for.find("1 of 2") == 0);
    CHECK(court.by("eve", "10:20:00").phase() == RequestPhase::Approved);
  }
  SUBCASE("the policy asks for less: what was asked for still counts") {
    court.policy.spec.stages[0].required = 2;
    court.request.spec.stages = court.policy.spec.stages;
    court.policy.spec.stages[0].required = 1;
    CHECK(court.phase() == RequestPhase::Pending);
  }
  SUBCASE("the policy asks others: both must say yes") {
    court.policy.spec.stages[0].approvers = {{"appsec"}, {}, {}};
    CHECK(court.phase() == RequestPhase::Pending);
    court.by("sam", "10:20:00");
    court.input.ballots[1].approval.spec.author.groups = {"appsec"};
    CHECK(court.phase() == RequestPhase::Approved);
  }
}

TEST_CASE("A3: a policy that covers other things, was made anew or is gone makes it stale") {
  Court court;
  court.by("bob");
  SUBCASE("covers other things") { court.policy.spec.match.changes = {"/spec/template/spec"}; }
  SUBCASE("judges risk otherwise") { court.policy.spec.risk_rules = {{}}; }
  SUBCASE("made anew") { court.policy.metadata.uid = "q"; }
  CHECK(court.phase() == RequestPhase::Stale);
  court.input.policy = nullptr;
  court.input.request = &court.request;
  CHECK(next_state(court.input).phase == RequestPhase::Stale);
}

TEST_CASE("a newer change ends what waits, and not what was approved before it came") {
  Court court;
  court.input.newer = {{"web-2", at("10:20:00")}};
  CHECK(court.phase() == RequestPhase::Superseded);
  court.by("bob", "10:10:00");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.ballots.clear();
  court.by("bob", "10:25:00");
  CHECK(court.phase() == RequestPhase::Superseded);
  court.policy.spec.supersede = Supersede::Keep;
  CHECK(court.phase() == RequestPhase::Approved);
}

TEST_CASE("B12: an end in the status stays, and Approved in the status approves nothing") {
  Court court;
  using enum RequestPhase;
  court.request.status.phase = Approved;
  CHECK(court.phase() == Pending);
  court.by("bob");
  for (const RequestPhase end : {Released, Denied, Expired, Superseded, Stale, Withdrawn}) {
    court.request.status.phase = end;
    CHECK(court.phase() == end);
  }
}

TEST_CASE("what was claimed may be stored for a minute: until then it ends as Released, or not") {
  Court court;
  court.by("bob", "10:10:00");
  court.request.status.claim = Claim{"uid", "1", "2026-01-01T10:15:00.000000Z", {"alice", "", {}}};
  court.input.now = at("10:15:59");
  RequestPhase after = RequestPhase::Pending;
  SUBCASE("denied") {
    court.by("eve", "10:14:59", Decision::Deny);
    after = RequestPhase::Denied;
  }
  SUBCASE("withdrawn") {
    court.by("alice", "10:15:01", Decision::Withdraw);
    after = RequestPhase::Withdrawn;
  }
  SUBCASE("the target moved") {
    court.input.stale = "moved";
    after = RequestPhase::Stale;
  }
  SUBCASE("the policy was made anew") {
    court.policy.metadata.uid = "q";
    after = RequestPhase::Stale;
  }
  SUBCASE("expired") {
    court.request.status.claim->time = "2026-01-01T11:10:00.000000Z";
    court.input.now = at("11:10:59");
    after = RequestPhase::Expired;
  }
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().message.find("being stored by alice") != std::string::npos);
  CHECK(*court.standing().next_change == court.input.now + Duration(1'000));
  court.input.released = true;
  CHECK(court.phase() == RequestPhase::Released);
  court.input.released = false;
  court.input.now += Duration(1'000);
  CHECK(court.phase() == after);
}

TEST_CASE("what cannot be read counts against the request") {
  Court court;
  court.by("bob");
  SUBCASE("no stage") {
    court.request.spec.stages.clear();
    CHECK(court.phase() == RequestPhase::Pending);
  }
  SUBCASE("no time of creation") {
    court.request.metadata.creation_timestamp = "soon";
    CHECK(court.phase() == RequestPhase::Stale);
  }
  SUBCASE("no expiry that can be read") {
    court.policy.spec.expiry.approved = "later";
    CHECK(court.phase() == RequestPhase::Expired);
  }
}

TEST_CASE("stages are filled in order by distinct people, and early approvals wait") {
  Court court;
  court.policy.spec.stages = {{"team", {{"leads"}, {}, {}}, 1},
                              {"security", {{"appsec"}, {}, {}}, 1}};
  court.request.spec.stages = court.policy.spec.stages;
  court.by("sam");
  court.input.ballots[0].approval.spec.author.groups = {"appsec", "leads"};
  CHECK(court.phase() == RequestPhase::Pending);  // one person in both groups is one person
  court.by("bob", "10:20:00");
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().approved_at == at("10:20:00"));
}

// ---- time

TEST_CASE("notBefore: approved, but it runs at the time that was named, and is valid from then") {
  Court court;
  court.by("bob", "10:10:00");
  court.input.ballots[0].approval.spec.not_before = "2026-01-01T22:00:00Z";
  const Standing waits = court.standing();
  CHECK(waits.phase == RequestPhase::Scheduled);
  CHECK(waits.starts_at == at("22:00:00"));
  CHECK(waits.message.find("2026-01-01T22:00:00Z") != std::string::npos);
  court.input.now = at("22:00:00");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.now = at("22:59:59");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.now = at("23:00:00");
  CHECK(court.phase() == RequestPhase::Expired);
  court.input.ballots[0].approval.spec.not_before = "tonight";
  court.input.now = at("10:30:00");
  CHECK(court.phase() == RequestPhase::Pending);
}

TEST_CASE("freeze: nothing runs in a window, and what was approved runs after it") {
  Court court;
  court.policy.spec.freeze = {{"0 10 * * *", "2h", "UTC", {{"incident-command"}, {}, {}}}};
  court.by("bob", "10:10:00");
  CHECK(court.phase() == RequestPhase::Scheduled);
  CHECK(court.standing().starts_at == at("12:00:00"));
  court.input.now = at("12:30:00");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.now = at("13:00:00");
  CHECK(court.phase() == RequestPhase::Expired);
}

TEST_CASE("freeze: a window that opens after the approval stops it as well") {
  Court court;
  court.policy.spec.freeze = {{"20 10 * * *", "10m", "UTC", {}}};
  court.by("bob", "10:10:00");
  court.input.now = at("10:15:00");
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().next_change == at("10:20:00"));
  court.input.now = at("10:20:00");
  CHECK(court.phase() == RequestPhase::Scheduled);
  court.input.now = at("10:30:00");
  CHECK(court.phase() == RequestPhase::Approved);
}

TEST_CASE("freeze: passes with those whom the window names, besides the stages and not instead") {
  Court court;
  court.policy.spec.freeze = {{"0 10 * * *", "2h", "UTC", {{"incident-command"}, {}, {}}}};
  court.by("ivy", "10:12:00");
  court.input.ballots[0].approval.spec.author.groups = {"incident-command"};
  CHECK(court.phase() == RequestPhase::Pending);
  court.by("bob", "10:13:00");
  CHECK(court.phase() == RequestPhase::Approved);
  court.input.ballots[0].authorized = false;
  CHECK(court.phase() == RequestPhase::Scheduled);
}

TEST_CASE("freeze: a window that cannot be read is closed") {
  Court court;
  court.by("bob");
  for (const char* schedule : {"whenever", "0 0 31 2 *", ""}) {
    court.policy.spec.freeze = {{schedule, "2h", "UTC", {}}};
    CHECK(court.phase() == RequestPhase::Scheduled);
  }
  court.policy.spec.freeze = {{"0 0 * * *", "1h", "Mars/Olympus", {}}};
  CHECK(court.phase() == RequestPhase::Scheduled);
}

// ---- ladders

TEST_CASE("escalation: a ladder may end it with Deny, and time alone never approves") {
  Court court;
  court.policy.spec.stages[0].escalation = {EscalationStep{"30m", {{"sre"}, {}, {}}, {}},
                                            EscalationStep{"1h", {}, EscalationAction::Deny}};
  court.request.spec.stages = court.policy.spec.stages;
  court.input.now = at("10:31:00");
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK(court.standing().escalations.size() == 1);
  court.input.now = at("11:00:00");
  CHECK(court.phase() == RequestPhase::Denied);
  court.by("pat", "10:35:00");
  court.input.ballots[0].approval.spec.author.groups = {"sre"};
  CHECK(court.phase() == RequestPhase::Approved);
}

// ---- risk

TEST_CASE("autoApprove: low risk flows by policy, then and now, and nothing above it does") {
  Court court;
  court.policy.spec.auto_approve = AutoApprove{RiskLevel::Low};
  CHECK(court.phase() == RequestPhase::Pending);  // not said when this was asked
  court.request.spec.auto_approve = AutoApprove{RiskLevel::Low};
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().by_policy);
  CHECK(court.standing().approved_at == at("10:00:00"));
  court.policy.spec.auto_approve.reset();
  CHECK(court.phase() == RequestPhase::Pending);
  court.policy.spec.auto_approve = AutoApprove{RiskLevel::Low};
  court.request.spec.risk.level = RiskLevel::Medium;
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK(court.by("bob").phase() == RequestPhase::Approved);
  CHECK_FALSE(court.standing().by_policy);
}

// ---- break-glass

struct Emergency : Court {
  Emergency() {
    policy.spec.break_glass.allowed = true;
    by("oncall", "10:10:00", Decision::BreakGlass);
    input.ballots[0].may_break_glass = true;
    input.ballots[0].authorized = false;
    input.ballots[0].approval.spec.author.groups = {"oncall"};
    input.ballots[0].approval.spec.reason = "outage";
  }
};

TEST_CASE("A10: break-glass passes one request alone, through a freeze too, and owes a review") {
  Emergency court;
  court.policy.spec.freeze = {{"0 10 * * *", "2h", "UTC", {}}};
  const Standing standing = court.standing();
  CHECK(standing.phase == RequestPhase::Approved);
  CHECK(standing.glass_broken_by == "oncall");
  REQUIRE(standing.review.has_value());
  CHECK(standing.review->due_at == "2026-01-02T10:10:00Z");
  CHECK(standing.review->reviewed_by.empty());
}

TEST_CASE("A10: break-glass needs the policy, the verb and a reason, and this very request") {
  Emergency court;
  SUBCASE("the policy") { court.policy.spec.break_glass.allowed = false; }
  SUBCASE("the verb") { court.input.ballots[0].may_break_glass = false; }
  SUBCASE("a reason") { court.input.ballots[0].approval.spec.reason = ""; }
  SUBCASE("this content") { court.input.ballots[0].approval.spec.request.binding_digest = "x"; }
  SUBCASE("this request") { court.input.ballots[0].approval.spec.request.uid = "other"; }
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK_FALSE(court.standing().review.has_value());
}

TEST_CASE("A10: the review is paid by somebody else who may approve, also after the end") {
  Emergency court;
  court.request.status.phase = RequestPhase::Released;
  court.request.status.review = court.standing().review;
  const auto reviewed_by = [&](const std::string& who) {
    Court copy = court;
    copy.by(who, "15:00:00", Decision::Review);
    return copy.standing().review->reviewed_by;
  };
  CHECK(reviewed_by("bob") == "bob");
  CHECK(reviewed_by("alice").empty());   // the requester
  CHECK(reviewed_by("oncall").empty());  // who broke it
  CHECK(court.phase() == RequestPhase::Released);
}

TEST_CASE("no break-glass is owed where the approvals were there before") {
  Emergency court;
  court.by("bob", "10:05:00");
  CHECK(court.phase() == RequestPhase::Approved);
  CHECK(court.standing().glass_broken_by.empty());
  CHECK_FALSE(court.standing().review.has_value());
}

// ---- separation of duties

TEST_CASE("A8: whom an annotation names as author may not approve, and it makes nothing easier") {
  Court court;
  court.request.spec.authors = {"bob"};
  CHECK(court.by("bob").phase() == RequestPhase::Pending);
  CHECK(court.by("eve", "10:20:00").phase() == RequestPhase::Approved);
  Court own;
  own.request.spec.authors = {"carol"};
  CHECK(own.by("alice").phase() == RequestPhase::Pending);
}

TEST_CASE("A8: whom the API server says can act as the requester is barred") {
  Court court;
  court.by("bob");
  court.input.ballots[0].barred = "may act as the requester";
  CHECK(court.phase() == RequestPhase::Pending);
  CHECK(court.standing().decisions[0].note == "may act as the requester");
}

TEST_CASE("objections tell why and what next, by the rules that count") {
  const auto why = [](Court& court, const Approval& approval, bool authorized = true) {
    (void)court.standing();
    return objection(court.input, {approval, authorized, false, {}});
  };
  Court court;
  CHECK_FALSE(why(court, court.approval("bob", "10:10:00")).has_value());
  CHECK(why(court, court.approval("bob", "10:10:00"), false)->find("kubectl auth can-i approve") !=
        std::string::npos);
  CHECK(why(court, court.approval("alice", "10:10:00"))->find("somebody else must") !=
        std::string::npos);
  CHECK(why(court, court.approval("bob", "10:10:00", Decision::Withdraw))->find("alice") !=
        std::string::npos);
  CHECK_FALSE(why(court, court.approval("alice", "10:10:00", Decision::Withdraw)).has_value());
  Approval stranger = court.approval("mallory", "10:10:00");
  stranger.spec.author.groups = {};
  CHECK(why(court, stranger)->find("group leads") != std::string::npos);
  court.by("bob");
  CHECK(why(court, court.approval("bob", "10:20:00"))->find("already") != std::string::npos);
  CHECK(why(court, court.approval("eve", "10:20:00"))->find("already") != std::string::npos);
  Approval no = court.approval("eve", "10:20:00", Decision::Deny);
  no.spec.reason = " ";
  CHECK(why(court, no)->find("say in spec.reason why") != std::string::npos);
  no.spec.reason = "not on Friday";
  CHECK_FALSE(why(court, no).has_value());
  court.request.status.phase = RequestPhase::Denied;
  CHECK(why(court, court.approval("eve", "10:20:00"))->find("is over") != std::string::npos);
}

TEST_CASE("A8: eligible is byte-exact") {
  const Stage stage{"s", {{"leads"}, {"admin"}, {"ops/bot"}}, 1};
  CHECK(is_eligible(stage, {"x", "", {"leads"}}));
  CHECK(is_eligible(stage, {"admin", "", {}}));
  CHECK(is_eligible(stage, {"system:serviceaccount:ops:bot", "", {}}));
  CHECK_FALSE(is_eligible(stage, {"\u0430dmin", "", {}}));
  CHECK_FALSE(is_eligible(stage, {"Admin", "", {"Leads"}}));
  CHECK_FALSE(is_eligible(stage, {"ops/bot", "", {}}));
  CHECK_FALSE(is_eligible(stage, {"system:serviceaccount:ops:bot2", "", {}}));
}

TEST_CASE("property: order does not matter, and what does not count never helps") {
  std::mt19937 random(7);
  const char* people[] = {"alice", "bob", "eve", "mia", "zoe"};
  const char* times[] = {"10:01:00", "10:05:00", "10:09:00"};
  for (int round = 0; round < 2000; ++round) {
    Court court(1 + static_cast<std::int64_t>(random() % 3));
    for (auto i = random() % 5; i > 0; --i) {
      court.by(people[random() % 5], times[random() % 3],
               random() % 6 == 0 ? Decision::Deny : Decision::Approve);
      if (random() % 4 == 0) court.input.ballots.back().authorized = false;
      if (random() % 4 == 0)
        court.input.ballots.back().approval.spec.author.groups = {"developers"};
    }
    const Standing standing = court.standing();
    std::shuffle(court.input.ballots.begin(), court.input.ballots.end(), random);
    CHECK(court.standing().phase == standing.phase);
    CHECK(court.standing().have == standing.have);
    // Never approved without as many distinct eligible people, and never with an eligible denial.
    std::vector<std::string> distinct;
    bool denied = false;
    for (const Ballot& ballot : court.input.ballots) {
      const Identity& author = ballot.approval.spec.author;
      const bool counts = ballot.authorized && is_eligible(court.policy.spec.stages[0], author);
      denied = denied || (counts && ballot.approval.spec.decision == Decision::Deny);
      if (counts && ballot.approval.spec.decision == Decision::Approve &&
          author.username != "alice")
        distinct.push_back(author.username);
    }
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    const bool enough =
        static_cast<std::int64_t>(distinct.size()) >= court.policy.spec.stages[0].required;
    CHECK((standing.phase == RequestPhase::Approved) == (enough && !denied));
  }
}

TEST_CASE("property: slots are filled as well as trying everything would") {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t slots = 1 + random() % 4, people = random() % 5;
    std::vector<std::vector<std::size_t>> eligible(slots);
    for (auto& list : eligible)
      for (std::size_t person = 0; person < people; ++person)
        if (random() % 2 == 0) list.push_back(person);
    const auto filled = fill_slots(eligible, people);
    std::size_t got = 0;
    std::vector<int> used;
    for (std::size_t slot = 0; slot < slots; ++slot) {
      if (filled[slot] < 0) continue;
      ++got;
      used.push_back(filled[slot]);
      CHECK(std::find(eligible[slot].begin(), eligible[slot].end(),
                      static_cast<std::size_t>(filled[slot])) != eligible[slot].end());
    }
    std::sort(used.begin(), used.end());
    CHECK(std::adjacent_find(used.begin(), used.end()) == used.end());
    const std::function<std::size_t(std::size_t, unsigned)> best =
        [&](std::size_t slot, unsigned taken) -> std::size_t {
      if (slot == slots) return 0;
      std::size_t most = best(slot + 1, taken);
      for (const std::size_t person : eligible[slot])
        if ((taken & (1u << person)) == 0)
          most = std::max(most, 1 + best(slot + 1, taken | 1u << person));
      return most;
    };
    CHECK(got == best(0, 0));
  }
}

TEST_CASE("label selectors select as the API server does") {
  LabelSelector selector;
  CHECK(matches(selector, {}));
  selector.match_labels = {{"a", "1"}};
  CHECK(matches(selector, {{"a", "1"}, {"b", "2"}}));
  CHECK_FALSE(matches(selector, {{"a", "2"}}));
  CHECK_FALSE(matches(selector, {}));
  const auto only = [](const char* op, std::vector<std::string> values) {
    LabelSelector made;
    made.match_expressions = {{"k", op, std::move(values)}};
    return made;
  };
  CHECK(matches(only("In", {"x", "y"}), {{"k", "y"}}));
  CHECK_FALSE(matches(only("In", {"x"}), {}));
  CHECK(matches(only("NotIn", {"x"}), {}));
  CHECK_FALSE(matches(only("NotIn", {"x"}), {{"k", "x"}}));
  CHECK(matches(only("Exists", {}), {{"k", ""}}));
  CHECK(matches(only("DoesNotExist", {}), {{"j", ""}}));
  CHECK_FALSE(matches(only("Like", {"x"}), {{"k", "x"}}));
}

}  // namespace
}  // namespace holdpoint
