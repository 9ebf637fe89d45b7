#include "core/approval/verdict.hpp"

#include <doctest/doctest.h>

#include "core/approval/wording.hpp"

namespace holdpoint {
namespace {

const std::string kKey = "key for tests";
const std::string kCluster = "cluster-uid";

ApprovalPolicy a_policy(HoldMode mode = HoldMode::Auto) {
  ApprovalPolicy policy;
  policy.metadata.name = "prod";
  policy.metadata.uid = "policy-uid";
  policy.spec.hold.mode = mode;
  policy.spec.match.resources = {
      {{"apps"}, {"deployments"}, {Operation::Create, Operation::Update}},
      {{"batch"}, {"jobs"}, {Operation::Create}},
      {{""}, {"configmaps"}, {Operation::Create, Operation::Update, Operation::Delete}}};
  policy.spec.stages = {{"leads", {{"leads"}, {}, {}}, 1}};
  return policy;
}

RawObject a_deployment(const std::string& image, std::int64_t replicas = 3) {
  return Json{
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata",
       {{"name", "web"},
        {"namespace", "production"},
        {"uid", "web-uid"},
        {"resourceVersion", "7"}}},
      {"spec",
       {{"replicas", replicas},
        {"template",
         {{"spec", {{"containers", Json::array({{{"name", "web"}, {"image", image}}})}}}}}}}};
}

Write a_write(RawObject old_object, RawObject object) {
  Write write;
  write.operation = old_object.is_null() ? Operation::Create
                    : object.is_null()   ? Operation::Delete
                                         : Operation::Update;
  write.group = "apps", write.version = "v1", write.kind = "Deployment",
  write.resource = "deployments";
  write.namespace_ = "production", write.name = "web";
  write.user = {"alice", "", {"developers"}};
  write.field_manager = "kubectl";
  write.object = std::move(object);
  write.old_object = std::move(old_object);
  return write;
}

// One write, judged against requests that exist.
struct Judged {
  Reference reference;
  std::optional<Gated> gated;
};

Judged judged(const Write& write, const ApprovalPolicy& policy,
              const ApprovalRequest* held = nullptr) {
  Judged result;
  auto reference = reference_of(write, policy, held, kKey);
  REQUIRE(reference.ok());
  result.reference = *reference;
  auto gated = classify(write, policy, result.reference, kCluster, kKey);
  REQUIRE(gated.ok());
  result.gated = *gated;
  return result;
}

ApprovalRequest request_for(const Write& write, const ApprovalPolicy& policy) {
  const Judged judgement = judged(write, policy);
  REQUIRE(judgement.gated.has_value());
  ApprovalRequest request = make_request(*judgement.gated, write, policy, judgement.reference, 1,
                                         *parse_rfc3339("2026-01-01T00:00:00Z"));
  request.metadata.uid = "request-uid";
  request.metadata.creation_timestamp = "2026-01-01T00:00:00Z";
  return request;
}

Attempt attempt_with(RequestPhase phase, const ApprovalRequest* request = nullptr) {
  Attempt attempt;
  attempt.request = request;
  attempt.standing.phase = phase;
  return attempt;
}

Instant at(const char* time) { return *parse_rfc3339(time); }
const Instant kNow = at("2026-01-01T00:00:10Z");

// What the companion makes of a write.
RawObject companioned(const Write& write, const ApprovalPolicy& policy, const Gated* gated,
                      const Attempt& attempt) {
  return write.object.patch(marks_patch(write.object, Pausable::Deployment,
                                        wanted_marks(write, policy.metadata.name, gated, attempt)));
}

TEST_CASE("B14: a name counts as generated where the API server can have made it") {
  const auto generated = [](const char* prefix, const char* name) {
    Json object{{"metadata", {{"name", name}}}};
    if (*prefix != 0) object["metadata"]["generateName"] = prefix;
    return has_generated_name(object);
  };
  CHECK(generated("demo-", "demo-x7k2b"));
  CHECK(generated("demo-", ""));  // not made yet
  CHECK_FALSE(generated("", "demo-x7k2b"));
  CHECK_FALSE(generated("demo-", "payments-settings"));
  CHECK_FALSE(generated("demo-", "demo-harmless"));
  CHECK_FALSE(generated("demo-", "demo-abcde"));  // vowels are never taken
  CHECK_FALSE(generated("demo-", "demo-x7k2"));
}

TEST_CASE("a write that leaves the covered part alone is untouched") {
  const auto policy = a_policy();
  CHECK(is_untouched(a_write(a_deployment("web:1", 3), a_deployment("web:1", 9)), policy, kKey));
  CHECK_FALSE(is_untouched(a_write(a_deployment("web:1"), a_deployment("web:2")), policy, kKey));
  CHECK_FALSE(is_untouched(a_write(nullptr, a_deployment("web:1")), policy, kKey));
}

TEST_CASE("a held object is never untouched, whatever is written") {
  auto held = a_deployment("web:1");
  held["metadata"]["annotations"] = {{"holdpoint.dev/held", "prod/web-1"}};
  CHECK_FALSE(is_untouched(a_write(held, a_deployment("web:1")), a_policy(), kKey));
  CHECK_FALSE(is_untouched(a_write(a_deployment("web:1"), held), a_policy(), kKey));
}

TEST_CASE("an operation that the policy does not name is not gated") {
  auto policy = a_policy();
  policy.spec.match.resources[0].operations = {Operation::Create};
  const auto update = a_write(a_deployment("web:1"), a_deployment("web:2"));
  CHECK(is_untouched(update, policy, kKey));
  CHECK_FALSE(judged(update, policy).gated.has_value());
  // But for what it marked as held: where no request says so any more, nothing of it is approved.
  RawObject held = a_deployment("web:1");
  held["metadata"]["annotations"][kHeldAnnotation] = "prod/of-a-policy-before";
  held["spec"]["paused"] = true;
  const Judged resumed = judged(a_write(held, a_deployment("web:1")), policy);
  REQUIRE(resumed.gated.has_value());
  CHECK(resumed.reference.digest == kAbsent);
}

TEST_CASE("a gated Deployment is held: paused, marked, and the validator accepts exactly that") {
  const auto policy = a_policy();
  Write write = a_write(a_deployment("web:1"), a_deployment("web:2"));
  const auto first = judged(write, policy);
  REQUIRE(first.gated.has_value());
  CHECK(first.gated->hold == RequestHold::Suspend);
  CHECK(first.gated->binding.operation == Operation::Update);

  SUBCASE("without the companion it is refused") {
    const auto verdict = decide(write, policy, *first.gated, {}, kNow);
    REQUIRE(std::holds_alternative<Denied>(verdict));
    CHECK(std::get<Denied>(verdict).code == 403);
  }
  SUBCASE("with the companion it is stored held") {
    write.object = companioned(write, policy, &*first.gated, {});
    const auto again = judged(write, policy);
    REQUIRE(again.gated.has_value());
    CHECK(again.gated->binding.content_digest == first.gated->binding.content_digest);
    CHECK(std::holds_alternative<Held>(decide(write, policy, *again.gated, {}, kNow)));
  }
  SUBCASE("a hold that names another request is judged again") {
    write.object = companioned(write, policy, &*first.gated, {});
    write.object["metadata"]["annotations"]["holdpoint.dev/held"] = "prod/web-forged-1";
    const auto verdict = decide(write, policy, *judged(write, policy).gated, {}, kNow);
    REQUIRE(std::holds_alternative<Denied>(verdict));
    CHECK(std::get<Denied>(verdict).code == 429);
  }
  SUBCASE("a hold without its writer is refused") {
    write.object = companioned(write, policy, &*first.gated, {});
    write.object["metadata"]["annotations"]["holdpoint.dev/held-by"] = R"(["bob"])";
    CHECK(std::holds_alternative<Denied>(
        decide(write, policy, *judged(write, policy).gated, {}, kNow)));
  }
}

struct HeldDeployment {
  ApprovalPolicy policy = a_policy();
  ApprovalRequest request;
  RawObject stored;
  explicit HeldDeployment(bool user_paused = false) {
    RawObject before = a_deployment("web:1");
    RawObject after = a_deployment("web:2");
    if (user_paused) after["spec"]["paused"] = true;
    Write write = a_write(before, after);
    request = request_for(write, policy);
    const auto judgement = judged(write, policy);
    stored = companioned(write, policy, &*judgement.gated, {});
  }
};

TEST_CASE("un-pausing a held Deployment puts the hold back") {
  const HeldDeployment held;
  RawObject unpaused = held.stored;
  SUBCASE("pause alone") { unpaused["spec"].erase("paused"); }
  SUBCASE("mark alone") { unpaused["metadata"].erase("annotations"); }
  SUBCASE("both") {
    unpaused["spec"].erase("paused");
    unpaused["metadata"].erase("annotations");
  }
  Write write = a_write(held.stored, unpaused);
  write.user.username = "mallory";
  const auto judgement = judged(write, held.policy, &held.request);
  REQUIRE(judgement.gated.has_value());
  CHECK(judgement.reference.held == &held.request);
  CHECK(name_of(*judgement.gated, 1) == held.request.metadata.name);
  CHECK(std::holds_alternative<Denied>(decide(write, held.policy, *judgement.gated, {}, kNow)));
  const Attempt pending = attempt_with(RequestPhase::Pending, &held.request);
  write.object = companioned(write, held.policy, &*judgement.gated, pending);
  CHECK(read_marks(write.object, Pausable::Deployment) ==
        read_marks(held.stored, Pausable::Deployment));
  CHECK(std::holds_alternative<Held>(decide(write, held.policy, *judgement.gated, pending, kNow)));
}

TEST_CASE("the base of a change on top of a held change is what ran before both") {
  const HeldDeployment held;
  RawObject third = held.stored;
  third["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3";
  Write write = a_write(held.stored, third);
  write.user.username = "bob";
  const auto judgement = judged(write, held.policy, &held.request);
  REQUIRE(judgement.gated.has_value());
  CHECK(judgement.gated->binding.base_digest == held.request.spec.base_digest);
  CHECK(name_of(*judgement.gated, 1) != held.request.metadata.name);
  CHECK(judgement.gated->writers == std::set<std::string>{"alice", "bob"});
}

TEST_CASE("going back to what ran before passes and ends the hold") {
  const bool user_paused = false;
  const HeldDeployment held(user_paused);
  RawObject back = held.stored;
  back["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1";
  const Write write = a_write(held.stored, back);
  const auto judgement = judged(write, held.policy, &held.request);
  CHECK_FALSE(judgement.gated.has_value());
  const Marks after = wanted_marks(write, "prod", nullptr, {});
  CHECK(after.held.empty());
  CHECK_FALSE(after.paused);
}

TEST_CASE("the user's own pause outlives the hold") {
  const HeldDeployment held(true);
  CHECK(read_marks(held.stored, Pausable::Deployment).user_paused);
  RawObject back = held.stored;
  back["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1";
  CHECK(wanted_marks(a_write(held.stored, back), "prod", nullptr, {}).paused);
}

TEST_CASE("a request that was released, or is of another policy or object, holds nothing") {
  HeldDeployment held;
  SUBCASE("released") { held.request.status.phase = RequestPhase::Released; }
  SUBCASE("another policy") { held.request.spec.policy.uid = "other"; }
  SUBCASE("another object") { held.request.spec.target.name = "other"; }
  SUBCASE("another namespace") { held.request.spec.target.namespace_ = "staging"; }
  SUBCASE("recreated object") { held.request.spec.target.uid = "older-uid"; }
  SUBCASE("not a hold") { held.request.spec.hold = RequestHold::Deny; }
  RawObject back = held.stored;
  back["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1";
  CHECK(judged(a_write(held.stored, back), held.policy, &held.request).gated.has_value());
  // Nor does it free what the marks say is held: all of it has to be approved.
  RawObject resumed = held.stored.patch(marks_patch(held.stored, Pausable::Deployment, Marks{}));
  const Write resume = a_write(held.stored, resumed);
  for (const ApprovalRequest* named : std::vector<const ApprovalRequest*>{&held.request, nullptr}) {
    const Judged judgement = judged(resume, held.policy, named);
    REQUIRE(judgement.gated.has_value());
    CHECK(judgement.reference.digest == kAbsent);
    CHECK(std::holds_alternative<Denied>(decide(resume, held.policy, *judgement.gated, {}, kNow)));
  }
}

TEST_CASE("a write of the status leaves the marks of a hold alone, approved or not") {
  const HeldDeployment held;
  RawObject object = held.stored;
  SUBCASE("what holds it") { object["metadata"]["annotations"].erase("holdpoint.dev/held"); }
  SUBCASE("who wrote it") {
    object["metadata"]["annotations"]["holdpoint.dev/held-by"] = R"(["somebody"])";
  }
  SUBCASE("what the user meant") {
    object["metadata"]["annotations"]["holdpoint.dev/user-paused"] = "true";
  }
  Write write = a_write(held.stored, object);
  write.subresource = "status";
  const Judged judgement = judged(write, held.policy, &held.request);
  for (const RequestPhase phase : {RequestPhase::Pending, RequestPhase::Approved}) {
    const Gated* gated = judgement.gated.has_value() ? &*judgement.gated : nullptr;
    const auto objection =
        objection_to_marks(write, "prod", gated, attempt_with(phase, &held.request), {});
    REQUIRE(objection.has_value());
    CHECK(objection->code == 403);
  }
}

TEST_CASE("an approved resume is allowed by claim, and only with the approved content") {
  const HeldDeployment held;
  RawObject resumed = held.stored.patch(marks_patch(held.stored, Pausable::Deployment, Marks{}));
  const Attempt approved = attempt_with(RequestPhase::Approved, &held.request);
  Write write = a_write(held.stored, resumed);
  const auto judgement = judged(write, held.policy, &held.request);
  REQUIRE(judgement.gated.has_value());
  const auto verdict = decide(write, held.policy, *judgement.gated, approved, kNow);
  REQUIRE(std::holds_alternative<Allow>(verdict));
  CHECK(std::get<Allow>(verdict).claim);
  CHECK(judgement.gated->writers == std::set<std::string>{"alice"});

  write.object["spec"]["template"]["spec"]["containers"][0]["image"] = "web:evil";
  CHECK(name_of(*judged(write, held.policy, &held.request).gated, 1) != held.request.metadata.name);
}

TEST_CASE("a write that does not resume leaves an approved hold to the operator") {
  const HeldDeployment held;
  RawObject annotated = held.stored;
  annotated["metadata"]["annotations"]["note"] = "x";
  const Write write = a_write(held.stored, annotated);
  const auto judgement = judged(write, held.policy, &held.request);
  const Attempt approved = attempt_with(RequestPhase::Approved, &held.request);
  CHECK(wanted_marks(write, "prod", &*judgement.gated, approved).holds());
  CHECK(std::holds_alternative<Held>(decide(write, held.policy, *judgement.gated, approved, kNow)));
}

TEST_CASE("a held Deployment is not scaled from 0 to N") {
  HeldDeployment held;
  held.stored["spec"]["replicas"] = 0;
  RawObject scaled = held.stored;
  scaled["spec"]["replicas"] = 3;
  const Write write = a_write(held.stored, scaled);
  CHECK_FALSE(is_untouched(write, held.policy, kKey));
  const auto objection = objection_to_scale(write);
  REQUIRE(objection.has_value());
  CHECK(objection->message.find("from 0 to 3: it is held") != std::string::npos);
  CHECK_FALSE(objection_to_scale(held.stored, 3, 5).has_value());
  CHECK_FALSE(objection_to_scale(held.stored, 3, 0).has_value());
  CHECK_FALSE(objection_to_scale(a_deployment("web:1"), 0, 3).has_value());
}

TEST_CASE("a Deployment that its user paused is not scaled from 0 to N either") {
  RawObject before = a_deployment("web:1");
  before["spec"]["paused"] = true;
  before["spec"]["replicas"] = 0;
  RawObject after = before;
  after["spec"]["replicas"] = 3;
  CHECK_FALSE(is_untouched(a_write(before, after), a_policy(), kKey));
  const auto objection = objection_to_scale(a_write(before, after));
  REQUIRE(objection.has_value());
  CHECK(objection->message.find("could run another of its revisions\n") != std::string::npos);
  // Paused by the same write; and not where it is resumed by it, or was more than 0 before.
  RawObject running = before;
  running["spec"].erase("paused");
  CHECK(objection_to_scale(a_write(running, after)).has_value());
  RawObject resumed = after;
  resumed["spec"].erase("paused");
  CHECK_FALSE(objection_to_scale(a_write(before, resumed)).has_value());
  CHECK(is_untouched(a_write(before, resumed), a_policy(), kKey));
  RawObject more = after;
  more["spec"]["replicas"] = 5;
  CHECK_FALSE(objection_to_scale(a_write(after, more)).has_value());
  CHECK_FALSE(objection_to_scale(a_write(after, before)).has_value());
}

TEST_CASE("a change together with a scale from 0 is refused, not held: paused, it would run now") {
  RawObject before = a_deployment("web:1"), after = a_deployment("web:2");
  before["spec"]["replicas"] = 0;
  CHECK(judged(a_write(before, after), a_policy()).gated->hold == RequestHold::Deny);
  after["spec"]["replicas"] = 0;
  CHECK(judged(a_write(before, after), a_policy()).gated->hold == RequestHold::Suspend);
}

TEST_CASE("a Deployment is paused only where its controller scales no other ReplicaSet then") {
  const auto deployment = [](const char* image, bool paused, std::int64_t seen = 4) {
    RawObject one = a_deployment(image);
    one["metadata"]["uid"] = "u";
    one["spec"]["template"]["metadata"]["labels"]["app"] = "web";
    one["metadata"]["generation"] = 4;
    one["status"]["observedGeneration"] = seen;
    if (paused) one["spec"]["paused"] = true;
    return one;
  };
  const auto set = [&](const char* owner, const char* image, int replicas, bool goes = false) {
    Json one{{"metadata", {{"name", "web-a"}}}, {"spec", deployment(image, false)["spec"]}};
    one["spec"]["replicas"] = replicas;
    one["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = "5f";
    if (goes) one["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
    if (*owner != '\0')
      one["metadata"]["ownerReferences"] =
          Json::array({{{"uid", owner}, {"kind", "Deployment"}, {"controller", true}}});
    return one;
  };
  const Write pause = a_write(deployment("web:2", false), deployment("web:2", true));
  const Write unseen = a_write(deployment("web:2", false, 3), deployment("web:2", true, 3));
  const Write back = a_write(deployment("web:2", false), deployment("web:1", true));
  for (const Write* write : {&pause, &unseen, &back}) {
    CHECK(pauses(*write));
    CHECK_FALSE(is_untouched(*write, a_policy(), kKey));
  }
  CHECK_FALSE(pauses(a_write(deployment("web:9", true), deployment("web:1", true))));
  CHECK_FALSE(pauses(a_write(deployment("web:2", true), deployment("web:1", false))));
  RawObject none = deployment("web:1", true);
  none["spec"]["replicas"] = 0;
  CHECK_FALSE(pauses(a_write(deployment("web:2", false), none)));

  struct Row {
    const char* what;
    std::vector<Json> sets;
    bool seen, not_seen;
  };
  const Json now = set("u", "web:2", 2), older = set("u", "web:1", 0);
  for (const Row& row :
       {Row{"nothing to scale", {}, false, false}, Row{"what runs alone", {now}, false, false},
        Row{"what runs beside an older one", {older, now}, false, true},
        Row{"none that runs, such as while Recreate waits", {older}, true, true},
        Row{"what was let through last does not run yet",
            {set("u", "web:3", 2), older},
            true,
            true},
        Row{"what runs goes", {set("u", "web:2", 2, true), older}, true, true},
        Row{"in the middle of a rollout", {now, set("u", "web:1", 3)}, false, true},
        Row{"somebody else's", {set("v", "web:1", 0), set("v", "web:1", 1)}, false, false},
        Row{"one left behind is adopted", {now, set("", "web:1", 0)}, true, true}}) {
    CAPTURE(row.what);
    CHECK(could_revive(pause, row.sets) == row.seen);
    CHECK(could_revive(back, row.sets) == row.seen);
    CHECK(could_revive(unseen, row.sets) == row.not_seen);
    Write own = unseen;
    own.user.username = "system:serviceaccount:kube-system:deployment-controller";
    CHECK(could_revive(own, row.sets) == row.seen);
  }
}

TEST_CASE(
    "two policies hold one object, each by its own entry, and the object resumes with the last") {
  ApprovalPolicy one = a_policy(), two = a_policy();
  two.metadata.name = "audit", two.metadata.uid = "other-uid";
  Write write = a_write(a_deployment("web:1"), a_deployment("web:2"));
  const auto by_one = judged(write, one);
  write.object = companioned(write, one, &*by_one.gated, {});
  const auto by_two = judged(write, two);
  write.object = companioned(write, two, &*by_two.gated, {});
  CHECK(read_marks(write.object, Pausable::Deployment).held.size() == 2);
  CHECK_FALSE(read_marks(write.object, Pausable::Deployment).user_paused);
  CHECK(std::holds_alternative<Held>(decide(write, one, *judged(write, one).gated, {}, kNow)));
  CHECK(std::holds_alternative<Held>(decide(write, two, *judged(write, two).gated, {}, kNow)));
  // One lets go: the other's hold stays.
  const RawObject stored = write.object;
  RawObject resumed = stored;
  resumed["spec"].erase("paused");
  resumed["metadata"]["annotations"]["holdpoint.dev/held"] =
      "audit/" + read_marks(stored, Pausable::Deployment).held.at("audit");
  const Write resume = a_write(stored, resumed);
  ApprovalRequest request = request_for(a_write(a_deployment("web:1"), a_deployment("web:2")), two);
  const auto judgement = judged(resume, two, &request);
  REQUIRE(judgement.gated.has_value());
  CHECK(std::holds_alternative<Denied>(decide(resume, two, *judgement.gated, {}, kNow)));
}

TEST_CASE("a denial sticks until somebody asks again by name") {
  ApprovalRequest denied =
      request_for(a_write(a_deployment("web:1"), a_deployment("web:2")), a_policy());
  Standing standing;
  standing.phase = RequestPhase::Denied;
  RawObject object = a_deployment("web:2");
  CHECK(choose_attempt({{&denied, standing}}, object).number == 1);
  CHECK(choose_attempt({{&denied, standing}}, object).request == &denied);
  object["metadata"]["annotations"] = {{"holdpoint.dev/ask-again", "something-else"}};
  CHECK(choose_attempt({{&denied, standing}}, object).number == 1);
  object["metadata"]["annotations"] = {{"holdpoint.dev/ask-again", denied.metadata.name}};
  CHECK(choose_attempt({{&denied, standing}}, object).number == 2);
  CHECK(choose_attempt({{&denied, standing}}, object).request == nullptr);
}

TEST_CASE("after any other end the next attempt begins") {
  ApprovalRequest ended =
      request_for(a_write(a_deployment("web:1"), a_deployment("web:2")), a_policy());
  Standing standing;
  using enum RequestPhase;
  for (const RequestPhase phase : {Released, Expired, Superseded, Stale, Withdrawn}) {
    standing.phase = phase;
    CHECK(choose_attempt({{&ended, standing}}, Json::object()).number == 2);
  }
  for (const RequestPhase phase : {Pending, Approved}) {
    standing.phase = phase;
    CHECK(choose_attempt({{&ended, standing}}, Json::object()).number == 1);
  }
}

Write a_config_write(const char* old_value, const char* value) {
  const auto config = [](const char* text) -> RawObject {
    if (text == nullptr) return nullptr;
    return Json{{"metadata", {{"name", "app"}, {"namespace", "production"}, {"uid", "u"}}},
                {"data", {{"k", text}}}};
  };
  Write write = a_write(config(old_value), config(value));
  write.group = "", write.kind = "ConfigMap", write.resource = "configmaps", write.name = "app";
  return write;
}

TEST_CASE("what cannot wait is refused, with the command to copy on the last line") {
  const auto policy = a_policy();
  for (const auto& write :
       {a_config_write(nullptr, "1"), a_config_write("1", "2"), a_config_write("1", nullptr)}) {
    const auto judgement = judged(write, policy);
    REQUIRE(judgement.gated.has_value());
    const auto verdict = decide(write, policy, *judgement.gated, {}, kNow);
    REQUIRE(std::holds_alternative<Denied>(verdict));
    const std::string message = std::get<Denied>(verdict).message;
    CHECK(message.substr(message.rfind('\n') + 1) ==
          "kubectl holdpoint approve " + name_of(*judgement.gated, 1) + " -n production");
    CHECK(message.substr(0, message.find('\n')).find("waits for approval") != std::string::npos);
  }
}

TEST_CASE("a dry run is admitted with a warning that tells what would happen") {
  const auto policy = a_policy();
  Write write = a_config_write("1", "2");
  write.dry_run = true;
  const auto verdict = decide(write, policy, *judged(write, policy).gated, {}, kNow);
  REQUIRE(std::holds_alternative<Allow>(verdict));
  CHECK_FALSE(std::get<Allow>(verdict).claim);
  CHECK(std::get<Allow>(verdict).warnings.at(0).find("would be refused") != std::string::npos);
}

TEST_CASE("in mode Retry the client is asked back later and later, until patience ends") {
  const auto policy = a_policy(HoldMode::Retry);
  const Write write = a_config_write("1", "2");
  const auto judgement = judged(write, policy);
  const ApprovalRequest request = request_for(write, policy);
  const Attempt pending = attempt_with(RequestPhase::Pending, &request);
  const auto seconds_at = [&](const char* now) {
    const auto verdict = decide(write, policy, *judgement.gated, pending, at(now));
    REQUIRE(std::holds_alternative<Denied>(verdict));
    const Denied& denied = std::get<Denied>(verdict);
    CHECK((denied.code == 429) == (denied.retry_after_seconds > 0));
    return denied.retry_after_seconds;
  };
  CHECK(seconds_at("2026-01-01T00:00:00Z") == 1);
  CHECK(seconds_at("2026-01-01T00:00:08Z") == 8);
  CHECK(seconds_at("2026-01-01T00:10:00Z") == 100);
  CHECK(seconds_at("2026-01-01T00:15:00Z") == 0);
}

TEST_CASE("a policy that only warns never refuses and never claims") {
  auto policy = a_policy();
  policy.spec.mode = PolicyMode::Warn;
  const Write write = a_config_write("1", "2");
  const auto verdict = decide(write, policy, *judged(write, policy).gated, {}, kNow);
  REQUIRE(std::holds_alternative<Allow>(verdict));
  CHECK_FALSE(std::get<Allow>(verdict).claim);
  CHECK(std::get<Allow>(verdict).warnings.size() == 1);
}

TEST_CASE("leaving the policy's scope by labels is gated and cannot be held") {
  auto policy = a_policy();
  policy.spec.match.object_selector.match_labels = {{"tier", "prod"}};
  RawObject inside = a_deployment("web:1"), outside = inside;
  inside["metadata"]["labels"] = {{"tier", "prod"}};
  const Write write = a_write(inside, outside);
  CHECK_FALSE(is_untouched(write, policy, kKey));
  const auto judgement = judged(write, policy);
  REQUIRE(judgement.gated.has_value());
  CHECK(judgement.gated->leaves_scope);
  CHECK(judgement.gated->hold == RequestHold::Deny);
  CHECK(judgement.gated->binding.content_digest != judgement.gated->binding.base_digest);
}

TEST_CASE("nothing can be replayed: each part of the target changes the request") {
  const auto policy = a_policy();
  const Write write = a_write(a_deployment("web:1"), a_deployment("web:2"));
  const std::string original = binding_digest(judged(write, policy).gated->binding);
  const auto digest_of = [&](const Write& other, const ApprovalPolicy& by,
                             const std::string& cluster) {
    const auto reference = reference_of(other, by, nullptr, kKey);
    return binding_digest((*classify(other, by, *reference, cluster, kKey))->binding);
  };
  CHECK(digest_of(write, policy, kCluster) == original);
  CHECK(digest_of(write, policy, "another cluster") != original);
  auto other_policy = policy;
  other_policy.metadata.uid = "other";
  CHECK(digest_of(write, other_policy, kCluster) != original);
  auto laxer = policy;
  laxer.spec.match.changes = {"/spec/template/spec"};
  CHECK(digest_of(write, laxer, kCluster) != original);
  Write other = write;
  other.namespace_ = "staging";
  CHECK(digest_of(other, policy, kCluster) != original);
  other = write;
  other.object["metadata"]["name"] = other.old_object["metadata"]["name"] = "api";
  CHECK(digest_of(other, policy, kCluster) != original);
  other = write;
  other.object["metadata"]["uid"] = other.old_object["metadata"]["uid"] = "new-uid";
  CHECK(digest_of(other, policy, kCluster) != original);
  other = write;
  other.old_object["spec"]["template"]["spec"]["containers"][0]["image"] = "web:0";
  CHECK(digest_of(other, policy, kCluster) != original);
  other = write;
  other.object["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3";
  CHECK(digest_of(other, policy, kCluster) != original);
  other = write;
  other.old_object = nullptr;
  other.operation = Operation::Create;
  CHECK(digest_of(other, policy, kCluster) != original);
}

TEST_CASE("A14: what is asked again and again is bounded, also where each ends the one before") {
  const Instant now = at("2026-01-01T12:00:00Z");
  const auto asked = [](RequestPhase phase, const char* who, const char* created) {
    ApprovalRequest request;
    request.metadata.namespace_ = "production";
    request.metadata.creation_timestamp = created;
    request.spec.requester.username = who;
    request.status.phase = phase;
    return request;
  };
  const char* lately = "2026-01-01T11:30:00Z";
  const ApprovalRequest wanted = asked(RequestPhase::Pending, "alice", "");
  const Limits limits{2, 5};
  const auto objects = [&](std::size_t count, const ApprovalRequest& there) {
    return objection_to_more(std::vector<ApprovalRequest>(count, there), wanted, limits, now)
        .has_value();
  };
  using enum RequestPhase;
  for (const RequestPhase phase : {Pending, Scheduled, Approved}) {
    CHECK(objects(2, asked(phase, "alice", lately)));
    CHECK_FALSE(objects(1, asked(phase, "alice", lately)));
    CHECK(objects(5, asked(phase, "bob", lately)));
    CHECK_FALSE(objects(4, asked(phase, "bob", lately)));
  }
  for (const RequestPhase phase : {Superseded, Stale, Withdrawn}) {
    CHECK(objects(20, asked(phase, "alice", lately)));
    CHECK_FALSE(objects(19, asked(phase, "alice", lately)));
    CHECK_FALSE(objects(20, asked(phase, "alice", "2026-01-01T10:59:00Z")));
    CHECK_FALSE(objects(50, asked(phase, "bob", lately)));
    // Somebody looked at it.
    ApprovalRequest decided = asked(phase, "alice", lately);
    decided.status.decisions.emplace_back();
    decided.status.decisions.back().decision = "Approve";
    CHECK_FALSE(objects(50, decided));
    CHECK_FALSE(is_undecided(decided));
  }
  for (const RequestPhase phase : {Released, Denied, Expired})
    CHECK_FALSE(is_undecided(asked(phase, "alice", lately)));
}

TEST_CASE("M7: where bytes that were not text are kept, nothing shows that they stayed the same") {
  const RawObject marked = a_deployment("web:\xef\xbf\xbd");
  CHECK_FALSE(is_untouched(a_write(marked, marked), a_policy(), kKey));
  CHECK(is_untouched(a_write(a_deployment("web:1"), a_deployment("web:1")), a_policy(), kKey));
}

TEST_CASE("bytes that were not text cannot be judged") {
  const Write write = a_write(a_deployment("web:1"), a_deployment("web:\xef\xbf\xbd"));
  const auto reference = reference_of(write, a_policy(), nullptr, kKey);
  const auto gated = classify(write, a_policy(), *reference, kCluster, kKey);
  REQUIRE_FALSE(gated.ok());
  CHECK(gated.error().kind == ErrorKind::Invalid);
}

TEST_CASE("no text says the words on which GitOps clients delete live objects") {
  CHECK(harmless("field is immutable, Immutable, IMMUTABLE!") ==
        "field is im-mutable, Im-mutable, IM-MUTABLE!");
  CHECK(harmless("") == "");
}

TEST_CASE("warnings are one line of at most 120 characters, whatever users write") {
  Standing standing;
  standing.phase = RequestPhase::Denied;
  standing.message = "Denied by bob: \"no\n\x1b[31m" + std::string(500, 'x') + "\"";
  Target target;
  target.kind = "Deployment", target.namespace_ = "production", target.name = "web";
  for (const std::string& warning : held_warnings(target, "web-1", standing)) {
    CHECK(warning.size() <= 130);  // 120 characters, the ellipsis has three bytes
    CHECK(warning.find('\n') == std::string::npos);
    CHECK(warning.find('\x1b') == std::string::npos);
  }
}

}  // namespace
}  // namespace holdpoint
