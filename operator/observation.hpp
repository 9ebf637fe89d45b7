// What the live target says about a request: is its change stored, does it still wait, or has the
// world moved on? (Where a claimed store may still come, next_state() waits with the last.)
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "crds/kinds.hpp"

namespace holdpoint::operator_ {

struct ObservationInput {
  const ApprovalRequest* request = nullptr;
  RawObject target;  // as it is now; null: it is not there
  const ApprovalRequest* holder =
      nullptr;  // the request of the same policy that the target's marks name, if any
  std::vector<std::string> pointers;  // the covered part
  std::string secret_key;
  bool seen = false;   // this very change was seen stored held before
  bool young = false;  // a store of the write that asked may still be under way
};

struct Observation {
  bool released = false;             // the content is stored, unheld
  bool held_here = false;            // the target is held by this request, with its content
  std::optional<std::string> stale;  // why nothing can come of it any more
  std::set<std::string> writers;     // whose writes are in what is held
};

[[nodiscard]] Observation observe(const ObservationInput& input);

}  // namespace holdpoint::operator_
