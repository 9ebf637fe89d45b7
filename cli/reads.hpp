// What the commands read from the cluster through kubectl. Blocking; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cli/card.hpp"
#include "cli/kubectl.hpp"

namespace holdpoint::cli {

enum class Namespaces { One, All };

// All requests of the namespace that kubectl is pointed at, or of all. One that cannot be
// understood is named on stderr and left out.
[[nodiscard]] Result<std::vector<ApprovalRequest>> read_requests(const Kubectl& kubectl,
                                                                 Namespaces which);

// The request that is meant by a name or the start of one.
[[nodiscard]] Result<ApprovalRequest> read_request(const Kubectl& kubectl,
                                                   const std::string& typed);

// The request by its whole name.
[[nodiscard]] Result<ApprovalRequest> read_named_request(const Kubectl& kubectl,
                                                         const std::string& namespace_,
                                                         const std::string& name);

// Everything around a request, as far as this user may read it.
[[nodiscard]] Dossier read_dossier(const Kubectl& kubectl, ApprovalRequest request);

}  // namespace holdpoint::cli
