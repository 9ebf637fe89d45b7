// One approval serves one stored change: the claim on it, taken before the write is allowed.
//
// A claim is `status.claim` of the request, written by compare-and-swap. States of a claim, seen
// from a write:
//   Free    nobody has it, or whoever had it provably never stored: may be taken
//   Ours    this very write has it already (the API server calls again for one user request)
//   Busy    another write has it and may still be stored: wait
//   Used    the content was stored once, or that cannot be ruled out any more
// A claimed write that stays away is proven by history: a watch from the claim's resourceVersion
// shows every version since. Blocking; thread-safe.
#pragma once

#include "base/clock.hpp"
#include "core/approval/verdict.hpp"
#include "kube/client.hpp"

namespace holdpoint::webhook {

enum class ClaimState { Free, Ours, Busy, Used };

class Claims {
 public:
  Claims(const kube::Client& client, const Clock& clock, const std::string& secret_key)
      : client_(client), clock_(clock), secret_key_(secret_key) {}

  // Before a claim on another object (one that may still be created) is looked into, kLateStore
  // passes. `resumes`: the write takes the hold of this request off the object that it holds.
  [[nodiscard]] Result<ClaimState> look(const ApprovalRequest& request,
                                        const ApprovalPolicy& policy, const Write& write,
                                        bool resumes, Deadline deadline) const;
  // Takes a Free claim. Error: Conflict when somebody else was faster.
  [[nodiscard]] Result<Done> take(const ApprovalRequest& request, const Write& write,
                                  Deadline deadline) const;

 private:
  [[nodiscard]] Result<bool> was_stored(const ApprovalRequest& request,
                                        const ApprovalPolicy& policy, const Write& write,
                                        Deadline deadline) const;

  const kube::Client& client_;
  const Clock& clock_;
  const std::string& secret_key_;
};

}  // namespace holdpoint::webhook
