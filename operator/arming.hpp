// Whether the gate is up: a ConfigMap says when somebody took it down on purpose.
//
// The ConfigMap `holdpoint` in Holdpoint's own namespace has a key `gate`: JSON with state (armed
// or disarmed), by, reason and at. The admission policy over that namespace lets only holders of
// the verb manage write it; who it says it was is their own word.
#pragma once

#include <string>

#include "docket/voiding.hpp"
#include "kube/client.hpp"

namespace holdpoint::operator_ {

struct Arming {
  bool down = false;
  std::string by, reason;
  std::string version;  // changes with each time; empty: nobody ever said anything
};

// What cannot be read as above leaves the gate up.
[[nodiscard]] Result<Arming> read_arming(const kube::Client& client, const std::string& home,
                                         Deadline deadline);
// Takes the gate down until somebody arms it again. Done already: ok.
[[nodiscard]] Result<Done> disarm(const kube::Client& client, const std::string& home,
                                  const std::string& by, const std::string& reason, Instant at,
                                  Deadline deadline);

}  // namespace holdpoint::operator_
