// Separation of duties: who is barred from approving, whatever roles they have. It is whoever
// asked, and whoever stands behind them: may act as them, or steer the robot that asked.
//
// Read live from the API server. Blocking; thread-safe.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "crds/kinds.hpp"
#include "kube/client.hpp"
#include "kube/discovery.hpp"

namespace holdpoint {

struct ServiceAccount {
  std::string namespace_, name;
};

// nullopt: it is no service account's user name.
[[nodiscard]] std::optional<ServiceAccount> service_account(const std::string& username);

// Whether RBAC grants one of the verbs on `what`, whose own verb does not count.
[[nodiscard]] Result<bool> may_any(const kube::Client& client, const Identity& who,
                                   std::initializer_list<const char*> verbs,
                                   kube::Client::Attributes what, Deadline deadline);

// Where it is asked, and until when.
struct Asking {
  const kube::Client& client;
  const kube::Discovery& discovery;
  Deadline deadline;
};

// Why `who` may not approve this request; empty: nothing bars them. `policy` nullptr: it is gone.
[[nodiscard]] Result<std::string> barred(const Asking& ask, const Identity& who,
                                         const ApprovalRequest& request,
                                         const ApprovalPolicy* policy);

}  // namespace holdpoint
