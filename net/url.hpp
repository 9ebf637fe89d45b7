// Escaping and reading of request targets (RFC 3986, and '+' as HTML forms and Go's net/url have
// it). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace holdpoint::net {

struct Target {
  std::string path;  // as sent
  std::map<std::string, std::string> query;
};

// Of a key that stands twice the first value counts. A '%' that starts no escape stays as it is.
[[nodiscard]] Target parse_target(std::string_view target);

}  // namespace holdpoint::net
