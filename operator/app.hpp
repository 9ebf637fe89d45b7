// holdpoint-operator, wired: made in construction order, stopped in reverse. Only here are Options
// seen.
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdpoint::operator_ {

struct Options {
  std::string kubeconfig;  // empty: the pod's service account
  std::string home = "holdpoint-system";
  std::string webhook_url;      // https://host:port; or
  std::string webhook_service;  // namespace/name[:port]
  std::string ca_bundle;        // PEM file
  std::string path_token_file;
  std::string secret_key_file;
  std::string health_listen = "0.0.0.0:8080";
  bool leader_elect = true;
};

// Runs until SIGTERM or SIGINT. Error: what kept it from starting, or the lease that was lost.
[[nodiscard]] Result<Done> run(const Options& options);

}  // namespace holdpoint::operator_
