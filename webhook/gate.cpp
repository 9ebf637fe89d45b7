#include "webhook/gate.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/approval/selector.hpp"
#include "core/approval/wording.hpp"
#include "core/change/covered.hpp"
#include "core/change/origin.hpp"
#include "crds/codec.hpp"
#include "docket/origin.hpp"

namespace holdpoint::webhook {
namespace {

constexpr int kClaimTries = 3;
constexpr std::size_t kMostNamed = 8;  // policies that hold one object

Error moved(const std::string& what) {
  return Error{ErrorKind::Conflict, what + " changed while it was judged; try again in a second",
               ""};
}

// A dry run changes nothing: it is admitted with the warning.
Answer refused_unless_dry(const Write& write, const Denied& denied) {
  if (!write.dry_run) return refused(denied);
  Answer answer = allowed("dry-run");
  answer.warnings = {visible_cut("holdpoint: without --dry-run this would be refused: " +
                                     denied.message.substr(0, denied.message.find('\n')),
                                 kWarningColumns)};
  return answer;
}

// A write that takes this request's hold off the object it holds.
bool resumes(const Write& write, const ApprovalPolicy& policy, const ApprovalRequest& request) {
  const Pausable how = pausable(write.group, write.resource);
  const Marks old = read_marks(write.old_object, how);
  return old.holds() &&
         held_request(old, policy.metadata.name, write.old_object) == request.metadata.name;
}

}  // namespace

Gate::Gate(const kube::Client& client, const Docket& docket, const Clock& clock, Metrics& metrics,
           GateSettings settings)
    : client_(client),
      docket_(docket),
      clock_(clock),
      metrics_(metrics),
      settings_(std::move(settings)),
      claims_(client, clock, settings_.secret_key) {}

bool Gate::untouched(const Write& write, const ApprovalPolicy& policy) const {
  return is_untouched(write, policy, settings_.secret_key);
}

// What the review says of the base must be what is stored: a forged or late review is measured
// against nothing.
Result<Done> Gate::check_base(const Write& write, Deadline deadline) const {
  if (write.operation == Operation::Create) return Done{};
  const std::string what = visible(write.kind + " " + write.namespace_ + "/" + write.name);
  const auto live = client_.get(
      {write.group, write.version, write.resource, write.namespace_, write.name, ""}, deadline);
  if (!live.ok()) return live.error().kind == ErrorKind::NotFound ? moved(what) : live.error();
  for (const char* key : {"uid", "resourceVersion"})
    if (string_at(*live, {"metadata", key}) != string_at(write.old_object, {"metadata", key}))
      return moved(what);
  return Done{};
}

// The deletion of the namespace was judged; all in it goes with it, and nothing new can be asked
// there.
Result<bool> Gate::goes_with_namespace(const Write& write, Deadline deadline) const {
  if (write.operation != Operation::Delete || write.namespace_.empty()) return false;
  HP_ASSIGN(const Json space,
            client_.get({"", "v1", "namespaces", "", write.namespace_, ""}, deadline));
  return !string_at(space, {"metadata", "deletionTimestamp"}).empty();
}

Result<ApprovalPolicy> Gate::live_policy(const std::string& name, Deadline deadline) const {
  auto live = docket_.policy(name, deadline);
  if (live.ok() || live.error().kind != ErrorKind::NotFound) return live;
  return Error{ErrorKind::Forbidden,
               "policy " + visible(name) +
                   " is gone and its entry at the API server will go in some seconds; then apply "
                   "again",
               ""};
}

Result<Judgement> Gate::judge(const Write& write, const std::string& policy, Phase phase,
                              Deadline deadline) const {
  Judgement judgement;
  HP_ASSIGN(judgement.policy, live_policy(policy, deadline));
  if (judgement.policy.spec.mode == PolicyMode::Off) return judgement;
  HP_ASSIGN(const bool goes, goes_with_namespace(write, deadline));
  if (goes) return judgement;
  if (phase == Phase::Final) HP_TRY(check_base(write, deadline));

  const Marks marks = read_marks(write.old_object, pausable(write.group, write.resource));
  if (marks.holds()) {
    HP_ASSIGN(judgement.held,
              docket_.find_request(write.namespace_, held_request(marks, policy, write.old_object),
                                   deadline));
  }
  HP_ASSIGN(judgement.reference,
            reference_of(write, judgement.policy, judgement.held.get(), settings_.secret_key));
  const auto classified = [&] {
    return classify(write, judgement.policy, judgement.reference, settings_.cluster_id,
                    settings_.secret_key);
  };
  HP_ASSIGN(judgement.gated, classified());
  if (!judgement.gated.has_value()) return judgement;
  const Pausable how = pausable(write.group, write.resource);
  // What would be stored paused: one more look, and another hold where that is not to be.
  if (write.operation == Operation::Create && how == Pausable::Deployment &&
      (judgement.gated->hold == RequestHold::Suspend || read_marks(write.object, how).paused)) {
    HP_ASSIGN(const auto sets, selected_sets(write, deadline));
    judgement.reference.adopts = std::any_of(
        sets.begin(), sets.end(), [](const Json& set) { return controller_of(set).is_null(); });
    if (judgement.reference.adopts) {
      HP_ASSIGN(judgement.gated, classified());
    }
  }
  if (judgement.policy.spec.mode == PolicyMode::Warn) {
    judgement.attempt.standing = standing_of_new(write, judgement);
    return judgement;
  }
  HP_TRY(choose(write, judgement, deadline));
  return judgement;
}

// The ReplicaSets that the Deployment's controller takes for its own, or would adopt.
Result<std::vector<Json>> Gate::selected_sets(const Write& write, Deadline deadline) const {
  const Json* there = member_at(write.object, {"spec", "selector"});
  HP_ASSIGN(const auto selector,
            decode_part<LabelSelector>(there == nullptr ? Json::object() : *there));
  std::vector<std::string> labels;
  for (const auto& [key, value] : selector.match_labels) labels.push_back(key + "=" + value);
  HP_ASSIGN(kube::ListResult sets,
            client_.list({"apps", "v1", "replicasets", write.namespace_, "", ""},
                         {{"labelSelector", join(labels, ",")}}, deadline));
  // One that goes without an owner is adopted by nobody.
  std::erase_if(sets.items, [&](const Json& set) {
    return !matches(selector, labels_of(set)) ||
           (controller_of(set).is_null() &&
            !string_at(set, {"metadata", "deletionTimestamp"}).empty());
  });
  return std::move(sets.items);
}

Result<Done> Gate::choose(const Write& write, Judgement& judgement, Deadline deadline) const {
  const Gated& gated = *judgement.gated;
  // What an object that is held asks for is known by its mark; only what is new has to be looked
  // for, which waits for the API server's cache.
  std::vector<std::shared_ptr<const ApprovalRequest>> siblings;
  if (judgement.held != nullptr &&
      judgement.held->spec.binding_digest == binding_digest(gated.binding) &&
      !is_end(judgement.held->status.phase)) {
    siblings = {judgement.held};
  } else {
    HP_ASSIGN(siblings,
              docket_.siblings(namespace_of_requests(write.namespace_),
                               target_key(judgement.policy.metadata.uid, gated.target), deadline));
  }
  const std::string key = request_key(gated.binding);
  const std::string binding = binding_digest(gated.binding);
  std::vector<Candidate> candidates;
  // Whoever sends the same later may name another author than the first who asked.
  std::set<std::string> writers = gated.writers;
  for (const std::string& author :
       authors_of(write.object, judgement.policy.spec.separation_of_duties.author_annotations))
    writers.insert(author);
  for (const auto& request : siblings) {
    const auto label = request->metadata.labels.find(kKeyLabel);
    if (label == request->metadata.labels.end() || label->second != key) continue;
    HP_ASSIGN(const StandingInput input,
              docket_.standing_input(*request, &judgement.policy, writers, siblings, deadline));
    judgement.kept.push_back(request);
    candidates.push_back({request.get(), next_state(input)});
    // Such as one of a backup of another cluster: what was decided there is no answer here.
    if (Standing& standing = candidates.back().standing;
        request->spec.binding_digest != binding && !is_end(standing.phase))
      standing.phase = RequestPhase::Stale;
  }
  const RawObject& object = write.object.is_null() ? write.old_object : write.object;
  while (true) {
    judgement.attempt = choose_attempt(candidates, object);
    const ApprovalRequest* request = judgement.attempt.request;
    if (request == nullptr) judgement.attempt.standing = standing_of_new(write, judgement);
    // Who asked ahead waits for the answer before sending the change.
    if (request != nullptr && !request->spec.proposed.is_null())
      judgement.gated->hold = RequestHold::Deny;
    if (request == nullptr || judgement.attempt.standing.phase != RequestPhase::Approved)
      return Done{};
    HP_ASSIGN(const ClaimState state,
              claims_.look(*request, judgement.policy, write,
                           resumes(write, judgement.policy, *request), deadline));
    judgement.busy = state == ClaimState::Busy || !request->status.ending.empty();
    if (judgement.busy || !request->status.claim.has_value()) return Done{};
    // Used: the next attempt. Else the request is what its approvals and time make it: a claim that
    // came to nothing so far helps no other write.
    Standing standing;
    standing.phase = RequestPhase::Released;
    if (state != ClaimState::Used) {
      auto unclaimed = std::make_shared<ApprovalRequest>(*request);
      unclaimed->status.claim.reset();
      HP_ASSIGN(const StandingInput input,
                docket_.standing_input(*unclaimed, &judgement.policy, writers, siblings, deadline));
      standing = next_state(input);
      judgement.busy = standing.phase != RequestPhase::Approved &&
                       may_be_stored_until(*request, clock_.now()).has_value();
    }
    for (Candidate& candidate : candidates)
      if (candidate.request == request) candidate.standing = standing;
    if (judgement.busy || standing.phase == RequestPhase::Approved) {
      judgement.attempt.standing = standing;
      return Done{};
    }
  }
}

// Where a request would stand in the moment of its creation.
Standing Gate::standing_of_new(const Write& write, const Judgement& judgement) const {
  ApprovalRequest request =
      make_request(*judgement.gated, write, judgement.policy, judgement.reference,
                   judgement.attempt.number, clock_.now());
  request.metadata.uid = "new";
  request.metadata.creation_timestamp = to_rfc3339(clock_.now());
  StandingInput input;
  input.request = &request;
  input.policy = &judgement.policy;
  input.now = clock_.now();
  return next_state(input);
}

Result<Done> Gate::check_limits(const ApprovalRequest& wanted, Deadline deadline) const {
  HP_ASSIGN(const auto there, docket_.open_or_undecided(wanted.metadata.namespace_, deadline));
  if (auto why = objection_to_more(there, wanted, settings_.limits, clock_.now()))
    return Error{ErrorKind::Forbidden, std::move(*why), ""};
  return Done{};
}

Result<Done> Gate::ensure_request(const Write& write, Judgement& judgement,
                                  Deadline deadline) const {
  if (judgement.attempt.request != nullptr) return Done{};
  // Nobody is asked about a creation that cannot come true. It may be gone the next moment, so it
  // is no reason to let anything pass.
  if (write.operation == Operation::Create && !has_generated_name(write.object)) {
    HP_ASSIGN(const RawObject there, docket_.target(judgement.gated->target, deadline));
    if (!there.is_null())
      return Error{ErrorKind::Forbidden,
                   describe_target(judgement.gated->target) +
                       " is there already, so it cannot be created\n  next:  change the one that "
                       "is there: kubectl apply, kubectl replace",
                   ""};
  }
  ApprovalRequest wanted =
      make_request(*judgement.gated, write, judgement.policy, judgement.reference,
                   judgement.attempt.number, clock_.now());
  HP_TRY(check_limits(wanted, deadline));
  if (auto& origin = wanted.spec.origin; origin.has_value())
    origin->revision = revision_of(client_, *origin, deadline);
  const kube::ResourcePath path{
      kGroup, kVersion, kind_info<ApprovalRequest>().plural, wanted.metadata.namespace_, "", ""};
  const auto created = client_.create(path, encode(wanted), {}, deadline);
  // Another call of the same change was faster, or somebody took the name: judged again.
  if (!created.ok() && created.error().kind == ErrorKind::Conflict)
    return moved("request " + wanted.metadata.name);
  if (!created.ok()) return created.error();
  HP_ASSIGN(ApprovalRequest stored, decode<ApprovalRequest>(*created));
  judgement.kept.push_back(std::make_shared<const ApprovalRequest>(std::move(stored)));
  judgement.attempt.request = judgement.kept.back().get();
  log::info("request", {{"request", wanted.metadata.name},
                        {"namespace", wanted.metadata.namespace_},
                        {"policy", judgement.policy.metadata.name},
                        {"requester", write.user.username}});
  return Done{};
}

Answer Gate::answer(const Write& write, const std::string& policy, Deadline deadline) const {
  // The operator's own write of the status may come between reading a request and claiming it, and
  // another call's request before ours: then everything is read and judged again.
  for (int left = kClaimTries;; --left) {
    bool overtaken = false;
    Answer answer = answer_once(write, policy, overtaken, deadline);
    if (!overtaken || left == 1) return answer;
  }
}

Result<std::optional<Denied>> Gate::forged_marks(const Write& write, const Judgement& judgement,
                                                 Deadline deadline) const {
  const std::string& policy = judgement.policy.metadata.name;
  const auto named = newly_named(write, policy);
  std::set<std::string> known;
  for (std::size_t i = 0; i < std::min(named.size(), kMostNamed); ++i) {
    const auto live = docket_.policy(named[i], deadline);
    if (!live.ok() && live.error().kind != ErrorKind::NotFound) return live.error();
    if (live.ok() && live->spec.mode == PolicyMode::Enforce) known.insert(named[i]);
  }
  const Gated* gated = judgement.gated.has_value() ? &*judgement.gated : nullptr;
  return objection_to_marks(write, policy, gated, judgement.attempt, known);
}

// A paused Deployment scales the newest ReplicaSet that is there when none is active: whoever
// paused it, and approved or not, that must not be another revision.
Result<std::optional<Denied>> Gate::objection_to_pause(const Write& write,
                                                       const Judgement& judgement,
                                                       Deadline deadline) const {
  if (judgement.policy.spec.mode != PolicyMode::Enforce) return std::optional<Denied>();
  if (auto objection = objection_to_scale(write)) return objection;
  const std::string what = "Deployment " + visible(write.namespace_ + "/" + write.name);
  if (judgement.reference.adopts && read_marks(write.object, Pausable::Deployment).paused)
    return std::optional(Denied{
        403,
        what +
            " was not stored: it is paused, and would run ReplicaSets that another Deployment "
            "left behind\n"
            "  next:  take spec.paused out of what you send, or delete those ReplicaSets\n"
            "kubectl get replicasets -n " +
            visible(write.namespace_),
        0});
  if (!pauses(write)) return std::optional<Denied>();
  HP_ASSIGN(const auto sets, selected_sets(write, deadline));
  if (!could_revive(write, sets)) return std::optional<Denied>();
  return std::optional(Denied{
      429,
      what + " was not paused or held: until its rollout is done, that could run another of its "
             "revisions\n"
             "  next:  try again in a second; or, if it is stuck, ask ahead, and send the change "
             "once that is approved\nkubectl holdpoint request -f FILE",
      1});
}

Answer Gate::answer_once(const Write& write, const std::string& policy, bool& overtaken,
                         Deadline deadline) const {
  auto judged = judge(write, policy, Phase::Final, deadline);
  if (!judged.ok()) {
    log::warn("not judged", {{"policy", policy}, {"error", describe(judged.error())}});
    return not_judged(judged.error());
  }
  Judgement& judgement = *judged;
  const auto forged = forged_marks(write, judgement, deadline);
  if (!forged.ok()) return not_judged(forged.error());
  if (forged->has_value()) return refused(**forged);
  const auto pause = objection_to_pause(write, judgement, deadline);
  if (!pause.ok()) return not_judged(pause.error());
  if (pause->has_value()) return refused_unless_dry(write, **pause);
  if (!judgement.gated.has_value()) return allowed("not-gated");
  const Gated& gated = *judgement.gated;
  if (judgement.busy)
    return refused({429,
                    describe_target(gated.target) +
                        " was not stored: another write is using its approval right now; "
                        "try again in some seconds",
                    5});
  const bool would = judgement.policy.spec.mode == PolicyMode::Warn;
  const Verdict before = decide(write, judgement.policy, gated, judgement.attempt, clock_.now());
  const auto* denied = std::get_if<Denied>(&before);
  const bool waits =
      std::holds_alternative<Held>(before) || (denied != nullptr && !is_stored_held(gated.hold));
  // What flows by policy has a request as well: it is a record, and its claim is spent.
  const auto* flows = std::get_if<Allow>(&before);
  const bool needs_request = waits || (flows != nullptr && flows->claim);
  if (needs_request && !write.dry_run && !would) {
    const auto ensured = ensure_request(write, judgement, deadline);
    overtaken = !ensured.ok() && ensured.error().kind == ErrorKind::Conflict;
    if (!ensured.ok()) return not_judged(ensured.error());
  }
  // The request is named in the message, with what it says changes.
  const Verdict verdict = decide(write, judgement.policy, gated, judgement.attempt, clock_.now());
  Answer answer;
  if (const auto* allow = std::get_if<Allow>(&verdict)) {
    if (allow->claim && !write.dry_run) {
      const auto claimed = claims_.take(*judgement.attempt.request, write, deadline);
      overtaken = !claimed.ok() && claimed.error().kind == ErrorKind::Conflict;
      if (!claimed.ok()) return not_judged(claimed.error());
    }
    answer = allowed(would ? "would-hold" : allow->claim ? "approved" : "dry-run");
    answer.warnings = allow->warnings;
  } else if (const auto* held = std::get_if<Held>(&verdict)) {
    answer = allowed("held");
    answer.warnings = held->warnings;
  } else {
    answer = refused(std::get<Denied>(verdict));
  }
  if (would && !answer.warnings.empty())
    metrics_.count("holdpoint_would_hold_total",
                   "Writes that a policy in mode Warn would have held.", {{"policy", policy}});
  if (!would) answer.request = name_of(gated, judgement.attempt.number);
  return answer;
}

Answer Gate::answer_scale(const Write& write, const std::string& policy, Deadline deadline) const {
  const auto found = live_policy(policy, deadline);
  if (!found.ok()) return not_judged(found.error());
  if (found->spec.mode != PolicyMode::Enforce) return allowed("not-gated");
  const auto replicas = [](const RawObject& scale) {
    return integer_at(scale, {"spec", "replicas"});
  };
  const auto parent = client_.get(
      {write.group, write.version, write.resource, write.namespace_, write.name, ""}, deadline);
  if (!parent.ok()) return not_judged(parent.error());
  const Pausable how = pausable(write.group, write.resource);
  const Marks marks = read_marks(*parent, how);
  // A Scale has no labels to select by.
  if (!matches(found->spec.match.object_selector, labels_of(*parent)) &&
      !marks.held.contains(policy))
    return allowed("not-gated");
  for (const std::string& pointer :
       covered_pointers(found->spec.match.changes, write.group, write.resource)) {
    if ((pointer.empty() || pointer == "/spec" || pointer == "/spec/replicas") &&
        replicas(write.object) != replicas(write.old_object))
      return refused_unless_dry(
          write,
          {403,
           "scaling " + visible(write.resource + " " + write.namespace_ + "/" + write.name) +
               " was refused: policy " + policy +
               " covers the number of replicas\n  next:  change "
               "spec.replicas on the object itself, so that the change can be approved\n"
               "kubectl edit " +
               visible(write.resource + "/" + write.name) + " -n " + visible(write.namespace_),
           0});
  }
  if (how != Pausable::Deployment) return allowed("not-gated");
  const auto objection =
      objection_to_scale(*parent, replicas(write.old_object), replicas(write.object));
  return objection.has_value() ? refused_unless_dry(write, *objection) : allowed("not-gated");
}

// A gated pod starts once its Job is not held; whether that may be was judged when the Job's marks
// went.
Answer Gate::answer_pod(const Write& write, const std::string& policy, Deadline deadline) const {
  const auto found = live_policy(policy, deadline);
  if (!found.ok()) return not_judged(found.error());
  if (found->spec.mode != PolicyMode::Enforce) return allowed("not-gated");
  const std::string pod = visible("Pod " + write.namespace_ + "/" + write.name);
  const auto refuse = [&](const std::string& why, const std::string& command) {
    return refused({403,
                    pod + " was not changed: " + why +
                        "\n  next:  the pod starts by itself when its Job is approved\n" + command,
                    0});
  };
  const std::string list = "kubectl holdpoint list -n " + visible(write.namespace_);
  const Json owner = controller_of(write.old_object);
  const Json next = controller_of(write.object);
  if (!next.is_null() && string_at(next, {"uid"}) != string_at(owner, {"uid"}))
    return refuse("a pod that waits for its approval keeps its owner", list);
  if (has_gate(member_at(write.object, {"spec"}))) return allowed("not-gated");
  if (string_at(owner, {"kind"}) != "Job" ||
      !string_at(owner, {"apiVersion"}).starts_with("batch/"))
    return refuse(std::string("the scheduling gate ") + kSchedulingGate +
                      " is Holdpoint's own, and no Job tells whether the pod may start",
                  list);
  const std::string name = string_at(owner, {"name"});
  const auto job = client_.get({"batch", "v1", "jobs", write.namespace_, name, ""}, deadline);
  if (!job.ok() && job.error().kind != ErrorKind::NotFound) return not_judged(job.error());
  if (!job.ok() || string_at(*job, {"metadata", "uid"}) != string_at(owner, {"uid"}))
    return refuse("its Job " + visible_cut(name, 253) + " is gone", list);
  const Marks marks = read_marks(*job, Pausable::Job);
  if (marks.held.empty()) return allowed("approved");
  const std::string request = held_request(marks, marks.held.begin()->first, *job);
  return refuse(
      "its Job is held until " + visible_cut(request, 253) + " is approved",
      "kubectl holdpoint show " + visible_cut(request, 253) + " -n " + visible(write.namespace_));
}

// A Deployment that is paused would scale up what it adopts; once it is not, it scales it down.
Answer Gate::answer_adoption(const Write& write, Deadline deadline) const {
  const Json owner = controller_of(write.object);
  if (string_at(owner, {"kind"}) != "Deployment") return allowed("not-gated");
  const std::string name = string_at(owner, {"name"});
  const auto live =
      client_.get({"apps", "v1", "deployments", write.namespace_, name, ""}, deadline);
  if (!live.ok()) return not_judged(live.error());
  if (!read_marks(*live, Pausable::Deployment).paused) return allowed("not-gated");
  return refused({403,
                  "ReplicaSet " + visible(write.namespace_ + "/" + write.name) +
                      " was not adopted: Deployment " + visible_cut(name, 253) +
                      " is paused or held, and would run it\n"
                      "  next:  resume the Deployment, or have it approved where it is "
                      "held\nkubectl get deployment " +
                      visible_cut(name, 253) + " -n " + visible(write.namespace_) + " -o yaml",
                  0});
}

Answer Gate::answer_guard(const Write& write, const std::string& policy, Deadline deadline) const {
  const auto found = live_policy(policy, deadline);
  if (!found.ok()) return not_judged(found.error());
  const ApprovalPolicySpec& spec = found->spec;
  if (!spec.guard || spec.mode == PolicyMode::Off) return allowed("not-gated");
  // Of what its controller does to a ReplicaSet, the API server asks about adoptions alone.
  if (write.resource == "replicasets" && write.operation == Operation::Update &&
      write.subresource.empty() && is_deployment_controller(write.user.username))
    return spec.mode == PolicyMode::Enforce ? answer_adoption(write, deadline)
                                            : allowed("not-gated");
  const std::string what =
      visible(write.kind + " " + write.namespace_ + "/" +
              (write.name.empty() ? string_at(write.object, {"metadata", "generateName"}) + "*"
                                  : write.name));
  std::vector<std::string> gated;
  for (const MatchResource& rule : spec.match.resources)
    gated.insert(gated.end(), rule.resources.begin(), rule.resources.end());
  const std::string ways = visible_cut(join(gated, ", "), 120);
  if (spec.mode == PolicyMode::Warn) {
    Answer answer = allowed("would-hold");
    answer.warnings = {visible_cut(
        "holdpoint: " + what + " would be refused: policy " + policy + " guards this namespace",
        kWarningColumns)};
    return answer;
  }
  if (write.operation == Operation::Delete)
    return refused({403,
                    what + " was not deleted: policy " + policy +
                        " guards this namespace, and its Deployment would run another revision\n"
                        "  next:  delete or scale what controls it\nkubectl get replicaset " +
                        visible(write.name) + " -n " + visible(write.namespace_) + " -o yaml",
                    0});
  return refused({403,
                  what + " was not stored: policy " + policy +
                      " guards this namespace, so pods come from what it gates alone\n"
                      "  why:   it would run what nobody has approved\n"
                      "  next:  write it as one of " +
                      ways + ", which can be approved\nkubectl get approvalpolicy " + policy +
                      " -o yaml",
                  0});
}

}  // namespace holdpoint::webhook
