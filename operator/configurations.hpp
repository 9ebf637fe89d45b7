// Policies as webhook configurations: entries, shards, match conditions, probes. Pure; thread-safe.
//
// Every field that the API server would default is written out, so that what is read back can be
// compared.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint::operator_ {

inline constexpr int kShards = 4;

// How the API server reaches the webhook.
struct WebhookAddress {
  std::string url;                              // https://host:port; or
  std::string service_namespace, service_name;  // a Service
  int service_port = 443;
  std::string ca_pem;
  std::string path_token;
};

// A resource that a policy names, as discovery knows it.
struct ResolvedResource {
  std::string group, version, resource;
  bool namespaced = true;
  std::vector<Operation> operations;
};

// The entries of one policy; null where it has none of that sort.
struct Entries {
  std::vector<Json> validating;  // gate, and scale where the policy needs it
  std::vector<Json> mutating;    // hold
};

// `own_namespaces` are never gated.
[[nodiscard]] Entries entries_of(const ApprovalPolicy& policy,
                                 const std::vector<ResolvedResource>& resources,
                                 const WebhookAddress& address,
                                 const std::vector<std::string>& own_namespaces);

// The match condition that Holdpoint adds: true where the covered part, a hold, or labels that a
// selector reads, change. Total: it never errors, whatever the object.
[[nodiscard]] std::string change_condition(const ApprovalPolicySpec& spec,
                                           const std::vector<ResolvedResource>& resources);
// "object.?spec.?template" for /spec/template under `root` object.
[[nodiscard]] std::string cel_path(const std::string& root, const std::string& pointer);

[[nodiscard]] int shard_of(const std::string& policy);
[[nodiscard]] std::string gate_name(int shard);  // holdpoint-gate-0
[[nodiscard]] std::string hold_name(int shard);  // holdpoint-hold-0
// Name of the policy that an entry belongs to; empty for the probe's.
[[nodiscard]] std::string policy_of_entry(const Json& entry);

// A whole configuration object with these entries and its probe. `probe_hash` tells its content.
struct Shard {
  Json object;
  std::string probe_hash;
};
[[nodiscard]] Shard make_shard(bool mutating, const std::string& name, std::vector<Json> entries,
                               const WebhookAddress& address, const std::string& own_namespace);
// The object whose dry-run creation meets the probe of a shard.
[[nodiscard]] Json probe_object(const std::string& shard_name, const std::string& own_namespace);

// Stamping and checking of Approvals.
[[nodiscard]] Json approvals_configuration(bool mutating, const WebhookAddress& address,
                                           const std::string& operator_user);

}  // namespace holdpoint::operator_
