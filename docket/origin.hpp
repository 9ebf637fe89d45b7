// The GitOps objects that changes come from, as the API server has them now.
#pragma once

#include <string>

#include "core/change/moved_on.hpp"
#include "crds/kinds.hpp"
#include "kube/client.hpp"

namespace holdpoint {

// Where the origin is; for a Helm release nothing stands for it.
[[nodiscard]] kube::ResourcePath path_of(const Origin& origin);

// What it is going to: status.lastAttemptedRevision (Flux), or the revision of the operation under
// way, else of the last comparison (Argo CD), or as the origin says (Helm). At most kMostRevision;
// empty where it does not say, or may not be read.
[[nodiscard]] std::string revision_of(const kube::Client& client, const Origin& origin,
                                      Deadline deadline);

// Whether this process looks at Helm's records, which lie in Secrets: the labels alone, where it
// may.
enum class Records { Unread, Read };

// Whether something can still come of a request. What may not be read is Unknown.
[[nodiscard]] Result<OriginState> origin_state(const kube::Client& client,
                                               const ApprovalRequest& request, Records records,
                                               Deadline deadline);

}  // namespace holdpoint
