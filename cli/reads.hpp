// What the commands read from the cluster through kubectl. Blocking; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cli/card.hpp"
#include "cli/change_set.hpp"
#include "cli/kubectl.hpp"

namespace holdpoint::cli {

// The user, as the API server knows them.
[[nodiscard]] Result<Identity> read_me(const Kubectl& kubectl);

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

// The same requests as they are now, in one call; as they were where that cannot be read.
[[nodiscard]] std::vector<ApprovalRequest> read_again(const Kubectl& kubectl,
                                                      std::vector<ApprovalRequest> requests);

// What the ended ones of `requests` left held, in one call, of a bounded number of targets.
[[nodiscard]] Leftovers read_leftovers(const Kubectl& kubectl,
                                       const std::vector<ApprovalRequest>& requests);

// "namespace web", the one that kubectl is pointed at; "this namespace" where it does not tell.
[[nodiscard]] std::string told_namespace(const Kubectl& kubectl);

// Everything around a request, as far as this user may read it.
[[nodiscard]] Dossier read_dossier(const Kubectl& kubectl, ApprovalRequest request);

}  // namespace holdpoint::cli
