// Asking ahead: an ApprovalRequest that a person makes before the change is sent.
//
// People give the object as a dry run gave it, and why (and the policy, if they like); everything
// else is computed here by the evaluator that will judge the change itself, and what was typed
// there is overwritten. Never for Secrets. The API server's own conditions of the policy (CEL) are
// not looked at: at worst something is asked that flows anyway. Blocking; thread-safe.
#pragma once

#include "webhook/gate.hpp"

namespace holdpoint::webhook {

class Ahead {
 public:
  Ahead(const kube::Client& client, const Gate& gate) : client_(client), gate_(gate) {}

  // Mutating, on CREATE by anybody but the webhook: name, labels and spec.
  [[nodiscard]] Answer stamp(const Write& write, Deadline deadline) const;
  // Validating: nothing changed it since.
  [[nodiscard]] Answer check(const Write& write, Deadline deadline) const;

 private:
  // The request that this one has to be.
  [[nodiscard]] Result<ApprovalRequest> wanted(const Write& write, Deadline deadline) const;
  [[nodiscard]] Result<Write> proposed_write(const Write& write, const RawObject& proposed,
                                             Deadline deadline) const;
  [[nodiscard]] Result<std::string> out_of_scope(const Write& proposed,
                                                 const ApprovalPolicy& policy,
                                                 Deadline deadline) const;
  [[nodiscard]] Result<std::vector<std::string>> policy_names(Deadline deadline) const;

  const kube::Client& client_;
  const Gate& gate_;
};

}  // namespace holdpoint::webhook
