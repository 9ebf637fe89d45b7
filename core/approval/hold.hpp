// How an object is held: the mode, the marks on the object, and the patch that puts them there.
//
// An object that is stored held is paused (Deployment), suspended (Job) or its pods wait for a
// scheduling gate (Job), and carries the annotations below. Each policy owns its own entry in
// kHeldAnnotation; the object resumes when the last entry goes. Pure; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "crds/kinds.hpp"

namespace holdpoint {

// "policy/request[,policy/request]": the request by which each policy holds the object. Read it by
// held_request().
inline constexpr const char* kHeldAnnotation = "holdpoint.dev/held";
// JSON array of the user names whose writes are part of what is stored held.
inline constexpr const char* kHeldByAnnotation = "holdpoint.dev/held-by";
// "true" when the user had paused or suspended the object on purpose.
inline constexpr const char* kUserPausedAnnotation = "holdpoint.dev/user-paused";
// On ApprovalPolicies: "<generation> <user name>", who wrote the spec of that generation; stamped
// at admission.
inline constexpr const char* kChangedByAnnotation = "holdpoint.dev/changed-by";
// Typed by users: why; and the denied request that is asked for again.
inline constexpr const char* kReasonAnnotation = "holdpoint.dev/reason";
inline constexpr const char* kAskAgainAnnotation = "holdpoint.dev/ask-again";
// Labels on ApprovalRequests and Approvals.
inline constexpr const char* kPolicyLabel = "holdpoint.dev/policy";
inline constexpr const char* kKeyLabel = "holdpoint.dev/key";
inline constexpr const char* kTargetLabel = "holdpoint.dev/target";
inline constexpr const char* kRequestLabel = "holdpoint.dev/request-uid";  // on Approvals
inline constexpr const char* kDecisionLabel = "holdpoint.dev/decision";    // likewise

// The scheduling gate of a Job's pods (KEP-3521), and the label by which they are found. Both are
// in the Job's template for good, which nothing can change; the operator takes the gate from each
// pod once the Job is not held.
inline constexpr const char* kSchedulingGate = "holdpoint.dev/approval";
inline constexpr const char* kGatedLabel = "holdpoint.dev/gated";
[[nodiscard]] bool has_gate(const Json* pod_spec);
// RFC 6902 patch that takes the gate from a pod, by resourceVersion.
[[nodiscard]] Json ungate_patch(const RawObject& pod);
// Selects the pods of a Job that have had a gate, by labels.
[[nodiscard]] std::string gated_pods_of(const RawObject& job);
// The owner reference that controls an object; null where there is none.
[[nodiscard]] Json controller_of(const RawObject& object);

enum class Pausable { No, Deployment, Job };
[[nodiscard]] Pausable pausable(const std::string& group, const std::string& resource);

// What the marks on an object say. They prove nothing by themselves: a request that is named must
// exist, be of this target and policy, and not be released.
struct Marks {
  std::map<std::string, std::string> held;  // policy -> request
  std::set<std::string> held_by;
  bool user_paused = false;
  bool paused = false;  // spec.paused or spec.suspend is true
  bool gated = false;   // a Job's pods get the scheduling gate
  [[nodiscard]] bool holds() const { return (paused || gated) && !held.empty(); }
  bool operator==(const Marks&) const = default;
};
[[nodiscard]] Marks read_marks(const RawObject& object, Pausable how);
// `marks` without the entry of `policy`; after the last one all is as the user had it.
[[nodiscard]] Marks without_hold(Marks marks, const std::string& policy);

// A generated object gets its mark before it has a uid: the mark ends in this, which stands for it.
// (metadata.generateName tells nothing later: whoever may write the object may change it.)
inline constexpr const char* kUidToCome = "-*";
// Name of the request by which `policy` holds `object`; empty when it does not.
[[nodiscard]] std::string held_request(const Marks& marks, const std::string& policy,
                                       const RawObject& object);
// A mark as the name of a request: kUidToCome becomes the first 8 digits of the object's uid, or
// nothing while it has none.
[[nodiscard]] std::string held_request_name(const std::string& mark, const RawObject& object);

// A key as a token of a JSON pointer (RFC 6901): '~' and '/' are escaped.
[[nodiscard]] std::string pointer_token(std::string_view key);
// The first step of an RFC 6902 patch: it fails when somebody wrote `object` meanwhile.
[[nodiscard]] Json if_unchanged(const RawObject& object);
// RFC 6902 patch that gives `object` exactly these marks, but never takes the scheduling gate from
// a Job; an empty array when it has them already.
[[nodiscard]] Json marks_patch(const RawObject& object, Pausable how, const Marks& wanted);

// Who sends, told apart for the mode alone, never for the verdict: all of it can be forged.
enum class ClientKind { Plain, Flux, Helm, ArgoCd };
[[nodiscard]] ClientKind client_kind(const std::string& field_manager, const RawObject& object);

// Stored held where that can be and the client sees that it waits: Helm and Flux take a suspended
// Job for done, and a paused Deployment for deployed; Argo CD takes a Job for done as soon as it is
// resumed, before its pods have run. `held`: the marks of the old object where
// this policy holds it. `started`: a Job whose status.startTime is set; it is never suspended.
[[nodiscard]] RequestHold resolve_hold(HoldMode mode, Pausable how, Operation review_operation,
                                       const Marks* held, bool started, ClientKind client);
// Whether marks that name a request hold the object in this way.
[[nodiscard]] bool holds_as(const Marks& marks, RequestHold hold);

}  // namespace holdpoint
