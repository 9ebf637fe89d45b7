// The card of a request: what an approver has to know, at a glance, and the one command to go on
// with.
//
// Pure: everything it tells was read before. All text from the cluster is made visible.
// Thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/live.hpp"
#include "cli/screen.hpp"
#include "core/approval/standing.hpp"

namespace holdpoint::cli {

// A request and what is known around it. What could not be read is said, never guessed.
struct Dossier {
  ApprovalRequest request;
  std::vector<Approval> approvals;
  std::string approvals_unknown;  // why they could not be read; then the status alone tells of them
  enum class PolicyIs { Read, Gone, Unreadable } policy_is = PolicyIs::Unreadable;
  ApprovalPolicy policy;          // where it is Read
  Live live;                      // the target
  std::set<std::string> writers;  // user names whose writes the held object carries
  std::optional<Identity> me;     // as the API server knows the user; nullopt: it would not say
  std::optional<bool>
      authorized;  // the verb `approve` on the policy, in this namespace; nullopt: it would not say
  Instant now;
};

// Where it stands by the Approvals that are there now, whether the operator has counted them or
// not. Where the policy cannot be read, by what the request tells of it.
[[nodiscard]] Standing standing_of(const Dossier& dossier);

// "yes", or "no: ..." with the reason, or "unknown: ...".
[[nodiscard]] std::string may_approve(const Dossier& dossier);

// All but the command; no line feed at the end.
[[nodiscard]] std::string card(const Dossier& dossier, Colour colour);

// What to do with it, to be copied.
[[nodiscard]] std::string next_command(const Dossier& dossier);

// What a decision came to, in one line. `counted`: the status tells of it already.
[[nodiscard]] std::string outcome(const ApprovalRequest& request, Decision decision,
                                  const std::string& approval, bool counted);

// A user name for people: visible, cut, and marked where it mixes scripts.
[[nodiscard]] std::string person(const std::string& username);

// "deployment/web", as it is typed.
[[nodiscard]] std::string typed_target(const Target& target);

// Somebody broke the glass, and nobody has reviewed it.
[[nodiscard]] bool owes_review(const ApprovalRequest& request);
[[nodiscard]] std::string review_command(const ApprovalRequest& request);

// The table of `list`, newest last.
[[nodiscard]] std::string request_table(std::vector<ApprovalRequest> requests, Instant now,
                                        Colour colour);

}  // namespace holdpoint::cli
