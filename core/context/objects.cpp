#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.hpp"
#include "core/context/checks.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostText = 300, kMostShown = 80;

std::string shown(const Json& value) {
  return visible_cut(value.is_string() ? value.get<std::string>() : dump_json(value), kMostShown);
}

// RFC 6901, but in a list a step "key=value" finds the first item that has this member.
const Json* find_field(const RawObject& object, const std::string& pointer) {
  const auto steps = pointer_tokens(pointer);
  if (!steps.ok()) return nullptr;
  const Json* at = &object;
  for (const std::string& step : *steps) {
    const auto equals = step.find('=');
    if (!at->is_array() || equals == std::string::npos) {
      std::string escaped;
      for (const char c : step) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      at = at_pointer(*at, "/" + escaped);
    } else {
      const Json* found = nullptr;
      for (const Json& item : *at)
        if (found == nullptr &&
            string_at(item, {step.substr(0, equals)}) == step.substr(equals + 1))
          found = &item;
      at = found;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<std::int64_t> integer_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> number_of(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

// -1, 0 or 1; nullopt where one of them is no number.
std::optional<int> order_of(const std::string& a, const std::string& b) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : y < x ? 1 : 0; };
  const auto i = integer_of(a), j = integer_of(b);
  if (i && j) return sign(*i, *j);
  const auto x = number_of(a), y = number_of(b);
  if (x && y) return sign(*x, *y);
  return std::nullopt;
}

const char* words_of(Comparison is) {
  switch (is) {
    case Comparison::Equals:
      return "";
    case Comparison::NotEquals:
      return "other than ";
    case Comparison::LessThan:
      return "less than ";
    case Comparison::AtMost:
      return "at most ";
    case Comparison::AtLeast:
      return "at least ";
    case Comparison::MoreThan:
      return "more than ";
    case Comparison::Exists:
    case Comparison::DoesNotExist:
      break;
  }
  return "";
}

}  // namespace

Finding unknown(const std::string& why) {
  return {CheckOutcome::Unknown, visible_cut(why, kMostText)};
}

Finding judge_object(const ObjectCheck& check, const std::string& what, const RawObject& object) {
  const auto says = [](bool holds, const std::string& text) {
    return Finding{holds ? CheckOutcome::Pass : CheckOutcome::Fail, visible_cut(text, kMostText)};
  };
  const Json* field = object.is_null() ? nullptr : find_field(object, check.field);
  const bool there = field != nullptr && !field->is_null();
  const std::string subject = what + " " + check.field;
  const std::string lack =
      object.is_null() ? "there is no " + what : what + " has no " + check.field;
  if (check.is == Comparison::Exists || check.is == Comparison::DoesNotExist)
    return says(there == (check.is == Comparison::Exists), there ? subject + " is there" : lack);
  const std::string wanted =
      ", wanted " + std::string(words_of(check.is)) + visible_cut(check.value, kMostShown);
  if (!there) return says(check.missing == WhenMissing::Pass, lack + wanted);
  if (field->is_structured()) return unknown(subject + " is neither text nor number nor boolean");
  const std::string value = field->is_string() ? field->get<std::string>() : dump_json(*field);
  const std::string text = subject + " is " + shown(*field);
  const auto order = field->is_number() || check.is != Comparison::Equals
                         ? order_of(value, check.value)
                         : std::optional<int>();
  const bool equal = field->is_number() ? order == 0 : value == check.value;
  const auto compared = [&](bool holds) {
    if (!order.has_value()) return unknown(text + ", which is no number to compare" + wanted);
    return says(holds, holds ? text : text + wanted);
  };
  switch (check.is) {
    case Comparison::Equals:
      return says(equal, equal ? text : text + wanted);
    case Comparison::NotEquals:
      return says(!equal, equal ? text + wanted : text);
    case Comparison::LessThan:
      return compared(order < 0);
    case Comparison::AtMost:
      return compared(order <= 0);
    case Comparison::AtLeast:
      return compared(order >= 0);
    case Comparison::MoreThan:
      return compared(order > 0);
    case Comparison::Exists:
    case Comparison::DoesNotExist:
      break;
  }
  return unknown("this comparison is not known");
}

}  // namespace holdpoint
