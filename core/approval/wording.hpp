// What people read when a write is held or refused.
//
// A denial's first line stands alone (clients cut there), its last line is the command to copy. A
// warning is one line, for the API server drops broken ones; of at most 120 characters, but for
// those that answer a dry run, which people ask for to read them: up to 256, where the API server
// may begin to cut (k8s.io/apiserver, truncateItemRunes).
// No text here, ours or a user's, ever says that something cannot be changed: GitOps clients delete
// live objects on such words. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "core/approval/standing.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

inline constexpr std::size_t kWarningColumns = 120, kAnswerColumns = 256;

// "Deployment production/web".
[[nodiscard]] std::string describe_target(const Target& target);

[[nodiscard]] std::vector<std::string> held_warnings(const Target& target,
                                                     const std::string& request,
                                                     const Standing& standing);
// For a dry run, and for policies that only warn: what would happen, who would be asked, and why it
// is risky.
[[nodiscard]] std::vector<std::string> would_hold_warnings(const Target& target,
                                                           const ApprovalPolicy& policy,
                                                           RequestHold hold,
                                                           const Standing& standing,
                                                           const Risk& risk);
[[nodiscard]] std::string denied_message(const Target& target, Operation operation,
                                         const std::string& request, const ApprovalPolicy& policy,
                                         const Standing& standing,
                                         const std::vector<std::string>& summary);

// Breaks up the words that make GitOps clients delete ("immutable").
[[nodiscard]] std::string harmless(std::string text);

}  // namespace holdpoint
