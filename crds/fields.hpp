// The one field list of each struct: JSON name, member, documentation and bounds. Decoder, encoder,
// schema and reference are visitors over it. Private to this room.
#pragma once

#include <array>
#include <string_view>

#include "crds/kinds.hpp"

namespace holdpoint {

// What the API server checks and `kubectl explain` prints. Zero or empty: no such bound.
struct Facet {
  std::string_view doc;
  bool required = false;
  std::int64_t min_length = 0, max_length = 0;  // of a string, or of each string of a list or map
  std::string_view pattern = {};                // of the same strings
  std::int64_t minimum = 0, maximum = 0;
  std::int64_t min_items = 0, max_items = 0;  // of a list, or properties of a map
  std::string_view default_json = {};         // as JSON text
  std::string_view list_map_key = {};
  // CEL rules as "expression\nmessage", separated by an empty line.
  std::string_view rules = {};
};

template <class T>
struct Tag {};

// Enum spellings in JSON; the order is the API's documentation order.
template <class E>
struct Spelling;

#define HP_SPELLING(E, count, ...)                                                           \
  template <>                                                                                \
  struct Spelling<E> {                                                                       \
    static constexpr std::array<std::pair<E, std::string_view>, count> names{{__VA_ARGS__}}; \
  }

HP_SPELLING(PolicyMode, 3, {PolicyMode::Enforce, "Enforce"}, {PolicyMode::Warn, "Warn"},
            {PolicyMode::Off, "Off"});
HP_SPELLING(Operation, 3, {Operation::Create, "CREATE"}, {Operation::Update, "UPDATE"},
            {Operation::Delete, "DELETE"});
HP_SPELLING(HoldMode, 5, {HoldMode::Auto, "Auto"}, {HoldMode::Suspend, "Suspend"},
            {HoldMode::Gate, "Gate"}, {HoldMode::Deny, "Deny"}, {HoldMode::Retry, "Retry"});
HP_SPELLING(Supersede, 2, {Supersede::Older, "Older"}, {Supersede::Keep, "Keep"});
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
HP_SPELLING(Decision, 5, {Decision::Approve, "Approve"}, {Decision::Deny, "Deny"},
            {Decision::Withdraw, "Withdraw"}, {Decision::BreakGlass, "BreakGlass"},
            {Decision::Review, "Review"});
HP_SPELLING(Fact, 21, {Fact::Requested, "Requested"}, {Fact::Approved, "Approved"},
            {Fact::Denied, "Denied"}, {Fact::Withdrawn, "Withdrawn"}, {Fact::Revoked, "Revoked"},
            {Fact::Granted, "Granted"}, {Fact::Claimed, "Claimed"}, {Fact::Released, "Released"},
            {Fact::Expired, "Expired"}, {Fact::Superseded, "Superseded"}, {Fact::Stale, "Stale"},
            {Fact::PolicyChanged, "PolicyChanged"}, {Fact::Tampered, "Tampered"},
            {Fact::Restored, "Restored"}, {Fact::Escalated, "Escalated"},
            {Fact::BreakGlass, "BreakGlass"}, {Fact::Reviewed, "Reviewed"},
            {Fact::Disarmed, "Disarmed"}, {Fact::Armed, "Armed"}, {Fact::Voided, "Voided"},
            {Fact::Retriggered, "Retriggered"});

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
HP_SPELLING(CheckMode, 2, {CheckMode::Require, "Require"}, {CheckMode::Show, "Show"});
HP_SPELLING(Comparison, 8, {Comparison::Equals, "Equals"}, {Comparison::NotEquals, "NotEquals"},
            {Comparison::LessThan, "LessThan"}, {Comparison::AtMost, "AtMost"},
            {Comparison::AtLeast, "AtLeast"}, {Comparison::MoreThan, "MoreThan"},
            {Comparison::Exists, "Exists"}, {Comparison::DoesNotExist, "DoesNotExist"});
HP_SPELLING(WhenMissing, 2, {WhenMissing::Fail, "Fail"}, {WhenMissing::Pass, "Pass"});
HP_SPELLING(HttpMethod, 2, {HttpMethod::Get, "GET"}, {HttpMethod::Post, "POST"});
HP_SPELLING(CheckOutcome, 3, {CheckOutcome::Pass, "Pass"}, {CheckOutcome::Fail, "Fail"},
            {CheckOutcome::Unknown, "Unknown"});

#undef HP_SPELLING

namespace bounds {
// The API server bounds no user or group name: a service account's alone has up to 339 characters,
// and a request that could not name its requester could not be made.
inline constexpr std::int64_t kName = 253, kUser = 1024, kText = 1024, kTime = 40;
// Short enough that CEL's duration() never overflows (292 years).
inline constexpr std::int64_t kDurationLength = 16;
// Rules, not patterns: a pattern that is not met is shown as it stands, which helps nobody.
#define HP_DURATION(FROM, TO)                                                       \
  "self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(h|m|s|ms))+$') && duration(self) >= " \
  "duration('" FROM "') && duration(self) <= duration('" TO                         \
  "')\nmust be a duration "                                                         \
  "between " FROM " and " TO
inline constexpr std::string_view kDurationRule =
    HP_DURATION("1s", "8760h") " (a year), such as 30m, 24h or 1h30m";
inline constexpr std::string_view kTimeoutRule = HP_DURATION("1s", "30s") ", such as 10s";
inline constexpr std::string_view kMaxAgeRule = HP_DURATION("5s", "24h") ", such as 5m";
#undef HP_DURATION
inline constexpr std::string_view kNotBeforeRule =
    "self == '' || "
    "self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,18}(Z|[+-][0-9]{2}:[0-9]{2})$')\n"
    "must be a time with its zone, such as 2026-11-23T22:00:00Z";
// Of a Secret, service account or the like.
inline constexpr std::string_view kObjectName = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
inline constexpr std::string_view kResource = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
inline constexpr std::string_view kLabel = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
inline constexpr std::string_view kPointer = "^(/([^/~]|~[01])*)*$";
inline constexpr std::string_view kNotNegative = "self >= 0\nmust not be negative";
inline constexpr std::string_view kDigest = "^(absent|sha256:[0-9a-f]{64})$";
inline constexpr std::string_view kHex64 = "^[0-9a-f]{64}$";
}  // namespace bounds

template <class V>
void fields(V& v, Tag<ObjectMeta>) {
  using T = ObjectMeta;
  v("name", &T::name, {.doc = ""});
  v("generateName", &T::generate_name, {.doc = ""});
  v("namespace", &T::namespace_, {.doc = ""});
  v("uid", &T::uid, {.doc = ""});
  v("resourceVersion", &T::resource_version, {.doc = ""});
  v("generation", &T::generation, {.doc = ""});
  v("creationTimestamp", &T::creation_timestamp, {.doc = ""});
  v("deletionTimestamp", &T::deletion_timestamp, {.doc = ""});
  v("labels", &T::labels, {.doc = ""});
  v("annotations", &T::annotations, {.doc = ""});
  v("ownerReferences", &T::owner_references, {.doc = ""});
}

template <class V>
void fields(V& v, Tag<Condition>) {
  using T = Condition;
  v("type", &T::type,
    {.doc = "What the condition is about, in CamelCase.", .required = true, .max_length = 316});
  v("status", &T::status,
    {.doc = "True, False or Unknown.",
     .required = true,
     .max_length = 7,
     .pattern = "^(True|False|Unknown)$"});
  v("reason", &T::reason, {.doc = "Why, as one CamelCase word for machines.", .max_length = 1024});
  v("message", &T::message, {.doc = "Why, for people.", .max_length = 32768});
  v("lastTransitionTime", &T::last_transition_time,
    {.doc = "When the status last changed (RFC 3339).", .max_length = bounds::kTime});
  v("observedGeneration", &T::observed_generation,
    {.doc = "The metadata.generation that this was told of."});
}

template <class V>
void fields(V& v, Tag<Identity>) {
  using T = Identity;
  v("username", &T::username,
    {.doc = "User name, as the API server authenticated it.",
     .required = true,
     .max_length = bounds::kUser});
  v("uid", &T::uid,
    {.doc = "User id, where the authenticator has one.", .max_length = bounds::kUser});
  v("groups", &T::groups,
    {.doc = "Groups at that moment.", .max_length = bounds::kUser, .max_items = 1024});
}

template <class V>
void fields(V& v, Tag<LabelRequirement>) {
  using T = LabelRequirement;
  v("key", &T::key,
    {.doc = "Key of the label.", .required = true, .min_length = 1, .max_length = 317});
  v("operator", &T::op,
    {.doc = "In, NotIn, Exists or DoesNotExist.",
     .required = true,
     .max_length = 12,
     .pattern = "^(In|NotIn|Exists|DoesNotExist)$"});
  v("values", &T::values, {.doc = "Values for In and NotIn.", .max_length = 63, .max_items = 64});
}

template <class V>
void fields(V& v, Tag<LabelSelector>) {
  using T = LabelSelector;
  v("matchLabels", &T::match_labels,
    {.doc = "Labels that must all be there with these values.", .max_length = 63, .max_items = 32});
  v("matchExpressions", &T::match_expressions,
    {.doc = "Requirements that must all hold.",
     .max_items = 16,
     .rules = "self.all(e, e.operator in ['In', 'NotIn'] ? size(e.?values.orValue([])) > 0 : "
              "size(e.?values.orValue([])) == 0)\nIn and NotIn need values, Exists and "
              "DoesNotExist take none"});
}

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
    {.doc = "More conditions, all of which must hold for a write to be gated.",
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
void fields(V& v, Tag<ObjectCheck>) {
  using T = ObjectCheck;
  v("apiGroup", &T::api_group,
    {.doc = "API group; empty for the core group.",
     .max_length = bounds::kName,
     .pattern = "^[a-z0-9.-]*$"});
  v("resource", &T::resource,
    {.doc = "Plural resource name, such as deployments. Holdpoint must have been granted to get it "
            "(ClusterRoles holdpoint-gated-kinds and holdpoint-checked-kinds). Never secrets.",
     .required = true,
     .min_length = 1,
     .max_length = 63,
     .pattern = bounds::kResource});
  v("namespace", &T::namespace_,
    {.doc = "Its namespace, for namespaced kinds; where it is not given, the target's.",
     .max_length = 63,
     .pattern = bounds::kLabel});
  v("name", &T::name,
    {.doc = "Its name; where it is not given, the target's.",
     .max_length = bounds::kName,
     .pattern = bounds::kObjectName});
  v("field", &T::field,
    {.doc = "JSON pointer (RFC 6901) to a text, number or boolean. In a list a step may also be "
            "key=value, for the first item with that member, as in "
            "/status/conditions/type=Ready/status.",
     .required = true,
     .min_length = 1,
     .max_length = 256,
     .pattern = bounds::kPointer});
  v("is", &T::is,
    {.doc = "What the field must be. LessThan, AtMost, AtLeast and MoreThan compare numbers; "
            "Equals and NotEquals compare numbers as numbers, booleans as true or false, and texts "
            "byte by byte.",
     .default_json = "\"Equals\""});
  v("value", &T::value,
    {.doc = "What it is compared with, always written as text: \"0\", \"true\", \"Healthy\".",
     .max_length = bounds::kText});
  v("missing", &T::missing,
    {.doc = "What it means that there is no such object, or that it has no such field (Kubernetes "
            "leaves out many fields that are 0). Exists and DoesNotExist answer that themselves.",
     .default_json = "\"Fail\""});
}

template <class V>
void fields(V& v, Tag<SeverityLimits>) {
  using T = SeverityLimits;
  v("critical", &T::critical,
    {.doc = "Most critical vulnerabilities of one image.", .rules = bounds::kNotNegative});
  v("high", &T::high, {.doc = "Most high ones.", .rules = bounds::kNotNegative});
  v("medium", &T::medium, {.doc = "Most medium ones.", .rules = bounds::kNotNegative});
  v("low", &T::low, {.doc = "Most low ones.", .rules = bounds::kNotNegative});
  v("unknown", &T::unknown,
    {.doc = "Most ones of unknown severity.", .rules = bounds::kNotNegative});
}

template <class V>
void fields(V& v, Tag<VulnerabilityCheck>) {
  using T = VulnerabilityCheck;
  v("atMost", &T::at_most,
    {.doc = "How many vulnerabilities each image may have, by severity; a severity that is not "
            "named is not limited.",
     .required = true,
     .rules = "has(self.critical) || has(self.high) || has(self.medium) || has(self.low) || "
              "has(self.unknown)\nlimit at least one severity"});
  v("maxReportAge", &T::max_report_age,
    {.doc = "Older reports count as missing. A duration, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"24h\"",
     .rules = bounds::kDurationRule});
  v("missing", &T::missing,
    {.doc = "What it means that an image has no report that is young enough. Pass: it is told, and "
            "no more.",
     .default_json = "\"Fail\""});
  v("namespaces", &T::namespaces,
    {.doc = "Namespaces whose reports count; all, where none is given. Whoever may write reports "
            "in one of them can make an image look clean that has no other report.",
     .min_length = 1,
     .max_length = 63,
     .pattern = bounds::kLabel,
     .max_items = 16});
}

template <class V>
void fields(V& v, Tag<HttpCheck>) {
  using T = HttpCheck;
  v("method", &T::method,
    {.doc = "POST sends the request as JSON; GET sends nothing, but {namespace} and {request} in "
            "the address are filled in.",
     .default_json = "\"POST\""});
  v("secretRef", &T::secret_ref,
    {.doc = "Name of a Secret in Holdpoint's own namespace: its key url is whom to ask, token "
            "(optional) is sent as bearer token, ca.crt (optional) is whom to trust.",
     .required = true,
     .min_length = 1,
     .max_length = bounds::kName,
     .pattern = bounds::kObjectName});
  v("timeout", &T::timeout,
    {.doc = "How long it may take to answer. A duration, 1s to 30s.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"10s\"",
     .rules = bounds::kTimeoutRule});
}

template <class V>
void fields(V& v, Tag<Check>) {
  using T = Check;
  v("name", &T::name,
    {.doc = "Name of the check, for people.",
     .required = true,
     .min_length = 1,
     .max_length = 40,
     .pattern = bounds::kLabel});
  v("mode", &T::mode,
    {.doc = "Require: nothing passes without it. Show: approvers see it, and no more.",
     .default_json = "\"Require\""});
  v("maxAge", &T::max_age,
    {.doc = "How old its result may be when the change is let through; it is looked up again at "
            "half of that. A duration, 5s to 24h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"5m\"",
     .rules = bounds::kMaxAgeRule});
  v("object", &T::object,
    {.doc = "A field of an object of the cluster.",
     .rules = "self.resource != 'secrets' || self.?apiGroup.orValue('') != ''\nSecrets cannot be "
              "checked: what they hold would show in requests\n\n"
              "(self.?is.orValue('Equals') in ['Exists', 'DoesNotExist']) != has(self.value)\ngive "
              "a value to compare with; Exists and DoesNotExist take none"});
  v("vulnerabilityReports", &T::vulnerability_reports,
    {.doc = "The VulnerabilityReports of the Trivy operator about the images of the proposed "
            "content: by digest, where the image has one, else by repository and tag."});
  v("http", &T::http,
    {.doc = "An HTTP endpoint that answers {\"result\": \"pass\" or \"fail\", \"text\": "
            "\"...\"}. Any other answer is no result."});
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
