// The user's own conditions of a policy, as its entries carry them. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "crds/json.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::operator_ {

// Whether a CEL expression reads this variable; its name in a string, or as a member, is not it.
[[nodiscard]] bool reads(std::string_view expression, std::string_view variable);

// As matchConditions. What is held is judged on every update, whatever they say.
[[nodiscard]] Json user_conditions(const ApprovalPolicySpec& spec);

// Why an update could leave the policy's conditions unseen: one of them looks at the new object
// alone. Empty where none does.
[[nodiscard]] std::string one_sided(const ApprovalPolicySpec& spec);

}  // namespace holdpoint::operator_
