// Who wrote an object last, as far as the object itself tells. Pure; thread-safe.
#pragma once

#include <string>

#include "crds/json.hpp"

namespace holdpoint {

struct LastWrite {
  std::string manager;  // not cut, and not made visible
  std::string time;     // RFC 3339
};

// By metadata.managedFields: the latest write but those of subresources such as the status; both
// empty where there is none. A hint: anybody can name a field manager.
[[nodiscard]] LastWrite last_write(const RawObject& object);

}  // namespace holdpoint
