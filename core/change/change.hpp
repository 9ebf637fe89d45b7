// What changes, in the words of the domain: for approvers who decide in seconds.
//
// Works on covered parts (core/change/covered.hpp), so a Secret's values cannot appear. Lists are
// compared by merge key (container name, env name, port, mount path), never by index. All text is
// made visible and bounded. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

struct Change {
  std::vector<std::string>
      summary;  // at most 8 lines such as "image web 1.4.1 -> 1.5.0", at most 160 characters each
  std::vector<ChangeLine> lines;  // at most 64
  // At most 30 lines and 4 KiB: a path after "@ " and "-" and "+" lines, or "+path: value" for what
  // is new and
  // "-path: value" for what goes. Says how much was left out.
  std::string diff;
};

// `before` and `after` are covered parts; null: no object. `group` and `resource` pick the words.
[[nodiscard]] Change describe_change(const std::string& group, const std::string& resource,
                                     const Json& before, const Json& after);

}  // namespace holdpoint
