// Who wrote what a policy says: stamped on the policy, for the trail to tell.
//
// The API server's own policy (holdpoint-policy-author) refuses a stamp that is not true. Nothing
// is decided by it, and a policy can be written without us: then the trail names nobody. Pure.
#pragma once

#include "webhook/answer.hpp"

namespace holdpoint::webhook {

// A write of an ApprovalPolicy: its spec is new, and the stamp names who wrote it and the
// generation that it becomes; or the stamp stays what it was, whatever was typed.
[[nodiscard]] Answer stamp_author(const Write& write);

}  // namespace holdpoint::webhook
