#include "operator/configurator.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "core/approval/calendar.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/stages.hpp"
#include "core/change/last_write.hpp"
#include "crds/codec.hpp"
#include "operator/conditions.hpp"
#include "operator/grants.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kCall{10'000};
constexpr Duration kProbePatience{2'500};  // of a whole pass: meanwhile nothing else is put back
constexpr const char* kKeptAnnotation = "holdpoint.dev/kept";
constexpr const char* kUnknown = "unknown";

kube::ResourcePath configuration_path(bool mutating, const std::string& name = {}) {
  return {"admissionregistration.k8s.io",
          "v1",
          mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations",
          "",
          name,
          ""};
}

kube::ResourcePath crd_path(const std::string& name = {}) {
  return {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "", name, ""};
}

std::string policies_crd() { return kind_info<ApprovalPolicy>().plural + "." + kGroup; }

Json webhooks_of(const Json& object) { return object.value("webhooks", Json::array()); }

// The policies whose entries outlive them, comma separated.
std::string kept_of(const Json& object) {
  return string_at(object, {"metadata", "annotations", kKeptAnnotation});
}

// Who wrote the spec of this generation, stamped at admission; the stamp of another one says
// nothing.
std::string changed_by(const ObjectMeta& policy) {
  const auto stamp = policy.annotations.find(kChangedByAnnotation);
  if (stamp == policy.annotations.end()) return kUnknown;
  const std::string generation = std::to_string(policy.generation) + " ";
  return stamp->second.starts_with(generation) && stamp->second.size() > generation.size()
             ? stamp->second.substr(generation.size())
             : kUnknown;
}

// What the object itself tells of who edited it last: a hint, anybody can write it.
std::string edited_by(const Json& object) {
  const auto [manager, time] = last_write(object);
  return "edited" + (manager.empty()
                         ? ""
                         : ", last by field manager " + visible_cut(manager, 128) + " at " + time);
}

const char* kind_of(bool mutating) {
  return mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
}

// Every field that `wanted` has is in `live` with the same value; what the server adds does not
// matter.
bool covers(const Json& live, const Json& wanted) {
  if (wanted.is_object()) {
    if (!live.is_object()) return wanted.empty() && live.is_null();
    return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& member) {
      const auto found = live.find(member.key());
      return found == live.end() ? member.value().empty() && !member.value().is_primitive()
                                 : covers(*found, member.value());
    });
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (!covers(live[i], wanted[i])) return false;
    return true;
  }
  return live == wanted;
}

std::vector<std::string> never_gated(const ConfiguratorSettings& settings) {
  std::vector<std::string> names{settings.home, "holdpoint-approvals"};
  names.insert(names.end(), settings.excluded.begin(), settings.excluded.end());
  return names;
}

// All that we may have at the API server: whether it mutates, and its name.
std::vector<std::pair<bool, std::string>> own_configurations() {
  std::vector<std::pair<bool, std::string>> all;
  for (const bool mutating : {false, true}) {
    all.emplace_back(mutating, "holdpoint-approvals");
    for (int shard = 0; shard < kShards; ++shard)
      all.emplace_back(mutating, mutating ? hold_name(shard) : gate_name(shard));
  }
  return all;
}

// "; autoApprove was none, is {...}": each part of a policy's spec that changed.
std::string told_of_change(const Json& before, const Json& now) {
  constexpr std::size_t kMostOfPart = 160;
  const auto told = [&](const Json& spec, const std::string& key) {
    return spec.contains(key) ? visible_cut(dump_json(spec.at(key)), kMostOfPart)
                              : std::string("none");
  };
  std::set<std::string> keys;
  for (const Json* spec : {&before, &now})
    for (const auto& [key, value] : spec->items()) keys.insert(key);
  std::string text;
  for (const std::string& key : keys)
    if (before.value(key, Json()) != now.value(key, Json()))
      text += "; " + key + " was " + told(before, key) + ", is " + told(now, key);
  return visible_cut(text, 900);
}

// Such a policy is in force, and frozen at all times. Empty: all can be read.
std::string unreadable_freeze(const ApprovalPolicySpec& spec) {
  for (std::size_t i = 0; i < spec.freeze.size(); ++i) {
    const auto calendar = Calendar::of(spec.freeze[i]);
    if (!calendar.ok())
      return "spec.freeze[" + std::to_string(i) +
             "]: " + visible_cut(calendar.error().message, 400) +
             "; until it is mended, nothing that this policy gates can be released";
  }
  return "";
}

}  // namespace

std::string operator_user(const std::string& home) {
  return "system:serviceaccount:" + home + ":holdpoint-operator";
}

Configurator::Configurator(const kube::Client& client, const Clock& clock, Ledger& ledger,
                           Checks& checks, ConfiguratorSettings settings)
    : client_(client),
      clock_(clock),
      ledger_(ledger),
      checks_(checks),
      settings_(std::move(settings)),
      own_namespaces_(never_gated(settings_)),
      discovery_(client) {}

bool Configurator::trust(std::string ca_pem) {
  if (settings_.address.ca_pem == ca_pem) return false;
  settings_.address.ca_pem = std::move(ca_pem);
  return true;
}

Result<bool> Configurator::policies_are_served(Deadline deadline) const {
  const auto crd = client_.get(crd_path(policies_crd()), deadline);
  if (!crd.ok()) return crd.error().kind == ErrorKind::NotFound ? Result<bool>(false) : crd.error();
  return string_at(*crd, {"metadata", "deletionTimestamp"}).empty();
}

// What an earlier leader wrote: its entries are what must not get fewer.
Result<Done> Configurator::adopt(Deadline deadline) {
  for (const bool mutating : {false, true})
    for (int shard = 0; shard < kShards; ++shard) {
      const std::string name = mutating ? hold_name(shard) : gate_name(shard);
      const auto live = client_.get(configuration_path(mutating, name), deadline);
      if (!live.ok() && live.error().kind != ErrorKind::NotFound) return live.error();
      if (!live.ok()) continue;
      written_[{mutating, name}] = {webhooks_of(*live), kept_of(*live), "", false};
      for (const std::string& policy : split(kept_of(*live), ','))
        if (!policy.empty()) kept_.insert(policy);
    }
  adopted_ = true;
  return Done{};
}

void Configurator::resolve(Outcome& outcome, Deadline deadline) {
  const ApprovalPolicy& policy = outcome.policy;
  if (policy.spec.mode == PolicyMode::Off) {
    outcome.status = "True";
    outcome.reason = "Off";
    outcome.message = "nothing is gated: mode is Off";
    return;
  }
  std::vector<ResolvedResource> resources;
  for (const MatchResource& named : policy.spec.match.resources)
    for (const std::string& group : named.api_groups)
      for (const std::string& resource : named.resources) {
        const auto found = discovery_.find(group, resource, deadline);
        const std::string what = kind_name(group, resource);
        if (!found.ok()) {
          outcome.reason =
              found.error().kind == ErrorKind::NotFound ? "ResourceNotFound" : "DiscoveryFailed";
          outcome.message =
              "the API server does not serve " + what +
              ": check apiGroups and resources in spec.match, or install its CRD first";
          if (found.error().kind != ErrorKind::NotFound) outcome.message = describe(found.error());
          return keep_last_good(outcome);
        }
        const auto granted = client_.may_i({"get", group, resource, "", "", ""}, deadline);
        if (!granted.ok() || !*granted) {
          outcome.reason = granted.ok() ? "NotGranted" : "AccessReviewFailed";
          outcome.message = granted.ok()
                                ? grant_to_make("gated-kinds", group, resource, "get, list, watch")
                                : describe(granted.error());
          return keep_last_good(outcome);
        }
        resources.push_back(
            {found->group, found->version, found->resource, found->namespaced, named.operations});
      }
  outcome.entries = entries_of(policy, resources, settings_.address, own_namespaces_);
  if (const auto taken = try_alone(outcome, deadline); !taken.ok()) {
    outcome.reason = taken.error().kind == ErrorKind::Invalid ? "Refused" : "NotTried";
    outcome.message = "the API server does not take this policy: " + taken.error().message;
    return keep_last_good(outcome);
  }
  outcome.reason = "Probing";
  outcome.message = "waiting until the API server uses this policy";
}

Result<Done> Configurator::try_alone(const Outcome& outcome, Deadline deadline) const {
  for (const bool mutating : {false, true}) {
    const auto& entries = mutating ? outcome.entries.mutating : outcome.entries.validating;
    if (entries.empty() || tried_.contains(sha256_hex(dump_json(Json(entries))))) continue;
    const Json object{{"apiVersion", "admissionregistration.k8s.io/v1"},
                      {"kind", kind_of(mutating)},
                      {"metadata", {{"generateName", "holdpoint-try-"}}},
                      {"webhooks", entries}};
    kube::WriteOptions options;
    options.dry_run = true;
    HP_TRY(client_.create(configuration_path(mutating), object, options, deadline));
  }
  return Done{};
}

// The policy as it was last taken goes on; one that never was has no entry.
void Configurator::keep_last_good(Outcome& outcome) const {
  outcome.entries = {};
  const std::string& policy = outcome.policy.metadata.name;
  const int shard = shard_of(policy);
  for (const bool mutating : {false, true}) {
    const auto found = written_.find({mutating, mutating ? hold_name(shard) : gate_name(shard)});
    if (found == written_.end()) continue;
    for (const Json& entry : found->second.webhooks)
      if (policy_of_entry(entry) == policy)
        (mutating ? outcome.entries.mutating : outcome.entries.validating).push_back(entry);
  }
  if (!outcome.entries.validating.empty())
    outcome.message += " (the policy as it was before stays in force)";
}

Result<Done> Configurator::write(bool mutating, const Json& object, const std::string& probe_hash,
                                 Deadline deadline) {
  const std::string name = string_at(object, {"metadata", "name"});
  Written& written = written_[{mutating, name}];
  auto live = client_.get(configuration_path(mutating, name), deadline);
  if (!live.ok() && live.error().kind != ErrorKind::NotFound) return live.error();
  // What is there is not what was last written: somebody else did that, whoever of us notices it
  // first.
  std::string tampered;
  if (!written.webhooks.is_null()) {
    if (!live.ok())
      tampered = "deleted";
    else if (webhooks_of(*live) != written.webhooks)
      tampered = edited_by(*live);
  }
  const bool same =
      live.ok() && webhooks_of(*live) == webhooks_of(object) && kept_of(*live) == kept_of(object);
  if (!same) {
    // A pass takes a while: what somebody disarmed since it began must not come back.
    HP_ASSIGN(const Arming arming, read_arming(client_, settings_.home, deadline));
    if (arming.down)
      return Error{ErrorKind::Unavailable, "the gate was disarmed by " + arming.by, ""};
    if (live.ok()) {
      Json next = *live;
      next["webhooks"] = object["webhooks"];
      next["metadata"]["labels"] = object["metadata"]["labels"];
      next["metadata"]["annotations"][kKeptAnnotation] = kept_of(object);
      live = client_.update(configuration_path(mutating, name), next, {}, deadline);
    } else {
      live = client_.create(configuration_path(mutating), object, {}, deadline);
    }
    if (!live.ok()) return live.error();
  }
  if (written.probe_hash != probe_hash) written.proven = false;
  written.webhooks = webhooks_of(*live);
  written.kept = kept_of(*live);
  written.probe_hash = probe_hash;
  if (!tampered.empty()) {
    owe(Fact::Tampered, "admissionregistration.k8s.io", kind_of(mutating), name, tampered);
    owe(Fact::Restored, "admissionregistration.k8s.io", kind_of(mutating), name,
        "put back as it has to be");
  }
  return Done{};
}

// Until the API server's own answer names this very content, or patience ends.
Result<Done> Configurator::prove(const Key& key, Deadline deadline, const std::stop_token& stop) {
  Written& written = written_[key];
  if (written.proven || written.probe_hash.empty()) return Done{};
  std::string last = "no answer";
  // At least once, however much of the pass's time others took.
  for (bool first = true; (first || !deadline.over()) && !stop.stop_requested(); first = false) {
    kube::WriteOptions options;
    options.dry_run = true;
    const auto answer = client_.create({"", "v1", "configmaps", settings_.home, "", ""},
                                       probe_object(key.second, settings_.home), options,
                                       first ? Deadline::in(kProbePatience) : deadline);
    if (!answer.ok() &&
        answer.error().message.find("holdpoint-probe " + written.probe_hash) != std::string::npos) {
      written.proven = true;
      return Done{};
    }
    last = answer.ok() ? "the API server did not ask the webhook" : answer.error().message;
    if (!wait_for(Duration(50), stop)) break;
  }
  return Error{ErrorKind::Unavailable, last, ""};
}

Result<Done> Configurator::pass(const std::stop_token& stop) {
  const Deadline deadline = Deadline::in(Duration(60'000));
  HP_ASSIGN(const Arming arming, read_arming(client_, settings_.home, deadline));
  // Before it is done: nobody can say that it was not told.
  if (!arming.version.empty()) HP_TRY(record_arming(arming, deadline));
  if (arming.down) return take_down(arming, deadline);
  HP_TRY(record_voiding(deadline));
  if (settings_.address.ca_pem.empty())
    return Error{ErrorKind::Unavailable, "the webhook's certificates are not there yet", ""};
  for (const bool mutating : {false, true})
    HP_TRY(
        write(mutating,
              approvals_configuration(mutating, settings_.address, operator_user(settings_.home)),
              "", deadline));
  if (!adopted_) HP_TRY(adopt(deadline));
  HP_ASSIGN(const bool served, policies_are_served(deadline));
  if (!served)
    return Error{ErrorKind::Unavailable,
                 "the CRD of policies is not there: all entries stay as they are", ""};
  HP_ASSIGN(const kube::ListResult list,
            client_.list({kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "", "", ""}, {},
                         deadline));
  HP_ASSIGN(const bool still_served, policies_are_served(deadline));
  if (!still_served)
    return Error{ErrorKind::Unavailable, "the CRD of policies is going away: all entries stay", ""};

  std::vector<Outcome> outcomes;
  for (const Json& item : list.items) {
    auto policy = decode<ApprovalPolicy>(item);
    if (!policy.ok()) return policy.error();
    Outcome& outcome = outcomes.emplace_back();
    outcome.policy = std::move(*policy);
    kept_.erase(outcome.policy.metadata.name);
    resolve(outcome, deadline);
  }
  HP_TRY(record_policies(outcomes, deadline));

  std::map<Key, std::vector<Json>> entries;
  std::map<std::string, std::string> kept_in;
  for (int shard = 0; shard < kShards; ++shard)
    entries[{false, gate_name(shard)}], entries[{true, hold_name(shard)}];
  for (const Outcome& outcome : outcomes) {
    const int shard = shard_of(outcome.policy.metadata.name);
    auto& gates = entries[{false, gate_name(shard)}];
    gates.insert(gates.end(), outcome.entries.validating.begin(), outcome.entries.validating.end());
    auto& holds = entries[{true, hold_name(shard)}];
    holds.insert(holds.end(), outcome.entries.mutating.begin(), outcome.entries.mutating.end());
  }
  for (const std::string& policy : kept_) {
    Outcome gone;
    gone.policy.metadata.name = policy;
    keep_last_good(gone);
    const int shard = shard_of(policy);
    for (const Json& entry : gone.entries.validating)
      entries[{false, gate_name(shard)}].push_back(entry);
    for (const Json& entry : gone.entries.mutating)
      entries[{true, hold_name(shard)}].push_back(entry);
    for (const std::string& name : {gate_name(shard), hold_name(shard)})
      kept_in[name] += (kept_in[name].empty() ? "" : ",") + policy;
  }
  for (auto& [key, list_of] : entries) {
    Shard shard =
        make_shard(key.first, key.second, std::move(list_of), settings_.address, settings_.home);
    if (const auto kept = kept_in.find(key.second); kept != kept_in.end())
      shard.object["metadata"]["annotations"] = {{kKeptAnnotation, kept->second}};
    HP_TRY(write(key.first, shard.object, shard.probe_hash, deadline));
  }

  HP_TRY(settle(deadline));
  const Deadline probing = Deadline::in(kProbePatience);
  std::map<Key, Error> unproven;  // asked once in a pass
  const auto prove_once = [&](const Key& key) -> Result<Done> {
    if (const auto known = unproven.find(key); known != unproven.end()) return known->second;
    auto proven = prove(key, probing, stop);
    if (!proven.ok()) unproven.emplace(key, proven.error());
    return proven;
  };
  bool all_proven = true;
  for (Outcome& outcome : outcomes) {
    if (outcome.reason == "Probing") {
      const int shard = shard_of(outcome.policy.metadata.name);
      auto proven = prove_once({false, gate_name(shard)});
      if (proven.ok() && !outcome.entries.mutating.empty())
        proven = prove_once({true, hold_name(shard)});
      outcome.status = proven.ok() ? "True" : "False";
      outcome.reason = !proven.ok()                                   ? "WebhookUnreachable"
                       : outcome.policy.spec.mode == PolicyMode::Warn ? "Watching"
                                                                      : "Enforced";
      outcome.message =
          proven.ok() ? "a probe through the API server met this policy"
                      : "the API server does not reach the webhook: " + proven.error().message;
      if (proven.ok()) tell_obstacles(outcome, deadline);
      all_proven = all_proven && proven.ok();
      if (proven.ok())
        for (const auto& list_of : {outcome.entries.validating, outcome.entries.mutating})
          tried_.insert(sha256_hex(dump_json(Json(list_of))));
    }
    if (const auto put = put_status(outcome, deadline);
        !put.ok() && put.error().kind != ErrorKind::NotFound)
      return put.error();
  }
  ready_ = true;
  if (!all_proven)
    return Error{ErrorKind::Unavailable, "not every policy is proven to be in force", ""};
  return Done{};
}

// Such a policy is in force, and does not do what it is meant for.
void Configurator::tell_obstacles(Outcome& outcome, Deadline deadline) const {
  const auto tell = [&](const char* reason, std::string message) {
    outcome.status = "False";
    outcome.reason = reason;
    outcome.message = std::move(message);
  };
  for (const Check& check : outcome.policy.spec.checks) {
    if (check.mode == CheckMode::Show) continue;
    const std::string obstacle = checks_.obstacle(check, deadline);
    if (!obstacle.empty())
      return tell("CheckNotPossible", "spec.checks " + check.name + ": " +
                                          visible_cut(obstacle, 600) +
                                          "; until then, nothing that this policy gates passes");
  }
  if (std::string passed_by = one_sided(outcome.policy.spec); !passed_by.empty())
    return tell("InvalidCondition", "spec.match.conditions: " + std::move(passed_by));
  if (std::string never = never_full(outcome.policy.spec); !never.empty())
    return tell("InvalidStages", "spec.stages: " + std::move(never));
  if (std::string unreadable = unreadable_freeze(outcome.policy.spec); !unreadable.empty())
    tell("InvalidFreeze", std::move(unreadable));
}

// What the ConfigMap says that somebody did, at its version.
AuditRecordSpec Configurator::said(Fact which, const std::string& version, const std::string& by,
                                   const std::string& reason) const {
  AuditRecordSpec fact;
  fact.fact = which;
  fact.fact_id = fact_id(which, kOwnConfigMap, version);
  fact.actor.username = by;
  fact.subject.kind = "ConfigMap";
  fact.subject.namespace_ = settings_.home;
  fact.subject.name = kOwnConfigMap;
  fact.message = reason;
  return fact;
}

Result<Done> Configurator::record_arming(const Arming& arming, Deadline deadline) {
  return ledger_.append(
      {said(arming.down ? Fact::Disarmed : Fact::Armed, arming.version, arming.by, arming.reason)},
      deadline);
}

Result<Done> Configurator::record_voiding(Deadline deadline) {
  HP_TRY(ledger_.append({}, deadline));
  const auto voiding = read_voiding(client_, settings_.home, deadline);
  if (!voiding.ok() && voiding.error().kind == ErrorKind::Invalid) {
    log::error("no approval counts", {{"error", describe(voiding.error())}});
    return Done{};
  }
  if (!voiding.ok()) return voiding.error();
  if (!voiding->has_value()) return Done{};
  const Voiding& of = **voiding;
  return ledger_.append({said(Fact::Voided, of.version, of.by, of.reason)}, deadline);
}

Result<bool> Configurator::is_up(Deadline deadline) const {
  for (const auto& [mutating, name] : own_configurations()) {
    const auto live = client_.get(configuration_path(mutating, name), deadline);
    if (live.ok()) return true;
    if (live.error().kind != ErrorKind::NotFound) return live.error();
  }
  return false;
}

Result<Done> Configurator::take_down(const Arming& arming, Deadline deadline) {
  written_.clear();
  adopted_ = false;
  for (const auto& [mutating, name] : own_configurations()) {
    const auto gone = client_.remove(configuration_path(mutating, name), "", deadline);
    if (!gone.ok() && gone.error().kind != ErrorKind::NotFound) return gone.error();
  }
  const auto list = client_.list({kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "", "", ""},
                                 {}, deadline);
  if (list.ok())
    for (const Json& item : list->items) {
      Outcome outcome;
      auto policy = decode<ApprovalPolicy>(item);
      if (!policy.ok()) continue;
      outcome.policy = std::move(*policy);
      outcome.reason = "Disarmed";
      outcome.message = "nothing is gated: disarmed by " + arming.by + " (" + arming.reason +
                        "); kubectl holdpoint arm puts the gate up again";
      if (const auto put = put_status(outcome, deadline); !put.ok())
        log::warn("not told in the policy's status",
                  {{"policy", outcome.policy.metadata.name}, {"error", describe(put.error())}});
    }
  log::warn("disarmed", {{"by", arming.by}, {"reason", arming.reason}});
  ready_ = true;
  return Done{};
}

Result<Done> Configurator::put_status(const Outcome& outcome, Deadline deadline) const {
  const ApprovalPolicyStatus& before = outcome.policy.status;
  ApprovalPolicyStatus status = before;
  status.observed_generation = outcome.policy.metadata.generation;
  Condition ready{"Ready",
                  outcome.status,
                  outcome.reason,
                  visible_cut(outcome.message, 2000),
                  to_rfc3339(clock_.now()),
                  outcome.policy.metadata.generation};
  for (const Condition& old : before.conditions)
    if (old.type == "Ready" && old.status == ready.status)
      ready.last_transition_time = old.last_transition_time;
  std::erase_if(status.conditions, [](const Condition& old) { return old.type == "Ready"; });
  status.conditions.push_back(std::move(ready));
  if (encode_part(status) == encode_part(before)) return Done{};
  const Json patch{{"metadata", {{"uid", outcome.policy.metadata.uid}}},
                   {"status", encode_part(status)}};
  HP_TRY(client_.patch({kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "",
                        outcome.policy.metadata.name, "status"},
                       kube::PatchType::Merge, patch, {}, deadline));
  return Done{};
}

Result<Done> Configurator::record_policies(const std::vector<Outcome>& outcomes,
                                           Deadline deadline) {
  std::vector<AuditRecordSpec> facts;
  const auto fact_of = [&](const std::string& name, const std::string& uid,
                           const std::string& detail, const std::string& who, std::string message) {
    AuditRecordSpec fact;
    fact.fact = Fact::PolicyChanged;
    fact.fact_id = fact_id(Fact::PolicyChanged, uid, detail);
    fact.actor.username = who;
    fact.subject.policy = name;
    fact.subject.group = kGroup;
    fact.subject.kind = kind_info<ApprovalPolicy>().kind;
    fact.subject.name = name;
    fact.message = std::move(message);
    facts.push_back(std::move(fact));
  };
  std::map<std::string, std::string> now;
  std::map<std::string, Json> specs;
  for (const Outcome& outcome : outcomes) {
    const ObjectMeta& metadata = outcome.policy.metadata;
    now[metadata.name] = metadata.uid;
    const std::string generation = std::to_string(metadata.generation);
    const Json spec = encode_part(outcome.policy.spec);
    const auto before = specs_.find(metadata.uid);
    fact_of(metadata.name, metadata.uid, generation, changed_by(metadata),
            "generation " + generation + ", mode " +
                std::string(to_string(outcome.policy.spec.mode)) + ", spec " +
                sha256_hex(dump_json(spec)).substr(0, 12) +
                (before == specs_.end() ? "" : told_of_change(before->second, spec)));
    specs[metadata.uid] = spec;
  }
  for (const auto& [name, uid] : uids_)
    if (const auto found = now.find(name); found == now.end() || found->second != uid)
      fact_of(name, uid, "deleted", kUnknown, "deleted; the API server's audit log tells by whom");
  HP_TRY(ledger_.append(std::move(facts), deadline));
  uids_ = std::move(now);
  specs_ = std::move(specs);
  return Done{};
}

void Configurator::owe(Fact fact, const std::string& group, const std::string& kind,
                       const std::string& name, const std::string& message) {
  AuditRecordSpec spec;
  spec.fact = fact;
  spec.fact_id = fact_id(fact, name, to_rfc3339_micro(clock_.now()));
  spec.actor.username = fact == Fact::Restored ? operator_user(settings_.home) : kUnknown;
  spec.subject.group = group;
  spec.subject.kind = kind;
  spec.subject.name = name;
  spec.message = visible_cut(message, 1000);
  log::warn(fact == Fact::Tampered ? "tampered" : "restored",
            {{"kind", kind}, {"name", name}, {"message", message}});
  owed_.push_back(std::move(spec));
}

// The trail may be what somebody deleted: what is owed stays owed until it is written.
Result<Done> Configurator::settle(Deadline deadline) {
  if (owed_.empty()) return Done{};
  HP_TRY(ledger_.append(owed_, deadline));
  owed_.clear();
  return Done{};
}

Result<Done> Configurator::guard_configuration(bool mutating, const std::string& name) {
  const Key key{mutating, name};
  const auto expected = written_.find(key);
  // Not one that we wrote, or not yet.
  if (expected == written_.end() || expected->second.webhooks.is_null()) return Done{};
  const Deadline deadline = Deadline::in(kCall);
  // Put back first: the gate is open meanwhile. Then on the record, both.
  const Json object{{"apiVersion", "admissionregistration.k8s.io/v1"},
                    {"kind", kind_of(mutating)},
                    {"metadata",
                     {{"name", name},
                      {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}},
                      {"annotations", {{kKeptAnnotation, expected->second.kept}}}}},
                    {"webhooks", expected->second.webhooks}};
  HP_TRY(write(mutating, object, expected->second.probe_hash, deadline));
  return settle(deadline);
}

Result<Done> Configurator::guard_crd(const std::string& name) {
  const Json* wanted = nullptr;
  for (const Json& crd : custom_resource_definitions())
    if (string_at(crd, {"metadata", "name"}) == name) wanted = &crd;
  if (wanted == nullptr) return Done{};
  const Deadline deadline = Deadline::in(kCall);
  const auto live = client_.get(crd_path(name), deadline);
  if (!live.ok() && live.error().kind != ErrorKind::NotFound) return live.error();
  const bool going = live.ok() && !string_at(*live, {"metadata", "deletionTimestamp"}).empty();
  if ((!live.ok() || going) && name == policies_crd()) {
    // All policies go with it: their entries stay, so what they gated stays refused until somebody
    // says otherwise.
    for (const auto& [key, written] : written_)
      for (const Json& entry : written.webhooks)
        if (const std::string policy = policy_of_entry(entry); !policy.empty())
          kept_.insert(policy);
  }
  if (going)
    return Error{ErrorKind::Unavailable, name + " is being deleted; it is put back when it is gone",
                 ""};
  if (live.ok() && covers((*live)["spec"], (*wanted)["spec"])) return settle(deadline);
  // That of another release: an upgrade or a rollback is under way. To put ours back would fight
  // with whoever installs it, and own the fields that they own.
  if (live.ok()) {
    const std::string release =
        string_at(*live, {"metadata", "labels", "app.kubernetes.io/version"});
    if (!release.empty() && release != HOLDPOINT_VERSION) {
      log::warn("the CRD is of another release, and stays as it is",
                {{"name", name}, {"release", release}, {"own", HOLDPOINT_VERSION}});
      return settle(deadline);
    }
  }
  const std::string tampered = live.ok() ? edited_by(*live) : "deleted";
  if (live.ok()) {
    Json next = *live;
    next["spec"] = (*wanted)["spec"];
    HP_TRY(client_.update(crd_path(name), next, {}, deadline));
  } else {
    HP_TRY(client_.create(crd_path(), *wanted, {}, deadline));
  }
  owe(Fact::Tampered, "apiextensions.k8s.io", "CustomResourceDefinition", name, tampered);
  owe(Fact::Restored, "apiextensions.k8s.io", "CustomResourceDefinition", name,
      "put back as it was");
  return settle(deadline);
}

}  // namespace holdpoint::operator_
