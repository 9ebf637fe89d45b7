// Approval.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

HP_SPELLING(Decision, 5, {Decision::Approve, "Approve"}, {Decision::Deny, "Deny"},
            {Decision::Withdraw, "Withdraw"}, {Decision::BreakGlass, "BreakGlass"},
            {Decision::Review, "Review"});

template <class V>
void fields(V& v, Tag<RequestReference>) {
  using T = RequestReference;
  v("name", &T::name,
    {.doc = "Name of the ApprovalRequest in the same namespace.",
     .required = true,
     .min_length = 1,
     .max_length = bounds::kName});
  v("uid", &T::uid, {.doc = "Its uid. Filled in at admission; leave it out.", .max_length = 64});
  v("bindingDigest", &T::binding_digest,
    {.doc = "The digest that this decision is bound to. Filled in at admission; leave it out.",
     .max_length = 71,
     .pattern = bounds::kDigest});
}

template <class V>
void fields(V& v, Tag<ApprovalSpec>) {
  using T = ApprovalSpec;
  v("request", &T::request, {.doc = "The request that is decided on.", .required = true});
  v("decision", &T::decision,
    {.doc = "Approve fills a slot. Deny ends the request. Withdraw ends it too and is the "
            "requester's alone. BreakGlass passes it without the approvals, where the policy lets "
            "the author do so; Review says that somebody else has looked at that afterwards. An "
            "Approval "
            "never changes; delete it to revoke an Approve that was not used.",
     .required = true});
  v("reason", &T::reason, {.doc = "Why. Goes to the audit trail as written.", .max_length = 2048});
  v("notBefore", &T::not_before,
    {.doc = "The change may not be stored before this time (RFC 3339), such as "
            "2026-11-23T22:00:00Z. Its validity counts from then.",
     .max_length = bounds::kTime,
     .rules = bounds::kNotBeforeRule});
  v("policy", &T::policy,
    {.doc = "Name of the request's policy. Filled in at admission; leave it out.",
     .max_length = bounds::kName});
  v("author", &T::author,
    {.doc = "Who decided. Filled in at admission from what the API server authenticated; what is "
            "typed here is overwritten."});
}

}  // namespace holdpoint
