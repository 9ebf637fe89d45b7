#include "core/change/moved_on.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

using Is = OriginState::Is;

constexpr std::size_t kMostWords = 200;
// Between the clock of a controller and that of the API server.
constexpr Duration kSkew{60'000};

OriginState moved(std::string why) { return {Is::MovedOn, std::move(why)}; }
OriginState unknown(std::string why) { return {Is::Unknown, std::move(why)}; }

std::optional<Instant> time_at(const Json& value, const char* key) {
  const auto time = parse_rfc3339(string_at(value, {key}));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

std::string text_at(const Json& value, std::initializer_list<std::string_view> keys) {
  return visible_cut(string_at(value, keys), kMostWords);
}

// The condition Ready; null where there is none that tells of the object as it is now.
Json ready_of(const RawObject& live) {
  const Json* conditions = member_at(live, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return {};
  for (const Json& condition : *conditions)
    if (string_at(condition, {"type"}) == "Ready") return condition;
  return {};
}

bool is_observed(const RawObject& live) {
  const Json* generation = member_at(live, {"metadata", "generation"});
  const Json* observed = member_at(live, {"status", "observedGeneration"});
  return generation != nullptr && observed != nullptr && *generation == *observed;
}

// Going to something else than what asked, as far as both are known. Requests record their revision
// visible and cut.
bool is_elsewhere(const Origin& origin, const std::string& revision) {
  return !revision.empty() && !origin.revision.empty() &&
         visible_cut(revision, kMostRevision) != origin.revision;
}

// Ready, by an attempt after the one that asked: while that one ran it was not, and all that the
// next one brought went through.
bool is_ready_since(const RawObject& live, const std::string& revision, const Origin& origin,
                    Instant asked) {
  const Json ready = ready_of(live);
  const auto since = time_at(ready, "lastTransitionTime");
  const bool later = since.has_value() && *since > asked;
  return string_at(ready, {"status"}) == "True" && is_observed(live) &&
         (later || is_elsewhere(origin, revision));
}

// In status.inventory: "<namespace>_<name>_<group>_<kind>".
std::optional<bool> is_in_inventory(const RawObject& live, const Target& target) {
  const Json* entries = member_at(live, {"status", "inventory", "entries"});
  if (entries == nullptr || !entries->is_array()) return std::nullopt;
  const std::string id =
      target.namespace_ + "_" + target.name + "_" + target.group + "_" + target.kind;
  return std::any_of(entries->begin(), entries->end(),
                     [&](const Json& entry) { return string_at(entry, {"id"}) == id; });
}

OriginState by_kustomization(const ApprovalRequestSpec& spec, const RawObject& live,
                             Instant asked) {
  const std::string revision = string_at(live, {"status", "lastAppliedRevision"});
  if (!is_ready_since(live, revision, *spec.origin, asked)) return {};
  const std::string at = describe(*spec.origin) + " is at " + visible_cut(revision, kMostWords);
  if (!is_stored_held(spec.hold)) return moved(at + " now, without this change");
  // What is stored is part of it as long as its inventory says so, whatever the revision.
  if (is_in_inventory(live, spec.target).value_or(true)) return {};
  return moved(at + " now and does not have this object any more");
}

// Hooks of installs and upgrades run while the release is not ready; others where Ready says
// nothing of them.
bool is_hook_of_release(const std::string& hook) {
  for (const std::string& event : split(hook, ',')) {
    const auto from = event.find_first_not_of(' ');
    const std::string name = from == std::string::npos ? "" : event.substr(from);
    if (!name.starts_with("pre-install") && !name.starts_with("post-install") &&
        !name.starts_with("pre-upgrade") && !name.starts_with("post-upgrade"))
      return false;
  }
  return true;
}

OriginState by_helm_release(const ApprovalRequestSpec& spec, const RawObject& live, Instant asked) {
  const Json ready = ready_of(live);
  const std::string status = string_at(ready, {"status"});
  const Json* history = member_at(live, {"status", "history"});
  const Json newest =
      history != nullptr && history->is_array() && !history->empty() ? history->front() : Json();
  const bool deployed = string_at(newest, {"status"}) == "deployed";
  const std::string name = describe(*spec.origin);
  if (is_held_hook(spec)) {
    if (status.empty() || !is_hook_of_release(spec.origin->hook))
      return unknown("whether " + name + " still waits for this hook is not to be seen");
    const std::string attempted = string_at(live, {"status", "lastAttemptedRevision"});
    if (is_elsewhere(*spec.origin, attempted))
      return moved(name + " is at " + visible_cut(attempted, kMostWords) +
                   " now, and this hook belongs to " +
                   visible_cut(spec.origin->revision, kMostWords));
    const auto since = time_at(ready, "lastTransitionTime");
    const bool same_attempt = since.has_value() && *since <= asked + kSkew;
    if (status == "Unknown" && same_attempt) return {};
    const auto last = time_at(newest, "lastDeployed");
    if (status == "True" && deployed && last.has_value() && *last <= asked + kSkew) return {};
    // Its message is not told: whoever wrote the labels may not be allowed to read that object.
    return moved("the attempt of " + name + " that this hook belongs to is over");
  }
  // What is no hook goes with its release.
  if (is_stored_held(spec.hold)) return {};
  // A release that was rolled back after the refusal is not Ready: it still wants the change.
  if (!deployed || !is_ready_since(live, string_at(live, {"status", "lastAttemptedRevision"}),
                                   *spec.origin, asked))
    return {};
  return moved(name + " is at " + text_at(newest, {"chartVersion"}) + " now, without this change");
}

OriginState by_application(const ApprovalRequestSpec& spec, const RawObject& live, Instant asked) {
  const Json* found = member_at(live, {"status", "operationState"});
  const Json operation = found == nullptr ? Json() : *found;
  const std::string phase = string_at(operation, {"phase"});
  const std::string name = describe(*spec.origin);
  const std::string at = name + " is at ";
  if (is_held_hook(spec)) {
    const auto started = time_at(operation, "startedAt");
    if (phase.empty() || !started.has_value())
      return unknown("whether a sync of " + name + " still waits for this hook is not to be seen");
    if (phase == "Running" && *started <= asked + kSkew) return {};
    return moved("the sync of " + name + " that this hook belongs to is over");
  }
  if (is_stored_held(spec.hold)) {
    const Json* resources = member_at(live, {"status", "resources"});
    if (resources == nullptr || !resources->is_array()) return {};
    for (const Json& one : *resources) {
      const Json* prunes = member_at(one, {"requiresPruning"});
      if (string_at(one, {"kind"}) == spec.target.kind &&
          string_at(one, {"group"}) == spec.target.group &&
          string_at(one, {"namespace"}) == spec.target.namespace_ &&
          string_at(one, {"name"}) == spec.target.name && prunes != nullptr &&
          prunes->is_boolean() && prunes->get<bool>())
        return moved(name + " does not have this object any more");
    }
    return {};
  }
  const std::string synced_to = string_at(operation, {"syncResult", "revision"});
  const auto finished = time_at(operation, "finishedAt");
  const bool later = finished.has_value() && *finished > asked;
  // A sync of some resources alone tells nothing of the others.
  const bool whole = member_at(operation, {"operation", "sync", "resources"}) == nullptr;
  if (phase == "Succeeded" && whole && (later || is_elsewhere(*spec.origin, synced_to)))
    return moved(at + visible_cut(synced_to, kMostWords) + " now, without this change");
  // Hooks are in no comparison.
  const std::string compared = string_at(live, {"status", "sync", "revision"});
  if (phase != "Running" && spec.origin->hook.empty() && is_elsewhere(*spec.origin, compared) &&
      string_at(live, {"status", "sync", "status"}) == "Synced")
    return moved(at + visible_cut(compared, kMostWords) + " now, without this change");
  return {};
}

}  // namespace

bool follows_origin(const ApprovalRequestSpec& spec) {
  if (!spec.origin.has_value() || !spec.proposed.is_null()) return false;
  if (is_held_hook(spec)) return true;
  switch (spec.origin->kind) {
    case OriginKind::Kustomization:
      return spec.client == "kustomize-controller";
    case OriginKind::HelmRelease:
      return spec.client == "helm-controller";
    case OriginKind::Application:
      return spec.client == "argocd-controller";
    case OriginKind::Release:
      return spec.client == "helm" || spec.client == "helm-controller";
  }
  return false;
}

bool is_held_hook(const ApprovalRequestSpec& spec) {
  return is_stored_held(spec.hold) && spec.origin.has_value() && !spec.origin->hook.empty();
}

OriginState state_by_object(const ApprovalRequest& request, const RawObject& live) {
  const ApprovalRequestSpec& spec = request.spec;
  if (!follows_origin(spec)) return {};
  // What never showed a revision may never have been there.
  if (live.is_null())
    return spec.origin->revision.empty() ? state_unseen(spec)
                                         : moved(describe(*spec.origin) + " is gone");
  const auto asked = parse_rfc3339(request.metadata.creation_timestamp);
  if (!asked.ok()) return state_unseen(spec);
  switch (spec.origin->kind) {
    case OriginKind::Kustomization:
      return by_kustomization(spec, live, *asked);
    case OriginKind::HelmRelease:
      return by_helm_release(spec, live, *asked);
    case OriginKind::Application:
      return by_application(spec, live, *asked);
    case OriginKind::Release:
      break;
  }
  return state_unseen(spec);
}

OriginState state_by_records(const ApprovalRequest& request, const std::vector<Json>& records) {
  const ApprovalRequestSpec& spec = request.spec;
  if (!is_held_hook(spec)) return {};
  const auto asked = parse_rfc3339(request.metadata.creation_timestamp);
  struct Record {
    long version = 0;
    std::string status;
  };
  // A release is recorded before its hooks run: the newest one that was there belongs to this hook.
  Record own, newest;
  for (const Json& record : records) {
    const auto created = parse_rfc3339(string_at(record, {"metadata", "creationTimestamp"}));
    const Record one{
        std::strtol(string_at(record, {"metadata", "labels", "version"}).c_str(), nullptr, 10),
        text_at(record, {"metadata", "labels", "status"})};
    if (!created.ok() || !asked.ok() || one.version <= 0) continue;
    if (one.version > newest.version) newest = one;
    if (*created <= *asked && one.version > own.version) own = one;
  }
  if (own.version == 0) return state_unseen(spec);
  const std::string name = describe(*spec.origin);
  if (newest.version > own.version)
    return moved(name + " is at revision " + std::to_string(newest.version) + " (" + newest.status +
                 ") now, and this hook belongs to revision " + std::to_string(own.version));
  const bool deletes =
      own.status == "uninstalling" && spec.origin->hook.find("delete") != std::string::npos;
  if (own.status.starts_with("pending-") || own.status == "deployed" || deletes) return {};
  return moved("revision " + std::to_string(own.version) + " of " + name +
               ", which this hook belongs to, is " + own.status);
}

OriginState state_unseen(const ApprovalRequestSpec& spec) {
  if (!is_held_hook(spec)) return {};
  return unknown("whether " + describe(*spec.origin) +
                 " still waits for this hook is not to be seen");
}

std::string describe(const Origin& origin) {
  const std::string kind =
      origin.kind == OriginKind::Release ? "Helm release" : std::string(to_string(origin.kind));
  return kind + (origin.name.empty() ? " of " : " ") +
         visible_cut(origin.namespace_ + (origin.name.empty() ? "" : "/" + origin.name),
                     kMostWords);
}

}  // namespace holdpoint
