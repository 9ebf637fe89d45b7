// Whether the gate is up: a ConfigMap says when somebody took it down on purpose.
//
// The ConfigMap `holdpoint` in Holdpoint's own namespace has a key `disarmed` while the gate is
// down: JSON with by, reason and at. The admission policy over that namespace lets only holders of
// the verb manage write it; who it says it was is their own word.
#pragma once

#include <optional>
#include <string>

#include "kube/client.hpp"

namespace holdpoint::operator_ {

inline constexpr const char* kArming = "holdpoint";  // name of the ConfigMap

struct Disarmed {
  std::string by, reason, at;
  std::string version;  // resourceVersion: one for each time
};

// nullopt: armed. What cannot be read as above leaves the gate up.
[[nodiscard]] Result<std::optional<Disarmed>> read_arming(const kube::Client& client,
                                                          const std::string& home,
                                                          Deadline deadline);
// Takes the gate down until somebody arms it again. Done already: ok.
[[nodiscard]] Result<Done> disarm(const kube::Client& client, const std::string& home,
                                  const std::string& by, const std::string& reason, Instant at,
                                  Deadline deadline);

}  // namespace holdpoint::operator_
