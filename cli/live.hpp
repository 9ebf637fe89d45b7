// What the target of a request is at the moment, in the words of its kind, and whether the change
// is still measured against it.
//
// Looked at for each card, never kept: what the request recorded when it was asked may be old.
// Secrets are never read. Pure; all text from the cluster is made visible. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::cli {

// What could not be read is unknown, never absent.
struct Live {
  enum class Is { Read, Absent, Unknown } is = Is::Unknown;
  std::string why;   // where Unknown: what kept it from being read
  RawObject object;  // where Read, with its managedFields
  Instant at;        // when it was looked at
  // All requests of the same policy for the same target; nullopt: they could not be read.
  std::optional<std::vector<ApprovalRequest>> requests;
};

// "3 of 3 ready, image web:1.4.1 (read 0s ago)". What runs under a hold is what the hold recorded.
[[nodiscard]] std::string state_now(const ApprovalRequest& request, const Live& live, Instant now);

// "2d ago by developer, approved by anna: image web 1.3 -> 1.4.1"; or who wrote it last, as far as
// the object tells, where no release of it is kept. Empty for what is new.
[[nodiscard]] std::string last_change(const ApprovalRequest& request, const Live& live,
                                      Instant now);

// The change by merge key, and what it is against.
struct DiffNow {
  std::string basis;  // as the head of the diff
  std::string text;
};
// `policy`: as it is now, nullptr where it could not be read: then its covered part is a guess, and
// a difference proves nothing.
[[nodiscard]] DiffNow diff_now(const ApprovalRequest& request, const ApprovalPolicy* policy,
                               const Live& live);

// What ended requests left stored held: nothing new of it runs.
struct Leftovers {
  std::vector<ApprovalRequest> held;  // the requests; each holds its target still
  std::size_t not_looked_at = 0;      // targets beyond the most that are read
  std::string unknown;                // why some could not be read
};
// Targets of requests that ended without a release, each once, the latest end first: to be read.
[[nodiscard]] std::vector<Target> may_be_left_held(const std::vector<ApprovalRequest>& requests);
// The ended ones of `requests` that hold one of `objects`, Deployments and Jobs as they are now.
[[nodiscard]] std::vector<ApprovalRequest> left_held(const std::vector<ApprovalRequest>& requests,
                                                     const std::vector<Json>& objects);

}  // namespace holdpoint::cli
