// ApprovalPolicy.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

HP_SPELLING(PolicyMode, 3, {PolicyMode::Enforce, "Enforce"}, {PolicyMode::Warn, "Warn"},
            {PolicyMode::Off, "Off"});
HP_SPELLING(Operation, 3, {Operation::Create, "CREATE"}, {Operation::Update, "UPDATE"},
            {Operation::Delete, "DELETE"});
HP_SPELLING(HoldMode, 5, {HoldMode::Auto, "Auto"}, {HoldMode::Suspend, "Suspend"},
            {HoldMode::Gate, "Gate"}, {HoldMode::Deny, "Deny"}, {HoldMode::Retry, "Retry"});
HP_SPELLING(Supersede, 2, {Supersede::Older, "Older"}, {Supersede::Keep, "Keep"});
HP_SPELLING(RiskLevel, 4, {RiskLevel::Low, "Low"}, {RiskLevel::Medium, "Medium"},
            {RiskLevel::High, "High"}, {RiskLevel::Critical, "Critical"});
HP_SPELLING(RiskFactor, 10, {RiskFactor::NewImageRepository, "NewImageRepository"},
            {RiskFactor::UnpinnedImage, "UnpinnedImage"}, {RiskFactor::Privileged, "Privileged"},
            {RiskFactor::HostAccess, "HostAccess"}, {RiskFactor::ReplicasCut, "ReplicasCut"},
            {RiskFactor::SecretReference, "SecretReference"},
            {RiskFactor::AccessControl, "AccessControl"},
            {RiskFactor::FirstDeployment, "FirstDeployment"}, {RiskFactor::Deletion, "Deletion"},
            {RiskFactor::LeavesScope, "LeavesScope"});
HP_SPELLING(EscalationAction, 1, {EscalationAction::Deny, "Deny"});
HP_SPELLING(NotifyType, 3, {NotifyType::CloudEvents, "CloudEvents"}, {NotifyType::Slack, "Slack"},
            {NotifyType::Teams, "Teams"});

template <class V>
void fields(V& v, Tag<MatchResource>) {
  using T = MatchResource;
  v("apiGroups", &T::api_groups,
    {.doc = "API groups, such as apps or batch; \"\" is the core group. No wildcards: a policy "
            "says what it gates.",
     .required = true,
     .max_length = 253,
     .pattern = "^[a-z0-9.-]*$",
     .min_items = 1,
     .max_items = 8});
  v("resources", &T::resources,
    {.doc = "Plural resource names in lower case, such as deployments. Subresources are taken care "
            "of by Holdpoint.",
     .required = true,
     .min_length = 1,
     .max_length = 63,
     .pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$",
     .min_items = 1,
     .max_items = 16});
  v("operations", &T::operations,
    {.doc = "Which writes are gated: CREATE, UPDATE, DELETE. What is held is always judged on "
            "update, named here or not.",
     .required = true,
     .min_items = 1,
     .max_items = 3});
}

template <class V>
void fields(V& v, Tag<MatchCondition>) {
  using T = MatchCondition;
  v("name", &T::name,
    {.doc = "Name of the condition, unique in the policy.",
     .required = true,
     .min_length = 1,
     .max_length = 63,
     .pattern = "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
     .rules = "!self.startsWith('holdpoint-')\nnames that begin with holdpoint- are taken by the "
              "conditions that Holdpoint adds"});
  v("expression", &T::expression,
    {.doc = "CEL over request, object and oldObject, evaluated by the API server itself; false "
            "lets the write through. "
            "An error in it refuses the write.",
     .required = true,
     .min_length = 1,
     .max_length = 4096});
}

template <class V>
void fields(V& v, Tag<Match>) {
  using T = Match;
  v("resources", &T::resources,
    {.doc = "The kinds and operations that are gated. Holdpoint must have been granted them "
            "(ClusterRole "
            "holdpoint-gated-kinds); else the policy is not Ready and says which grant is missing.",
     .required = true,
     .min_items = 1,
     .max_items = 16,
     .rules = "self.all(r, !r.apiGroups.exists(g, g in ['admissionregistration.k8s.io', "
              "'authentication.k8s.io', "
              "'authorization.k8s.io']))\nkinds of admissionregistration.k8s.io, "
              "authentication.k8s.io and "
              "authorization.k8s.io cannot be gated: the API server does not send them to "
              "webhooks, or needs their "
              "answers to judge\n\n"
              "self.all(r, !('holdpoint.dev' in r.apiGroups) || r.resources.all(n, n == "
              "'approvalpolicies'))\nof "
              "holdpoint.dev only approvalpolicies can be gated: an approval that waits for "
              "approval would wait for ever"});
  v("namespaceSelector", &T::namespace_selector,
    {.doc = "Namespaces, by their labels; empty means all. kube-system, kube-node-lease and "
            "Holdpoint's own namespaces "
            "are never gated."});
  v("objectSelector", &T::object_selector,
    {.doc = "Objects, by their labels; empty means all. Taking the label off an object is gated "
            "too."});
  v("conditions", &T::conditions,
    {.doc =
         "More conditions, all of which must hold for a write to be gated. What is held is judged "
         "on every update, "
         "whatever they say. Where updates are gated, an expression that reads object reads "
         "oldObject too, and tells by "
         "what the policy covers: what else it looks at could be changed first.",
     .max_items = 32,
     .list_map_key = "name"});
  v("changes", &T::changes,
    {.doc = "The covered part: JSON pointers (RFC 6901) into the object. Only a change below one "
            "of them is gated, and "
            "approvals are bound to their content. Default by kind: /spec/template of Deployments "
            "and the like, the "
            "data of ConfigMaps and Secrets, the rules of roles, else /spec.",
     .max_length = 256,
     .pattern = "^(/([^/~]|~[01])*)*$",
     .max_items = 16,
     .rules = "self.all(p, p != '/status' && !p.startsWith('/status/'))\nthe status is never "
              "covered: name what people "
              "write, such as /spec"});
}

template <class V>
void fields(V& v, Tag<Hold>) {
  using T = Hold;
  v("mode", &T::mode,
    {.doc = "How a change waits. Suspend: it is stored, but paused (Deployments) or suspended (new "
            "Jobs). Gate: a new Job is stored and its pods wait for a scheduling gate, for clients "
            "that take a suspended Job for done. Deny: it is refused with 403, to be applied again "
            "after approval. Retry: it is refused with 429, on which kubectl waits and tries again "
            "by itself. Auto: Suspend where the object and its client can wait, Gate for new Jobs "
            "of Helm, Flux and Argo CD, else Deny.",
     .default_json = "\"Auto\""});
  v("patience", &T::patience,
    {.doc =
         "How long clients wait at most. Retry: so long after it was made a request tells its "
         "clients to wait and try again; then they get a plain refusal, to be applied again after "
         "approval. A held hook of a Helm release that Holdpoint cannot see ends then. A duration "
         "such as 90s or 15m, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"15m\"",
     .rules = bounds::kDurationRule});
}

template <class V>
void fields(V& v, Tag<Approvers>) {
  using T = Approvers;
  v("groups", &T::groups,
    {.doc = "Groups whose members may approve.",
     .min_length = 1,
     .max_length = bounds::kUser,
     .max_items = 32});
  v("users", &T::users,
    {.doc = "User names, compared byte by byte.",
     .min_length = 1,
     .max_length = bounds::kUser,
     .max_items = 64});
  v("serviceAccounts", &T::service_accounts,
    {.doc = "Service accounts as namespace/name. They should live outside the gated namespaces, "
            "where nobody who deploys "
            "can act as them.",
     .max_length = 317,
     .pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
     .max_items = 32});
}

template <class V>
void fields(V& v, Tag<RiskRule>) {
  using T = RiskRule;
  v("factor", &T::factor,
    {.doc =
         "What is looked for in the change: what the object had before is never held against it.",
     .required = true});
  v("level", &T::level, {.doc = "How risky a change is that meets it.", .required = true});
  v("percent", &T::percent,
    {.doc = "ReplicasCut only: met by a cut of more than this many percent.",
     .minimum = 1,
     .maximum = 99,
     .default_json = "50"});
}

template <class V>
void fields(V& v, Tag<EscalationStep>) {
  using T = EscalationStep;
  v("after", &T::after,
    {.doc = "How long the stage must have asked. A duration such as 30m, 1s to 8760h.",
     .required = true,
     .max_length = bounds::kDurationLength,
     .rules = bounds::kDurationRule});
  v("addApprovers", &T::add_approvers, {.doc = "Who may fill a slot of the stage from then on."});
  v("action", &T::action,
    {.doc = "Deny ends the request. Nothing is ever approved because time went by."});
  v("notify", &T::notify,
    {.doc = "Names of targets in spec.notify that are told of this step.",
     .max_length = 40,
     .max_items = 8});
}

template <class V>
void fields(V& v, Tag<NotifyTarget>) {
  using T = NotifyTarget;
  v("name", &T::name,
    {.doc = "Name of the target, for the steps of a ladder.",
     .required = true,
     .min_length = 1,
     .max_length = 40,
     .pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"});
  v("type", &T::type,
    {.doc = "The shape of what is sent: a CloudEvents 1.0 event in structured mode, a message for "
            "a Slack incoming webhook, or an Adaptive Card for a Teams workflow.",
     .required = true});
  v("secretRef", &T::secret_ref,
    {.doc = "Name of a Secret in Holdpoint's own namespace: its key url is where to send to, "
            "token (optional) is sent as bearer token.",
     .required = true,
     .min_length = 1,
     .max_length = bounds::kName,
     .pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"});
}

template <class V>
void fields(V& v, Tag<StageCondition>) {
  using T = StageCondition;
  v("riskAtLeast", &T::risk_at_least,
    {.doc = "The stage applies to changes of this risk and above.", .required = true});
}

template <class V>
void fields(V& v, Tag<FreezeWindow>) {
  using T = FreezeWindow;
  v("schedule", &T::schedule,
    {.doc = "When it opens, in five cron fields (minute hour day-of-month month day-of-week) such "
            "as \"0 16 * * FRI\".",
     .required = true,
     .min_length = 1,
     .max_length = 128});
  v("duration", &T::duration,
    {.doc = "How long it lasts, in elapsed time: 1m to 8760h.",
     .required = true,
     .max_length = bounds::kDurationLength,
     .rules = bounds::kDurationRule});
  v("timeZone", &T::time_zone,
    {.doc = "IANA time zone of the schedule, such as Europe/Berlin.",
     .min_length = 1,
     .max_length = 64,
     .pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
     .default_json = "\"UTC\""});
  v("passWith", &T::pass_with,
    {.doc = "Whose approval, besides those that the stages ask for, lets a change pass."});
}

template <class V>
void fields(V& v, Tag<BreakGlassReview>) {
  using T = BreakGlassReview;
  v("within", &T::within,
    {.doc = "How soon somebody else must have reviewed it. A duration, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"24h\"",
     .rules = bounds::kDurationRule});
}

template <class V>
void fields(V& v, Tag<BreakGlass>) {
  using T = BreakGlass;
  v("allowed", &T::allowed,
    {.doc = "Whether somebody with the verb break-glass on the policy may pass one request alone.",
     .default_json = "false"});
  v("review", &T::review, {.doc = "What is owed afterwards.", .default_json = "{}"});
}

template <class V>
void fields(V& v, Tag<AutoApprove>) {
  using T = AutoApprove;
  v("riskAtMost", &T::risk_at_most,
    {.doc = "Changes up to this risk need nobody. Each is on the trail all the same.",
     .required = true});
}

template <class V>
void fields(V& v, Tag<Stage>) {
  using T = Stage;
  v("name", &T::name,
    {.doc = "Name of the stage, for people.",
     .required = true,
     .min_length = 1,
     .max_length = 63,
     .pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"});
  v("approvers", &T::approvers,
    {.doc = "Who may fill a slot: a member of one of the groups, or one of the users or service "
            "accounts. They also need "
            "the verb approve on this policy by RBAC.",
     .required = true,
     .rules = "size(self.?groups.orValue([])) + size(self.?users.orValue([])) + "
              "size(self.?serviceAccounts.orValue([])) > 0\nname at least one group, user or "
              "service account, or nobody "
              "can ever approve"});
  v("required", &T::required,
    {.doc = "How many distinct people must approve, 1 to 16.",
     .minimum = 1,
     .maximum = 16,
     .default_json = "1"});
  v("when", &T::when, {.doc = "When the stage applies; always, where this is not given."});
  v("escalation", &T::escalation,
    {.doc = "What happens when the stage waits: each step once, counted from when the stage began "
            "to ask.",
     .max_items = 8});
}

template <class V>
void fields(V& v, Tag<SeparationOfDuties>) {
  using T = SeparationOfDuties;
  v("requesterMayApprove", &T::requester_may_approve,
    {.doc = "Whether somebody may approve what they asked for or wrote themselves. False is what "
            "auditors expect.",
     .default_json = "false"});
  v("onePersonPerStage", &T::one_person_per_stage,
    {.doc = "Whether nobody fills slots of two stages.", .default_json = "true"});
  v("authorAnnotations", &T::author_annotations,
    {.doc = "Annotations of the object that name the author of the change, such as the committer. "
            "They may not approve either; the names are as good as whoever sets them, and never "
            "make approving easier.",
     .min_length = 1,
     .max_length = 317,
     .max_items = 8});
}

template <class V>
void fields(V& v, Tag<Expiry>) {
  using T = Expiry;
  v("pending", &T::pending,
    {.doc = "How long a request waits for its approvals before it expires. A duration such as "
            "90s, 30m or 24h, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"24h\"",
     .rules = bounds::kDurationRule});
  v("approved", &T::approved,
    {.doc = "How long an approved change may be used, counted from the last approval that it "
            "needed. A duration "
            "such as 30m or 1h30m, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"1h\"",
     .rules = bounds::kDurationRule});
}

template <class V>
void fields(V& v, Tag<ApprovalPolicySpec>) {
  using T = ApprovalPolicySpec;
  v("mode", &T::mode,
    {.doc = "Enforce holds or refuses what is not approved. Warn stores everything, and tells and "
            "counts what would have "
            "been held. Off does nothing.",
     .default_json = "\"Enforce\""});
  v("match", &T::match, {.doc = "What is gated.", .required = true});
  v("hold", &T::hold, {.doc = "How a gated change waits for its approval.", .default_json = "{}"});
  v("stages", &T::stages,
    {.doc = "Who must approve, in order: a stage asks when the one before it is full. Each is a "
            "number of slots for distinct people.",
     .required = true,
     .min_items = 1,
     .max_items = 8,
     .rules =
         "self.exists(s, !has(s.when))\nat least one stage must apply at every risk: leave its "
         "`when` out\n\n"
         "self.all(s, self.exists_one(t, t.name == s.name))\nnames of stages must differ"});
  v("separationOfDuties", &T::separation_of_duties,
    {.doc = "Who may not approve although a stage names them.", .default_json = "{}"});
  v("expiry", &T::expiry,
    {.doc = "How long requests wait, and how long approvals last.", .default_json = "{}"});
  v("supersede", &T::supersede,
    {.doc = "Older: a newer change of the same object ends the older requests that still wait. "
            "Keep: each waits for itself.",
     .default_json = "\"Older\""});
  v("riskRules", &T::risk_rules,
    {.doc = "What makes a change risky. Where none is given: Privileged and HostAccess are "
            "Critical; NewImageRepository, ReplicasCut (50 percent), AccessControl and Deletion "
            "are High; UnpinnedImage, SecretReference and FirstDeployment are Medium.",
     .max_items = 32});
  v("autoApprove", &T::auto_approve, {.doc = "Which changes need nobody."});
  v("freeze", &T::freeze,
    {.doc = "Recurring times in which nothing is released, though it may be approved.",
     .max_items = 8});
  v("checks", &T::checks,
    {.doc = "What must be true besides the approvals, from the moment of approval until the change "
            "is let through. Looked up ahead by the operator, as long as a request is open.",
     .max_items = 8,
     .list_map_key = "name",
     .rules = "self.all(c, [has(c.object), has(c.vulnerabilityReports), has(c.http)].filter(x, "
              "x).size() == 1)\neach check is exactly one of object, vulnerabilityReports and "
              "http"});
  v("breakGlass", &T::break_glass,
    {.doc = "Passing without the approvals and checks, in an emergency.", .default_json = "{}"});
  v("guard", &T::guard,
    {.doc = "For policies over workloads: every other way to pods in the gated namespaces (pods, "
            "ReplicaSets, StatefulSets and so on, ephemeral containers) is refused to anybody but "
            "the controllers that the API server itself knows.",
     .default_json = "false"});
  v("retention", &T::retention,
    {.doc = "How long ended requests are kept; their records stay. A duration, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"168h\"",
     .rules = bounds::kDurationRule});
  v("notify", &T::notify,
    {.doc = "Who is told of requests over HTTP. Nobody can approve there.",
     .max_items = 8,
     .list_map_key = "name"});
  v("timeoutSeconds", &T::timeout_seconds,
    {.doc = "How long the API server waits for a judgement; what is not judged by then is refused "
            "(or, in mode Warn, let by).",
     .minimum = 3,
     .maximum = 30,
     .default_json = "10"});
}

template <class V>
void fields(V& v, Tag<ApprovalPolicyStatus>) {
  using T = ApprovalPolicyStatus;
  v("observedGeneration", &T::observed_generation,
    {.doc = "The metadata.generation that the conditions tell of."});
  v("conditions", &T::conditions,
    {.doc = "Ready is True only after a probe through the API server met this very generation.",
     .max_items = 16,
     .list_map_key = "type"});
}

}  // namespace holdpoint
