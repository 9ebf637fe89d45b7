// A model check: every order of events in a small world, judged by the functions that ship.
//
// The world is what the API server stores: one policy, one object with its history, the requests
// with their claims and Approvals, the trail. Clients, people, webhook and operators take it one
// read or write at a time, in every order that the scenario's budget lets happen. What they decide
// is decided by classify(), choose_attempt(), next_state(), wanted_marks(), decide(),
// make_request(), observe() and plan_request() themselves; the model writes down only what stands
// around them: Gate::choose and Gate::answer_once, webhook/claims.cpp, Requests::reconcile. Those
// functions are pure, so each answer is kept for when it is asked for again.
//
// Whether an approval was valid is told by an oracle of its own, Model::flaw(). The invariants are
// I1 (nothing unapproved is stored), I2 (one approval, one stored version), I3 (separation of
// duties and quorum), I4 (one record for each stored change), I5 and I6. I5 is linearizability: the
// approval was valid at some moment between the first read of the judgement and the claim, under
// the policy that was read. I6 is reachability: if everybody crashes now and comes back, the
// approved change gets in. A broken invariant is told with the shortest way to it, an event a line.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "core/approval/digest.hpp"
#include "core/approval/verdict.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"
#include "operator/plan.hpp"

namespace holdpoint {
namespace {

using Small = std::int8_t;  // a state is made of these alone, so it is compared and hashed as bytes

enum Person : Small { Alice, Bob, Eve, Dan, Operator };
const std::vector<Identity> kPeople{{"alice", "", {"developers", "leads"}},
                                    {"bob", "", {"leads"}},
                                    {"eve", "", {"leads", "appsec"}},
                                    {"dan", "", {"leads"}},
                                    {"system:serviceaccount:holdpoint-system:operator", "", {}}};

// Time goes in steps of half a minute. A call ends within 34 s, so it sees at most one of them.
constexpr int kStep = 30;  // seconds
constexpr int kLife = 2;   // steps within both expiries of the policy, 80 s
constexpr std::size_t kMostVersions = 8, kMostRequests = 4;
constexpr int kReleased = static_cast<int>(RequestPhase::Released);  // the first of the ends
Instant at(int time) {
  return *parse_rfc3339("2026-01-01T10:00:00Z") + std::chrono::seconds(kStep * time);
}

enum Kind : Small {
  Send,        // a client sends a write; a retry is the same write again
  Advance,     // a call takes its next step: judged, claimed, stored
  Lose,        // the webhook or the API server crashes before an allowed write is stored
  Approve,     // a person creates an Approval
  Revoke,      // and deletes it
  EditPolicy,  // from one approval to two, or back
  DeletePolicy,
  DeleteObject,
  Flip,    // what the policy's check looks at turns
  LookUp,  // the operator looks at it for a request, and writes what it saw
  Wait,
  Look,     // an operator reads a request
  Operate,  // and takes its next step
  kKinds
};

struct Event {
  Kind kind = Send;
  Small a = 0, b = 0;
};

// Deliberate faults in what stands around the functions that ship: the checker must find each.
enum class Mutant {
  None,
  SkipClaim,         // what is approved is allowed without a claim
  NeverBusy,         // a creation's claim is looked into at once, not after a minute
  ForgetHistory,     // whoever had the claim is believed not to have stored
  KeepClaims,        // a claim is never free again
  IgnoreRevocation,  // a deleted Approval counts on
  RequesterMay,      // requesters approve their own
  IgnoreStages,      // one approval is enough
  OverwriteStatus,   // the operator writes the status without compare-and-swap
  SkipEnding,        // the operator records an end without announcing it
  EndsInStore,       // what was claimed may end while it is stored
  NeverResume,       // the operator leaves approved objects held
  IgnoreChecks,      // what a check says is only shown
};

struct World {
  bool suspend = false;     // a Deployment that is stored held; else a ConfigMap that is refused
  bool exists = true;       // the object is there at the start, with content 0
  Small required = 1;       // approvals
  bool two_stages = false;  // the second one is appsec's, which is eve
  int operators = 1;        // the second one is a leader that does not know yet that it is none
  std::vector<std::pair<Person, char>> writes{{Alice, '1'}};  // who may send what
  std::vector<Person> voters{Bob};
  std::vector<std::pair<Kind, Small>> may{};  // how often each may happen
  bool checked = false;                       // the policy has a check, good for 45 s
  bool trail = true;                          // I4 is asked
  Mutant mutant = Mutant::None;
};

struct Taken {  // a claim
  Small uid = 0, base = 0, time = 0, writer = 0;
  bool operator==(const Taken&) const = default;
};

struct Ask {  // an ApprovalRequest and its Approvals
  Small spec = 0, phase = 0, ending = 0;
  Taken claim;
  std::array<Small, 4> vote{};  // by person: 1 + time of the Approval; 0: none; negative: revoked
  Small check = 0;  // 1 + time at which it was seen to pass; negative: to fail; 0: never
  // For the checker alone.
  Small stored = 0;  // the version that it served
  Small ends = 0;    // bits from Released on: what the trail tells
  Small moved = 0;   // it expired, or its object or policy is not what was asked about
  bool operator==(const Ask&) const = default;
};

enum Stage : Small { Idle, Read, Judged, Answered, Planned, Announced, Told };

struct Call {  // a write that somebody sent
  Small stage = Idle, writer = 0, object = 0;
  Small base = 0;       // the version that it replaces
  Small policy = 0;     // as it was read
  Small ask = -1;       // the request that approves it
  Small overtaken = 0;  // the request was written since it was read
  Small aged = 0;
  Small valid = 0;  // bits by request: approved at some moment since the first read
  Small flaw = 0;   // why it was not, when it was allowed
  auto operator<=>(const Call&) const = default;
};

struct Worker {  // an operator
  Small stage = Idle, ask = 0, policy = 0, overtaken = 0;
  Ask read;
  Small phase = 0;  // what it is going to write
  Small seen = 0;   // bits by request: was seen held
  bool operator==(const Worker&) const = default;
};

struct State {
  Small now = 0;
  Small policy = 0;                            // approvals that it asks for; 0: it is gone
  Small running = 0;                           // content that is stored unheld
  Small authors = 0;                           // bits by person: whose writes are held
  std::array<Small, kMostVersions> history{};  // objects; 0: none
  Small versions = 1, uids = 1, asked = 0, fault = 0;
  Small good = 1;  // what the check looks at
  std::array<Ask, kMostRequests> asks{};
  std::array<Call, 2> calls{};
  std::array<Worker, 2> workers{};
  std::array<Small, kKinds> left{};
  bool operator==(const State&) const = default;
  [[nodiscard]] Small object() const { return history[static_cast<std::size_t>(versions - 1)]; }
};
static_assert(std::has_unique_object_representations_v<State>);

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
struct ByBytes {
  std::size_t operator()(const State& state) const {
    return std::hash<std::string_view>()(bytes_of(state));
  }
};

enum Flaw : Small { None, Few, Late, NoPolicy, NoRequest, OtherChange, Twice, Unchecked };
const char* const kFlaws[] = {"",
                              "I3 or I5: stored without enough valid approvals of those who may",
                              "I5: stored although its approval had expired before",
                              "I5: stored although its policy was gone before",
                              "I1: stored unheld without any request",
                              "I1: stored by the approval of another change",
                              "I2: one approval served two stored versions",
                              "I5: stored although its check did not pass, or long ago"};

std::size_t index(int value) { return static_cast<std::size_t>(value); }
Small small(std::size_t value) { return static_cast<Small>(value); }
bool has_bit(int bits, int bit) { return ((bits >> bit) & 1) != 0; }
void set_bit(Small& bits, int bit) { bits = static_cast<Small>(bits | (1 << bit)); }
bool has_ended(const Ask& ask) { return is_end(static_cast<RequestPhase>(ask.phase)); }

// What everybody can read of a request.
Ask public_part(Ask ask) {
  ask.stored = ask.ends = ask.moved = 0;
  return ask;
}

template <class... Numbers>
std::string key_of(Numbers... numbers) {
  return {static_cast<char>(numbers)...};
}

// The answer of a pure function, computed once.
template <class Answer, class Compute>
const Answer& once(std::unordered_map<std::string, Answer>& answers, const std::string& key,
                   const Compute& compute) {
  const auto known = answers.find(key);
  return known != answers.end() ? known->second : answers.emplace(key, compute()).first->second;
}

// Compare-and-swap: whoever has read the request before is overtaken.
void written(State& state, int ask) {
  for (Call& call : state.calls)
    if (call.stage == Judged && call.ask == ask) call.overtaken = 1;
  for (Worker& worker : state.workers)
    if (worker.stage != Idle && worker.ask == ask) worker.overtaken = 1;
}

class Model {
 public:
  explicit Model(World world) : world_(std::move(world)) {
    objects_.emplace_back();
    start_.policy = world_.required;
    if (world_.exists) start_.history[0] = object_of('0', 1), start_.running = '0';
    for (const Kind kind : {Advance, Lose, Look, Operate}) start_.left[kind] = -1;
    for (const auto& [kind, often] : world_.may) start_.left[kind] = often;
  }

  // The shortest way to a broken invariant, an event a line; empty where there is none.
  std::string explore() {
    std::unordered_set<State, ByBytes> known{start_};
    nodes_.push_back({start_, 0, {}});
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const State state = nodes_[i].state;
      if (std::string way = broken(state); !way.empty()) {
        for (std::size_t n = i; n != 0; n = nodes_[n].parent)
          way = told(nodes_[nodes_[n].parent].state, nodes_[n].event, nodes_[n].state) + '\n' + way;
        return way;
      }
      for (const Event& event : events(state)) {
        State next = state;
        if (apply(next, event) && known.insert(next).second) nodes_.push_back({next, i, event});
      }
    }
    return "";
  }
  [[nodiscard]] std::size_t states() const { return nodes_.size(); }

 private:
  struct Node {
    State state;
    std::size_t parent;
    Event event;
  };
  struct Object {  // and what is asked of it again and again
    Json json;
    Small content = 0, uid = 0;
    std::string holder;  // the request by which it is held, or empty
  };
  struct Spec {
    ApprovalRequest request;  // as it was created
    Small created = 0, required = 0, base = 0, content = 0, requester = 0;
  };
  struct Case {
    Reference reference;
    std::optional<Gated> gated;
  };
  struct Judgement {
    bool judged = false;  // else the write is refused, whatever it is
    const Case* of = nullptr;
    Attempt attempt;
    int ask = -1;
  };
  enum class ClaimState { Free, Ours, Busy, Used };
  enum class Decided { Refused, Held, Allowed };
  struct Pass {
    RequestPhase phase;
    bool resume = false, held_here = false;
  };

  // ---- real objects from numbers

  Small object_of(const Json& json) {
    return once(object_ids_, json.dump(), [&] {
      const Json& content = world_.suspend ? json["spec"]["template"] : json["data"];
      const Marks marks = read_marks(json, Pausable::Deployment);
      objects_.push_back({json, static_cast<Small>(content["image"].get<std::string>()[0]),
                          static_cast<Small>(std::stoi(string_at(json, {"metadata", "uid"}))),
                          marks.holds() ? held_request(marks, "prod", json) : ""});
      return small(objects_.size() - 1);
    });
  }

  Small object_of(char content, int uid) {
    Json json{
        {"metadata", {{"name", "web"}, {"namespace", "production"}, {"uid", std::to_string(uid)}}}};
    (world_.suspend ? json["spec"]["template"] : json["data"])["image"] = std::string(1, content);
    return object_of(json);
  }

  [[nodiscard]] const Object& object(int number) const { return objects_[index(number)]; }
  [[nodiscard]] const Object& old_of(const State& state, const Call& call) const {
    return object(state.history[index(call.base)]);
  }
  [[nodiscard]] const Spec& spec_of(const Ask& ask) const { return specs_[index(ask.spec)]; }
  [[nodiscard]] const std::string& name_of(const Ask& ask) const {
    return spec_of(ask).request.metadata.name;
  }

  [[nodiscard]] ApprovalPolicy policy_of(Small required) const {
    ApprovalPolicy policy;
    policy.metadata.name = "prod", policy.metadata.uid = "policy-uid";
    policy.spec.match.resources = {
        {{"apps"}, {"deployments"}, {Operation::Create, Operation::Update}},
        {{""}, {"configmaps"}, {Operation::Create, Operation::Update}}};
    policy.spec.stages = {{"team", {{"leads"}, {}, {}}, world_.two_stages ? Small{1} : required}};
    if (world_.two_stages && required == 2)
      policy.spec.stages.push_back({"security", {{"appsec"}, {}, {}}, 1});
    policy.spec.expiry = {"80s", "80s"};
    policy.spec.separation_of_duties.requester_may_approve = world_.mutant == Mutant::RequesterMay;
    if (world_.checked) policy.spec.checks = {check()};
    if (world_.mutant == Mutant::IgnoreStages) policy.spec.stages = {{"any", {{"leads"}, {}, {}}}};
    return policy;
  }

  [[nodiscard]] Check check() const {
    Check check;
    check.name = "good", check.max_age = "45s";
    check.object.emplace();
    if (world_.mutant == Mutant::IgnoreChecks) check.mode = CheckMode::Show;
    return check;
  }

  [[nodiscard]] ApprovalRequest request_of(const Ask& ask) const {
    ApprovalRequest request = spec_of(ask).request;
    request.status.phase = static_cast<RequestPhase>(ask.phase);
    if (ask.check != 0)
      request.status.checks = {{"good", definition_of(check()),
                                ask.check > 0 ? CheckOutcome::Pass : CheckOutcome::Fail, "",
                                to_rfc3339(at(std::abs(ask.check) - 1))}};
    const Taken& claim = ask.claim;
    if (claim.uid != 0)
      request.status.claim = Claim{std::to_string(claim.uid), std::to_string(claim.base),
                                   to_rfc3339_micro(at(claim.time)), kPeople[index(claim.writer)]};
    return request;
  }

  [[nodiscard]] std::vector<Ballot> ballots_of(const Ask& ask) const {
    std::vector<Ballot> ballots;
    const ApprovalRequest& request = spec_of(ask).request;
    for (std::size_t person = 0; person < ask.vote.size(); ++person) {
      if (ask.vote[person] == 0) continue;
      Ballot& ballot = ballots.emplace_back();
      ballot.authorized = true;
      ObjectMeta& metadata = ballot.approval.metadata;
      metadata.name = "by-" + kPeople[person].username;
      metadata.uid = request.metadata.uid + metadata.name;
      metadata.creation_timestamp = to_rfc3339(at(std::abs(ask.vote[person]) - 1));
      ballot.approval.spec.request = {request.metadata.name, request.metadata.uid,
                                      request.spec.binding_digest};
      ballot.approval.spec.decision = Decision::Approve;
      ballot.approval.spec.author = kPeople[person];
    }
    return ballots;
  }

  [[nodiscard]] Write write_of(const State& state, const Call& call) const {
    Write write;
    write.group = world_.suspend ? "apps" : "";
    write.version = "v1";
    write.kind = world_.suspend ? "Deployment" : "ConfigMap";
    write.resource = world_.suspend ? "deployments" : "configmaps";
    write.namespace_ = "production", write.name = "web";
    write.user = kPeople[index(call.writer)];
    write.object = object(call.object).json;
    write.old_object = old_of(state, call).json;
    write.operation = write.old_object.is_null() ? Operation::Create : Operation::Update;
    return write;
  }

  [[nodiscard]] int holder_of(const State& state, const Object& object) const {
    for (int i = 0; i < state.asked && !object.holder.empty(); ++i)
      if (name_of(state.asks[index(i)]) == object.holder) return i;
    return -1;
  }

  // ---- the webhook

  const Case& case_of(const State& state, const Call& call) {
    const int holder = holder_of(state, old_of(state, call));
    const Ask held = holder < 0 ? Ask() : state.asks[index(holder)];
    const auto key = key_of(state.history[index(call.base)], call.object, call.writer, call.policy,
                            holder < 0 ? -1 : held.spec, held.phase);
    return once(cases_, key, [&] {
      const Write write = write_of(state, call);
      const ApprovalPolicy policy = policy_of(call.policy);
      const ApprovalRequest request = holder < 0 ? ApprovalRequest() : request_of(held);
      const auto reference = reference_of(write, policy, holder < 0 ? nullptr : &request, "");
      REQUIRE(reference.ok());
      const auto gated = classify(write, policy, *reference, "cluster", "");
      REQUIRE(gated.ok());
      return Case{{reference->covered, reference->digest, nullptr}, *gated};
    });
  }

  // Docket::standing_input and next_state.
  const Standing& standing(const State& state, const Ask& ask, Small policy,
                           const std::set<std::string>& writers, const std::vector<int>& siblings,
                           const operator_::Observation& observation = {}) {
    std::string key(bytes_of(public_part(ask)));
    key += key_of(policy, state.now, observation.released);
    StandingInput input;
    for (const int i : siblings) {
      const Spec& other = spec_of(state.asks[index(i)]);
      if (other.request.spec.asked_at <= spec_of(ask).request.spec.asked_at) continue;
      input.newer.push_back({other.request.metadata.name, at(other.created)});
      key += key_of(state.asks[index(i)].spec);
    }
    for (const std::string& writer : writers) {
      input.writers.push_back({writer, "", {}});
      key += '\n' + writer;
    }
    key += '\n' + observation.stale.value_or("");
    return once(standings_, key, [&] {
      const ApprovalRequest request = request_of(ask);
      const ApprovalPolicy live = policy_of(policy);
      input.request = &request;
      if (policy != 0) input.policy = &live;
      input.ballots = ballots_of(ask);
      input.stale = observation.stale;
      input.released = observation.released;
      input.now = at(state.now);
      return next_state(input);
    });
  }

  [[nodiscard]] bool may_be_stored(const State& state, const Ask& ask) const {
    return ask.claim.uid != 0 && may_be_stored_until(request_of(ask), at(state.now)).has_value();
  }

  // Claims::look.
  [[nodiscard]] ClaimState look(const State& state, const Ask& ask, const Call& call) const {
    const Object& old = old_of(state, call);
    const bool creation = old.json.is_null();
    const Taken& claim = ask.claim;
    if (claim.uid == 0) return ClaimState::Free;
    if (claim.uid != (creation ? object(call.object) : old).uid) {
      if (may_be_stored(state, ask) && world_.mutant != Mutant::NeverBusy) return ClaimState::Busy;
    } else {
      if (creation || claim.base == call.base) return ClaimState::Ours;
      if (old.holder == name_of(ask) && world_.mutant != Mutant::KeepClaims)
        return ClaimState::Free;
    }
    if (world_.mutant == Mutant::KeepClaims) return ClaimState::Busy;
    if (world_.mutant == Mutant::ForgetHistory) return ClaimState::Free;
    const int until = creation ? state.versions - 1 : call.base;
    for (int version = claim.base + 1; version <= until; ++version) {
      const Object& then = object(state.history[index(version)]);
      if (then.uid == claim.uid && then.content == spec_of(ask).content &&
          then.holder != name_of(ask))
        return ClaimState::Used;
    }
    return ClaimState::Free;
  }

  // Gate::judge and Gate::choose.
  Judgement judge(const State& state, const Call& call) {
    Judgement judgement;
    if (call.policy == 0) return judgement;
    judgement.of = &case_of(state, call);
    judgement.judged = true;
    if (!judgement.of->gated.has_value()) return judgement;
    const Gated& gated = *judgement.of->gated;
    const std::string binding = binding_digest(gated.binding), key = request_key(gated.binding);
    const auto request = [&](int i) { return &spec_of(state.asks[index(i)]).request; };
    std::vector<int> siblings;
    const int holder = holder_of(state, old_of(state, call));
    if (holder >= 0 && request(holder)->spec.binding_digest == binding &&
        !has_ended(state.asks[index(holder)])) {
      siblings = {holder};
    } else {
      for (int i = 0; i < state.asked; ++i) siblings.push_back(i);
    }
    std::vector<Candidate> candidates;
    for (const int i : siblings)
      if (request(i)->metadata.labels.at(kKeyLabel) == key)
        candidates.push_back({request(i), standing(state, state.asks[index(i)], call.policy,
                                                   gated.writers, siblings)});
    while (true) {
      judgement.attempt = choose_attempt(candidates, object(call.object).json);
      const auto* chosen = judgement.attempt.request;
      judgement.ask = -1;
      for (const int i : siblings)
        if (request(i) == chosen) judgement.ask = i;
      if (chosen == nullptr || judgement.attempt.standing.phase != RequestPhase::Approved)
        return judgement;
      const Ask& ask = state.asks[index(judgement.ask)];
      const bool claimed = ask.claim.uid != 0;
      const ClaimState claim = look(state, ask, call);
      judgement.judged =
          chosen->spec.binding_digest == binding && claim != ClaimState::Busy && ask.ending == 0;
      if (!judgement.judged || !claimed) return judgement;
      Standing next;
      next.phase = RequestPhase::Released;
      if (claim != ClaimState::Used) {
        Ask unclaimed = ask;
        unclaimed.claim = {};
        next = standing(state, unclaimed, call.policy, gated.writers, siblings);
        judgement.judged = next.phase == RequestPhase::Approved || !may_be_stored(state, ask);
      }
      for (Candidate& candidate : candidates)
        if (candidate.request == chosen) candidate.standing = next;
      judgement.attempt.standing = next;
      if (!judgement.judged || next.phase == RequestPhase::Approved) return judgement;
    }
  }

  // A client sends a write: the API server reads what is there, the companion marks it, and the
  // webhook reads the policy.
  bool send(State& state, Small writer, char content) {
    const int uid = state.object() == 0 ? ++state.uids : object(state.object()).uid;
    return send(state, writer, object_of(content, uid));
  }

  bool send(State& state, Small writer, Small number) {
    Call& call = state.calls[0].stage == Idle ? state.calls[0] : state.calls[1];
    if (call.stage != Idle) return false;
    Call sent;
    sent.stage = Read, sent.writer = writer, sent.object = number;
    sent.base = static_cast<Small>(state.versions - 1), sent.policy = state.policy;
    if (world_.suspend) {
      const Judgement judgement = judge(state, sent);
      if (!judgement.judged) return false;
      const Gated* gated = judgement.of->gated.has_value() ? &*judgement.of->gated : nullptr;
      const auto key = key_of(state.object(), number, writer, sent.policy, gated != nullptr,
                              judgement.attempt.standing.phase, judgement.attempt.number);
      sent.object = once(marked_, key, [&] {
        const Write write = write_of(state, sent);
        const Marks wanted = wanted_marks(write, "prod", gated, judgement.attempt);
        return object_of(
            write.object.patch(marks_patch(write.object, Pausable::Deployment, wanted)));
      });
    }
    if (sent.object == state.object()) return false;  // changes nothing: it is not even stored
    call = sent;
    return true;
  }

  // Gate::answer_once up to the claim.
  void answer(State& state, Call& call) {
    call.stage = Idle;  // refused
    if (!old_of(state, call).json.is_null() && call.base != state.versions - 1) return;
    const Judgement judgement = judge(state, call);
    if (!judgement.judged) return;
    if (!judgement.of->gated.has_value()) {
      call.stage = Answered;
      return;
    }
    const Gated& gated = *judgement.of->gated;
    const auto key = key_of(state.history[index(call.base)], call.object, call.writer, call.policy,
                            judgement.attempt.number, judgement.attempt.standing.phase);
    const Decided decided = once(decided_, key, [&] {
      const Verdict verdict = decide(write_of(state, call), policy_of(call.policy), gated,
                                     judgement.attempt, at(state.now));
      return std::holds_alternative<Held>(verdict)    ? Decided::Held
             : std::holds_alternative<Allow>(verdict) ? Decided::Allowed
                                                      : Decided::Refused;
    });
    if (judgement.ask < 0 && (decided == Decided::Held || gated.hold != RequestHold::Suspend))
      ask_for(state, call, judgement);
    if (decided == Decided::Held) call.stage = Answered;
    if (decided != Decided::Allowed) return;
    call.ask = static_cast<Small>(judgement.ask);
    call.stage = Judged;
    if (world_.mutant == Mutant::SkipClaim) allow(state, call);
  }

  // Gate::ensure_request.
  void ask_for(State& state, const Call& call, const Judgement& judgement) {
    REQUIRE(index(state.asked) < kMostRequests);
    ApprovalRequest made =
        make_request(*judgement.of->gated, write_of(state, call), policy_of(call.policy),
                     judgement.of->reference, judgement.attempt.number,
                     at(state.now) + std::chrono::microseconds(state.asked));
    made.metadata.creation_timestamp = to_rfc3339(at(state.now));
    const std::string key = made.metadata.name + made.spec.asked_at + made.spec.requester.username +
                            std::to_string(call.policy);
    const Small spec = once(spec_ids_, key, [&] {
      made.metadata.uid = "request-" + std::to_string(specs_.size());
      specs_.push_back(
          {made, state.now, call.policy, state.running, object(call.object).content, call.writer});
      return small(specs_.size() - 1);
    });
    for (int i = 0; i < state.asked; ++i)  // what waits is superseded
      if (!must_get_in(state, i)) state.asks[index(i)].moved = 1;
    state.asks[index(state.asked++)].spec = spec;
  }

  // Claims::take. Overtaken: everything is read and judged again.
  void claim(State& state, Call& call) const {
    if (call.overtaken != 0) {
      call.stage = Read, call.policy = state.policy;
      call.ask = -1, call.overtaken = call.valid = 0;
      return;
    }
    const Object& old = old_of(state, call);
    const bool creation = old.json.is_null();
    state.asks[index(call.ask)].claim = {
        creation ? object(call.object).uid : old.uid,
        creation ? static_cast<Small>(state.versions - 1) : call.base, state.now, call.writer};
    allow(state, call);
    written(state, call.ask);
  }

  void allow(const State& state, Call& call) const {
    call.stage = Answered;
    if (!has_bit(call.valid, call.ask))
      call.flaw = flaw(state, call.ask, call.policy, writers_of(state, call));
    call.valid = 0;
  }

  // The API server stores over the very version that was reviewed, or not at all.
  void store(State& state, Call& call) const {
    const Call done = std::exchange(call, Call());
    const bool creation = old_of(state, done).json.is_null();
    if (creation ? state.object() != 0 : done.base != state.versions - 1) return;
    const int writers = writers_of(state, done);
    put(state, done.object, done.ask);
    const Object& now = object(done.object);
    state.authors = now.holder.empty() ? Small{0} : static_cast<Small>(writers);
    if (!now.holder.empty() || now.content == state.running) return;
    if (done.ask < 0) {
      state.fault = NoRequest;
    } else {
      Ask& ask = state.asks[index(done.ask)];
      state.fault = done.flaw;
      if (spec_of(ask).content != now.content || spec_of(ask).base != state.running)
        state.fault = OtherChange;
      if (ask.stored != 0) state.fault = Twice;
      ask.stored = static_cast<Small>(state.versions - 1);
    }
    state.running = now.content;
  }

  // A new version of the object: `own` and the request that holds it still are about what is there.
  void put(State& state, Small number, int own) const {
    REQUIRE(index(state.versions) < kMostVersions);
    state.history[index(state.versions++)] = number;
    for (int i = 0; i < state.asked; ++i)
      if (i != own && name_of(state.asks[index(i)]) != object(number).holder)
        state.asks[index(i)].moved = 1;
  }

  void advance(State& state, Call& call) {
    if (call.stage == Read) {
      answer(state, call);
    } else if (call.stage == Judged) {
      claim(state, call);
    } else if (call.stage == Answered) {
      store(state, call);
    }
  }

  // ---- the operator: Requests::reconcile

  const Pass& planned(const State& state, const Worker& worker) {
    Ask ask = worker.read;
    ask.vote = state.asks[index(worker.ask)].vote;
    const int holder = holder_of(state, object(state.object()));
    const bool seen = has_bit(worker.seen, worker.ask);
    std::string key(bytes_of(ask));
    key += key_of(worker.policy, state.now, state.object(), seen,
                  holder < 0 ? -1 : state.asks[index(holder)].spec);
    std::vector<int> siblings;
    for (int i = 0; i < state.asked; ++i) {
      if (has_ended(state.asks[index(i)])) continue;
      siblings.push_back(i);
      key += key_of(state.asks[index(i)].spec);
    }
    return once(plans_, key, [&] {
      const ApprovalRequest request = request_of(ask);
      const ApprovalRequest other =
          holder < 0 ? ApprovalRequest() : request_of(state.asks[index(holder)]);
      operator_::ObservationInput input;
      input.request = &request;
      input.target = object(state.object()).json;
      input.holder = holder < 0 ? nullptr : &other;
      const Target& target = request.spec.target;
      input.pointers = covered_pointers({}, target.group, target.resource);
      input.seen = seen;
      input.young = at(state.now) - at(spec_of(ask).created) < kLateStore;
      const auto observation = operator_::observe(input);
      Ask judged = ask;
      if (world_.mutant == Mutant::EndsInStore && !observation.released) judged.claim = {};
      const Standing& where =
          standing(state, judged, worker.policy, observation.writers, siblings, observation);
      const auto plan =
          operator_::plan_request(request, where, ballots_of(ask), observation, at(state.now));
      return Pass{plan.status.phase, plan.resume, observation.held_here};
    });
  }

  void operate(State& state, Worker& worker) {
    Ask& ask = state.asks[index(worker.ask)];
    if (worker.stage == Read) {
      const Pass plan = planned(state, worker);
      const bool ends = is_end(plan.phase);
      worker.stage = Idle;
      worker.phase = static_cast<Small>(plan.phase);
      if (plan.held_here) set_bit(worker.seen, worker.ask);
      // A release is told by the next pass, as one status.
      if (plan.resume && world_.mutant != Mutant::NeverResume && resume(state)) return;
      if (worker.phase != worker.read.phase || worker.read.ending != 0)
        worker.stage = ends ? Planned : Told;
    } else if (worker.stage == Planned) {  // Requests::close
      const bool announces = worker.phase != kReleased && world_.mutant != Mutant::SkipEnding;
      worker.stage = announces && worker.overtaken != 0 ? Idle : Announced;
      if (!announces || worker.overtaken != 0) return;
      ask.ending = 1;
      written(state, worker.ask);
      worker.overtaken = 0;
    } else if (worker.stage == Announced) {  // the trail is told before the status
      set_bit(ask.ends, worker.phase - kReleased);
      worker.stage = Told;
    } else {
      worker.stage = Idle;
      if (world_.mutant == Mutant::OverwriteStatus) {
        ask.claim = worker.read.claim;
      } else if (worker.overtaken != 0) {
        return;
      }
      ask.phase = worker.phase;
      ask.ending = 0;
      written(state, worker.ask);
    }
  }

  bool resume(State& state) {
    const Json& held = object(state.object()).json;
    return send(state, Operator,
                object_of(held.patch(marks_patch(held, Pausable::Deployment, {}))));
  }

  // ---- the checker

  // Whether a request is approved for this writer at this moment, told from the votes alone.
  [[nodiscard]] Flaw flaw(const State& state, int number, Small policy, int writers) const {
    const Ask& ask = state.asks[index(number)];
    const Spec& spec = spec_of(ask);
    if (policy == 0) return NoPolicy;
    const bool two = std::max(spec.required, policy) == 2, apart = two && world_.two_stages;
    std::vector<int> leads, appsec;  // when they approved
    for (int person = Alice; person <= Dan; ++person) {
      const int time = ask.vote[index(person)] - 1;
      if (time >= 0 && time <= spec.created + kLife && person != spec.requester &&
          !has_bit(writers, person))
        (apart && person == Eve ? appsec : leads).push_back(time);
    }
    std::sort(leads.begin(), leads.end());
    const std::size_t needed = two && !apart ? 2 : 1;
    if (leads.size() < needed || (apart && appsec.empty())) return Few;
    const int granted = std::max(leads[needed - 1], apart ? appsec[0] : 0);
    if (state.now > granted + kLife) return Late;
    const bool passes = ask.check > 0 && state.now <= ask.check;  // one step is 30 s, two are 60
    return world_.checked && !passes ? Unchecked : None;
  }

  // Whose writes are in what this call stores.
  [[nodiscard]] int writers_of(const State& state, const Call& call) const {
    const Object& old = old_of(state, call);
    const bool resumes = !old.holder.empty() && old.content == object(call.object).content;
    return resumes ? state.authors : state.authors | (1 << call.writer);
  }

  // Approved, and still about what is there.
  [[nodiscard]] bool must_get_in(const State& state, int number) const {
    const Ask& ask = state.asks[index(number)];
    return ask.stored == 0 && ask.moved == 0 &&
           flaw(state, number, state.policy, state.authors) == None;
  }

  [[nodiscard]] std::vector<Event> events(const State& state) const {
    std::vector<Event> events;
    const auto may = [&](Kind kind, std::size_t a = 0, std::size_t b = 0) {
      if (state.left[kind] != 0) events.push_back({kind, small(a), small(b)});
    };
    for (std::size_t i = 0; i < world_.writes.size(); ++i) may(Send, i);
    for (std::size_t i = 0; i < state.calls.size(); ++i) {
      if (state.calls[i].stage != Idle) may(Advance, i);
      if (state.calls[i].stage == Answered) may(Lose, i);
    }
    for (std::size_t i = 0; i < index(state.asked); ++i)
      for (const Person person : world_.voters)
        may(state.asks[i].vote[person] > 0 ? Revoke : Approve, i, person);
    for (const Kind kind : {EditPolicy, DeletePolicy, DeleteObject, Flip, Wait}) may(kind);
    for (std::size_t i = 0; i < index(state.asked); ++i) may(LookUp, i);
    for (std::size_t w = 0; w < index(world_.operators); ++w) {
      if (state.workers[w].stage != Idle) may(Operate, w);
      for (std::size_t i = 0; i < index(state.asked) && state.workers[w].stage == Idle; ++i)
        if (!has_ended(state.asks[i])) may(Look, w, i);
    }
    return events;
  }

  // False where it cannot happen.
  bool apply(State& state, Event event) {
    const std::size_t a = index(event.a), b = index(event.b);
    switch (event.kind) {
      case Send:
        if (!send(state, world_.writes[a].first, world_.writes[a].second)) return false;
        break;
      case Advance:
        advance(state, state.calls[a]);
        break;
      case Lose:
        state.calls[a] = Call();
        break;
      case Approve:
        if (has_ended(state.asks[a])) return false;
        state.asks[a].vote[b] = static_cast<Small>(state.now + 1);
        break;
      case Revoke: {  // Approvals::check_deleted
        if (state.asks[a].phase == kReleased) return false;
        if (may_be_stored(state, state.asks[a])) return false;
        Small& vote = state.asks[a].vote[b];
        vote = world_.mutant == Mutant::IgnoreRevocation ? static_cast<Small>(-vote) : Small{0};
        break;
      }
      case EditPolicy:
      case DeletePolicy:
        if (state.policy == 0) return false;
        state.policy = event.kind == DeletePolicy ? Small{0} : static_cast<Small>(3 - state.policy);
        break;
      case DeleteObject:
        if (state.object() == 0) return false;
        put(state, 0, -1);
        state.running = state.authors = 0;
        break;
      case Flip:
        state.good = static_cast<Small>(1 - state.good);
        break;
      case LookUp:
        if (has_ended(state.asks[a])) return false;
        state.asks[a].check = static_cast<Small>((state.now + 1) * (state.good != 0 ? 1 : -1));
        written(state, event.a);
        break;
      case Wait:
        if (state.calls[0].aged + state.calls[1].aged != 0) return false;
        for (Call& call : state.calls) call.aged = call.stage != Idle;
        ++state.now;
        break;
      case Look:
        state.workers[a] = {
            Read, event.b, state.policy, 0, public_part(state.asks[b]), 0, state.workers[a].seen};
        state.workers[a].read.vote = {};  // they are read later
        break;
      case Operate:
        operate(state, state.workers[a]);
        if (state.workers[a].stage == Idle)
          state.workers[a] = {Idle, 0, 0, 0, {}, 0, state.workers[a].seen};
        break;
      case kKinds:
        return false;
    }
    if (state.left[event.kind] > 0) --state.left[event.kind];
    for (int i = 0; i < state.asked; ++i) {
      for (Call& call : state.calls)
        if ((call.stage == Read || call.stage == Judged) &&
            flaw(state, i, call.policy, writers_of(state, call)) == None)
          set_bit(call.valid, i);
      // An operator may end it now.
      const Flaw why = flaw(state, i, state.policy, state.authors);
      Ask& ask = state.asks[index(i)];
      if (why == NoPolicy || why == Late ||
          (why == Few && state.now > spec_of(ask).created + kLife))
        ask.moved = 1;
    }
    std::sort(state.calls.begin(), state.calls.end());
    return true;
  }

  std::string broken(const State& state) {
    if (state.fault != None) return kFlaws[index(state.fault)];
    for (const Ask& ask : state.asks) {
      if (!world_.trail) break;
      if (has_bit(ask.ends, 0) && ask.stored == 0)
        return "I4: the trail tells of a release that never was";
      if ((ask.ends & (ask.ends - 1)) != 0) return "I4: the trail tells of two ends of one request";
    }
    State quiet = state;
    quiet.calls = {}, quiet.workers = {}, quiet.left = {};
    const auto known = recovered_.find(quiet);
    if (known != recovered_.end()) return known->second;
    return recovered_[quiet] = recover(quiet);
  }

  // I6, and I4 for what runs: everybody has crashed and comes back.
  std::string recover(const State& state) {
    State later = state;
    settle(later);
    for (int i = 0; i < state.asked; ++i) {
      const Ask& ask = state.asks[index(i)];
      if (world_.trail && ask.stored != 0 && ask.stored == state.versions - 1 &&
          !has_bit(later.asks[index(i)].ends, 0))
        return "I4: what was stored is never recorded as released";
      if (!must_get_in(state, i)) continue;
      const bool held = holder_of(state, object(state.object())) == i;
      if (world_.suspend && !held) continue;
      State again = later;
      for (int waited = 0; must_get_in(again, i); ++waited, apply(again, {Wait})) {
        if (world_.suspend) {  // by the operator alone
          settle(again);
        } else {
          send(again, spec_of(ask).requester, static_cast<char>(spec_of(ask).content));
          finish(again);
        }
        if (waited == kLife && must_get_in(again, i)) return "I6: an approved change never gets in";
      }
    }
    return "";
  }

  void settle(State& state) {
    for (int pass = 0; pass < 3; ++pass)
      for (int i = 0; i < state.asked; ++i) {
        if (has_ended(state.asks[index(i)])) continue;
        apply(state, {Look, 0, static_cast<Small>(i)});
        while (state.workers[0].stage != Idle) apply(state, {Operate});
        finish(state);
      }
  }

  void finish(State& state) {
    for (int step = 0; step < 3; ++step)
      for (std::size_t i = 0; i < state.calls.size(); ++i)
        if (state.calls[i].stage != Idle) apply(state, {Advance, small(i)});
  }

  [[nodiscard]] std::string told(const State& before, Event event, const State& after) const {
    const std::size_t a = index(event.a);
    const auto request = [&](int i) { return "request " + name_of(after.asks[index(i)]); };
    const auto person = [](int who) { return kPeople[index(who)].username; };
    const auto sent = [&](const Call& call) {
      return person(call.writer) + "'s write of " +
             std::string(1, static_cast<char>(object(call.object).content)) +
             (object(call.object).holder.empty() ? "" : ", held");
    };
    switch (event.kind) {
      case Send:
        return person(world_.writes[a].first) + " sends " + world_.writes[a].second;
      case Advance: {
        const Call& call = before.calls[a];
        if (call.stage == Judged)
          return (call.overtaken != 0 ? "overtaken, so it is read again: " : "claimed: ") +
                 sent(call) + ", by " + request(call.ask);
        if (call.stage == Answered)
          return (before.versions == after.versions ? "not stored, the object moved: "
                                                    : "stored: ") +
                 sent(call);
        const auto idle = [](const State& state) {
          return std::count_if(state.calls.begin(), state.calls.end(),
                               [](const Call& one) { return one.stage == Idle; });
        };
        return (idle(before) == idle(after) ? "judged, may go on: " : "judged, refused: ") +
               sent(call) + (before.asked == after.asked ? "" : "; made " + request(before.asked));
      }
      case Lose:
        return "a crash loses " + sent(before.calls[a]);
      case Approve:
        return person(event.b) + " approves " + request(event.a);
      case Revoke:
        return person(event.b) + " revokes the approval of " + request(event.a);
      case EditPolicy:
        return "the policy asks for " + std::to_string(after.policy) + " from now on";
      case DeletePolicy:
        return "the policy is deleted";
      case DeleteObject:
        return "the object is deleted";
      case Flip:
        return after.good != 0 ? "what is checked becomes good" : "what is checked becomes bad";
      case LookUp:
        return "the operator checks for " + request(event.a);
      case Wait:
        return "half a minute passes";
      case Look:
        return "operator " + std::to_string(a) + " reads " + request(event.b);
      case Operate: {
        const Worker& worker = before.workers[a];
        const std::string phase(to_string(static_cast<RequestPhase>(worker.phase)));
        return "operator " + std::to_string(a) +
               (worker.stage == Read        ? " looks at the object and the Approvals of "
                : worker.stage == Planned   ? " is about to end as " + phase + " "
                : worker.stage == Announced ? " records " + phase + " for "
                : worker.overtaken != 0     ? " is late with the status of "
                                            : " writes the status " + phase + " of ") +
               request(worker.ask);
      }
      case kKinds:
        break;
    }
    return "";
  }

  World world_;
  State start_;
  std::vector<Node> nodes_;
  std::deque<Object> objects_;
  std::deque<Spec> specs_;
  std::unordered_map<std::string, Small> object_ids_, spec_ids_, marked_;
  std::unordered_map<std::string, Case> cases_;
  std::unordered_map<std::string, Standing> standings_;
  std::unordered_map<std::string, Decided> decided_;
  std::unordered_map<std::string, Pass> plans_;
  std::unordered_map<State, std::string, ByBytes> recovered_;
};

using May = std::vector<std::pair<Kind, Small>>;

// Deny: a ConfigMap is refused until it is approved.
World refused(May may) {
  World world;
  world.may = std::move(may);
  return world;
}
World created(May may) {
  World world = refused(std::move(may));
  world.exists = false;
  return world;
}
// Suspend: a Deployment is stored held.
World held(May may) {
  World world = refused(std::move(may));
  world.suspend = true;
  return world;
}

World with(World world, void (*change)(World&)) {
  change(world);
  return world;
}
void two_of_two(World& world) { world.required = 2, world.voters = {Alice, Bob, Dan}; }
void two_stages(World& world) {
  world.required = 2, world.two_stages = true, world.voters = {Alice, Bob, Eve};
}
void two_writers(World& world) {
  world.writes = {{Alice, '1'}, {Bob, '1'}}, world.voters = {Bob, Eve};
}
void two_contents(World& world) { world.writes = {{Alice, '1'}, {Alice, '2'}}; }
void back(World& world) { world.writes = {{Alice, '1'}, {Alice, '0'}}; }
void two_leaders(World& world) { world.operators = 2; }
void checked(World& world) { world.checked = true; }
void but_for_the_trail(World& world) { world.trail = false; }

void holds(const World& world) {
  Model model(world);
  const std::string way = model.explore();
  INFO(way);
  CHECK(way.empty());
}

TEST_CASE("no order of events breaks an invariant where a write is refused until it is approved") {
  SUBCASE("approved, revoked, tried again") {
    holds(refused({{Send, 3}, {Approve, 2}, {Revoke, 1}}));
  }
  SUBCASE("by two writers") { holds(with(refused({{Send, 3}, {Approve, 2}}), two_writers)); }
  SUBCASE("and put back") { holds(with(refused({{Send, 3}, {Approve, 2}}), back)); }
  SUBCASE("while the policy asks for more or less") {
    holds(refused({{Send, 2}, {Approve, 2}, {EditPolicy, 2}, {Revoke, 1}}));
  }
  SUBCASE("with a stale leader") {
    holds(with(refused({{Send, 2}, {Approve, 1}, {Revoke, 1}, {Wait, 2}}), two_leaders));
  }
  SUBCASE("two of two") {
    holds(with(refused({{Send, 3}, {Approve, 3}, {Revoke, 1}}), two_of_two));
  }
  SUBCASE("two stages") {
    holds(with(refused({{Send, 3}, {Approve, 3}, {Revoke, 1}}), two_stages));
  }
  SUBCASE("a creation, and the object deleted") {
    holds(created({{Send, 3}, {Approve, 1}, {Wait, 2}, {DeleteObject, 1}}));
  }
}

TEST_CASE("no order of events breaks an invariant where an object is stored held") {
  SUBCASE("approved, revoked, tried again") { holds(held({{Send, 2}, {Approve, 2}, {Revoke, 1}})); }
  SUBCASE("by two writers") { holds(with(held({{Send, 2}, {Approve, 2}}), two_writers)); }
  SUBCASE("and left alone") { holds(held({{Send, 1}, {Approve, 1}, {Revoke, 1}, {Wait, 1}})); }
  SUBCASE("while the policy asks for more or less") {
    holds(held({{Send, 2}, {Approve, 2}, {EditPolicy, 1}}));
  }
  SUBCASE("with a stale leader") {
    holds(with(held({{Send, 1}, {Approve, 1}, {Revoke, 1}}), two_leaders));
  }
  SUBCASE("two of two") { holds(with(held({{Send, 2}, {Approve, 2}}), two_of_two)); }
  SUBCASE("two stages") { holds(with(held({{Send, 2}, {Approve, 2}}), two_stages)); }
}

TEST_CASE("no order of events breaks an invariant while time passes and contents change") {
  SUBCASE("refused, and time passes") {
    holds(refused({{Send, 2}, {Approve, 2}, {Revoke, 1}, {Wait, 3}}));
  }
  SUBCASE("refused, two contents") {
    holds(with(refused({{Send, 3}, {Approve, 2}}), two_contents));
  }
  SUBCASE("refused, and the policy goes") {
    holds(refused({{Send, 3}, {Approve, 2}, {DeletePolicy, 1}}));
  }
  SUBCASE("held, and time passes") {
    holds(held({{Send, 1}, {Approve, 1}, {Revoke, 1}, {Wait, 3}}));
  }
  SUBCASE("held, two contents") { holds(with(held({{Send, 2}, {Approve, 1}}), two_contents)); }
  SUBCASE("held, and put back") { holds(with(held({{Send, 3}, {Approve, 1}}), back)); }
  SUBCASE("held, and the policy goes") {
    holds(held({{Send, 2}, {Approve, 1}, {DeletePolicy, 1}}));
  }
  SUBCASE("held, approved anew after a claim came to nothing") {
    holds(held({{Send, 2}, {Approve, 2}, {Revoke, 1}, {Wait, 1}}));
  }
  SUBCASE("held as it is created, and the object deleted") {
    World world = held({{Send, 2}, {Approve, 1}, {DeleteObject, 1}});
    world.exists = false;
    holds(world);
  }
}

TEST_CASE("no order of events breaks an invariant where a check turns and its result ages") {
  SUBCASE("refused, and it turns") {
    holds(with(refused({{Send, 2}, {Approve, 1}, {LookUp, 3}, {Flip, 2}}), checked));
  }
  SUBCASE("refused, and time passes") {
    holds(with(refused({{Send, 2}, {Approve, 1}, {LookUp, 2}, {Flip, 1}, {Wait, 2}}), checked));
  }
  SUBCASE("held, and it turns") {
    holds(with(held({{Send, 1}, {Approve, 1}, {LookUp, 3}, {Flip, 2}}), checked));
  }
  SUBCASE("held, and time passes") {
    holds(with(held({{Send, 1}, {Approve, 1}, {LookUp, 2}, {Flip, 1}, {Wait, 2}}), checked));
  }
}

void finds(const char* invariant, Mutant mutant, World world) {
  world.mutant = mutant;
  const std::string way = Model(world).explore();
  INFO(way);
  CHECK(way.find(invariant) != std::string::npos);
}

TEST_CASE("the checker finds every deliberate fault") {
  const World again =
      with(created({{Send, 3}, {Approve, 1}, {Wait, 2}, {DeleteObject, 1}}), but_for_the_trail);
  SUBCASE("no claim") { finds("I2", Mutant::SkipClaim, again); }
  SUBCASE("a claim that nobody waits for") { finds("I2", Mutant::NeverBusy, again); }
  SUBCASE("a claim whose history is forgotten") { finds("I2", Mutant::ForgetHistory, again); }
  SUBCASE("a claim that is overwritten") { finds("I2", Mutant::OverwriteStatus, again); }
  SUBCASE("a claim that is kept") { finds("I6", Mutant::KeepClaims, again); }
  SUBCASE("a revocation that is ignored") {
    finds("I5", Mutant::IgnoreRevocation, refused({{Send, 2}, {Approve, 1}, {Revoke, 1}}));
  }
  SUBCASE("a requester who approves") {
    finds("I3", Mutant::RequesterMay, with(refused({{Send, 2}, {Approve, 2}}), two_of_two));
  }
  SUBCASE("stages that are not asked") {
    finds("I3", Mutant::IgnoreStages, with(refused({{Send, 2}, {Approve, 1}}), two_stages));
  }
  SUBCASE("an end that is not announced") {
    finds("I4", Mutant::SkipEnding, refused({{Send, 2}, {Approve, 1}, {Wait, 3}}));
  }
  SUBCASE("an end while it is stored") {
    finds("I4", Mutant::EndsInStore, refused({{Send, 2}, {Approve, 1}, {DeletePolicy, 1}}));
  }
  SUBCASE("a check that is not asked") {
    finds("I5", Mutant::IgnoreChecks, with(refused({{Send, 2}, {Approve, 1}}), checked));
  }
  SUBCASE("a hold that stays") {
    finds("I6", Mutant::NeverResume, held({{Send, 1}, {Approve, 1}}));
  }
}

}  // namespace
}  // namespace holdpoint
