// What belongs together: the requests of one sync or release, in the order in which they should
// run.
//
// Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/screen.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::cli {

enum class Namespaces { One, All };

// First what its deployer runs first: hooks before, all else, hooks after; within each by wave,
// then Jobs, then configuration, then what runs, deletions last; then as they were asked.
[[nodiscard]] std::vector<ApprovalRequest> in_order(std::vector<ApprovalRequest> requests);

// NotFound: `what` and the set, and the sets that there are.
[[nodiscard]] Error no_set(const std::string& what, const std::vector<ApprovalRequest>& all,
                           const std::string& change_set);

// Those of one set, in order. Error: NotFound, with the sets that there are; Invalid where people
// named a set alike in several namespaces.
[[nodiscard]] Result<std::vector<ApprovalRequest>> set_of(const std::vector<ApprovalRequest>& all,
                                                          const std::string& change_set);

// Those that wait for a decision.
[[nodiscard]] std::vector<ApprovalRequest> pending_of(std::vector<ApprovalRequest> requests);

// What was shown, in 12 hex digits: of a SHA-256 over uid and binding digest of each, in whatever
// order they come. The API server chooses the uids.
[[nodiscard]] std::string set_digest(const std::vector<ApprovalRequest>& requests);

// Why `text` is none of set_digest(); empty where it is one.
[[nodiscard]] std::string objection_to_digest(const std::string& text);

// Approves `requests`, from set_of(), and no others; `which` as they were looked for.
[[nodiscard]] std::string approve_set_command(const std::vector<ApprovalRequest>& requests,
                                              Namespaces which);

// One card for all of them, from set_of(); no line feed at the end.
[[nodiscard]] std::string set_card(const std::vector<ApprovalRequest>& requests, Instant now,
                                   Colour colour);

// In the spelling of a shell, to be copied; visible.
[[nodiscard]] std::string shell_word(const std::string& text);

// Where a change comes from, as its target says: lines for a card, none where nothing tells.
[[nodiscard]] std::vector<std::string> told_of_origin(const ApprovalRequest& request);

}  // namespace holdpoint::cli
