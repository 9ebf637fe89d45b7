// JSON at the edge: strict parsing of hostile bytes, safe printing, and RawObject, a foreign object
// kept whole.
//
// parse_json() is the only parser for bytes from outside: it refuses duplicate keys, trailing
// bytes, a BOM, ill-formed UTF-8, lone surrogates, and nesting deeper than the limit, so that
// nothing behind it can be surprised. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

extern template class nlohmann::basic_json<>;  // in json.cpp, once

namespace holdpoint {

using Json = nlohmann::json;
// A whole API object that is not one of ours: a struct would drop fields from the digest.
using RawObject = Json;

inline constexpr std::size_t kMaxJsonDepth = 256;

// Integers that fit neither int64 nor uint64 are refused: their digest would not be exact. Error:
// Invalid, with the byte offset.
[[nodiscard]] Result<Json> parse_json(std::string_view bytes,
                                      std::size_t max_depth = kMaxJsonDepth);

// Compact text; ill-formed UTF-8 becomes U+FFFD instead of an exception.
[[nodiscard]] std::string dump_json(const Json& value);
[[nodiscard]] std::string dump_json_pretty(const Json& value);

// The value at an RFC 6901 pointer, or nullptr where a step is missing. An empty pointer is the
// whole.
[[nodiscard]] const Json* at_pointer(const Json& value, std::string_view pointer);
// Splits an RFC 6901 pointer into unescaped tokens. Error: Invalid when it is not one.
[[nodiscard]] Result<std::vector<std::string>> pointer_tokens(std::string_view pointer);

// A member of a nested object by plain keys: string_at(object, {"metadata", "name"}). Empty, or
// `otherwise`, when missing or of another type.
[[nodiscard]] std::string string_at(const Json& value,
                                    std::initializer_list<std::string_view> keys);
[[nodiscard]] std::int64_t integer_at(const Json& value,
                                      std::initializer_list<std::string_view> keys,
                                      std::int64_t otherwise = 0);
[[nodiscard]] const Json* member_at(const Json& value,
                                    std::initializer_list<std::string_view> keys);

}  // namespace holdpoint
