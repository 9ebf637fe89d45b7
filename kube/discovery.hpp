// What the API server calls a resource: its preferred version, kind and scope, by the discovery
// API.
//
// Answers are cached for `kDiscoveryAge`; a resource that is not found is looked up again at once.
// Blocking; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "kube/client.hpp"

namespace holdpoint::kube {

inline constexpr Duration kDiscoveryAge{60'000};

struct ApiResource {
  std::string group, version, kind, resource;
  bool namespaced = true;
};

class Discovery {
 public:
  explicit Discovery(const Client& client);
  ~Discovery();
  // The preferred version that serves `resource` (plural, lower case, no subresource). NotFound
  // where no version of the group has it.
  [[nodiscard]] Result<ApiResource> find(const std::string& group, const std::string& resource,
                                         Deadline deadline) const;
  // Likewise by what its objects call themselves.
  [[nodiscard]] Result<ApiResource> find_kind(const std::string& group, const std::string& kind,
                                              Deadline deadline) const;

 private:
  enum class By { Resource, Kind };
  [[nodiscard]] Result<ApiResource> find(const std::string& group, By by, const std::string& name,
                                         Deadline deadline) const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdpoint::kube
