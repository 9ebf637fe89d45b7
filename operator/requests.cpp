#include "operator/requests.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/verdict.hpp"
#include "core/change/covered.hpp"
#include "core/change/moved_on.hpp"
#include "crds/codec.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kReconcile{30'000};
constexpr Duration kLookAtEnded{3'600'000};
constexpr Duration kAskAgain{500};  // a GitOps controller that was busy: soon, then less often
constexpr Duration kAskAgainAtLast{10'000};
constexpr int kSteps = 3;  // approved, released, and once more for what happened meanwhile

kube::ResourcePath path_of(const ApprovalRequest& request, const char* subresource) {
  return {kGroup,
          kVersion,
          kind_info<ApprovalRequest>().plural,
          request.metadata.namespace_,
          request.metadata.name,
          subresource};
}

kube::ResourcePath path_of(const Target& target) {
  return {target.group, target.version, target.resource, target.namespace_, target.name, ""};
}

bool is_same_sync(const Origin& a, const Origin& b) {
  return a.kind == b.kind && a.namespace_ == b.namespace_ && a.name == b.name &&
         a.revision == b.revision;
}

}  // namespace

// Where the name was generated and the object is not known by name, the claim's uid tells which it
// is.
Result<RawObject> Requests::find_target(const ApprovalRequest& request, Deadline deadline) const {
  const Target& target = request.spec.target;
  if (!target.name.empty()) return docket_.target(target, deadline);
  if (!request.status.claim.has_value()) return RawObject();
  HP_ASSIGN(const kube::ListResult list, client_.list(path_of(target), {}, deadline));
  for (const Json& item : list.items)
    if (string_at(item, {"metadata", "uid"}) == request.status.claim->object_uid)
      return RawObject(item);
  return RawObject();
}

Result<ObservationInput> Requests::look(const ApprovalRequest& request,
                                        const ApprovalPolicy* policy,
                                        std::shared_ptr<const ApprovalRequest>& holder,
                                        Deadline deadline) {
  const Target& target = request.spec.target;
  ObservationInput input;
  input.request = &request;
  HP_ASSIGN(input.target, find_target(request, deadline));
  const Marks marks = read_marks(input.target, pausable(target.group, target.resource));
  if (marks.holds()) {
    const std::string name = held_request(marks, request.spec.policy.name, input.target);
    if (name == request.metadata.name) {
      holder = std::make_shared<const ApprovalRequest>(request);
    } else {
      HP_ASSIGN(holder, docket_.find_request(request.metadata.namespace_, name, deadline));
    }
    input.holder = holder.get();
  }
  input.pointers =
      covered_pointers(policy == nullptr ? std::vector<std::string>() : policy->spec.match.changes,
                       target.group, target.resource);
  input.secret_key = secret_key_;
  input.seen = seen_held_.contains(request.metadata.uid);
  const auto created = parse_rfc3339(request.metadata.creation_timestamp);
  input.young = created.ok() && clock_.now() - *created < kLateStore;
  return input;
}

Result<std::optional<Duration>> Requests::reconcile(
    const std::string& namespace_, const std::string& name,
    const std::vector<std::shared_ptr<const ApprovalRequest>>& siblings) {
  const Deadline deadline = Deadline::in(kReconcile);
  std::optional<Duration> again;
  for (int step = 0; step < kSteps; ++step) {
    HP_ASSIGN(const auto found, docket_.find_request(namespace_, name, deadline));
    if (found == nullptr) return std::optional<Duration>();
    const ApprovalRequest& request = *found;
    const bool over = is_end(request.status.phase);
    if (over) {
      seen_held_.erase(request.metadata.uid);
      busy_.erase(request.metadata.uid);
    }
    std::optional<ApprovalPolicy> policy;
    if (auto live = docket_.policy(request.spec.policy.name, deadline); live.ok()) {
      policy = std::move(*live);
    } else if (live.error().kind != ErrorKind::NotFound) {
      return live.error();
    }
    const ApprovalPolicy* live_policy = policy.has_value() ? &*policy : nullptr;
    if (!over) checks_.want(request, live_policy);
    if (over && !is_owed(request.status.review)) {
      if (live_policy != nullptr) notifier_.owe(request, *live_policy, {});
      return retire(request, live_policy, deadline);
    }
    std::shared_ptr<const ApprovalRequest> holder;
    ObservationInput seen;
    Observation observation;
    if (!over) {
      HP_ASSIGN(seen, look(request, live_policy, holder, deadline));
      observation = observe(seen);
    }
    const bool came = observation.held_here && seen_held_.insert(request.metadata.uid).second;

    HP_ASSIGN(StandingInput input, docket_.standing_input(request, live_policy, observation.writers,
                                                          siblings, deadline));
    input.released = observation.released;
    input.stale = observation.stale;
    const Standing standing = next_state(input);
    // What the trail tells of an end is for ever, and a claim would make it untrue.
    ApprovalRequest closed = request;
    if (is_end(standing.phase) && !over && standing.phase != RequestPhase::Released) {
      auto done = close(request, deadline);
      if (!done.ok() && done.error().kind == ErrorKind::Conflict) continue;
      if (!done.ok()) return done.error();
      closed = std::move(*done);
    }
    Plan plan = plan_request(request, standing, input.ballots, observation, clock_.now());
    again = plan.again;

    bool resumed = false;
    if (plan.resume) {
      const auto done = release_.resume(request, seen.target, deadline);
      resumed = done.ok();
      if (!resumed)
        log::warn("not resumed", {{"request", name}, {"error", describe(done.error())}});
      // Told in the status meanwhile; somebody may have been faster, or the object moved.
      if (!resumed) again = Duration(2'000);
    }
    if (plan.fail)
      HP_TRY(release_.fail(seen.target, "Holdpoint" + std::string(to_string(standing.phase)),
                           "holdpoint: " + standing.message, deadline));
    std::vector<AuditRecordSpec> facts = plan.facts;
    if (const auto owed = busy_.find(request.metadata.uid);
        owed != busy_.end() && standing.phase == RequestPhase::Approved) {
      plan.retrigger = owed->second.token;
      plan.retriggered = owed->second.fact;
    }
    bool speaks = false;
    if (request.spec.origin.has_value() && (plan.retriggered.has_value() || !plan.events.empty())) {
      HP_ASSIGN(speaks, docket_.speaks_for(request.spec.requester, *request.spec.origin, deadline));
    }
    if (plan.retriggered.has_value() && speaks) {
      bool waits = false;
      if (standing.phase == RequestPhase::Approved) {
        HP_ASSIGN(waits, set_waits(request, deadline));
      }
      const auto told = waits ? Result<Release::Told>(Release::Told::Busy)
                        : standing.phase == RequestPhase::Denied
                            ? release_.show_denial(*request.spec.origin, plan.retrigger, deadline)
                            : release_.retrigger(*request.spec.origin, plan.retrigger, deadline);
      if (told.ok() && *told == Release::Told::Yes) {
        facts.push_back(*plan.retriggered);
        // What else of this sync was approved before, and waited for this one, comes with it.
        std::erase_if(busy_, [&](const auto& owed) {
          return is_same_sync(owed.second.origin, *request.spec.origin);
        });
      }
      if (told.ok() && *told == Release::Told::Busy && !is_end(standing.phase)) {
        const auto owed =
            busy_
                .try_emplace(request.metadata.uid, Owed{*request.spec.origin, plan.retrigger,
                                                        *plan.retriggered, kAskAgain})
                .first;
        again = owed->second.next;
        owed->second.next = std::min(owed->second.next * 2, kAskAgainAtLast);
      } else {
        busy_.erase(request.metadata.uid);
      }
      if (!told.ok())
        log::warn("not retriggered", {{"request", name}, {"error", describe(told.error())}});
    }
    // The Approvals and the claim are durable: the trail tells of them before the status does, and
    // nobody waits for it.
    HP_TRY(ledger_.append(facts, deadline));
    // A release that is done is told by the next step, as one status.
    if (plan.changes && !resumed) HP_TRY(put_status(closed, plan, deadline));
    const std::string uid = string_at(seen.target, {"metadata", "uid"});
    for (const Plan::Tell& tell : plan.events) {
      events_.tell(request, uid, tell.reason, tell.message, tell.warning);
      if (speaks) events_.tell_origin(request, tell.reason, tell.message, tell.warning);
    }
    // A creation is stored only after its request was told of, without a uid that nobody had yet.
    if (came && seen.young && request.status.observed_generation > 0 &&
        request.spec.operation == Operation::Create)
      events_.tell_target(request, uid, "Held", standing.message, false);
    if (standing.phase != request.status.phase)
      log::info("request", {{"request", name},
                            {"namespace", namespace_},
                            {"phase", std::string(to_string(standing.phase))},
                            {"message", standing.message}});
    // An end is told once the status has it; its own write brings us here again.
    if (live_policy != nullptr && !resumed && (over || !is_end(standing.phase))) {
      const Instant now = clock_.now();
      notifier_.owe(request, *live_policy, standing);
      if (const auto at = next_reminder(request, *live_policy, standing, now);
          at.has_value() && again.has_value())
        again = std::min(*again, std::chrono::duration_cast<Duration>(*at - now) + Duration(1));
    }
    if (is_end(standing.phase)) {
      // Whoever this one kept waiting may go on; what is left is a review, or its removal.
      return std::optional<Duration>(kLookAtEnded);
    }
    if (!resumed) return again;
  }
  return std::optional<Duration>(Duration(200));
}

// Another change of the same sync or release would still be refused, and with it all of the next
// try: whichever is approved last has it tried.
Result<bool> Requests::set_waits(const ApprovalRequest& request, Deadline deadline) const {
  HP_ASSIGN(const auto open, docket_.open_or_undecided("", deadline));
  const Origin& of = *request.spec.origin;
  return std::any_of(open.begin(), open.end(), [&](const ApprovalRequest& other) {
    const auto& origin = other.spec.origin;
    return other.metadata.uid != request.metadata.uid && !is_end(other.status.phase) &&
           same_person(other.spec.requester, request.spec.requester) && origin.has_value() &&
           is_same_sync(*origin, of) && !is_stored_held(other.spec.hold) &&
           other.status.phase != RequestPhase::Approved && follows_origin(other.spec);
  });
}

// An ended request goes when it has been kept long enough; its records stay.
Result<std::optional<Duration>> Requests::retire(const ApprovalRequest& request,
                                                 const ApprovalPolicy* policy,
                                                 Deadline deadline) const {
  const ApprovalPolicySpec defaults;
  auto kept = parse_duration(policy == nullptr ? defaults.retention : policy->spec.retention);
  if (kept.ok() && is_undecided(request)) *kept = std::min(*kept, kUndecidedKept);
  const auto ended = parse_rfc3339(request.status.ended_at);
  if (!kept.ok() || !ended.ok()) return std::optional<Duration>();
  const auto left = std::chrono::duration_cast<Duration>(*ended + *kept - clock_.now());
  if (left > Duration(0)) return std::optional(std::min(left + Duration(1), kLookAtEnded));
  // An object that is still held by it, denied or expired, is measured against what it recorded:
  // without it what is held would count as what runs.
  if (is_stored_held(request.spec.hold)) {
    HP_ASSIGN(const RawObject target, find_target(request, deadline));
    const Marks marks =
        read_marks(target, pausable(request.spec.target.group, request.spec.target.resource));
    if (held_request(marks, request.spec.policy.name, target) == request.metadata.name)
      return std::optional<Duration>(kLookAtEnded);
  }
  const auto removed = client_.remove(path_of(request, ""), request.metadata.uid, deadline);
  if (!removed.ok() && removed.error().kind != ErrorKind::NotFound) return removed.error();
  log::info("request removed after its retention",
            {{"request", request.metadata.name}, {"namespace", request.metadata.namespace_}});
  return std::optional<Duration>();
}

Result<ApprovalRequest> Requests::close(const ApprovalRequest& request, Deadline deadline) const {
  ApprovalRequest next = request;
  next.status.ending = to_rfc3339(clock_.now());
  HP_ASSIGN(const Json written,
            client_.update(path_of(request, "status"), encode(next), {}, deadline));
  return decode<ApprovalRequest>(written);
}

Result<Done> Requests::put_status(const ApprovalRequest& request, const Plan& plan,
                                  Deadline deadline) const {
  ApprovalRequest next = request;
  next.status = plan.status;
  next.status.claim = request.status.claim;
  next.status.notified = request.status.notified;
  next.status.checks = request.status.checks;
  // resourceVersion makes it a compare-and-swap: a claim taken meanwhile is not lost.
  const auto written = client_.update(path_of(request, "status"), encode(next), {}, deadline);
  if (!written.ok()) return written.error();
  return Done{};
}

Result<Done> Requests::gone(const ApprovalRequest& request) {
  if (is_end(request.status.phase)) return Done{};
  AuditRecordSpec fact = fact_of(request, Fact::Stale, request.metadata.uid, "");
  fact.message =
      "the request was deleted, with its namespace or its kind; nothing of it can be stored any "
      "more";
  return ledger_.append({std::move(fact)}, Deadline::in(kReconcile));
}

Result<Done> Requests::revoked(const Approval& approval) {
  const Deadline deadline = Deadline::in(kReconcile);
  if (approval.spec.decision != Decision::Approve) return Done{};
  HP_ASSIGN(const auto request, docket_.find_request(approval.metadata.namespace_,
                                                     approval.spec.request.name, deadline));
  if (request == nullptr || request->metadata.uid != approval.spec.request.uid ||
      is_end(request->status.phase))
    return Done{};
  AuditRecordSpec fact = fact_of(*request, Fact::Revoked, approval.metadata.uid, "");
  fact.actor.username = "unknown";
  fact.message = "Approval " + approval.metadata.name + " of " +
                 visible(approval.spec.author.username) +
                 " was deleted, by its author or by somebody who may approve";
  return ledger_.append({std::move(fact)}, deadline);
}

}  // namespace holdpoint::operator_
