#include "core/approval/selector.hpp"

#include <algorithm>

namespace holdpoint {
namespace {

bool holds(const LabelRequirement& requirement, const LabelMap& labels) {
  const auto found = labels.find(requirement.key);
  const bool there = found != labels.end();
  const auto named = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), found->second) !=
           requirement.values.end();
  };
  if (requirement.op == "In") return there && named();
  if (requirement.op == "NotIn") return !there || !named();
  if (requirement.op == "Exists") return there;
  if (requirement.op == "DoesNotExist") return !there;
  return false;
}

}  // namespace

bool matches(const LabelSelector& selector, const LabelMap& labels) {
  for (const auto& [key, value] : selector.match_labels) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return std::all_of(
      selector.match_expressions.begin(), selector.match_expressions.end(),
      [&](const LabelRequirement& requirement) { return holds(requirement, labels); });
}

LabelMap labels_of(const RawObject& object) {
  LabelMap labels;
  const Json* found = member_at(object, {"metadata", "labels"});
  if (found != nullptr && found->is_object())
    for (const auto& [key, value] : found->items())
      if (value.is_string()) labels[key] = value.get<std::string>();
  return labels;
}

}  // namespace holdpoint
