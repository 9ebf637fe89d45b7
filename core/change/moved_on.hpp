// Whether something can still come of a request, by what is true of its origin now: the Flux or
// Argo CD object, or the Helm release, that its change was a part of.
//
// It ends requests, it never helps one: who forges the labels that name an origin ends his own
// request at most. docs/decisions/0012-moved-on.md has the cases. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

struct OriginState {
  // Current: it may still come of it, or there is nothing to ask. Unknown: its deployer may have
  // given up, and nobody can see. MovedOn: it goes on without this change.
  enum class Is { Current, Unknown, MovedOn } is = Is::Current;
  std::string why;  // of Unknown and MovedOn, as a sentence without an end
};

// A revision is recorded in a request with at most so many columns, made visible.
inline constexpr std::size_t kMostRevision = 512;

// Whether what the origin does tells of this change: its own controller sent it, or it is a hook
// that is stored held. What somebody types by hand over an object of Flux's is theirs.
[[nodiscard]] bool follows_origin(const ApprovalRequestSpec& spec);

// A hook that is stored held: nothing takes it away when its release or sync goes on without it.
[[nodiscard]] bool is_held_hook(const ApprovalRequestSpec& spec);

// By the live Kustomization, HelmRelease or Application; null: it is not there.
[[nodiscard]] OriginState state_by_object(const ApprovalRequest& request, const RawObject& live);
// By the records of a Helm release, each with its metadata alone.
[[nodiscard]] OriginState state_by_records(const ApprovalRequest& request,
                                           const std::vector<Json>& records);
// Where neither may be read.
[[nodiscard]] OriginState state_unseen(const ApprovalRequestSpec& spec);

// "HelmRelease shop/web": for people.
[[nodiscard]] std::string describe(const Origin& origin);

}  // namespace holdpoint
