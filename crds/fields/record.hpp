// AuditRecord.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

HP_SPELLING(Fact, 21, {Fact::Requested, "Requested"}, {Fact::Approved, "Approved"},
            {Fact::Denied, "Denied"}, {Fact::Withdrawn, "Withdrawn"}, {Fact::Revoked, "Revoked"},
            {Fact::Granted, "Granted"}, {Fact::Claimed, "Claimed"}, {Fact::Released, "Released"},
            {Fact::Expired, "Expired"}, {Fact::Superseded, "Superseded"}, {Fact::Stale, "Stale"},
            {Fact::PolicyChanged, "PolicyChanged"}, {Fact::Tampered, "Tampered"},
            {Fact::Restored, "Restored"}, {Fact::Escalated, "Escalated"},
            {Fact::BreakGlass, "BreakGlass"}, {Fact::Reviewed, "Reviewed"},
            {Fact::Disarmed, "Disarmed"}, {Fact::Armed, "Armed"}, {Fact::Voided, "Voided"},
            {Fact::Retriggered, "Retriggered"});

template <class V>
void fields(V& v, Tag<AuditSubject>) {
  using T = AuditSubject;
  v("request", &T::request, {.doc = "Name of the ApprovalRequest.", .max_length = bounds::kName});
  v("requestUID", &T::request_uid, {.doc = "Its uid.", .max_length = 64});
  v("policy", &T::policy, {.doc = "Name of the policy.", .max_length = bounds::kName});
  v("group", &T::group, {.doc = "API group of the object.", .max_length = bounds::kName});
  v("kind", &T::kind, {.doc = "Its kind.", .max_length = 63});
  v("namespace", &T::namespace_, {.doc = "Its namespace.", .max_length = 63});
  v("name", &T::name, {.doc = "Its name.", .max_length = bounds::kName});
}

template <class V>
void fields(V& v, Tag<AuditRecordSpec>) {
  using T = AuditRecordSpec;
  v("sequence", &T::sequence,
    {.doc = "Number of the record, from 1 without gaps; also its name.",
     .required = true,
     .minimum = 1,
     .maximum = 999999999999});
  v("previousHash", &T::previous_hash,
    {.doc = "Hash of the record before; zeros for the first.",
     .required = true,
     .max_length = 64,
     .pattern = bounds::kHex64});
  v("hash", &T::hash,
    {.doc = "SHA-256 over everything else here in canonical form.",
     .required = true,
     .max_length = 64,
     .pattern = bounds::kHex64});
  v("factId", &T::fact_id,
    {.doc = "The same fact has the same id, so that it is written once.",
     .required = true,
     .max_length = 128});
  v("time", &T::time,
    {.doc = "When it was recorded (RFC 3339, microseconds).",
     .required = true,
     .max_length = bounds::kTime});
  v("occurredAt", &T::occurred_at,
    {.doc = "When it happened, by the API server's clock.", .max_length = bounds::kTime});
  v("fact", &T::fact, {.doc = "What happened.", .required = true});
  v("actor", &T::actor, {.doc = "Who did it.", .required = true});
  v("subject", &T::subject, {.doc = "What it is about.", .required = true});
  v("contentDigest", &T::content_digest,
    {.doc = "Digest of the content that it is about.", .max_length = 71});
  v("bindingDigest", &T::binding_digest,
    {.doc = "Digest that approvals of it are bound to.", .max_length = 71});
  v("reason", &T::reason, {.doc = "People's words.", .max_length = 2048});
  v("message", &T::message, {.doc = "Our words.", .max_length = 4096});
}

}  // namespace holdpoint
