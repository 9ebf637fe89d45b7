// The four kinds of holdpoint.dev/v1alpha1 as plain values.
//
// Each struct has one field list in crds/fields.hpp: codec, CRD schema and reference documentation
// are generated from it, and a JSON key of ours stands nowhere else. No behaviour here. Values:
// safe to copy between threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crds/json.hpp"

namespace holdpoint {

inline constexpr const char* kGroup = "holdpoint.dev";
inline constexpr const char* kVersion = "v1alpha1";
inline constexpr const char* kApiVersion = "holdpoint.dev/v1alpha1";

// Requests about an object stand beside it; those about cluster-wide objects in a namespace of
// their own.
inline std::string namespace_of_requests(const std::string& of_object) {
  return of_object.empty() ? "holdpoint-approvals" : of_object;
}

// ---- shared pieces

// The part of metav1.ObjectMeta that we read and write. What else an object carries is not touched,
// because our writes are creations, status updates and patches.
struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string namespace_;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::string creation_timestamp;  // RFC 3339; empty before creation
  std::string deletion_timestamp;  // RFC 3339; empty unless being deleted
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  Json owner_references = Json::array();
};

// metav1.Condition.
struct Condition {
  std::string type;
  std::string status;  // True | False | Unknown
  std::string reason;  // CamelCase
  std::string message;
  std::string last_transition_time;  // RFC 3339
  std::int64_t observed_generation = 0;
};

// Who did something, as the API server authenticated them.
struct Identity {
  std::string username;
  std::string uid;
  std::vector<std::string> groups;
};

struct LabelRequirement {
  std::string key;
  std::string op;  // In | NotIn | Exists | DoesNotExist (JSON key: operator)
  std::vector<std::string> values;
};

struct LabelSelector {
  std::map<std::string, std::string> match_labels;
  std::vector<LabelRequirement> match_expressions;
  [[nodiscard]] bool empty() const { return match_labels.empty() && match_expressions.empty(); }
};

// ---- ApprovalPolicy

enum class PolicyMode { Enforce, Warn, Off };
enum class Operation { Create, Update, Delete };  // CREATE | UPDATE | DELETE
enum class HoldMode { Auto, Suspend, Gate, Deny, Retry };
enum class Supersede { Older, Keep };

struct MatchResource {
  std::vector<std::string> api_groups;
  std::vector<std::string> resources;
  std::vector<Operation> operations;
};

struct MatchCondition {
  std::string name;
  std::string expression;  // CEL
};

struct Match {
  std::vector<MatchResource> resources;
  LabelSelector namespace_selector;
  LabelSelector object_selector;
  std::vector<MatchCondition> conditions;
  std::vector<std::string> changes;  // JSON pointers; empty: the default of the kind
};

struct Hold {
  HoldMode mode = HoldMode::Auto;
  std::string patience = "15m";  // Retry only
};

struct Approvers {
  std::vector<std::string> groups;
  std::vector<std::string> users;
  std::vector<std::string> service_accounts;  // "namespace/name"
};

// What makes a change risky; see core/change/risk.hpp for what each looks at.
enum class RiskLevel { Low, Medium, High, Critical };
enum class RiskFactor {
  NewImageRepository,  // an image from a repository that the reference does not use
  UnpinnedImage,       // an image without a digest
  Privileged,          // privileged, added capabilities, escalation, running as root
  HostAccess,          // host network, PID, IPC, ports or paths
  ReplicasCut,         // fewer replicas, by more than `percent`
  SecretReference,     // a reference to a Secret that the reference does not make
  AccessControl,       // any change of a kind of rbac.authorization.k8s.io
  FirstDeployment,     // there was nothing before
  Deletion,            // there will be nothing after
  LeavesScope          // labels change so that the policy no longer applies; always High
};

struct RiskRule {
  RiskFactor factor = RiskFactor::FirstDeployment;
  RiskLevel level = RiskLevel::Medium;
  std::int64_t percent = 50;  // ReplicasCut only
};

// A rule that a change meets.
struct RiskHit {
  RiskFactor factor = RiskFactor::FirstDeployment;
  RiskLevel level = RiskLevel::Low;
  std::string what;  // in domain words: "image web from registry.example.com/shop, not used before"
};

struct Risk {
  RiskLevel level = RiskLevel::Low;
  std::vector<RiskHit> hits;
};

enum class EscalationAction { Deny };

// A step of a ladder, taken once when the stage has waited this long.
struct EscalationStep {
  std::string after;  // a duration, counted from when the stage began to ask
  Approvers add_approvers;
  std::optional<EscalationAction> action;
  std::vector<std::string> notify = {};  // names of the policy's notify targets
};

struct StageCondition {
  RiskLevel risk_at_least = RiskLevel::Low;
};

struct Stage {
  std::string name;
  Approvers approvers;
  std::int64_t required = 1;
  std::optional<StageCondition> when = {};  // none: the stage always applies
  std::vector<EscalationStep> escalation = {};
};

struct SeparationOfDuties {
  bool requester_may_approve = false;
  bool one_person_per_stage = true;             // nobody fills slots of two stages
  std::vector<std::string> author_annotations;  // each names somebody who may not approve
};

// A recurring time in which nothing is released; see core/approval/calendar.hpp.
struct FreezeWindow {
  std::string schedule;  // cron: when it opens
  std::string duration;
  std::string time_zone = "UTC";
  Approvers pass_with;  // whose approval lets a change pass all the same
};

struct BreakGlassReview {
  std::string within = "24h";
};

struct BreakGlass {
  bool allowed = false;
  BreakGlassReview review;
};

enum class NotifyType { CloudEvents, Slack, Teams };

// Whom a policy tells of its requests. The address is in a Secret, never here.
struct NotifyTarget {
  std::string name;
  NotifyType type = NotifyType::CloudEvents;
  std::string secret_ref;  // name of a Secret in Holdpoint's own namespace, keys: url, token
};

struct AutoApprove {
  RiskLevel risk_at_most = RiskLevel::Low;
};

// Something that must be true besides the approvals, looked up ahead by the operator; see
// core/context/checks.hpp for what each kind looks at.
enum class CheckMode { Require, Show };
enum class Comparison {
  Equals,
  NotEquals,
  LessThan,
  AtMost,
  AtLeast,
  MoreThan,
  Exists,
  DoesNotExist
};
enum class WhenMissing { Fail, Pass };
enum class HttpMethod { Get, Post };  // GET | POST

// A field of an object of the cluster.
struct ObjectCheck {
  std::string api_group;
  std::string resource;    // plural
  std::string namespace_;  // empty: the target's
  std::string name;        // empty: the target's
  std::string field;  // JSON pointer; in a list also key=value, as in /status/conditions/type=Ready
  Comparison is = Comparison::Equals;
  std::string value;
  WhenMissing missing = WhenMissing::Fail;  // no such object or field
};

// How many vulnerabilities of a severity an image may have; none: any number.
struct SeverityLimits {
  std::optional<std::int64_t> critical, high, medium, low, unknown;
};

// Trivy's VulnerabilityReports of the proposed images.
struct VulnerabilityCheck {
  SeverityLimits at_most;
  std::string max_report_age = "24h";
  WhenMissing missing = WhenMissing::Fail;  // no report of an image
  std::vector<std::string> namespaces;      // whose reports count; empty: all
};

// An HTTP endpoint. Its address is in a Secret, never here.
struct HttpCheck {
  HttpMethod method = HttpMethod::Post;
  std::string secret_ref;  // as NotifyTarget's; also the key ca.crt
  std::string timeout = "10s";
};

// Exactly one of the last three.
struct Check {
  std::string name;
  CheckMode mode = CheckMode::Require;
  std::string max_age = "5m";  // how old a result may be when the change is let through
  std::optional<ObjectCheck> object;
  std::optional<VulnerabilityCheck> vulnerability_reports;
  std::optional<HttpCheck> http;
};

struct Expiry {
  std::string pending = "24h";
  std::string approved = "1h";
};

struct ApprovalPolicySpec {
  PolicyMode mode = PolicyMode::Enforce;
  Match match;
  Hold hold;
  std::vector<Stage> stages;
  SeparationOfDuties separation_of_duties;
  Expiry expiry;
  Supersede supersede = Supersede::Older;
  std::vector<RiskRule> risk_rules;  // empty: default_risk_rules()
  std::optional<AutoApprove> auto_approve;
  std::vector<FreezeWindow> freeze;
  std::vector<Check> checks;
  BreakGlass break_glass;
  bool guard = false;
  std::string retention = "168h";  // ended requests are removed after it
  std::vector<NotifyTarget> notify;
  std::int64_t timeout_seconds = 10;  // for a judgement, as the API server counts it
};

struct ApprovalPolicyStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;  // Ready
};

struct ApprovalPolicy {
  ObjectMeta metadata;
  ApprovalPolicySpec spec;
  ApprovalPolicyStatus status;
};

// ---- ApprovalRequest

struct PolicyReference {
  std::string name;
  std::string uid;
  std::string hash;  // of the binding part of the policy's spec, see core/approval/digest.hpp
};

struct Target {
  std::string group;
  std::string version;
  std::string kind;
  std::string resource;  // plural
  std::string namespace_;
  std::string name;           // empty when only generate_name is known
  std::string generate_name;  // set when the name was generated
  std::string uid;  // of the live object for an update or deletion; of a generated object that is
                    // stored held
};

// One change in domain words, such as {"image", "web", "1.4.1", "1.5.0"}.
struct ChangeLine {
  std::string what;  // image | replicas | env | command | resources | data | field ...
  std::string where;
  std::string from;  // empty: was not there
  std::string to;    // empty: is gone
};

enum class RequestHold { Suspend, Gate, Deny, Retry };  // how this change waits

// Stored, but held; the others are refused until they are approved.
constexpr bool is_stored_held(RequestHold hold) {
  return hold == RequestHold::Suspend || hold == RequestHold::Gate;
}

// An image that the proposed content runs.
struct ContainerImage {
  std::string where;  // "web", "init container migrate"
  std::string image;  // as written; empty: cannot be read
};
inline constexpr std::size_t kMostImages = 64;  // of a request: one more tells that there are more

// The object that a GitOps controller or Helm makes its target from.
enum class OriginKind { Kustomization, HelmRelease, Application, Release };
struct Origin {
  OriginKind kind = OriginKind::Release;
  std::string namespace_;
  std::string name;
  std::string revision;   // that it was going to when this was asked for; empty: it does not say
  std::string hook;       // "pre-upgrade", "PreSync": when its deployer runs it; empty: no hook
  std::int64_t wave = 0;  // Helm's hook weight or Argo CD's sync wave: lower ones come first
};

// Of metadata.ownerReferences.
struct Owner {
  std::string group, kind, name;
};

struct ApprovalRequestSpec {
  PolicyReference policy;
  Target target;
  Operation operation = Operation::Create;  // relative to the reference R
  RequestHold hold = RequestHold::Deny;
  std::string base_digest;     // of R's covered part; "absent" when there was none
  std::string content_digest;  // of the proposed covered part; "absent" for a deletion
  std::string binding_digest;
  std::int64_t attempt = 1;
  Identity requester;
  std::string client;  // field manager that sent it
  std::string
      reason;  // annotation holdpoint.dev/reason (or kubernetes.io/change-cause) of the object
  std::vector<std::string> summary;  // one line each, in domain words
  std::vector<ChangeLine> changes;
  std::string diff;                         // by merge key, bounded; never a Secret's value
  std::vector<Stage> stages;                // what the policy asked for when this was requested
  SeparationOfDuties separation_of_duties;  // likewise, as is what follows
  std::optional<AutoApprove> auto_approve;
  std::vector<Check> checks;
  std::vector<ContainerImage> images;
  Risk risk;
  std::string asked_at;  // RFC 3339, microseconds, by the webhook's clock: orders requests
  std::vector<std::string> authors;  // named by annotations, unverified: they may not approve
  std::string change_set;            // what belongs together: "argocd/shop"
  std::optional<Origin> origin;      // unverified
  std::vector<Owner> owners;         // of the target: who writes them can have a robot ask
  Json proposed;                     // asked ahead: the object as a dry run gave it; null otherwise
  Json base;  // R's covered part, kept while the object is stored held; null otherwise
};

enum class RequestPhase {
  Pending,
  Scheduled,  // approved, but not yet: a freeze, or an approval's notBefore
  Approved,
  Released,
  Denied,
  Expired,
  Superseded,
  Stale,
  Withdrawn
};

// What break-glass leaves behind, until somebody else has looked at it.
struct ReviewDebt {
  std::string by;           // who broke the glass
  std::string due_at;       // RFC 3339
  std::string reviewed_by;  // empty: still owed
};

// Written by the webhook alone, by compare-and-swap, before it lets a write be stored.
struct Claim {
  std::string object_uid;
  std::string
      base_resource_version;  // of the object that is updated; of its collection for a creation
  std::string time;           // RFC 3339, microseconds
  Identity writer;
};

enum class CheckOutcome { Pass, Fail, Unknown };

// What a check said when the operator looked last.
struct CheckResult {
  std::string name;
  std::string definition;  // SHA-256 of what was looked up, in hex: another check's result is none
  CheckOutcome result = CheckOutcome::Unknown;
  std::string text;         // for people
  std::string observed_at;  // RFC 3339: when it began to look
};

struct DecisionLine {
  std::string approval;  // name of the Approval
  std::string username;
  std::string decision;
  std::string stage;   // slot it fills; empty when it fills none
  std::string reason;  // the author's words
  std::string note;    // why it does not count; empty when it counts
};

struct ApprovalRequestStatus {
  RequestPhase phase = RequestPhase::Pending;
  std::string message;
  std::string approvals;  // "1 of 2", for the column
  std::vector<DecisionLine> decisions;
  std::string approved_at;
  std::string expires_at;  // of the phase that it is in: Pending or Approved
  std::string ended_at;
  std::string ending;  // RFC 3339: about to end since then, so no write may claim it any more
  std::optional<Claim> claim;
  std::optional<ReviewDebt> review;
  std::vector<CheckResult> checks;
  std::vector<std::string> notified;  // ids of the notices that were delivered
  std::vector<Condition> conditions;  // Approved, Released, and kstatus' Reconciling / Stalled
  std::int64_t observed_generation = 0;
};

struct ApprovalRequest {
  ObjectMeta metadata;
  ApprovalRequestSpec spec;
  ApprovalRequestStatus status;
};

// ---- Approval

enum class Decision { Approve, Deny, Withdraw, BreakGlass, Review };

struct RequestReference {
  std::string name;
  std::string uid;             // stamped
  std::string binding_digest;  // stamped
};

struct ApprovalSpec {
  RequestReference request;
  Decision decision = Decision::Approve;
  std::string reason;
  std::string not_before;  // RFC 3339: the change may not be stored before
  std::string policy;      // stamped: name of the request's policy
  Identity author;         // stamped
};

struct Approval {
  ObjectMeta metadata;
  ApprovalSpec spec;
};

// ---- AuditRecord

enum class Fact {
  Requested,
  Approved,  // one person approved
  Denied,
  Withdrawn,
  Revoked,  // an Approval was deleted before it was used
  Granted,  // the request has all it needs
  Claimed,
  Released,
  Expired,
  Superseded,
  Stale,
  PolicyChanged,
  Tampered,  // a webhook configuration or CRD of ours was edited or deleted
  Restored,
  Escalated,
  BreakGlass,  // somebody passed without the approvals
  Reviewed,    // and somebody else looked at it
  Disarmed,    // the gate was taken down on purpose
  Armed,       // and put up again
  Voided,      // all approvals that were not used
  Retriggered  // a GitOps controller was told to try an approved change again
};

struct AuditSubject {
  std::string request;  // name
  std::string request_uid;
  std::string policy;
  std::string group, kind, namespace_, name;  // of the target, or of the object the fact is about
};

struct AuditRecordSpec {
  std::int64_t sequence = 0;
  std::string previous_hash;  // 64 zeros for the first
  std::string hash;  // SHA-256 over the canonical JSON of this spec without `hash`, see core/audit
  std::string fact_id;  // the same fact has the same id: written once
  std::string time;     // RFC 3339, microseconds: when it was recorded
  std::string
      occurred_at;  // when the thing itself happened, as stamped by the API server; may be empty
  Fact fact = Fact::Requested;
  Identity actor;
  AuditSubject subject;
  std::string content_digest;
  std::string binding_digest;
  std::string reason;   // people's words
  std::string message;  // ours
};

struct AuditRecord {
  ObjectMeta metadata;
  AuditRecordSpec spec;
};

}  // namespace holdpoint
