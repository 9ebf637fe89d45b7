// Digests that approvals are bound to, in the canonical form hp-c14n/1 (docs/digest.md).
//
// Canonical JSON is RFC 8785 (order of members by UTF-16 code units, its strings and numbers), but
// integers are printed exactly, beyond 2^53 too. Pure; thread-safe.
#pragma once

#include <string>

#include "crds/kinds.hpp"

namespace holdpoint {

inline constexpr const char* kAbsent = "absent";  // digest of no object

// Errors: Invalid for NaN, infinities and ill-formed UTF-8.
[[nodiscard]] Result<std::string> canonical_json(const Json& value);

// "sha256:<hex>" over the canonical form; "absent" for JSON null.
[[nodiscard]] Result<std::string> content_digest(const Json& covered);

// The part of a policy that says what an approval is about: match.changes and riskRules. Stages and
// the like are asked both as they were and as they are.
[[nodiscard]] std::string policy_hash(const ApprovalPolicySpec& spec);

struct Binding {
  std::string cluster_id;  // uid of the namespace kube-system
  std::string policy_uid;
  std::string policy_hash;
  std::string group, kind, namespace_;
  std::string name;  // empty where generate_name is set
  std::string generate_name;
  std::string object_uid;  // of the object that is updated or deleted; of a generated object that
                           // is stored held
  Operation operation = Operation::Create;
  std::string base_digest;
  std::string content_digest;
};

// "sha256:<hex>" over the length-framed fields.
[[nodiscard]] std::string binding_digest(const Binding& binding);

// 32 hex digits, fit for a label: the same change asked twice has the same key, whatever the policy
// asks for by now.
[[nodiscard]] std::string request_key(const Binding& binding);
// 32 hex digits: all requests of one policy for one target.
[[nodiscard]] std::string target_key(const std::string& policy_uid, const Target& target);
// "<name cut to fit>-<10 hex of key>-<attempt>", a DNS subdomain of at most 200 characters.
[[nodiscard]] std::string request_name(const Binding& binding, std::int64_t attempt);

}  // namespace holdpoint
