// What `helm test` asks: does the API server have writes judged, and is every policy in force?
#pragma once

#include <string>
#include <vector>

#include "kube/client.hpp"

namespace holdpoint::operator_ {

// One line for each thing that is as it should be. Waits up to 30 s for policies to become Ready.
// Error: what is not, and what to do. Needs `create` on approvals in `home` and `list` on
// approvalpolicies; stores nothing.
[[nodiscard]] Result<std::vector<std::string>> probe(const kube::Client& client,
                                                     const std::string& home);

}  // namespace holdpoint::operator_
