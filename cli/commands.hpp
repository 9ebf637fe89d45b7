// The commands of kubectl-holdpoint. Each reads through kubectl, prints, and answers with an Error
// for what did not work: what, why, next step. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "cli/kubectl.hpp"
#include "cli/reads.hpp"

namespace holdpoint::cli {

enum class Ended { Hidden, Shown };

// `change_set` empty: of all. Error: NotFound, where there is no such set.
[[nodiscard]] Result<Done> list(const Kubectl& kubectl, Namespaces which, Ended ended,
                                const std::string& change_set);
[[nodiscard]] Result<Done> show(const Kubectl& kubectl, const std::string& request);
// What waits of one change set, as one card.
[[nodiscard]] Result<Done> show_set(const Kubectl& kubectl, const std::string& change_set,
                                    Namespaces which);

// Shows the card, creates the Approval, and tells what came of it within some seconds.
[[nodiscard]] Result<Done> decide(const Kubectl& kubectl, const std::string& request,
                                  Decision decision, const std::string& reason,
                                  const std::string& not_before);
// Approves all that waits of one change set: one card for all, then an Approval each, in the order
// in which they should run. Nothing where `seen`, a set_digest(), is of other requests; where it is
// empty, a person at a terminal is asked first. Elsewhere the card and the Approvals are of one
// read.
[[nodiscard]] Result<Done> approve_set(const Kubectl& kubectl, const std::string& change_set,
                                       Namespaces which, const std::string& seen,
                                       const std::string& reason, const std::string& not_before);

// Asks for the objects of a manifest before they are sent.
[[nodiscard]] Result<Done> ask_ahead(const Kubectl& kubectl, const std::string& file,
                                     const std::string& reason);
// What would happen to them.
[[nodiscard]] Result<Done> simulate(const Kubectl& kubectl, const std::string& file);

// Takes the marks of approved requests from an object, for when the operator is down. The webhook
// judges it.
[[nodiscard]] Result<Done> resume(const Kubectl& kubectl, const std::string& object);
// Puts back what the object was before it was held.
[[nodiscard]] Result<Done> abandon(const Kubectl& kubectl, const std::string& object);

// `home` is where Holdpoint is installed; empty: to be found, see cli/home.hpp.

// Takes the gate down for all policies, on the record; puts it up again.
[[nodiscard]] Result<Done> disarm(const Kubectl& kubectl, const std::string& home,
                                  const std::string& reason);
[[nodiscard]] Result<Done> arm(const Kubectl& kubectl, const std::string& home,
                               const std::string& reason);

// All approvals that were not used count for nothing from here on, on the record: after a restore.
[[nodiscard]] Result<Done> void_approvals(const Kubectl& kubectl, const std::string& home,
                                          const std::string& reason);

// Whether the gate stands, and who could go around it. Error: something is broken.
[[nodiscard]] Result<Done> doctor(const Kubectl& kubectl, const std::string& home);

// `request` empty: all records.
[[nodiscard]] Result<Done> audit_list(const Kubectl& kubectl, const std::string& home,
                                      const std::string& request);
// `expected_records` 0 and `expected_head` empty: without a checkpoint.
[[nodiscard]] Result<Done> audit_verify(const Kubectl& kubectl, const std::string& home,
                                        std::int64_t expected_records,
                                        const std::string& expected_head);

}  // namespace holdpoint::cli
