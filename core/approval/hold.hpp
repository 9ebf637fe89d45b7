// How an object is held: the mode, the marks on the object, and the patch that puts them there.
//
// An object that is stored held is paused (Deployment) or suspended (Job) and carries the
// annotations below. Each policy owns its own entry in kHeldAnnotation; the object resumes when the
// last entry goes. Pure; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "crds/kinds.hpp"

namespace holdpoint {

// "policy/request[,policy/request]": the request by which each policy holds the object. Read it by
// held_request().
inline constexpr const char* kHeldAnnotation = "holdpoint.dev/held";
// JSON array of the user names whose writes are part of what is stored held.
inline constexpr const char* kHeldByAnnotation = "holdpoint.dev/held-by";
// "true" when the user had paused or suspended the object on purpose.
inline constexpr const char* kUserPausedAnnotation = "holdpoint.dev/user-paused";
// Typed by users: why; and the denied request that is asked for again.
inline constexpr const char* kReasonAnnotation = "holdpoint.dev/reason";
inline constexpr const char* kAskAgainAnnotation = "holdpoint.dev/ask-again";
// Labels on ApprovalRequests and Approvals.
inline constexpr const char* kPolicyLabel = "holdpoint.dev/policy";
inline constexpr const char* kKeyLabel = "holdpoint.dev/key";
inline constexpr const char* kTargetLabel = "holdpoint.dev/target";
inline constexpr const char* kRequestLabel = "holdpoint.dev/request-uid";  // on Approvals
inline constexpr const char* kDecisionLabel = "holdpoint.dev/decision";    // likewise

enum class Pausable { No, Deployment, Job };
[[nodiscard]] Pausable pausable(const std::string& group, const std::string& resource);

// What the marks on an object say. They prove nothing by themselves: a request that is named must
// exist, be of this target and policy, and not be released.
struct Marks {
  std::map<std::string, std::string> held;  // policy -> request
  std::set<std::string> held_by;
  bool user_paused = false;
  bool paused = false;  // spec.paused or spec.suspend is true
  [[nodiscard]] bool holds() const { return paused && !held.empty(); }
  bool operator==(const Marks&) const = default;
};
[[nodiscard]] Marks read_marks(const RawObject& object, Pausable how);

// Name of the request by which `policy` holds `object`; empty when it does not. A generated object
// gets its mark before it has a uid, so there the mark is the stem and the name is
// held_request_name(stem, object).
[[nodiscard]] std::string held_request(const Marks& marks, const std::string& policy,
                                       const RawObject& object);
// "<stem>-<first 8 digits of uid>" for an object with metadata.generateName and a uid; else the
// stem.
[[nodiscard]] std::string held_request_name(const std::string& stem, const RawObject& object);

// RFC 6902 patch that gives `object` exactly these marks; an empty array when it has them already.
[[nodiscard]] Json marks_patch(const RawObject& object, Pausable how, const Marks& wanted);

// Who sends, told apart for the mode alone, never for the verdict: all of it can be forged.
enum class ClientKind { Plain, Flux, Helm };
[[nodiscard]] ClientKind client_kind(const std::string& field_manager, const RawObject& object);

// The table of DESIGN: Suspend where the object can be stored held and its client sees that it
// waits. `started`: a Job whose status.startTime is set; it is never suspended.
[[nodiscard]] RequestHold resolve_hold(HoldMode mode, Pausable how, Operation review_operation,
                                       bool old_is_held, bool started, ClientKind client);

}  // namespace holdpoint
