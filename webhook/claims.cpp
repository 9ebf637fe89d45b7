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

kube::ResourcePath collection_of(const Write& write) {
  return {write.group, write.version, write.resource, write.namespace_, "", ""};
}

}  // namespace

Result<ClaimState> Claims::look(const ApprovalRequest& request, const ApprovalPolicy& policy,
                                const Write& write, bool resumes, Deadline deadline) const {
  if (!request.status.claim.has_value()) return ClaimState::Free;
  const Claim& claim = *request.status.claim;
  switch (write.operation) {
    case Operation::Create:
      if (claim.object_uid == uid_of(write.object)) return ClaimState::Ours;
      break;
    case Operation::Delete:
      if (claim.object_uid == uid_of(write.old_object)) return ClaimState::Ours;
      break;
    case Operation::Update:
      if (claim.object_uid == uid_of(write.old_object)) {
        if (claim.base_resource_version == version_of(write.old_object)) return ClaimState::Ours;
        // The object is still held by this request, so whoever claimed the release did not get it
        // stored.
        if (resumes) return ClaimState::Free;
      }
      break;
  }
  // An update is stored only over the very version that was reviewed: once that is gone, history
  // tells. A creation may still be on its way.
  if (write.operation != Operation::Update) {
    const auto taken = parse_rfc3339(claim.time);
    if (!taken.ok()) return ClaimState::Used;
    if (clock_.now() - *taken < kLateStore) return ClaimState::Busy;
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
  const RawObject& owner = write.old_object.is_null() ? write.object : write.old_object;
  claim.object_uid = uid_of(owner);
  claim.base_resource_version = version_of(write.old_object);
  claim.time = to_rfc3339_micro(clock_.now());
  claim.writer = write.user;
  if (claim.object_uid.empty())
    return invalid("the API server gave the object no uid, so its approval cannot be claimed");
  if (write.operation == Operation::Create) {
    HP_ASSIGN(const Json page, client_.get_raw(collection_of(write).text() + "?limit=1", deadline));
    claim.base_resource_version = version_of(page);
  }
  ApprovalRequest claimed = request;
  claimed.status.claim = std::move(claim);
  const Json whole = encode(claimed);
  const Json patch{{"metadata", {{"resourceVersion", request.metadata.resource_version}}},
                   {"status", {{"claim", whole.at("status").at("claim")}}}};
  const auto written = client_.patch({kGroup, kVersion, kind_info<ApprovalRequest>().plural,
                                      request.metadata.namespace_, request.metadata.name, "status"},
                                     kube::PatchType::Merge, patch, {}, deadline);
  if (!written.ok()) return written.error();
  return Done{};
}

}  // namespace holdpoint::webhook
