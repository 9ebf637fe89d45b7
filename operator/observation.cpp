#include "operator/observation.hpp"

#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/verdict.hpp"
#include "core/change/covered.hpp"

namespace holdpoint::operator_ {
namespace {

Observation stale(std::string why) {
  Observation observation;
  observation.stale = std::move(why);
  return observation;
}

Observation released() {
  Observation observation;
  observation.released = true;
  return observation;
}

Observation observe_absent(const ObservationInput& input) {
  const ApprovalRequest& request = *input.request;
  const bool claimed = request.status.claim.has_value();
  if (request.spec.operation == Operation::Delete) {
    if (claimed) return released();
    return stale("the object is gone without this approval; nothing is left to delete");
  }
  const bool may_come =
      request.spec.operation == Operation::Create &&
      (!is_stored_held(request.spec.hold) || claimed || (input.young && !input.seen));
  if (may_come) return {};
  return stale("the object is gone; apply the change again to ask anew");
}

}  // namespace

Observation observe(const ObservationInput& input) {
  const ApprovalRequest& request = *input.request;
  const ApprovalRequestSpec& spec = request.spec;
  const Target& target = spec.target;
  const std::string uid = string_at(input.target, {"metadata", "uid"});
  const auto& claim = request.status.claim;
  const bool replaced = !target.uid.empty() && uid != target.uid;
  if (input.target.is_null() || replaced) return observe_absent(input);

  // Finalizers may keep it for long: what is on its way out is deleted.
  const bool going = !string_at(input.target, {"metadata", "deletionTimestamp"}).empty();
  if (spec.operation == Operation::Delete && going) return observe_absent(input);

  const Pausable how = pausable(target.group, target.resource);
  const Marks marks = read_marks(input.target, how);
  // Without the install's key a Secret says nothing: neither that it moved nor that it is there.
  if (target.group.empty() && target.resource == "secrets" && input.secret_key.empty()) return {};
  const auto carried = carries(input.target, spec, input.pointers, input.secret_key);
  if (!carried.ok()) return stale("the object can no longer be judged: " + carried.error().message);
  const bool has_content = *carried;

  if (is_stored_held(spec.hold) && marks.holds() &&
      held_request(marks, spec.policy.name, input.target) == request.metadata.name) {
    if (!has_content)
      return stale(
          "the object was edited while it was held: what is held now has a request of its own");
    Observation observation;
    observation.held_here = true;
    observation.writers = marks.held_by;
    return observation;
  }
  const bool held_by_policy = input.holder != nullptr;
  const bool stored_held = is_stored_held(spec.hold);
  if (has_content && !held_by_policy && claim.has_value() && claim->object_uid == uid)
    return released();

  // What a change is measured against is what runs: under a hold, what the hold recorded.
  std::string reference;
  if (held_by_policy) {
    reference = input.holder->spec.base_digest;
  } else {
    const auto digest = content_digest(covered_part(input.target, target.group, target.resource,
                                                    input.pointers, input.secret_key));
    if (!digest.ok()) return stale("the object can no longer be judged: " + digest.error().message);
    reference = *digest;
  }
  if (spec.operation == Operation::Create && !held_by_policy) {
    if (claim.has_value() && claim->object_uid == uid) return released();
    if (stored_held && input.young && !input.seen) return {};
    return stale("an object of this name is there without this approval");
  }
  if (reference != spec.base_digest)
    return stale(
        "what runs is not what this change was measured against any more; apply it again to ask "
        "anew");
  if (stored_held && !held_by_policy && (input.seen || !input.young))
    return stale("the object was put back to what ran before");
  return {};
}

}  // namespace holdpoint::operator_
