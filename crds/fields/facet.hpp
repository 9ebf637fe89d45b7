// What every field list is written with: facets, spellings, bounds and patterns.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

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

}  // namespace holdpoint
