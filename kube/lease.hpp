// Leader election by a coordination.k8s.io/v1 Lease, with client-go's timing: 15 s lease, renewed
// every 2 s, given up after 10 s without renewal. Who waits looks every second, so that it acts
// within 17 s of a leader's sudden end and within 3 s of an orderly one. The Lease says who should
// act, not who may: every write of the leader carries a resourceVersion of its own or creates a
// name that only one can create.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "kube/client.hpp"

namespace holdpoint::kube {

struct LeaseOptions {
  std::string namespace_;
  std::string name;
  std::string identity;
  Duration duration{15'000};
  Duration renew_deadline{10'000};
  Duration retry{2'000};
};

// Waits until the lease is ours, runs `lead` on the calling thread with a token that stops when the
// lease is lost or `stop` is requested, then gives the lease back (on a graceful stop) and returns.
// Error: Unavailable when lost.
[[nodiscard]] Result<Done> lead_while_elected(const Client& client, const LeaseOptions& options,
                                              const std::stop_token& stop,
                                              const std::function<void(std::stop_token)>& lead);

}  // namespace holdpoint::kube
