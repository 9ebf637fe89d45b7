#include "core/change/last_write.hpp"

#include <utility>

namespace holdpoint {

LastWrite last_write(const RawObject& object) {
  LastWrite last;
  const Json* const managers = member_at(object, {"metadata", "managedFields"});
  if (managers == nullptr || !managers->is_array()) return last;
  for (const Json& manager : *managers) {
    std::string time = string_at(manager, {"time"});
    if (!string_at(manager, {"subresource"}).empty() || time < last.time) continue;
    last = {string_at(manager, {"manager"}), std::move(time)};
  }
  return last;
}

}  // namespace holdpoint
