// The covered part of an object: what an approval is bound to, and nothing else of it.
//
// Never in it: status, the server's own metadata, annotations of ours, what holds an object
// (`paused`, `suspend`), and labels and selectors that the Job controller generates. A Secret's
// values are replaced by an HMAC and their size before anything else sees them. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "crds/json.hpp"

namespace holdpoint {

// The JSON pointers that are covered when a policy names none: a Deployment's (StatefulSet's,
// DaemonSet's, ReplicaSet's) /spec/template, a ConfigMap's data, binaryData and immutable, a
// Secret's data, type and immutable, the rules of Roles, roleRef and subjects of bindings, else
// /spec.
[[nodiscard]] std::vector<std::string> default_changes(const std::string& group,
                                                       const std::string& resource);
// `changes` of the policy, or the default of the kind.
[[nodiscard]] std::vector<std::string> covered_pointers(const std::vector<std::string>& changes,
                                                        const std::string& group,
                                                        const std::string& resource);

// {pointer: value} for every pointer that exists in `object`; JSON null where `object` is null (no
// object). `secret_key` is the install's HMAC key, used for core/secrets only.
[[nodiscard]] Json covered_part(const RawObject& object, const std::string& group,
                                const std::string& resource,
                                const std::vector<std::string>& pointers,
                                const std::string& secret_key);

// Puts a recorded covered part back into an object: sets every pointer that `covered` has, removes
// those of `pointers` that it lacks. For kubectl holdpoint abandon. Error: Invalid when a parent is
// no object.
[[nodiscard]] Result<RawObject> with_covered_part(RawObject object, const Json& covered,
                                                  const std::vector<std::string>& pointers);

// True when any string below holds U+FFFD: two different byte strings may look the same here, so
// nothing can be judged about it.
[[nodiscard]] bool has_replacement_character(const Json& value);

}  // namespace holdpoint
