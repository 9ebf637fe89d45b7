#include "cli/live.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "base/text.hpp"
#include "cli/card.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/standing.hpp"
#include "core/change/change.hpp"
#include "core/change/covered.hpp"
#include "core/change/last_write.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kTextColumns = 160, kImageColumns = 90, kMaxNames = 3, kDigestDigits = 12;
using Keys = std::initializer_list<std::string_view>;

bool is_true(const Json& value, Keys keys) {
  const Json* const found = member_at(value, keys);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::size_t size_at(const Json& value, Keys keys) {
  const Json* const found = member_at(value, keys);
  return found != nullptr && found->is_structured() ? found->size() : 0;
}

std::string ago(const std::string& time, Instant now) {
  const auto then = parse_rfc3339(time);
  return then.ok() ? humanize(std::chrono::duration_cast<Duration>(now - *then)) + " ago"
                   : "some time ago";
}

std::string number(std::int64_t value) { return std::to_string(value); }

// "a, b, c and 2 more"
std::string some_of(std::vector<std::string> names) {
  const std::size_t more = names.size() > kMaxNames ? names.size() - kMaxNames : 0;
  names.resize(names.size() - more);
  return join(names, ", ") +
         (more == 0 ? "" : " and " + number(static_cast<std::int64_t>(more)) + " more");
}

// Null where the object has no such condition.
Json condition_of(const Json& object, std::string_view type) {
  const Json* const conditions = member_at(object, {"status", "conditions"});
  if (conditions != nullptr && conditions->is_array())
    for (const Json& condition : *conditions)
      if (string_at(condition, {"type"}) == type) return condition;
  return {};
}

// "reason: message", of a condition
std::string words_of(const Json& condition) {
  const std::string reason = string_at(condition, {"reason"});
  const std::string message = string_at(condition, {"message"});
  return visible_cut(reason + (reason.empty() || message.empty() ? "" : ": ") + message, 100);
}

// As the summary of a change names a version: the tag, the first digits of the digest, or both; the
// whole reference where it has neither.
std::string version_of(const std::string& image) {
  const auto at = std::min(image.find('@'), image.size());
  std::string tag = image.substr(0, at), digest = image.substr(at);
  const auto colon = tag.rfind(':');
  if (colon != std::string::npos && tag.find('/', colon) == std::string::npos)
    tag.erase(0, colon + 1);
  else if (!digest.empty())
    tag.clear();
  if (const auto digits = digest.find(':'); digits != std::string::npos)
    digest.resize(std::min(digest.size(), digits + 1 + kDigestDigits));
  return tag + digest;
}

// ", image web:1"; nothing where there are no containers.
std::string images_of(const Json& object) {
  const bool cron = string_at(object, {"kind"}) == "CronJob";
  const Json* const containers =
      cron ? member_at(object, {"spec", "jobTemplate", "spec", "template", "spec", "containers"})
           : member_at(object, {"spec", "template", "spec", "containers"});
  if (containers == nullptr || !containers->is_array() || containers->empty()) return "";
  if (containers->size() == 1)
    return ", image " + visible_cut(string_at(containers->front(), {"image"}), kImageColumns);
  std::vector<std::string> images;
  for (const Json& container : *containers)
    images.push_back(visible_cut(string_at(container, {"name"}), 40) + " " +
                     visible_cut(version_of(string_at(container, {"image"})), 40));
  return ", images " + some_of(std::move(images));
}

const ApprovalRequest* request_named(const ApprovalRequest& request, const Live& live,
                                     const std::string& name) {
  if (name == request.metadata.name) return &request;
  if (!live.requests) return nullptr;
  const auto found =
      std::find_if(live.requests->begin(), live.requests->end(),
                   [&](const ApprovalRequest& one) { return one.metadata.name == name; });
  return found == live.requests->end() ? nullptr : &*found;
}

std::vector<std::string> pointers_of(const ApprovalRequest& request, const ApprovalPolicy* policy) {
  const Target& target = request.spec.target;
  return covered_pointers(
      policy == nullptr ? std::vector<std::string>() : policy->spec.match.changes, target.group,
      target.resource);
}

// What runs, where the object that is stored is held: what the request that holds it recorded.
struct Running {
  enum class Is { Known, Nothing, Unknown } is = Is::Known;
  RawObject object;
};
Running running(const ApprovalRequest& request, const Live& live) {
  const Target& target = request.spec.target;
  const Marks marks = read_marks(live.object, pausable(target.group, target.resource));
  if (!marks.holds()) return {Running::Is::Known, live.object};
  const ApprovalRequest* const holder =
      request_named(request, live, held_request(marks, request.spec.policy.name, live.object));
  if (holder == nullptr) return {Running::Is::Unknown, {}};
  if (!holder->spec.base.is_object())
    return {
        holder->spec.operation == Operation::Create ? Running::Is::Nothing : Running::Is::Unknown,
        {}};
  std::vector<std::string> pointers = pointers_of(request, nullptr);
  for (const auto& [pointer, value] : holder->spec.base.items()) pointers.push_back(pointer);
  auto before = with_covered_part(live.object, holder->spec.base, pointers);
  if (!before.ok()) return {Running::Is::Unknown, {}};
  return {Running::Is::Known, std::move(*before)};
}

// Deployments, StatefulSets, ReplicaSets and DaemonSets.
std::string state_of_replicas(const RawObject& object, bool held) {
  const bool on_nodes = string_at(object, {"kind"}) == "DaemonSet";
  const auto wanted = on_nodes ? integer_at(object, {"status", "desiredNumberScheduled"})
                               : integer_at(object, {"spec", "replicas"}, 1);
  const auto ready = on_nodes ? integer_at(object, {"status", "numberReady"})
                              : integer_at(object, {"status", "readyReplicas"});
  std::string text = number(ready) + " of " + number(wanted) + " ready";
  const auto updated = on_nodes ? integer_at(object, {"status", "updatedNumberScheduled"})
                                : integer_at(object, {"status", "updatedReplicas"});
  if (!held && updated < wanted && updated < ready)
    text += ", " + number(updated) + " of the newest version";
  const Json progress = condition_of(object, "Progressing");
  if (string_at(progress, {"status"}) == "False")
    text += ", stuck (" + visible_cut(string_at(progress, {"reason"}), 60) + ")";
  if (integer_at(object, {"metadata", "generation"}) >
      integer_at(object, {"status", "observedGeneration"}))
    text += ", its controller has not seen the latest edit";
  return text;
}

std::string state_of_job(const RawObject& object, const Marks& marks, Instant now) {
  const Json complete = condition_of(object, "Complete"), failed = condition_of(object, "Failed");
  if (string_at(complete, {"status"}) == "True")
    return "complete since " + ago(string_at(complete, {"lastTransitionTime"}), now);
  if (string_at(failed, {"status"}) == "True") return "failed (" + words_of(failed) + ")";
  const auto active = integer_at(object, {"status", "active"});
  const auto done = integer_at(object, {"status", "succeeded"});
  const auto broken = integer_at(object, {"status", "failed"});
  if (is_true(object, {"spec", "suspend"}))
    return active + done + broken == 0 ? "suspended, has not started" : "suspended";
  if (marks.holds() && marks.gated)
    return count_of(static_cast<std::size_t>(std::max<std::int64_t>(active, 0)), "pod") +
           (active == 1 ? " waits" : " wait") + ", none has started";
  if (active + done + broken == 0) return "has not started";
  return "runs: " + number(active) + " active, " + number(done) + " of " +
         number(integer_at(object, {"spec", "completions"}, 1)) + " succeeded" +
         (broken == 0 ? "" : ", " + number(broken) + " failed");
}

std::string state_of_cron_job(const RawObject& object, Instant now) {
  const std::string last = string_at(object, {"status", "lastScheduleTime"});
  return "schedule " + visible_cut(string_at(object, {"spec", "schedule"}), 60) +
         (is_true(object, {"spec", "suspend"}) ? ", suspended" : "") + ", " +
         (last.empty() ? "has not run yet" : "last run " + ago(last, now)) +
         (size_at(object, {"status", "active"}) == 0
              ? ""
              : ", " + number(static_cast<std::int64_t>(size_at(object, {"status", "active"}))) +
                    " running");
}

std::string state_of_config_map(const RawObject& object) {
  std::vector<std::string> keys;
  std::size_t bytes = 0;
  for (const char* part : {"data", "binaryData"})
    if (const Json* const data = member_at(object, {part}); data != nullptr && data->is_object())
      for (const auto& [key, value] : data->items()) {
        keys.push_back(visible_cut(key, 60));
        if (value.is_string()) bytes += value.get_ref<const std::string&>().size();
      }
  if (keys.empty()) return "empty";
  const std::size_t count = keys.size();
  return count_of(count, "key") + ", " + count_of(bytes, "byte") + ": " + some_of(std::move(keys));
}

std::string state_of_other(const RawObject& object) {
  for (const char* type : {"Ready", "Available", "Healthy"})
    if (const Json condition = condition_of(object, type); !condition.is_null()) {
      const bool good = string_at(condition, {"status"}) == "True";
      const std::string words = words_of(condition);
      return std::string(type) + "=" + visible_cut(string_at(condition, {"status"}), 20) +
             (good || words.empty() ? "" : " (" + words + ")");
    }
  return "it is there, and tells nothing of its state";
}

std::string words_for(const ApprovalRequest& request, const Live& live, Instant now) {
  const Target& target = request.spec.target;
  const std::string& kind = target.kind;
  const Marks marks = read_marks(live.object, pausable(target.group, target.resource));
  if (target.group == "batch" && kind == "Job")
    return state_of_job(live.object, marks, now) + images_of(live.object);
  if (target.group == "batch" && kind == "CronJob")
    return state_of_cron_job(live.object, now) + images_of(live.object);
  if (target.group.empty() && kind == "ConfigMap") return state_of_config_map(live.object);
  if (target.group != "apps" || !live.object.contains("spec")) return state_of_other(live.object);
  const Running runs = running(request, live);
  switch (runs.is) {
    case Running::Is::Nothing:
      return "nothing of it runs yet";
    case Running::Is::Unknown:
      return state_of_replicas(live.object, true) + ", image unknown";
    case Running::Is::Known:
      break;
  }
  return state_of_replicas(live.object, marks.holds()) + images_of(runs.object);
}

std::string approved_by(const ApprovalRequest& request) {
  std::vector<std::string> people;
  std::string glass;
  for (const DecisionLine& line : request.status.decisions) {
    if (!line.note.empty()) continue;
    if (line.decision == "Approve") people.push_back(person(line.username));
    if (line.decision == "BreakGlass") glass = person(line.username);
  }
  if (!glass.empty()) return "glass broken by " + glass;
  if (people.empty()) return request.status.approvals == "by policy" ? "approved by policy" : "";
  return "approved by " + some_of(std::move(people));
}

// Empty where the object does not tell.
std::string last_writer(const RawObject& object, Instant now) {
  const auto [manager, time] = last_write(object);
  return time.empty() ? "" : "written " + ago(time, now) + " through " + visible_cut(manager, 60);
}

bool ended_unreleased(const ApprovalRequest& request) {
  return is_end(request.status.phase) && request.status.phase != RequestPhase::Released;
}

}  // namespace

std::string state_now(const ApprovalRequest& request, const Live& live, Instant now) {
  switch (live.is) {
    case Live::Is::Unknown:
      return "unknown: " + visible_cut(live.why, kTextColumns);
    case Live::Is::Absent:
      return request.spec.operation == Operation::Create ? "not there yet" : "it is gone";
    case Live::Is::Read:
      break;
  }
  const auto age = std::max(Duration(0), std::chrono::duration_cast<Duration>(now - live.at));
  return words_for(request, live, now) +
         (string_at(live.object, {"metadata", "deletionTimestamp"}).empty() ? ""
                                                                            : ", being deleted") +
         " (read " + humanize(age) + " ago)";
}

std::string last_change(const ApprovalRequest& request, const Live& live, Instant now) {
  const ApprovalRequest* newest = nullptr;
  if (live.requests)
    for (const ApprovalRequest& one : *live.requests)
      if (one.status.phase == RequestPhase::Released &&
          one.metadata.name != request.metadata.name &&
          (newest == nullptr || one.status.ended_at > newest->status.ended_at))
        newest = &one;
  if (newest != nullptr) {
    const std::string approved = approved_by(*newest);
    return ago(newest->status.ended_at, now) + " by " + person(newest->spec.requester.username) +
           (approved.empty() ? "" : ", " + approved) +
           (newest->spec.summary.empty() ? ""
                                         : ": " + visible_cut(newest->spec.summary.front(), 60));
  }
  if (live.is == Live::Is::Absent) return {};  // what is new has no change before it
  const std::string none =
      live.requests ? "no release of it is kept" : "who approved it is unknown to you";
  const Target& target = request.spec.target;
  const bool made_held =
      is_stored_held(request.spec.hold) && request.spec.operation == Operation::Create;
  if (live.requests && made_held) return {};
  const bool held = live.is == Live::Is::Read &&
                    read_marks(live.object, pausable(target.group, target.resource)).holds();
  // Of what is held, the last write is the change that waits.
  const std::string writer =
      live.is == Live::Is::Read && !held ? last_writer(live.object, now) : "";
  return writer.empty() ? none : writer + "; " + none;
}

DiffNow diff_now(const ApprovalRequest& request, const ApprovalPolicy* policy, const Live& live) {
  const ApprovalRequestSpec& spec = request.spec;
  const Target& target = spec.target;
  DiffNow recorded{"as it was when it was asked; what runs now is unknown to you", spec.diff};
  if (is_end(request.status.phase)) {
    recorded.basis = "as it was when it was asked";
    return recorded;
  }
  const bool secret = target.group.empty() && target.resource == "secrets";
  if (live.is == Live::Is::Unknown || secret || target.name.empty()) return recorded;
  const std::vector<std::string> pointers = pointers_of(request, policy);
  const Json stored = live.is == Live::Is::Absent
                          ? Json()
                          : covered_part(live.object, target.group, target.resource, pointers, "");
  const auto digest = content_digest(stored);
  if (!digest.ok()) return recorded;
  const Marks marks = read_marks(live.object, pausable(target.group, target.resource));
  const std::string held_by =
      marks.holds() ? held_request(marks, spec.policy.name, live.object) : "";
  const std::string against =
      spec.base_digest == kAbsent ? "against nothing: all of it is new" : "against what runs now";
  if (held_by == request.metadata.name) {
    const Change change = describe_change(target.group, target.resource, spec.base, stored);
    if (*digest == spec.content_digest) return {against, change.diff};
    if (policy == nullptr) return recorded;
    return {against + "; it was edited since, and is not what was asked any more", change.diff};
  }
  const ApprovalRequest* const holder =
      held_by.empty() ? nullptr : request_named(request, live, held_by);
  if (!held_by.empty() && holder == nullptr) return recorded;
  if ((holder == nullptr ? *digest : holder->spec.base_digest) != spec.base_digest) {
    if (policy != nullptr)
      recorded.basis = "against what ran when it was asked; something else runs now";
    return recorded;
  }
  if (!spec.proposed.is_object()) return {against, spec.diff};
  return {
      against,
      describe_change(target.group, target.resource, holder == nullptr ? stored : holder->spec.base,
                      covered_part(spec.proposed, target.group, target.resource, pointers, ""))
          .diff};
}

std::vector<Target> may_be_left_held(const std::vector<ApprovalRequest>& requests) {
  const auto key = [](const ApprovalRequest& request) {
    const Target& target = request.spec.target;
    return std::tuple(target.kind, target.namespace_, target.name, request.spec.policy.name);
  };
  // What was released since is held no more.
  std::map<decltype(key(requests.front())), std::string> released;
  for (const ApprovalRequest& request : requests)
    if (request.status.phase == RequestPhase::Released) {
      std::string& last = released[key(request)];
      last = std::max(last, request.metadata.creation_timestamp);
    }
  std::vector<const ApprovalRequest*> ended;
  for (const ApprovalRequest& request : requests)
    if (ended_unreleased(request) && request.spec.hold == RequestHold::Suspend &&
        is_name(request.spec.target.name) &&
        released[key(request)] <= request.metadata.creation_timestamp)
      ended.push_back(&request);
  std::sort(ended.begin(), ended.end(),
            [](const auto* a, const auto* b) { return a->status.ended_at > b->status.ended_at; });
  std::vector<Target> targets;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const ApprovalRequest* request : ended) {
    const Target& target = request->spec.target;
    if (seen.emplace(target.kind, target.namespace_, target.name).second) targets.push_back(target);
  }
  return targets;
}

std::vector<ApprovalRequest> left_held(const std::vector<ApprovalRequest>& requests,
                                       const std::vector<Json>& objects) {
  std::map<std::pair<std::string, std::string>, const ApprovalRequest*> named;
  for (const ApprovalRequest& request : requests)
    if (ended_unreleased(request))
      named[{request.metadata.namespace_, request.metadata.name}] = &request;
  std::vector<ApprovalRequest> found;
  for (const Json& object : objects) {
    const Marks marks = read_marks(
        object, string_at(object, {"kind"}) == "Job" ? Pausable::Job : Pausable::Deployment);
    if (!marks.paused) continue;
    for (const auto& [policy, mark] : marks.held) {
      const auto request = named.find(
          {string_at(object, {"metadata", "namespace"}), held_request(marks, policy, object)});
      if (request == named.end()) continue;
      // A mark can be typed: only what the request is about counts, and what could be held by it.
      const ApprovalRequestSpec& spec = request->second->spec;
      if (is_stored_held(spec.hold) && spec.policy.name == policy && is_name(spec.target.name) &&
          spec.target.kind == string_at(object, {"kind"}) &&
          spec.target.name == string_at(object, {"metadata", "name"}))
        found.push_back(*request->second);
    }
  }
  return found;
}

}  // namespace holdpoint::cli
