// ApprovalRequest.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

HP_SPELLING(OriginKind, 4, {OriginKind::Kustomization, "Kustomization"},
            {OriginKind::HelmRelease, "HelmRelease"}, {OriginKind::Application, "Application"},
            {OriginKind::Release, "Release"});
HP_SPELLING(RequestHold, 4, {RequestHold::Suspend, "Suspend"}, {RequestHold::Gate, "Gate"},
            {RequestHold::Deny, "Deny"}, {RequestHold::Retry, "Retry"});
HP_SPELLING(RequestPhase, 9, {RequestPhase::Pending, "Pending"},
            {RequestPhase::Scheduled, "Scheduled"}, {RequestPhase::Approved, "Approved"},
            {RequestPhase::Released, "Released"}, {RequestPhase::Denied, "Denied"},
            {RequestPhase::Expired, "Expired"}, {RequestPhase::Superseded, "Superseded"},
            {RequestPhase::Stale, "Stale"}, {RequestPhase::Withdrawn, "Withdrawn"});
HP_SPELLING(CheckOutcome, 3, {CheckOutcome::Pass, "Pass"}, {CheckOutcome::Fail, "Fail"},
            {CheckOutcome::Unknown, "Unknown"});

template <class V>
void fields(V& v, Tag<RiskHit>) {
  using T = RiskHit;
  v("factor", &T::factor, {.doc = "The rule that the change meets.", .required = true});
  v("level", &T::level, {.doc = "How risky that is.", .required = true});
  v("what", &T::what, {.doc = "Where, in words of the domain.", .max_length = bounds::kText});
}

template <class V>
void fields(V& v, Tag<Risk>) {
  using T = Risk;
  v("level", &T::level, {.doc = "The highest level of all rules that the change meets; else Low."});
  v("hits", &T::hits, {.doc = "The rules that the change meets.", .max_items = 32});
}

template <class V>
void fields(V& v, Tag<CheckResult>) {
  using T = CheckResult;
  v("name", &T::name, {.doc = "Name of the check.", .required = true, .max_length = 40});
  v("definition", &T::definition,
    {.doc = "SHA-256 of what was looked up: a check that was changed since has no result yet.",
     .required = true,
     .max_length = 64,
     .pattern = bounds::kHex64});
  v("result", &T::result,
    {.doc = "Pass, Fail, or Unknown where it could not be told.", .required = true});
  v("text", &T::text, {.doc = "What was seen, in one line.", .max_length = bounds::kText});
  v("observedAt", &T::observed_at,
    {.doc = "When it was looked up.", .required = true, .max_length = bounds::kTime});
}

template <class V>
void fields(V& v, Tag<ContainerImage>) {
  using T = ContainerImage;
  v("where", &T::where, {.doc = "The container or volume.", .max_length = 512});
  v("image", &T::image,
    {.doc = "The image, as written; empty where it cannot be read.", .max_length = 1024});
}

template <class V>
void fields(V& v, Tag<ReviewDebt>) {
  using T = ReviewDebt;
  v("by", &T::by, {.doc = "Who broke the glass.", .required = true, .max_length = bounds::kUser});
  v("dueAt", &T::due_at, {.doc = "By when it must be reviewed.", .max_length = bounds::kTime});
  v("reviewedBy", &T::reviewed_by,
    {.doc = "Who reviewed it; empty as long as it is owed.", .max_length = bounds::kUser});
}

template <class V>
void fields(V& v, Tag<PolicyReference>) {
  using T = PolicyReference;
  v("name", &T::name,
    {.doc = "Name of the policy.", .required = true, .max_length = bounds::kName});
  v("uid", &T::uid,
    {.doc = "Its uid: a policy of the same name made anew is another one.",
     .required = true,
     .max_length = 64});
  v("hash", &T::hash,
    {.doc = "SHA-256 of the part of the policy that approvals depend on.",
     .required = true,
     .max_length = 71});
}

template <class V>
void fields(V& v, Tag<Target>) {
  using T = Target;
  v("group", &T::group,
    {.doc = "API group; empty for the core group.", .max_length = bounds::kName});
  v("version", &T::version, {.doc = "API version.", .required = true, .max_length = 63});
  v("kind", &T::kind, {.doc = "Kind.", .required = true, .max_length = 63});
  v("resource", &T::resource, {.doc = "Plural resource name.", .required = true, .max_length = 63});
  v("namespace", &T::namespace_,
    {.doc = "Namespace; empty for cluster-scoped kinds.", .max_length = 63});
  v("name", &T::name,
    {.doc = "Name; empty where only generateName is known.", .max_length = bounds::kName});
  v("generateName", &T::generate_name,
    {.doc = "Prefix of the name, where the name was generated.", .max_length = bounds::kName});
  v("uid", &T::uid,
    {.doc = "Uid of the object that is updated or deleted, or of a generated object that is stored "
            "held.",
     .max_length = 64});
}

template <class V>
void fields(V& v, Tag<ChangeLine>) {
  using T = ChangeLine;
  v("what", &T::what,
    {.doc = "What changes: image, env, replicas, data, field...",
     .required = true,
     .max_length = 63});
  v("where", &T::where, {.doc = "Where: container, key or path.", .max_length = bounds::kText});
  v("from", &T::from,
    {.doc = "What it was; empty where it was not there.", .max_length = bounds::kText});
  v("to", &T::to, {.doc = "What it will be; empty where it goes.", .max_length = bounds::kText});
}

template <class V>
void fields(V& v, Tag<Origin>) {
  using T = Origin;
  v("kind", &T::kind,
    {.doc =
         "Kustomization and HelmRelease are Flux's, Application is Argo CD's, Release is Helm's.",
     .required = true});
  v("namespace", &T::namespace_, {.doc = "Its namespace.", .max_length = bounds::kName});
  v("name", &T::name,
    {.doc = "Its name; empty where a hook of Helm's does not tell its release.",
     .max_length = bounds::kName});
  v("revision", &T::revision,
    {.doc = "What it was going to, such as main@sha1:1f2e3d; of a Helm release its chart.",
     .max_length = 512});
  v("hook", &T::hook,
    {.doc = "When its deployer runs the target, such as pre-upgrade or PreSync; empty where it is "
            "no hook.",
     .max_length = 120});
  v("wave", &T::wave,
    {.doc = "Helm's hook weight or Argo CD's sync wave of the target: lower ones come first.",
     .minimum = -1000000,
     .maximum = 1000000});
}

template <class V>
void fields(V& v, Tag<Owner>) {
  using T = Owner;
  v("group", &T::group,
    {.doc = "Its API group; empty for the core one.", .max_length = bounds::kName});
  v("kind", &T::kind, {.doc = "Its kind.", .required = true, .max_length = bounds::kName});
  v("name", &T::name, {.doc = "Its name.", .required = true, .max_length = bounds::kName});
}

template <class V>
void fields(V& v, Tag<ApprovalRequestSpec>) {
  using T = ApprovalRequestSpec;
  v("policy", &T::policy, {.doc = "The policy that holds the change.", .required = true});
  v("target", &T::target, {.doc = "The object that changes.", .required = true});
  v("operation", &T::operation,
    {.doc = "CREATE, UPDATE or DELETE, measured against what runs: an edit of an object whose "
            "creation is held is a CREATE.",
     .required = true});
  v("hold", &T::hold,
    {.doc = "How this change waits: Suspend, Gate, Deny or Retry.", .required = true});
  v("baseDigest", &T::base_digest,
    {.doc = "Digest of the covered part that the change is measured against; absent where there is "
            "none.",
     .required = true,
     .max_length = 71,
     .pattern = bounds::kDigest});
  v("contentDigest", &T::content_digest,
    {.doc = "Digest of the proposed covered part; absent for a deletion.",
     .required = true,
     .max_length = 71,
     .pattern = bounds::kDigest});
  v("bindingDigest", &T::binding_digest,
    {.doc = "Digest over cluster, policy, target, operation, base and content: what an Approval is "
            "bound to.",
     .required = true,
     .max_length = 71,
     .pattern = bounds::kDigest});
  v("attempt", &T::attempt,
    {.doc = "How often this same change was asked for, counted from 1.",
     .required = true,
     .minimum = 1,
     .maximum = 1000000});
  v("askedAt", &T::asked_at,
    {.doc = "When it was asked, by the webhook's clock in microseconds: tells the newer of two "
            "requests that were made within one second.",
     .max_length = bounds::kTime});
  v("requester", &T::requester,
    {.doc = "Who sent the write, as the admission review names them.", .required = true});
  v("client", &T::client,
    {.doc = "Field manager that sent it, such as kubectl or argocd-controller.",
     .max_length = 512});
  v("reason", &T::reason,
    {.doc = "Why, from the object's annotation holdpoint.dev/reason or kubernetes.io/change-cause.",
     .max_length = 2048});
  v("summary", &T::summary,
    {.doc = "What changes, in a few lines for people.",
     .max_length = bounds::kText,
     .max_items = 16});
  v("changes", &T::changes, {.doc = "What changes, one entry each.", .max_items = 64});
  v("diff", &T::diff,
    {.doc = "The difference, by merge key and bounded. A Secret's values are never in it.",
     .max_length = 16384});
  v("stages", &T::stages,
    {.doc = "What the policy asked for when this was requested.",
     .required = true,
     .min_items = 1,
     .max_items = 16});
  v("separationOfDuties", &T::separation_of_duties,
    {.doc = "What the policy said of it when this was requested."});
  v("autoApprove", &T::auto_approve, {.doc = "What the policy let flow when this was requested."});
  v("checks", &T::checks,
    {.doc = "What the policy wanted to be true when this was requested.", .max_items = 8});
  v("images", &T::images,
    {.doc = "The images that the proposed content runs; one more than 64 tells that there are "
            "more.",
     .max_items = 65});
  v("risk", &T::risk, {.doc = "How risky the change is, and why."});
  v("authors", &T::authors,
    {.doc = "Authors named by annotations, unverified: they may not approve.",
     .max_length = bounds::kUser,
     .max_items = 16});
  v("changeSet", &T::change_set,
    {.doc = "What belongs together, such as the Argo CD application or the Helm release that it "
            "comes from.",
     .max_length = 512});
  v("origin", &T::origin,
    {.doc = "The Flux or Argo CD object, or the Helm release, that made the change, as the target "
            "says."});
  v("owners", &T::owners,
    {.doc =
         "What owns the target (metadata.ownerReferences). Where a service account asks, such as "
         "a CronJob's controller, whoever may write one of these counts as the requester.",
     .max_items = 64});
  v("proposed", &T::proposed,
    {.doc =
         "Asked ahead: the object as a dry run gave it. Give this, the policy's name and a reason; "
         "all else is computed."});
  v("base", &T::base,
    {.doc = "The covered part that runs, kept while the object is stored held, so that it can be "
            "put back."});
}

template <class V>
void fields(V& v, Tag<Claim>) {
  using T = Claim;
  v("objectUID", &T::object_uid,
    {.doc = "Uid of the object that the approval was spent on.",
     .required = true,
     .max_length = 64});
  v("baseResourceVersion", &T::base_resource_version,
    {.doc =
         "resourceVersion of the object before the write, or of its collection before a creation.",
     .max_length = 64});
  v("time", &T::time,
    {.doc = "When (RFC 3339, microseconds).", .required = true, .max_length = bounds::kTime});
  v("writer", &T::writer, {.doc = "Whose write it was.", .required = true});
}

template <class V>
void fields(V& v, Tag<DecisionLine>) {
  using T = DecisionLine;
  v("approval", &T::approval, {.doc = "Name of the Approval.", .max_length = bounds::kName});
  v("username", &T::username, {.doc = "Who decided.", .max_length = bounds::kUser});
  v("decision", &T::decision, {.doc = "Approve, Deny or Withdraw.", .max_length = 16});
  v("stage", &T::stage,
    {.doc = "Stage whose slot it fills; empty where it fills none.", .max_length = 63});
  v("reason", &T::reason, {.doc = "The author's words.", .max_length = 2048});
  v("note", &T::note,
    {.doc = "Why it does not count; empty where it counts.", .max_length = bounds::kText});
}

template <class V>
void fields(V& v, Tag<ApprovalRequestStatus>) {
  using T = ApprovalRequestStatus;
  v("phase", &T::phase,
    {.doc = "Pending and Approved wait; Released, Denied, Expired, Superseded, Stale and Withdrawn "
            "are ends. A phase "
            "tells people; it never allows anything."});
  v("message", &T::message, {.doc = "Where it stands, in one line.", .max_length = 4096});
  v("approvals", &T::approvals, {.doc = "Slots filled, such as \"1 of 2\".", .max_length = 32});
  v("decisions", &T::decisions,
    {.doc = "The Approvals so far, and what each counts for.", .max_items = 256});
  v("approvedAt", &T::approved_at,
    {.doc = "When the last approval that it needed was given.", .max_length = bounds::kTime});
  v("expiresAt", &T::expires_at,
    {.doc = "When it expires, as long as it is Pending or Approved.", .max_length = bounds::kTime});
  v("endedAt", &T::ended_at, {.doc = "When it ended.", .max_length = bounds::kTime});
  v("ending", &T::ending,
    {.doc = "Since when the operator is about to end it: no write can use it any more.",
     .max_length = bounds::kTime});
  v("claim", &T::claim,
    {.doc = "The write that the approval was spent on. Written by the webhook alone."});
  v("review", &T::review, {.doc = "The review that break-glass owes."});
  v("checks", &T::checks,
    {.doc = "What the checks of the policy said when the operator looked last.", .max_items = 16});
  v("notified", &T::notified,
    {.doc = "What was told to the policy's notify targets, each once, such as pager/Requested.",
     .max_length = 128,
     .max_items = 128});
  v("conditions", &T::conditions,
    {.doc = "Approved and Released, for kubectl wait and GitOps health checks.",
     .max_items = 16,
     .list_map_key = "type"});
  v("observedGeneration", &T::observed_generation,
    {.doc = "The metadata.generation that this tells of."});
}

}  // namespace holdpoint
