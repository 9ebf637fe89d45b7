#include "operator/conditions.hpp"

#include <algorithm>
#include <cctype>

#include "base/text.hpp"

namespace holdpoint::operator_ {

bool reads(std::string_view expression, std::string_view variable) {
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (std::size_t i = 0; i < expression.size();) {
    const char c = expression[i];
    if (c == '\'' || c == '"') {
      for (++i; i < expression.size() && expression[i] != c; ++i)
        if (expression[i] == '\\') ++i;
      ++i;
    } else if (in_word(c)) {
      const std::size_t start = i;
      while (i < expression.size() && in_word(expression[i])) ++i;
      std::size_t before = start;
      while (before > 0 && std::isspace(static_cast<unsigned char>(expression[before - 1])))
        --before;
      const bool member =
          before > 0 && (expression[before - 1] == '.' || expression[before - 1] == '?');
      if (!member && expression.substr(start, i - start) == variable) return true;
    } else {
      ++i;
    }
  }
  return false;
}

Json user_conditions(const ApprovalPolicySpec& spec) {
  Json conditions = Json::array();
  for (const MatchCondition& condition : spec.match.conditions)
    conditions.push_back({{"name", condition.name},
                          {"expression",
                           "(request.operation == 'UPDATE' && 'holdpoint.dev/held' in "
                           "oldObject.?metadata.?annotations.orValue({})) || (" +
                               condition.expression + ")"}});
  return conditions;
}

std::string one_sided(const ApprovalPolicySpec& spec) {
  const bool updates = std::any_of(
      spec.match.resources.begin(), spec.match.resources.end(), [](const MatchResource& one) {
        return std::find(one.operations.begin(), one.operations.end(), Operation::Update) !=
               one.operations.end();
      });
  if (!updates) return {};
  for (const MatchCondition& condition : spec.match.conditions)
    if (reads(condition.expression, "object") && !reads(condition.expression, "oldObject"))
      return visible_cut(condition.name, 63) +
             " reads object and not oldObject: an update that changes what it looks at would leave "
             "the policy unseen; read both, such as [object, oldObject].exists(o, o != null && "
             "...)";
  return {};
}

}  // namespace holdpoint::operator_
