#include <doctest/doctest.h>

#include <set>

#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"
#include "operator/plan.hpp"

namespace holdpoint::operator_ {
namespace {

const std::vector<std::string> kPointers{"/spec/template"};

RawObject a_deployment(const std::string& image) {
  return Json{{"metadata",
               {{"name", "web"},
                {"namespace", "production"},
                {"uid", "web-uid"},
                {"resourceVersion", "7"}}},
              {"spec", {{"replicas", 3}, {"template", {{"image", image}}}}}};
}

std::string digest_of(const RawObject& object) {
  const auto digest = content_digest(covered_part(object, "apps", "deployments", kPointers, ""));
  REQUIRE(digest.ok());
  return *digest;
}

// A request to change web from image old to image new, and what is looked at.
struct Scene {
  ApprovalRequest request;
  ApprovalRequest holder;
  ObservationInput input;

  explicit Scene(RequestHold hold, Operation operation = Operation::Update) {
    request.metadata.name = "web-1";
    request.metadata.namespace_ = "production";
    request.metadata.uid = "request-uid";
    request.metadata.generation = 1;
    request.metadata.creation_timestamp = "2026-01-02T03:04:05Z";
    request.spec.policy = {"prod", "policy-uid", "hash"};
    request.spec.hold = hold;
    request.spec.operation = operation;
    request.spec.target.group = "apps";
    request.spec.target.version = "v1";
    request.spec.target.kind = "Deployment";
    request.spec.target.resource = "deployments";
    request.spec.target.namespace_ = "production";
    request.spec.target.name = "web";
    if (operation != Operation::Create) request.spec.target.uid = "web-uid";
    request.spec.base_digest =
        operation == Operation::Create ? kAbsent : digest_of(a_deployment("old"));
    request.spec.content_digest =
        operation == Operation::Delete ? kAbsent : digest_of(a_deployment("new"));
    request.spec.requester = {"alice", "", {"developers"}};
    input.pointers = kPointers;
  }

  Scene& stored(RawObject object) {
    input.target = std::move(object);
    return *this;
  }
  Scene& held_by(const std::string& name, const RawObject& object) {
    Marks marks;
    marks.held = {{"prod", name}};
    marks.held_by = {"alice", "bob"};
    marks.paused = true;
    input.target = object.patch(marks_patch(object, Pausable::Deployment, marks));
    return *this;
  }
  // As it is looked up: the request that the marks name, this one or another.
  Scene& with_holder(const std::string& name, const std::string& base) {
    holder = request;
    holder.metadata.name = name;
    holder.spec.base_digest = base;
    input.holder = &holder;
    return *this;
  }
  Scene& claimed(const std::string& uid = "web-uid") {
    request.status.claim = Claim{uid, "7", "2026-01-02T03:05:00.000000Z", {"carol", "", {}}};
    return *this;
  }
  Scene& young() {
    input.young = true;
    return *this;
  }
  Scene& seen() {
    input.seen = true;
    return *this;
  }
  [[nodiscard]] Observation look() {
    input.request = &request;
    return observe(input);
  }
};

bool waits(const Observation& observation) {
  return !observation.released && !observation.stale && !observation.held_here;
}

TEST_CASE("an object that carries the request's mark and content is held by it, with its writers") {
  Scene scene(RequestHold::Suspend);
  const Observation seen = scene.held_by("web-1", a_deployment("new"))
                               .with_holder("web-1", digest_of(a_deployment("old")))
                               .look();
  CHECK(seen.held_here);
  CHECK_FALSE(seen.stale.has_value());
  CHECK_FALSE(seen.released);
  CHECK(seen.writers == std::set<std::string>{"alice", "bob"});
}

TEST_CASE("an object that is held with other content than was asked makes the request stale") {
  Scene scene(RequestHold::Suspend);
  const Observation seen = scene.held_by("web-1", a_deployment("newer"))
                               .with_holder("web-1", digest_of(a_deployment("old")))
                               .look();
  CHECK(seen.stale.has_value());
  CHECK_FALSE(seen.held_here);
}

TEST_CASE("what was asked is released only when it is stored, unheld, and claimed") {
  CHECK(Scene(RequestHold::Suspend).stored(a_deployment("new")).claimed().look().released);
  CHECK(Scene(RequestHold::Deny).stored(a_deployment("new")).claimed().look().released);
  CHECK(Scene(RequestHold::Retry).stored(a_deployment("new")).claimed().look().released);
  CHECK_FALSE(Scene(RequestHold::Deny).stored(a_deployment("new")).look().released);
  CHECK_FALSE(Scene(RequestHold::Suspend).stored(a_deployment("new")).look().released);
  CHECK_FALSE(
      Scene(RequestHold::Deny).stored(a_deployment("new")).claimed("another-uid").look().released);
  CHECK_FALSE(Scene(RequestHold::Suspend)
                  .held_by("web-1", a_deployment("new"))
                  .with_holder("web-1", "x")
                  .claimed()
                  .look()
                  .released);
  CHECK_FALSE(Scene(RequestHold::Deny).stored(a_deployment("old")).claimed().look().released);
}

TEST_CASE("content that runs without its approval never counts as released, but as stale") {
  CHECK(Scene(RequestHold::Suspend).stored(a_deployment("new")).seen().look().stale.has_value());
  CHECK(Scene(RequestHold::Deny).stored(a_deployment("new")).look().stale.has_value());
}

TEST_CASE("a held change may still be on its way to be stored when its request is young") {
  CHECK(waits(Scene(RequestHold::Suspend, Operation::Create).young().look()));
  CHECK(waits(Scene(RequestHold::Suspend).stored(a_deployment("old")).young().look()));
  CHECK(Scene(RequestHold::Suspend, Operation::Create).look().stale.has_value());
  CHECK(Scene(RequestHold::Suspend).stored(a_deployment("old")).look().stale.has_value());
}

TEST_CASE("a held change that was seen and is gone makes the request stale at once") {
  CHECK(Scene(RequestHold::Suspend, Operation::Create).young().seen().look().stale.has_value());
  CHECK(Scene(RequestHold::Suspend)
            .stored(a_deployment("old"))
            .young()
            .seen()
            .look()
            .stale.has_value());
}

TEST_CASE("a refused change goes stale when what it was measured against moves or goes") {
  CHECK(waits(Scene(RequestHold::Deny).stored(a_deployment("old")).look()));
  CHECK(Scene(RequestHold::Deny).stored(a_deployment("other")).look().stale.has_value());
  CHECK(Scene(RequestHold::Deny).look().stale.has_value());
  RawObject anew = a_deployment("old");
  anew["metadata"]["uid"] = "second-uid";
  CHECK(Scene(RequestHold::Deny).stored(anew).look().stale.has_value());
}

TEST_CASE("a refused change of a held object is measured against the base of what holds it") {
  const std::string base = digest_of(a_deployment("old"));
  CHECK(waits(Scene(RequestHold::Deny)
                  .held_by("web-0", a_deployment("held"))
                  .with_holder("web-0", base)
                  .look()));
  CHECK(Scene(RequestHold::Deny)
            .held_by("web-0", a_deployment("held"))
            .with_holder("web-0", "sha256:x")
            .look()
            .stale.has_value());
}

TEST_CASE(
    "a refused creation waits for its object and goes stale when another one takes the name") {
  CHECK(waits(Scene(RequestHold::Deny, Operation::Create).look()));
  CHECK(waits(Scene(RequestHold::Deny, Operation::Create).claimed().look()));
  CHECK(Scene(RequestHold::Deny, Operation::Create)
            .stored(a_deployment("new"))
            .look()
            .stale.has_value());
  CHECK(Scene(RequestHold::Deny, Operation::Create)
            .stored(a_deployment("new"))
            .claimed()
            .look()
            .released);
}

TEST_CASE(
    "a deletion is released when the claimed object is gone, and stale when it went without "
    "approval") {
  CHECK(Scene(RequestHold::Deny, Operation::Delete).claimed().look().released);
  CHECK(Scene(RequestHold::Deny, Operation::Delete).look().stale.has_value());
  CHECK(waits(
      Scene(RequestHold::Deny, Operation::Delete).stored(a_deployment("old")).claimed().look()));
  CHECK(waits(Scene(RequestHold::Deny, Operation::Delete).stored(a_deployment("old")).look()));
}

TEST_CASE(
    "M1: a change that left the policy's scope by its labels is released when these labels are "
    "stored") {
  RawObject unlabelled = a_deployment("old");
  unlabelled["metadata"]["labels"] = {{"app", "web"}};
  Scene scene(RequestHold::Deny);
  const auto asked = content_digest(
      Json{{"content", covered_part(unlabelled, "apps", "deployments", kPointers, "")},
           {"labels", unlabelled["metadata"]["labels"]}});
  REQUIRE(asked.ok());
  scene.request.spec.content_digest = *asked;
  RawObject labelled = unlabelled;
  labelled["metadata"]["labels"]["tier"] = "prod";
  CHECK(waits(scene.stored(labelled).claimed().look()));
  CHECK(scene.stored(unlabelled).look().released);
}

// ---- plan

const Instant kNow = *parse_rfc3339("2026-01-02T04:00:00Z");

Standing a_standing(RequestPhase phase) {
  Standing standing;
  standing.phase = phase;
  standing.message = "so it is";
  standing.have = 1;
  standing.needed = 2;
  return standing;
}

Ballot a_ballot(const std::string& name, const std::string& author, Decision decision,
                const std::string& time) {
  Ballot ballot;
  ballot.approval.metadata.name = name;
  ballot.approval.metadata.uid = name + "-uid";
  ballot.approval.metadata.creation_timestamp = time;
  ballot.approval.spec.decision = decision;
  ballot.approval.spec.author = {author, "", {"leads"}};
  ballot.approval.spec.reason = "looked at it";
  return ballot;
}

std::vector<Fact> facts_in(const Plan& plan) {
  std::vector<Fact> facts;
  for (const AuditRecordSpec& one : plan.facts) facts.push_back(one.fact);
  return facts;
}

std::map<std::string, std::string> conditions_in(const ApprovalRequestStatus& status) {
  std::map<std::string, std::string> found;
  for (const Condition& one : status.conditions) found[one.type] = one.status;
  return found;
}

TEST_CASE("the facts stand in the order in which they happened, each with its own actor and id") {
  Scene scene(RequestHold::Deny);
  scene.claimed();
  Standing standing = a_standing(RequestPhase::Released);
  standing.approved_at = *parse_rfc3339("2026-01-02T03:04:30Z");
  const Plan plan =
      plan_request(scene.request, standing,
                   {a_ballot("second", "dave", Decision::Approve, "2026-01-02T03:04:30Z"),
                    a_ballot("first", "erin", Decision::Approve, "2026-01-02T03:04:20Z")},
                   {}, kNow);
  CHECK(facts_in(plan) == std::vector<Fact>{Fact::Requested, Fact::Approved, Fact::Approved,
                                            Fact::Granted, Fact::Claimed, Fact::Released});
  REQUIRE(plan.facts.size() == 6);
  CHECK(plan.facts[0].actor.username == "alice");
  CHECK(plan.facts[1].actor.username == "erin");
  CHECK(plan.facts[1].actor.groups == std::vector<std::string>{"leads"});
  CHECK(plan.facts[2].actor.username == "dave");
  CHECK(plan.facts[4].actor.username == "carol");
  std::set<std::string> ids;
  for (const AuditRecordSpec& fact : plan.facts) {
    CHECK(ids.insert(fact.fact_id).second);
    CHECK(fact.subject.request_uid == "request-uid");
    CHECK(fact.content_digest == scene.request.spec.content_digest);
  }
}

TEST_CASE("the record of a broken glass names the stages that would have asked, and no other") {
  Scene scene(RequestHold::Deny);
  scene.request.spec.stages = {{"leads", {{"leads"}, {}, {}}, 1},
                               {"board", {{"board"}, {}, {}}, 1}};
  scene.request.spec.stages[1].when = StageCondition{RiskLevel::High};
  const auto told = [&](RiskLevel risk) {
    scene.request.spec.risk.level = risk;
    for (const AuditRecordSpec& fact :
         plan_request(scene.request, a_standing(RequestPhase::Approved),
                      {a_ballot("glass", "oncall", Decision::BreakGlass, "2026-01-02T03:04:20Z")},
                      {}, kNow)
             .facts)
      if (fact.fact == Fact::BreakGlass) return fact.message;
    return std::string("none");
  };
  CHECK(told(RiskLevel::High) == "by Approval glass; passed over: group leads, then group board");
  CHECK(told(RiskLevel::Low) == "by Approval glass; passed over: group leads");
  scene.request.spec.stages[0].when = StageCondition{RiskLevel::High};
  CHECK(told(RiskLevel::Low) == "by Approval glass");
}

TEST_CASE("the same state makes the same facts, so that each is written once") {
  Scene scene(RequestHold::Deny);
  const auto ballots = {a_ballot("no", "erin", Decision::Deny, "2026-01-02T03:04:20Z")};
  const Plan first =
      plan_request(scene.request, a_standing(RequestPhase::Denied), ballots, {}, kNow);
  const Plan later = plan_request(scene.request, a_standing(RequestPhase::Denied), ballots, {},
                                  kNow + Duration(5'000));
  REQUIRE(first.facts.size() == later.facts.size());
  for (std::size_t i = 0; i < first.facts.size(); ++i)
    CHECK(first.facts[i].fact_id == later.facts[i].fact_id);
}

TEST_CASE("an approval that is granted again after a revocation is a fact of its own") {
  Scene scene(RequestHold::Suspend);
  const auto id_of = [&](const char* time) {
    Standing standing = a_standing(RequestPhase::Approved);
    standing.approved_at = *parse_rfc3339(time);
    return plan_request(scene.request, standing, {}, {}, kNow).facts.back().fact_id;
  };
  CHECK(id_of("2026-01-02T03:04:30Z") == id_of("2026-01-02T03:04:30Z"));
  CHECK(id_of("2026-01-02T03:04:30Z") != id_of("2026-01-02T03:09:30Z"));
}

TEST_CASE(
    "conditions follow kstatus: Reconciling on the way, Stalled at a dead end, neither when "
    "released") {
  struct Row {
    RequestPhase phase;
    std::map<std::string, std::string> conditions;
  };
  for (const Row& row :
       {Row{RequestPhase::Pending,
            {{"Approved", "False"}, {"Released", "False"}, {"Reconciling", "True"}}},
        Row{RequestPhase::Approved,
            {{"Approved", "True"}, {"Released", "False"}, {"Reconciling", "True"}}},
        Row{RequestPhase::Released, {{"Approved", "True"}, {"Released", "True"}}},
        Row{RequestPhase::Denied,
            {{"Approved", "False"}, {"Released", "False"}, {"Stalled", "True"}}},
        Row{RequestPhase::Expired,
            {{"Approved", "False"}, {"Released", "False"}, {"Stalled", "True"}}},
        Row{RequestPhase::Superseded,
            {{"Approved", "False"}, {"Released", "False"}, {"Stalled", "True"}}},
        Row{RequestPhase::Stale,
            {{"Approved", "False"}, {"Released", "False"}, {"Stalled", "True"}}},
        Row{RequestPhase::Withdrawn,
            {{"Approved", "False"}, {"Released", "False"}, {"Stalled", "True"}}}}) {
    CAPTURE(static_cast<int>(row.phase));
    const Plan plan =
        plan_request(Scene(RequestHold::Deny).request, a_standing(row.phase), {}, {}, kNow);
    CHECK(conditions_in(plan.status) == row.conditions);
    CHECK(plan.status.approvals == "1 of 2");
    CHECK(plan.status.ended_at.empty() == !is_end(row.phase));
    CHECK(plan.again.has_value() == !is_end(row.phase));
  }
}

TEST_CASE("a status that says what is true is not written again, and a condition keeps its time") {
  Scene scene(RequestHold::Suspend);
  const Plan first = plan_request(scene.request, a_standing(RequestPhase::Pending), {}, {}, kNow);
  CHECK(first.changes);
  scene.request.status = first.status;
  scene.claimed();  // the webhook's part is none of the operator's business
  CHECK_FALSE(plan_request(scene.request, a_standing(RequestPhase::Pending), {}, {},
                           kNow + Duration(60'000))
                  .changes);
  const Plan approved = plan_request(scene.request, a_standing(RequestPhase::Approved), {}, {},
                                     kNow + Duration(60'000));
  CHECK(approved.changes);
  for (const Condition& one : approved.status.conditions)
    CHECK(one.last_transition_time ==
          (one.type == "Approved" ? "2026-01-02T04:01:00Z" : "2026-01-02T04:00:00Z"));
}

TEST_CASE("only an approved request that holds its object resumes it") {
  Observation held;
  held.held_here = true;
  const ApprovalRequest request = Scene(RequestHold::Suspend).request;
  CHECK(plan_request(request, a_standing(RequestPhase::Approved), {}, held, kNow).resume);
  CHECK_FALSE(plan_request(request, a_standing(RequestPhase::Approved), {}, {}, kNow).resume);
  for (const RequestPhase phase :
       {RequestPhase::Pending, RequestPhase::Denied, RequestPhase::Expired, RequestPhase::Stale,
        RequestPhase::Superseded, RequestPhase::Withdrawn, RequestPhase::Released})
    CHECK_FALSE(plan_request(request, a_standing(phase), {}, held, kNow).resume);
}

TEST_CASE("a request is looked at again when it expires, at the latest") {
  Standing standing = a_standing(RequestPhase::Pending);
  const ApprovalRequest request = Scene(RequestHold::Deny).request;
  standing.next_change = kNow + Duration(1'500);
  const auto again = plan_request(request, standing, {}, {}, kNow).again;
  REQUIRE(again.has_value());
  CHECK(*again > Duration(1'500));
  CHECK(*again < Duration(1'600));
  standing.expires_at = kNow + std::chrono::hours(24);
  CHECK(*plan_request(request, standing, {}, {}, kNow).again <= Duration(60'000));
}

TEST_CASE("a claim is looked at each second, but not for ever") {
  Scene scene(RequestHold::Deny);
  scene.claimed();
  const auto again = [&](Duration age) {
    return *plan_request(scene.request, a_standing(RequestPhase::Approved), {}, {},
                         *parse_rfc3339(scene.request.status.claim->time) + age)
                .again;
  };
  CHECK(again(Duration(2'000)) <= Duration(1'000));
  CHECK(again(Duration(120'000)) >= Duration(5'000));
}

TEST_CASE("an event tells each change of phase once") {
  Scene scene(RequestHold::Suspend);
  const Plan first = plan_request(scene.request, a_standing(RequestPhase::Pending), {}, {}, kNow);
  REQUIRE(first.events.size() == 1);
  CHECK(first.events.front().reason == "Held");
  scene.request.status = first.status;
  CHECK(
      plan_request(scene.request, a_standing(RequestPhase::Pending), {}, {}, kNow).events.empty());
  const Plan denied = plan_request(scene.request, a_standing(RequestPhase::Denied), {}, {}, kNow);
  REQUIRE(denied.events.size() == 1);
  CHECK(denied.events.front().reason == "Denied");
  CHECK(denied.events.front().warning);
}

TEST_CASE("the trail tells the checks and their ages; their results alone change no status") {
  Scene scene(RequestHold::Deny);
  const Instant now = *parse_rfc3339("2026-01-02T03:06:00Z");
  Standing standing;
  standing.phase = RequestPhase::Approved;
  standing.approved_at = *parse_rfc3339("2026-01-02T03:05:30Z");
  standing.have = standing.needed = 1;
  standing.checks = {{"scan", CheckMode::Require, CheckOutcome::Pass, "clean",
                      parse_rfc3339("2026-01-02T03:04:00Z").value(), std::nullopt}};
  const auto message = [&](Fact fact) {
    for (const AuditRecordSpec& spec :
         plan_request(scene.request, standing, {}, scene.look(), now).facts)
      if (spec.fact == fact) return spec.message;
    return std::string("none");
  };
  CHECK(message(Fact::Granted) == "1 of 1; checks: scan Pass 2m ago");
  standing.phase = RequestPhase::Released;
  standing.message = "stored by carol";
  CHECK(message(Fact::Released) == "stored by carol; checks: scan Pass 2m ago");
  scene.claimed();  // at 03:05:00, which is when it counted
  CHECK(message(Fact::Released) == "stored by carol; checks: scan Pass 1m ago");

  Scene waiting(RequestHold::Deny);
  Standing held_up;
  held_up.only_checks = true;
  held_up.message = "approved by bob; waits for check scan: 2 critical";
  waiting.request.status.phase = RequestPhase::Approved;
  const Plan plan = plan_request(waiting.request, held_up, {}, waiting.look(), now);
  for (const AuditRecordSpec& spec : plan.facts) CHECK(spec.fact != Fact::Granted);
  REQUIRE(plan.events.size() == 2);  // the first time it is seen
  CHECK(plan.events[1].reason == "CheckNotPassed");
  waiting.request.status = plan.status;
  waiting.request.status.checks = {
      {"scan", std::string(64, '0'), CheckOutcome::Fail, "2 critical", "2026-01-02T03:05:00Z"}};
  CHECK_FALSE(plan_request(waiting.request, held_up, {}, waiting.look(), now).changes);
}

TEST_CASE(
    "a controller is told once of an approval, and of a denial where trying again is harmless") {
  struct Row {
    OriginKind origin;
    RequestPhase phase;
    bool told;
  };
  for (const Row& row : {Row{OriginKind::Kustomization, RequestPhase::Approved, true},
                         Row{OriginKind::Kustomization, RequestPhase::Denied, true},
                         Row{OriginKind::HelmRelease, RequestPhase::Approved, true},
                         Row{OriginKind::HelmRelease, RequestPhase::Denied, false},
                         Row{OriginKind::Application, RequestPhase::Denied, true},
                         Row{OriginKind::Kustomization, RequestPhase::Pending, false},
                         Row{OriginKind::Kustomization, RequestPhase::Expired, false}}) {
    CAPTURE(std::string(to_string(row.origin)));
    CAPTURE(std::string(to_string(row.phase)));
    Scene scene(RequestHold::Deny);
    scene.request.spec.origin = Origin{};
    scene.request.spec.origin->kind = row.origin;
    if (row.phase != RequestPhase::Pending) scene.request.status.phase = RequestPhase::Pending;
    Standing standing = a_standing(row.phase);
    if (row.phase == RequestPhase::Approved) standing.approved_at = kNow;
    const Plan plan = plan_request(scene.request, standing, {}, {}, kNow);
    CHECK(plan.retriggered.has_value() == row.told);
    CHECK(plan.retrigger.empty() != row.told);
    scene.request.status = plan.status;
    CHECK_FALSE(plan_request(scene.request, standing, {}, {}, kNow).retriggered.has_value());
  }
}

TEST_CASE("a controller is told again when a check passes again, by another token") {
  Scene scene(RequestHold::Deny);
  scene.request.spec.origin = Origin{};
  scene.request.spec.origin->kind = OriginKind::Kustomization;
  Standing standing = a_standing(RequestPhase::Approved);
  standing.approved_at = kNow;
  standing.checks = {
      {"freeze", CheckMode::Require, CheckOutcome::Pass, "", kNow - Duration(9'000), {}},
      {"scan", CheckMode::Show, CheckOutcome::Pass, "", kNow + Duration(1'000), {}}};
  scene.request.status.phase = RequestPhase::Pending;
  const auto at = [&](Instant now) { return plan_request(scene.request, standing, {}, {}, now); };
  REQUIRE(at(kNow).retriggered.has_value());
  CHECK(at(kNow).retrigger == to_rfc3339(kNow));
  // Planned once more before it was recorded: the same.
  CHECK(at(kNow + Duration(500)).retriggered->fact_id == at(kNow).retriggered->fact_id);
  const std::string first = at(kNow).retriggered->fact_id;
  standing.checks[0].observed_at = kNow + Duration(60'000);
  const Plan again = at(kNow + Duration(61'000));
  CHECK(again.retrigger == to_rfc3339(kNow + Duration(60'000)));
  CHECK(again.retriggered->fact_id != first);
}

}  // namespace
}  // namespace holdpoint::operator_
