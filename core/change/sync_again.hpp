// Argo CD's last operation on an Application, and the merge patch that has it repeated.
//
// Labels can be forged: nothing is ever synced but what failed before, as it was, to the revision
// that it went to. The admission policy holdpoint-retrigger (charts/manifests/admission.yaml) binds
// the operator to exactly this. Pure; thread-safe.
#pragma once

#include <string>

#include "crds/kinds.hpp"

namespace holdpoint {

struct SyncAgain {
  enum class Is {
    Failed,  // and `patch` has it repeated, or its next try made at once
    Busy,    // it runs, and may have begun too early to know of an approval
    None     // it succeeded, there was none, or what it was cannot be told
  };
  Is is = Is::None;
  Json patch;  // resourceVersion in it: refused where the Application has changed meanwhile
};

// `token` tells what it is repeated for.
[[nodiscard]] SyncAgain sync_again(const RawObject& application, const std::string& token);

// Whether the last operation ran hooks, which each operation does anew.
[[nodiscard]] bool ran_hooks(const RawObject& application);

}  // namespace holdpoint
