#include "core/approval/digest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

// RFC 8785 orders members by UTF-16 code units. In UTF-8 byte order that differs in one way only:
// code points beyond the basic plane (lead byte 0xF0 and up) are surrogates in UTF-16 and sort
// before U+E000 to U+FFFF (0xEE, 0xEF).
bool utf16_less(const std::string& a, const std::string& b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
    if (x == y) continue;
    if (x >= 0xf0 && (y == 0xee || y == 0xef)) return true;
    if (y >= 0xf0 && (x == 0xee || x == 0xef)) return false;
    return x < y;
  }
  return a.size() < b.size();
}

void print_string(const std::string& text, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kDigits[(c >> 4) & 15];
          out += kDigits[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// ECMAScript's Number::toString, as RFC 8785 section 3.2.2.3 wants it: the shortest digits that
// read back the same.
void print_double(double value, std::string& out) {
  if (value == 0) {  // -0 too
    out += '0';
    return;
  }
  std::array<char, 40> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                          std::fabs(value), std::chars_format::scientific);
  std::string digits;
  const char* at = buffer.data();
  for (; at != end && *at != 'e'; ++at)
    if (*at != '.') digits += *at;
  int exponent = 0;
  std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
  const int point = exponent + 1;  // digits before the decimal point
  const int count = static_cast<int>(digits.size());
  if (value < 0) out += '-';
  if (count <= point && point <= 21) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += std::string("e") + (point - 1 < 0 ? "-" : "+") + std::to_string(std::abs(point - 1));
  }
}

// Depth is bounded by the parser (kMaxJsonDepth).
Result<Done> print(const Json& value, std::string& out) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return Done{};
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return Done{};
    case Json::value_t::number_integer:
      out += std::to_string(value.get<std::int64_t>());
      return Done{};
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<std::uint64_t>());
      return Done{};
    case Json::value_t::number_float:
      if (!std::isfinite(value.get<double>()))
        return invalid("a number that is not finite has no canonical form");
      print_double(value.get<double>(), out);
      return Done{};
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      if (!is_valid_utf8(text)) return invalid("a string that is not UTF-8 has no canonical form");
      print_string(text, out);
      return Done{};
    }
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& item : value) {
        if (!first) out += ',';
        first = false;
        HP_TRY(print(item, out));
      }
      out += ']';
      return Done{};
    }
    case Json::value_t::object: {
      std::vector<const Json::object_t::value_type*> members;
      for (const auto& member : value.get_ref<const Json::object_t&>()) members.push_back(&member);
      std::sort(members.begin(), members.end(),
                [](const auto* a, const auto* b) { return utf16_less(a->first, b->first); });
      out += '{';
      bool first = true;
      for (const auto* member : members) {
        if (!first) out += ',';
        first = false;
        if (!is_valid_utf8(member->first))
          return invalid("a key that is not UTF-8 has no canonical form");
        print_string(member->first, out);
        out += ':';
        HP_TRY(print(member->second, out));
      }
      out += '}';
      return Done{};
    }
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return invalid("this value has no canonical form");
}

constexpr std::size_t kNameColumns = 150;

// A DNS subdomain from any prefix: what is not allowed there becomes '-'.
std::string stem_of(const std::string& name) {
  std::string stem;
  for (const char c : name.substr(0, kNameColumns))
    stem += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  while (!stem.empty() && stem.front() == '-') stem.erase(0, 1);
  return stem.empty() ? "request" : stem;
}

}  // namespace

Result<std::string> canonical_json(const Json& value) {
  std::string out;
  HP_TRY(print(value, out));
  return out;
}

Result<std::string> content_digest(const Json& covered) {
  if (covered.is_null()) return std::string(kAbsent);
  HP_ASSIGN(const std::string text, canonical_json(covered));
  return "sha256:" + sha256_hex(text);
}

std::string policy_hash(const ApprovalPolicySpec& spec) {
  Json binding{{"changes", spec.match.changes}, {"riskRules", Json::array()}};
  for (const RiskRule& rule : spec.risk_rules) binding["riskRules"].push_back(encode_part(rule));
  // What comes from the API server is valid UTF-8; should it not be, every such policy has a hash
  // that fits nothing.
  const auto text = canonical_json(binding);
  return text.ok() ? "sha256:" + sha256_hex("holdpoint-policy/2\n" + *text) : "sha256:invalid";
}

std::string binding_digest(const Binding& binding) {
  return "sha256:" + FramedHash("holdpoint-binding/1")
                         .field(binding.cluster_id)
                         .field(binding.policy_uid)
                         .field(binding.policy_hash)
                         .field(binding.group)
                         .field(binding.kind)
                         .field(binding.namespace_)
                         .field(binding.name)
                         .field(binding.generate_name)
                         .field(binding.object_uid)
                         .field(to_string(binding.operation))
                         .field(binding.base_digest)
                         .field(binding.content_digest)
                         .hex();
}

std::string request_key(const Binding& binding) {
  return FramedHash("holdpoint-key/1")
      .field(binding.policy_uid)
      .field(binding.group)
      .field(binding.kind)
      .field(binding.namespace_)
      .field(binding.name)
      .field(binding.generate_name)
      .field(binding.object_uid)
      .field(to_string(binding.operation))
      .field(binding.base_digest)
      .field(binding.content_digest)
      .hex()
      .substr(0, 32);
}

std::string target_key(const std::string& policy_uid, const Target& target) {
  // A generated object that is stored held is a target of its own; its uid tells it from its
  // siblings.
  return FramedHash("holdpoint-target/1")
      .field(policy_uid)
      .field(target.group)
      .field(target.kind)
      .field(target.namespace_)
      .field(target.name)
      .field(target.generate_name)
      .field(target.generate_name.empty() ? "" : target.uid)
      .hex()
      .substr(0, 32);
}

std::string request_name(const Binding& binding, std::int64_t attempt) {
  const std::string& name = binding.name.empty() ? binding.generate_name : binding.name;
  return stem_of(name) + "-" + request_key(binding).substr(0, 10) + "-" + std::to_string(attempt);
}

}  // namespace holdpoint
