#include "core/approval/verdict.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/approval/selector.hpp"
#include "core/approval/wording.hpp"
#include "core/change/change.hpp"
#include "core/change/covered.hpp"
#include "core/change/origin.hpp"
#include "core/change/risk.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

// A base that is kept in its request must leave room in etcd's 1.5 MiB; a larger one is refused,
// not held.
constexpr std::size_t kMaxRecordedBase = 256 * 1024;
constexpr std::size_t kReasonColumns = 500;

Json covered_of(const RawObject& object, const Write& write, const ApprovalPolicy& policy,
                const std::string& secret_key) {
  return covered_part(object, write.group, write.resource,
                      covered_pointers(policy.spec.match.changes, write.group, write.resource),
                      secret_key);
}

Pausable pausable(const Write& write) { return holdpoint::pausable(write.group, write.resource); }

bool is_started(const RawObject& object) {
  return !string_at(object, {"status", "startTime"}).empty();
}

bool is_namespace(const Write& write) {
  return write.group.empty() && write.resource == "namespaces";
}

bool leaves_scope(const Write& write, const ApprovalPolicy& policy) {
  if (is_namespace(write) && write.operation == Operation::Update &&
      matches(policy.spec.match.namespace_selector, labels_of(write.old_object)) &&
      !matches(policy.spec.match.namespace_selector, labels_of(write.object)))
    return true;
  const LabelSelector& selector = policy.spec.match.object_selector;
  return write.operation == Operation::Update && !selector.empty() &&
         matches(selector, labels_of(write.old_object)) &&
         !matches(selector, labels_of(write.object));
}

// Nothing can be asked any more of what is on its way out: its deletion was admitted before.
bool is_going(const RawObject& object) {
  return !string_at(object, {"metadata", "deletionTimestamp"}).empty();
}

// Takes along what the policy gates the deletion of.
bool deletes_scope(const Write& write, const ApprovalPolicy& policy) {
  const auto& rules = policy.spec.match.resources;
  return is_namespace(write) && write.operation == Operation::Delete &&
         matches(policy.spec.match.namespace_selector, labels_of(write.old_object)) &&
         std::any_of(rules.begin(), rules.end(), [](const MatchResource& rule) {
           return std::find(rule.operations.begin(), rule.operations.end(), Operation::Delete) !=
                  rule.operations.end();
         });
}

// Rules reach further than the policy's operations: a held object's updates are always judged.
bool names_operation(const ApprovalPolicy& policy, const Write& write) {
  // Entries of their own send namespaces that may leave the scope.
  if (is_namespace(write) && (leaves_scope(write, policy) || deletes_scope(write, policy)))
    return true;
  const auto has = [](const auto& list, const auto& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  for (const MatchResource& rule : policy.spec.match.resources)
    if (has(rule.api_groups, write.group) && has(rule.resources, write.resource) &&
        has(rule.operations, write.operation))
      return true;
  return false;
}

bool really_holds(const ApprovalRequest& request, const Marks& marks, const Write& write,
                  const ApprovalPolicy& policy) {
  const Target& target = request.spec.target;
  const RawObject& old = write.old_object;
  return marks.holds() && held_request(marks, policy.metadata.name, old) == request.metadata.name &&
         is_stored_held(request.spec.hold) && request.spec.policy.uid == policy.metadata.uid &&
         target.group == write.group && target.kind == write.kind &&
         target.namespace_ == write.namespace_ &&
         target.name == string_at(old, {"metadata", "name"}) &&
         (target.uid.empty() || target.uid == string_at(old, {"metadata", "uid"})) &&
         request.status.phase != RequestPhase::Released;
}

std::int64_t replicas(const RawObject& object) {
  return integer_at(object, {"spec", "replicas"}, 1);
}

// As the Deployment's controller compares it: of a ReplicaSet without the hash that it added.
Json template_of(const RawObject& object) {
  const Json* found = member_at(object, {"spec", "template"});
  Json plain = found == nullptr ? Json() : *found;
  if (plain.contains("metadata") && plain["metadata"].is_object()) {
    Json& metadata = plain["metadata"];
    metadata.erase("creationTimestamp");
    if (metadata.contains("labels") && metadata["labels"].is_object())
      metadata["labels"].erase("pod-template-hash");
  }
  return plain;
}

// Doubles with the time already waited: ten tries of a client reach far without asking often.
int retry_seconds(Duration waited) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
  return static_cast<int>(std::clamp<std::int64_t>(seconds, 1, 100));
}

Binding without_uid(Binding binding) {
  binding.object_uid.clear();
  return binding;
}

// An object that is stored held under a generated name has a request of its own.
bool is_generated(const Gated& gated) {
  return !gated.binding.generate_name.empty() && is_stored_held(gated.hold);
}

Denied hold_is_missing(const Target& target, const Marks& found, const std::string& policy) {
  Denied denied;
  if (found.holds() && found.held.contains(policy)) {
    denied.code = 429;
    denied.retry_after_seconds = 1;
    denied.message =
        describe_target(target) +
        " was not stored: something else changed while it was judged; try again in a second";
    return denied;
  }
  denied.message =
      describe_target(target) +
      " was not stored: it has to be held, but the hold is missing from it\n"
      "  why:   another mutating webhook took the hold away after Holdpoint put it there\n"
      "  next:  exempt this kind from that webhook, or set hold.mode: Deny in the policy\n"
      "kubectl get mutatingwebhookconfigurations";
  return denied;
}

// Marked as held by this policy: where no request says so, nothing of it is known to be approved.
bool is_unexplained(const Marks& marks, const ApprovalPolicy& policy) {
  return marks.holds() && marks.held.contains(policy.metadata.name);
}

}  // namespace

bool has_generated_name(const RawObject& object) {
  constexpr std::size_t kPrefix = 58, kSuffix = 5;
  const std::string prefix = string_at(object, {"metadata", "generateName"}).substr(0, kPrefix);
  const std::string name = string_at(object, {"metadata", "name"});
  if (prefix.empty() || name.empty()) return !prefix.empty();
  return name.size() == prefix.size() + kSuffix && name.starts_with(prefix) &&
         name.find_first_not_of("bcdfghjklmnpqrstvwxz2456789", prefix.size()) == std::string::npos;
}

Result<Reference> reference_of(const Write& write, const ApprovalPolicy& policy,
                               const ApprovalRequest* held_request, const std::string& secret_key) {
  Reference reference;
  const Marks marks = read_marks(write.old_object, pausable(write));
  if (held_request != nullptr && really_holds(*held_request, marks, write, policy)) {
    reference.held = held_request;
    reference.covered = held_request->spec.base;
    reference.digest = held_request->spec.base_digest;
    return reference;
  }
  if (!is_unexplained(marks, policy))
    reference.covered = covered_of(write.old_object, write, policy, secret_key);
  HP_ASSIGN(reference.digest, content_digest(reference.covered));
  return reference;
}

bool is_untouched(const Write& write, const ApprovalPolicy& policy, const std::string& secret_key) {
  if (write.operation != Operation::Update || write.object.is_null() || write.old_object.is_null())
    return false;
  const auto marked = [&](const RawObject& object) {
    return member_at(object, {"metadata", "annotations", kHeldAnnotation}) != nullptr;
  };
  if (marked(write.object) || marked(write.old_object)) return false;
  if (objection_to_scale(write).has_value() || pauses(write)) return false;
  if (!names_operation(policy, write)) return true;
  if (leaves_scope(write, policy)) return false;
  const Json covered = covered_of(write.object, write, policy, secret_key);
  // Bytes that were no text look all the same by now.
  return covered == covered_of(write.old_object, write, policy, secret_key) &&
         !has_replacement_character(covered);
}

Result<std::optional<Gated>> classify(const Write& write, const ApprovalPolicy& policy,
                                      const Reference& reference, const std::string& cluster_id,
                                      const std::string& secret_key) {
  const bool was_held = reference.held != nullptr ||
                        is_unexplained(read_marks(write.old_object, pausable(write)), policy);
  if (!was_held && !names_operation(policy, write)) return std::optional<Gated>();
  if (write.operation == Operation::Delete && is_going(write.old_object))
    return std::optional<Gated>();
  Gated gated;
  gated.content = covered_of(write.object, write, policy, secret_key);
  if (has_replacement_character(gated.content))
    return invalid(
        "the change holds U+FFFD, the mark of bytes that were not text: it cannot be told apart "
        "from "
        "other such bytes, so it cannot be approved; write the value as valid UTF-8");
  HP_ASSIGN(const std::string digest, content_digest(gated.content));
  gated.leaves_scope = leaves_scope(write, policy);
  if (digest == reference.digest && !gated.leaves_scope) return std::optional<Gated>();

  gated.risk =
      assess_risk(policy.spec.risk_rules.empty() ? default_risk_rules() : policy.spec.risk_rules,
                  write.group, write.resource, reference.covered, gated.content);
  if (gated.leaves_scope) {
    gated.risk.level = std::max(gated.risk.level, RiskLevel::High);
    gated.risk.hits.push_back({RiskFactor::LeavesScope, RiskLevel::High,
                               "labels change so that the policy no longer applies"});
  }

  const Pausable how = pausable(write);
  const Marks old_marks = read_marks(write.old_object, how);
  gated.client = client_kind(write.field_manager, write.object);
  gated.hold = resolve_hold(policy.spec.hold.mode, how, write.operation,
                            reference.held == nullptr ? nullptr : &old_marks,
                            is_started(write.old_object), gated.client);
  // A pod that names its node cannot wait for a gate.
  const bool has_node = !string_at(write.object, {"spec", "template", "spec", "nodeName"}).empty();
  if (gated.hold == RequestHold::Gate && has_node) gated.hold = RequestHold::Deny;
  // Paused it would run the newest ReplicaSet that is there.
  const bool from_zero = how == Pausable::Deployment && write.operation == Operation::Update &&
                         replicas(write.old_object) == 0 && replicas(write.object) != 0;
  if (is_stored_held(gated.hold) &&
      (gated.leaves_scope || reference.adopts || (from_zero && reference.held == nullptr) ||
       dump_json(reference.covered).size() > kMaxRecordedBase))
    gated.hold = RequestHold::Deny;

  // A PUT comes to the companion without uid and generateName: for what is stored, the stored
  // object tells.
  const RawObject& live = write.old_object.is_null() ? write.object : write.old_object;
  const std::string name = string_at(live, {"metadata", "name"});
  const std::string uid = string_at(live, {"metadata", "uid"});
  Binding& binding = gated.binding;
  binding.cluster_id = cluster_id;
  binding.policy_uid = policy.metadata.uid;
  binding.policy_hash = policy_hash(policy.spec);
  binding.group = write.group;
  binding.kind = write.kind;
  binding.namespace_ = write.namespace_;
  binding.operation = reference.digest == kAbsent ? Operation::Create
                      : digest == kAbsent         ? Operation::Delete
                                                  : Operation::Update;
  // An update may change generateName: what waits goes by the one that it was asked with.
  if (binding.operation == Operation::Create) {
    if (reference.held != nullptr)
      binding.generate_name = reference.held->spec.target.generate_name;
    else if (has_generated_name(live))
      binding.generate_name = string_at(live, {"metadata", "generateName"});
  }
  if (binding.generate_name.empty()) binding.name = name.empty() ? write.name : name;
  if (binding.operation != Operation::Create || is_generated(gated)) binding.object_uid = uid;
  binding.base_digest = reference.digest;
  binding.content_digest = digest;
  if (gated.leaves_scope) {
    // Without its labels the content alone would bind nothing: it is what it was.
    HP_ASSIGN(binding.content_digest,
              content_digest(
                  Json{{"content", gated.content}, {"labels", Json(labels_of(write.object))}}));
  }

  Target& target = gated.target;
  target.group = write.group;
  target.version = write.version;
  target.kind = write.kind;
  target.resource = write.resource;
  target.namespace_ = write.namespace_;
  target.generate_name = binding.generate_name;
  if (binding.generate_name.empty() || is_generated(gated))
    target.name = name.empty() ? write.name : name;
  target.uid = binding.object_uid;

  const bool same_content =
      !write.old_object.is_null() &&
      covered_of(write.old_object, write, policy, secret_key) == gated.content;
  if (old_marks.holds()) gated.writers = old_marks.held_by;
  if (!same_content || !old_marks.holds() || gated.leaves_scope)
    gated.writers.insert(write.user.username);
  return std::optional<Gated>(std::move(gated));
}

Result<bool> carries(const RawObject& object, const ApprovalRequestSpec& asked,
                     const std::vector<std::string>& pointers, const std::string& secret_key) {
  const Json content =
      covered_part(object, asked.target.group, asked.target.resource, pointers, secret_key);
  HP_ASSIGN(const std::string digest, content_digest(content));
  if (digest == asked.content_digest) return true;
  if (asked.operation != Operation::Update) return false;
  // A change that leaves the policy's scope is asked for with its labels: the content alone is what
  // it was.
  HP_ASSIGN(const std::string with_labels,
            content_digest(Json{{"content", content}, {"labels", Json(labels_of(object))}}));
  return with_labels == asked.content_digest;
}

std::string mark_of(const Gated& gated, std::int64_t attempt) {
  return is_generated(gated) ? request_name(without_uid(gated.binding), attempt) + kUidToCome
                             : request_name(gated.binding, attempt);
}

std::string name_of(const Gated& gated, std::int64_t attempt) {
  return held_request_name(mark_of(gated, attempt),
                           Json{{"metadata", {{"uid", gated.binding.object_uid}}}});
}

Attempt choose_attempt(const std::vector<Candidate>& candidates, const RawObject& object) {
  const Candidate* newest = nullptr;
  for (const Candidate& candidate : candidates)
    if (newest == nullptr || candidate.request->spec.attempt > newest->request->spec.attempt)
      newest = &candidate;
  if (newest == nullptr) return {};
  const std::int64_t number = newest->request->spec.attempt;
  const bool asks_again = string_at(object, {"metadata", "annotations", kAskAgainAnnotation}) ==
                          newest->request->metadata.name;
  const bool sticks = newest->standing.phase == RequestPhase::Denied && !asks_again;
  if (!is_end(newest->standing.phase) || sticks) return {number, newest->request, newest->standing};
  return {number + 1, nullptr, {}};
}

ApprovalRequest make_request(const Gated& gated, const Write& write, const ApprovalPolicy& policy,
                             const Reference& reference, std::int64_t attempt, Instant now) {
  ApprovalRequest request;
  request.metadata.name = name_of(gated, attempt);
  request.metadata.namespace_ = namespace_of_requests(write.namespace_);
  request.metadata.labels = {{kPolicyLabel, policy.metadata.name},
                             {kKeyLabel, request_key(gated.binding)},
                             {kTargetLabel, target_key(policy.metadata.uid, gated.target)}};
  ApprovalRequestSpec& spec = request.spec;
  spec.policy = {policy.metadata.name, policy.metadata.uid, gated.binding.policy_hash};
  spec.target = gated.target;
  spec.operation = gated.binding.operation;
  spec.hold = gated.hold;
  spec.base_digest = gated.binding.base_digest;
  spec.content_digest = gated.binding.content_digest;
  spec.binding_digest = binding_digest(gated.binding);
  spec.attempt = attempt;
  spec.asked_at = to_rfc3339_micro(now);
  spec.requester = write.user;
  spec.client = visible_cut(write.field_manager, 120);
  const RawObject& object = write.object.is_null() ? write.old_object : write.object;
  std::string reason = string_at(object, {"metadata", "annotations", kReasonAnnotation});
  if (reason.empty())
    reason = string_at(object, {"metadata", "annotations", "kubernetes.io/change-cause"});
  spec.reason = visible_cut(reason, kReasonColumns);
  Change change = describe_change(write.group, write.resource, reference.covered, gated.content);
  if (gated.leaves_scope)
    change.summary.insert(change.summary.begin(),
                          "labels change so that the policy no longer applies");
  if (deletes_scope(write, policy))
    change.summary.insert(change.summary.begin(),
                          "the namespace is deleted, with all that the policy gates in it");
  spec.summary = std::move(change.summary);
  spec.changes = std::move(change.lines);
  spec.diff = std::move(change.diff);
  spec.stages = policy.spec.stages;
  spec.separation_of_duties = policy.spec.separation_of_duties;
  spec.auto_approve = policy.spec.auto_approve;
  spec.checks = policy.spec.checks;
  spec.images = images_of(write.group, write.resource, gated.content);
  spec.risk = gated.risk;
  spec.change_set = change_set_of(object, write.field_manager);
  spec.origin = origin_of(object, write.field_manager);
  spec.owners = owners_of(object);
  spec.authors = authors_of(object, policy.spec.separation_of_duties.author_annotations);
  if (is_stored_held(gated.hold)) spec.base = reference.covered;
  return request;
}

bool is_undecided(const ApprovalRequest& request) {
  const auto& status = request.status;
  using enum RequestPhase;
  if (status.phase != Superseded && status.phase != Stale && status.phase != Withdrawn)
    return false;
  return !status.review.has_value() &&
         std::none_of(status.decisions.begin(), status.decisions.end(),
                      [](const DecisionLine& line) {
                        return line.decision != to_string(Decision::Withdraw);
                      });
}

std::optional<std::string> objection_to_more(const std::vector<ApprovalRequest>& there,
                                             const ApprovalRequest& wanted, const Limits& limits,
                                             Instant now) {
  int open = 0, own = 0, asked = 0;
  for (const ApprovalRequest& request : there) {
    const bool theirs = same_person(request.spec.requester, wanted.spec.requester);
    const auto created = parse_rfc3339(request.metadata.creation_timestamp);
    const bool lately = !created.ok() || now - *created < kUndecidedKept;
    if (!is_end(request.status.phase)) {
      ++open;
      own += theirs ? 1 : 0;
    } else if (!is_undecided(request)) {
      continue;
    }
    asked += theirs && lately ? 1 : 0;
  }
  const std::string& space = wanted.metadata.namespace_;
  const std::string who = visible_cut(wanted.spec.requester.username, 80);
  const auto refuse = [&](const std::string& what, int limit) {
    return what + " " + std::to_string(limit) + " open requests in namespace " + space +
           ", which is the limit, so no other can be made\n"
           "  next:  have some decided or withdrawn\nkubectl holdpoint list -n " +
           space;
  };
  if (own >= limits.open_per_user) return refuse("you (" + who + ") have", limits.open_per_user);
  if (open >= limits.open_per_namespace) return refuse("there are", limits.open_per_namespace);
  if (asked >= limits.asked_per_user())
    return "you (" + who + ") asked for " + std::to_string(limits.asked_per_user()) +
           " changes in namespace " + space +
           " within an hour, which is the limit, so no other request can be made\n"
           "  next:  see what writes something else each time\nkubectl holdpoint list -n " +
           space;
  return std::nullopt;
}

std::vector<std::string> newly_named(const Write& write, const std::string& policy) {
  const Pausable how = pausable(write);
  const Marks old = read_marks(write.old_object, how);
  std::vector<std::string> names;
  for (const auto& [name, request] : read_marks(write.object, how).held)
    if (name != policy && !old.held.contains(name)) names.push_back(name);
  return names;
}

std::optional<Denied> objection_to_marks(const Write& write, const std::string& policy,
                                         const Gated* gated, const Attempt& attempt,
                                         const std::set<std::string>& known) {
  const Pausable how = pausable(write);
  if (how == Pausable::No) return std::nullopt;  // marks on it mean nothing
  const Marks old = read_marks(write.old_object, how);
  const Marks incoming = read_marks(write.object, how);
  const auto forged = [&](const std::string& annotation, const std::string& what) {
    return Denied{403,
                  "the annotation " + annotation + " is Holdpoint's own: nobody else can say " +
                      what + "\n  next:  take it out of what you send\nkubectl annotate " +
                      visible(write.resource + "/" + write.name) + " -n " +
                      visible(write.namespace_) + " " + annotation + "-",
                  0};
  };
  // The companions are not asked about it, and what it writes of the spec is dropped.
  if (write.subresource == "status" &&
      (incoming.held != old.held || incoming.held_by != old.held_by ||
       incoming.user_paused != old.user_paused))
    return forged(kHeldAnnotation, "by a write of the status whether the object is held");
  for (const auto& [name, request] : incoming.held) {
    const auto before = old.held.find(name);
    if (before != old.held.end() && before->second == request) continue;
    const bool own = name == policy && gated != nullptr && is_stored_held(gated->hold) &&
                     request == mark_of(*gated, attempt.number);
    // An entry of another policy that was there already is that policy's to judge.
    const bool others = name != policy && (before != old.held.end() || known.contains(name));
    if (!own && !others)
      return forged(kHeldAnnotation, "that the object is held by " + visible_cut(name, 63));
  }
  for (const std::string& who : incoming.held_by)
    if (who != write.user.username && !old.held_by.contains(who))
      return forged(kHeldByAnnotation, visible_cut(who, 100) + " wrote it");
  return std::nullopt;
}

Marks wanted_marks(const Write& write, const std::string& policy, const Gated* gated,
                   const Attempt& attempt) {
  const Pausable how = pausable(write);
  const Marks old = read_marks(write.old_object, how);
  Marks wanted = read_marks(write.object, how);
  const Marks incoming = wanted;
  const bool approved = gated != nullptr && attempt.standing.phase == RequestPhase::Approved;

  if (gated != nullptr && is_stored_held(gated->hold) && !approved) {
    wanted.held[policy] = mark_of(*gated, attempt.number);
    // A name that is typed into it counts for nothing: it would keep that person from approving.
    std::erase_if(wanted.held_by, [&](const std::string& who) {
      return who != write.user.username && !(old.holds() && old.held_by.contains(who));
    });
    wanted.held_by.insert(gated->writers.begin(), gated->writers.end());
    // What the user meant by `paused` shows only before the first hold; later it is our own pause
    // that is seen.
    wanted.user_paused = old.holds()             ? old.user_paused
                         : incoming.held.empty() ? incoming.paused
                                                 : incoming.user_paused;
    if (gated->hold == RequestHold::Gate) {
      wanted.gated = true;
      // Here the pause is the user's own, also later.
      if (old.holds() && incoming.paused != old.paused) wanted.user_paused = incoming.paused;
    } else {
      wanted.paused = true;
    }
    return wanted;
  }
  if (gated != nullptr && !approved) return wanted;  // refused anyway

  const auto entry = incoming.held.find(policy);
  const bool still_waits = approved && incoming.holds() && entry != incoming.held.end() &&
                           entry->second == mark_of(*gated, attempt.number);
  if (still_waits) return wanted;  // approved, but this write does not resume: the operator will
  wanted.held.erase(policy);
  if (wanted.held.empty()) {
    if (old.holds() && old.held.contains(policy) && incoming.paused)
      wanted.paused = old.user_paused;
    wanted.held_by.clear();
    wanted.user_paused = false;
  }
  return wanted;
}

Verdict decide(const Write& write, const ApprovalPolicy& policy, const Gated& gated,
               const Attempt& attempt, Instant now) {
  const std::string request = name_of(gated, attempt.number);
  const Standing& standing = attempt.standing;
  const Pausable how = pausable(write);
  const Marks marks = read_marks(write.object, how);
  if (policy.spec.mode == PolicyMode::Warn)
    return standing.phase == RequestPhase::Approved
               ? Allow{}
               : Allow{would_hold_warnings(gated.target, policy, gated.hold, standing, gated.risk),
                       false};

  const auto summary = [&] {
    return attempt.request != nullptr ? attempt.request->spec.summary : std::vector<std::string>();
  };
  if (standing.phase == RequestPhase::Approved) {
    const auto entry = marks.held.find(policy.metadata.name);
    if (entry != marks.held.end()) {
      if (entry->second != mark_of(gated, attempt.number) || !holds_as(marks, gated.hold))
        return hold_is_missing(gated.target, marks, policy.metadata.name);
      return Held{held_warnings(gated.target, request, standing)};
    }
    Allow allow{{}, true};
    if (write.dry_run && standing.by_policy)
      allow.warnings = would_hold_warnings(gated.target, policy, gated.hold, standing, gated.risk);
    return allow;
  }

  if (is_stored_held(gated.hold)) {
    const Marks old = read_marks(write.old_object, how);
    const bool was_held =
        old.holds() && held_request(old, policy.metadata.name, write.old_object) == request;
    if (standing.phase == RequestPhase::Denied && !was_held)
      return Denied{403,
                    denied_message(gated.target, gated.binding.operation, request, policy, standing,
                                   summary()),
                    0};
    const Marks wanted = wanted_marks(write, policy.metadata.name, &gated, attempt);
    const bool held = holds_as(marks, gated.hold) && marks.held == wanted.held &&
                      std::includes(marks.held_by.begin(), marks.held_by.end(),
                                    gated.writers.begin(), gated.writers.end());
    if (!held) return hold_is_missing(gated.target, marks, policy.metadata.name);
    if (write.dry_run && !was_held)
      return Held{would_hold_warnings(gated.target, policy, gated.hold, standing, gated.risk)};
    return Held{held_warnings(gated.target, request, standing)};
  }

  // Flux applies nothing of a Kustomization of which a dry run is refused, and else all but what is
  // refused: once there is a request, it is told so in time.
  const bool tells = gated.client == ClientKind::Flux && attempt.request != nullptr;
  if (write.dry_run && !tells)
    return Allow{would_hold_warnings(gated.target, policy, gated.hold, standing, gated.risk),
                 false};
  const std::string message =
      denied_message(gated.target, gated.binding.operation, request, policy, standing, summary());
  if (gated.hold == RequestHold::Retry && !is_end(standing.phase)) {
    const auto patience = parse_duration(policy.spec.hold.patience);
    Instant asked = now;
    if (attempt.request != nullptr) {
      if (const auto created = parse_rfc3339(attempt.request->metadata.creation_timestamp);
          created.ok())
        asked = *created;
    }
    const auto waited = std::chrono::duration_cast<Duration>(now - asked);
    if (patience.ok() && waited < *patience) return Denied{429, message, retry_seconds(waited)};
  }
  return Denied{403, message, 0};
}

std::optional<Denied> objection_to_scale(const RawObject& deployment, std::int64_t old_replicas,
                                         std::int64_t new_replicas) {
  const Marks marks = read_marks(deployment, Pausable::Deployment);
  if (!marks.paused || old_replicas != 0 || new_replicas == 0) return std::nullopt;
  const std::string namespace_ = visible(string_at(deployment, {"metadata", "namespace"}));
  const std::string name = visible(string_at(deployment, {"metadata", "name"}));
  const std::string what = "Deployment " + namespace_ + "/" + name + " was not scaled from 0 to " +
                           std::to_string(new_replicas);
  const std::string target = "deployment/" + name + " -n " + namespace_;
  if (marks.held.empty())
    return Denied{403,
                  what +
                      ": it is paused, and could run another of its revisions\n"
                      "  why:   a paused Deployment scales the newest ReplicaSet that is there, "
                      "whatever its template says\n"
                      "  next:  resume it, then scale it\nkubectl rollout resume " +
                      target,
                  0};
  return Denied{403,
                what +
                    ": it is held, and its pods would run what is not approved\n"
                    "  next:  scale it after " +
                    visible_cut(held_request_name(marks.held.begin()->second, deployment), 253) +
                    " is approved and it is resumed, or put the old content back with the command "
                    "below\nkubectl holdpoint abandon " +
                    target,
                0};
}

std::optional<Denied> objection_to_scale(const Write& write) {
  if (pausable(write) != Pausable::Deployment || write.operation != Operation::Update)
    return std::nullopt;
  return objection_to_scale(write.object, replicas(write.old_object), replicas(write.object));
}

bool is_deployment_controller(const std::string& username) {
  return username == "system:kube-controller-manager" ||
         username == "system:serviceaccount:kube-system:deployment-controller";
}

bool pauses(const Write& write) {
  return pausable(write) == Pausable::Deployment && write.operation == Operation::Update &&
         read_marks(write.object, Pausable::Deployment).paused &&
         !read_marks(write.old_object, Pausable::Deployment).paused && replicas(write.object) != 0;
}

bool could_revive(const Write& write, const std::vector<Json>& replica_sets) {
  const std::string uid = string_at(write.old_object, {"metadata", "uid"});
  const Json last = template_of(write.old_object);
  std::size_t own = 0;
  bool left_behind = false, idle = false, active = false;
  for (const Json& set : replica_sets) {
    const Json owner = controller_of(set);
    if (owner.is_null()) left_behind = true;
    if (string_at(owner, {"uid"}) != uid) continue;
    ++own;
    if (replicas(set) == 0)
      idle = true;
    else if (!is_going(set) && template_of(set) == last)
      active = true;  // of all, a controller that has seen the last change keeps this one so
  }
  // A rollback that the controller itself writes comes before its status does.
  const bool seen = is_deployment_controller(write.user.username) ||
                    integer_at(write.old_object, {"status", "observedGeneration"}) >=
                        integer_at(write.old_object, {"metadata", "generation"});
  return left_behind || (idle && !active) || (own > 1 && !seen);
}

}  // namespace holdpoint
