// How risky a change is, by the rules of a policy: what people are asked about, and how many.
//
// A rule is about the change: what the reference already has is no hit. It never looks behind what
// it cannot read; that counts as the risk it may hide. All text is made visible and bounded. Total
// on any JSON, in time and space linear in it. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

// Used where a policy names no rules of its own.
[[nodiscard]] const std::vector<RiskRule>& default_risk_rules();

// How risky the way from `base` to `content` is; both are covered parts (core/change/covered.hpp:
// {pointer: value}); null: no object. The level is the highest of the rules that hit, Low where
// none does (so without rules, too). At most 16 hits, the most severe first; the last one tells how
// many were left out.
//
// Pods are found at their known place in Kubernetes' own workloads, elsewhere at any template.spec
// and wherever an object has a list of containers. Containers, init and ephemeral ones too, and
// volumes are compared by name. What each factor looks at:
//   NewImageRepository  a repository (tag and digest aside, Docker's defaults filled in: nginx is
//                       docker.io/library/nginx) that no container of `base` has
//   UnpinnedImage       an image without a whole sha256 or sha512 digest, where it is new
//   Privileged          privileged, allowPrivilegeEscalation, added capabilities, runAsUser 0,
//                       procMount Unmasked, seccomp or AppArmor Unconfined, and a runAsNonRoot that
//                       is dropped; of the container or its pod
//   HostAccess          hostNetwork, hostPID, hostIPC, hostPort, hostPath, Windows' hostProcess
//   ReplicasCut         spec.replicas (1 where it is absent) lower by more than `percent`; down to
//                       0 is always a hit
//   SecretReference     a Secret that no env or volume of `base` names; likewise pull secrets
//   AccessControl       any change in the group rbac.authorization.k8s.io
//   FirstDeployment     `base` null, `content` not
//   Deletion            `content` null, `base` not
[[nodiscard]] Risk assess_risk(const std::vector<RiskRule>& rules, const std::string& group,
                               const std::string& resource, const Json& base, const Json& content);

// The images that the covered part `content` runs, in containers of all sorts and volumes, each as
// it is written there; empty text where one cannot be read. At most kMostImages + 1, the last of
// which then tells that there are more.
[[nodiscard]] std::vector<ContainerImage> images_of(const std::string& group,
                                                    const std::string& resource,
                                                    const Json& content);

}  // namespace holdpoint
