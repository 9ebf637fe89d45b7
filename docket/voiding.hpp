// When all approvals that were not used became void: after a restore of etcd from a backup, what
// was used may be there unused.
//
// The ConfigMap `holdpoint` in Holdpoint's own namespace has a key `voided`: JSON with by, reason
// and at. Only holders of the verb manage write it, and the operator, where it finds that its trail
// went back; who it says it was is their own word. Blocking; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "kube/client.hpp"

namespace holdpoint {

inline constexpr const char* kOwnConfigMap = "holdpoint";

struct Voiding {
  Instant at;  // approvals that were made until then do not count
  std::string by, reason;
  std::string version;  // changes with each voiding
};

// nullopt: nobody ever did. Error: Invalid where it is there and cannot be read: nobody knows then
// which approvals count.
[[nodiscard]] Result<std::optional<Voiding>> read_voiding(const kube::Client& client,
                                                          const std::string& home,
                                                          Deadline deadline);
[[nodiscard]] Result<Done> void_approvals(const kube::Client& client, const std::string& home,
                                          const std::string& by, const std::string& reason,
                                          Instant at, Deadline deadline);

}  // namespace holdpoint
