// Where a change comes from, by what deployers write on their objects. All of it can be forged: it
// groups and excludes, it never lets anybody in. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

// Typed by users: what belongs together.
inline constexpr const char* kChangeSetAnnotation = "holdpoint.dev/change-set";

// What the annotation kChangeSetAnnotation says, else the set of the origin; empty where nothing
// tells. Nobody types his way into the set of an origin: such a name counts for nothing. At most
// 512 characters.
[[nodiscard]] std::string change_set_of(const RawObject& object,
                                        const std::string& field_manager = {});
// "argocd/<application>", "flux/<namespace>/<name>", "helm/<namespace>/<release>"; empty for a
// release without a name.
[[nodiscard]] std::string change_set_of(const Origin& origin);

// The Flux or Argo CD object that an object is made from, without a revision, or its Helm release,
// with its chart for one; nullopt where nothing tells, or what tells it is no name of an object. A
// tracking id counts where it names this very object. A hook of Helm's may not tell its release:
// then the name is empty.
[[nodiscard]] std::optional<Origin> origin_of(const RawObject& object,
                                              const std::string& field_manager = {});

// What owns an object, by metadata.ownerReferences; of more than 64 the first. What no API server
// would take as a reference is left out.
[[nodiscard]] std::vector<Owner> owners_of(const RawObject& object);

// The values of these annotations, each at most 1,024 characters, without doubles.
[[nodiscard]] std::vector<std::string> authors_of(const RawObject& object,
                                                  const std::vector<std::string>& annotations);

}  // namespace holdpoint
