// The kinds from and to JSON, and the CustomResourceDefinitions generated from the same field
// lists.
//
// Decoding ignores unknown members (a newer server may have more) and refuses unknown enum values,
// wrong types and missing required members: Error Invalid, with the path. Encoding leaves out what
// is empty and optional. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

// T is one of ApprovalPolicy, ApprovalRequest, Approval, AuditRecord (instantiated in the sources);
// metadata, apiVersion and kind are handled.
template <class T>
[[nodiscard]] Result<T> decode(const Json& object);
template <class T>
[[nodiscard]] Json encode(const T& object);

// Parts that others embed or hash: ApprovalPolicySpec, AuditRecordSpec, ApprovalRequestStatus,
// Identity, Condition, Claim, LabelSelector, ObjectMeta, Stage, RiskRule,
// Risk, ReviewDebt, Check and its kinds, CheckResult.
template <class T>
[[nodiscard]] Result<T> decode_part(const Json& value);
template <class T>
[[nodiscard]] Json encode_part(const T& value);

// The JSON spelling of an enum value: "Enforce", "CREATE", "Suspend"...
[[nodiscard]] std::string_view to_string(PolicyMode value);
[[nodiscard]] std::string_view to_string(Operation value);
[[nodiscard]] std::string_view to_string(HoldMode value);
[[nodiscard]] std::string_view to_string(Supersede value);
[[nodiscard]] std::string_view to_string(RequestHold value);
[[nodiscard]] std::string_view to_string(RequestPhase value);
[[nodiscard]] std::string_view to_string(Decision value);
[[nodiscard]] std::string_view to_string(Fact value);
[[nodiscard]] std::string_view to_string(RiskLevel value);
[[nodiscard]] std::string_view to_string(RiskFactor value);
[[nodiscard]] std::string_view to_string(NotifyType value);
[[nodiscard]] std::string_view to_string(OriginKind value);
[[nodiscard]] std::string_view to_string(CheckMode value);
[[nodiscard]] std::string_view to_string(Comparison value);
[[nodiscard]] std::string_view to_string(CheckOutcome value);

// What kind a struct is on the API.
struct KindInfo {
  std::string kind;
  std::string plural;
  bool namespaced = true;
};
template <class T>
[[nodiscard]] const KindInfo& kind_info();

// The four CustomResourceDefinition objects (apiextensions.k8s.io/v1), ready to be applied.
[[nodiscard]] const std::vector<Json>& custom_resource_definitions();

}  // namespace holdpoint
