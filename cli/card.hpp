// The card of a request: what an approver has to know, at a glance, and the commands to go on with.
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
  bool reads_trail = false;  // may list AuditRecords, as far as is known
  Instant now;
};

// Where it stands by the Approvals that are there now, whether the operator has counted them or
// not. Where the policy cannot be read, by what the request tells of it.
[[nodiscard]] Standing standing_of(const Dossier& dossier);

// "yes", or "no: ..." with the reason, or "unknown: ...".
[[nodiscard]] std::string may_approve(const Dossier& dossier);

// All but the commands; no line feed at the end.
[[nodiscard]] std::string card(const Dossier& dossier, Colour colour);

// What this reader can do with it: a line for each command, with what it does before it. Empty
// where there is nothing to do; no line feed at the end.
[[nodiscard]] std::string next_steps(const Dossier& dossier);

// `text` beside its label, as the lines of a card are.
[[nodiscard]] std::string labelled(std::string label, const std::string& text);

// Puts back what ran before the change was stored held, or removes what is new.
[[nodiscard]] std::string put_back_command(const ApprovalRequest& request);

// What a decision came to, in one line. `counted`: the status tells of it already.
[[nodiscard]] std::string outcome(const ApprovalRequest& request, Decision decision,
                                  const std::string& approval, bool counted, Instant now);

// "deployment/web", as it is typed.
[[nodiscard]] std::string typed_target(const Target& target);

[[nodiscard]] std::string review_command(const ApprovalRequest& request);

// What it waits for, in a few words: "1 more approval, check no-freeze"; "-" where nothing keeps
// it. Checks that a policy asks for only since then are told by the status alone.
[[nodiscard]] std::string waits_for(const ApprovalRequest& request, Instant now);

// The table of `list`, newest last.
[[nodiscard]] std::string request_table(std::vector<ApprovalRequest> requests, Instant now,
                                        Colour colour);

// The table of what ended requests left held, with the command for each.
[[nodiscard]] std::string leftover_table(const std::vector<ApprovalRequest>& requests,
                                         Colour colour);

}  // namespace holdpoint::cli
