#include "webhook/claims.hpp"

#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/change/covered.hpp"
#include "crds/codec.hpp"

namespace holdpoint::webhook {
namespace {

constexpr Duration kHistoryWatch{2'000};

std::string uid_of(const RawObject& object) { return string_at(object, {"metadata", "uid"}); }
std::string version_of(const RawObject& object) {
  return string_at(object, {"metadata", "resourceVersion"});
}

// The object as stored; of a creation the one that is to be.
const RawObject& owner_of(const Write& write) {
  return write.old_object.is_null() ? write.object : write.old_object;
}

// A merge patch that leaves nothing of `before`.
Json replaced(const Json& before, Json after) {
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) {
      after[key] = nullptr;
    } else if (value.is_object()) {
      after[key] = replaced(value, std::move(after[key]));
    }
  }
  return after;
}

kube::ResourcePath collection_of(const Write& write) {
  return {write.group, write.version, write.resource, write.namespace_, "", ""};
}

}  // namespace

Result<ClaimState> Claims::look(const ApprovalRequest& request, const ApprovalPolicy& policy,
                                const Write& write, bool resumes, Deadline deadline) const {
  if (!request.status.claim.has_value()) return ClaimState::Free;
  const Claim& claim = *request.status.claim;
  const bool updates = write.operation == Operation::Update;
  if (claim.object_uid != uid_of(owner_of(write))) {
    // A creation on its way is in no history yet.
    if (may_be_stored_until(request, clock_.now()).has_value()) return ClaimState::Busy;
  } else {
    if (!updates || claim.base_resource_version == version_of(write.old_object))
      return ClaimState::Ours;
    // The object is still held by this request, so whoever claimed the release did not get it
    // stored: an update is stored only over the very version that was reviewed.
    if (resumes) return ClaimState::Free;
  }
  auto stored = was_stored(request, policy, write, deadline);
  if (stored.ok()) return *stored ? ClaimState::Used : ClaimState::Free;
  if (stored.error().kind == ErrorKind::Conflict)
    return ClaimState::Used;  // history is gone: cannot be ruled out
  return stored.error();
}

Result<bool> Claims::was_stored(const ApprovalRequest& request, const ApprovalPolicy& policy,
                                const Write& write, Deadline deadline) const {
  const Claim& claim = *request.status.claim;
  const Pausable how = pausable(write.group, write.resource);
  const auto pointers = covered_pointers(policy.spec.match.changes, write.group, write.resource);
  const std::string now_version = version_of(write.old_object);
  kube::Query query;
  if (!request.spec.target.name.empty())
    query["fieldSelector"] = "metadata.name=" + request.spec.target.name;
  bool stored = false;
  bool reached_now = false;
  const auto ended = client_.watch(
      collection_of(write), query, claim.base_resource_version,
      deadline.at_most(kHistoryWatch).left(), {}, [&](const kube::WatchEvent& event) {
        if (event.type == kube::WatchEventType::Bookmark) return true;
        if (uid_of(event.object) == claim.object_uid &&
            event.type != kube::WatchEventType::Deleted) {
          const auto carried = carries(event.object, request.spec, pointers, secret_key_);
          const bool held = held_request(read_marks(event.object, how), request.spec.policy.name,
                                         event.object) == request.metadata.name;
          stored = stored || !carried.ok() || (*carried && !held);
        }
        reached_now = !now_version.empty() && version_of(event.object) == now_version;
        return !stored && !reached_now;
      });
  if (stored) return true;
  if (!ended.ok()) return ended.error();
  // An update's own old version must have come by, or the history has a gap.
  if (write.operation == Operation::Update && !reached_now)
    return Error{ErrorKind::Unavailable,
                 "the history of the object could not be read to its end; try again", ""};
  return false;
}

Result<Done> Claims::take(const ApprovalRequest& request, const Write& write,
                          Deadline deadline) const {
  Claim claim;
  claim.object_uid = uid_of(owner_of(write));
  claim.base_resource_version = version_of(write.old_object);
  claim.time = to_rfc3339_micro(clock_.now());
  claim.writer = write.user;
  if (claim.object_uid.empty())
    return invalid("the API server gave the object no uid, so its approval cannot be claimed");
  if (write.operation == Operation::Create) {
    HP_ASSIGN(const Json page, client_.get_raw(collection_of(write).text() + "?limit=1", deadline));
    claim.base_resource_version = version_of(page);
  }
  const Json before =
      request.status.claim.has_value() ? encode_part(*request.status.claim) : Json();
  const Json patch{{"metadata", {{"resourceVersion", request.metadata.resource_version}}},
                   {"status", {{"claim", replaced(before, encode_part(claim))}}}};
  const auto written = client_.patch({kGroup, kVersion, kind_info<ApprovalRequest>().plural,
                                      request.metadata.namespace_, request.metadata.name, "status"},
                                     kube::PatchType::Merge, patch, {}, deadline);
  if (!written.ok()) return written.error();
  return Done{};
}

}  // namespace holdpoint::webhook
