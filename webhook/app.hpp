// holdpoint-webhook, wired: made in construction order, stopped in reverse. Only here are Options
// seen.
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdpoint::webhook {

struct Options {
  std::string kubeconfig;  // empty: the pod's service account
  std::string home = "holdpoint-system";
  std::string listen = "0.0.0.0:8443";
  bool reuse_port = false;
  std::string tls_cert, tls_key;  // PEM files
  std::string client_ca, client_name;
  std::string path_token_file;
  std::string secret_key_file;
  std::string health_listen = "0.0.0.0:8080";  // plain HTTP: /healthz, /readyz, /metrics
  int linger_seconds = 15;  // serves on after SIGTERM until every endpoint list has forgotten us
  int max_open_per_user = 100;
  int max_open_per_namespace = 1000;
};

// Runs until SIGTERM or SIGINT. Error: what kept it from starting.
[[nodiscard]] Result<Done> run(const Options& options);

}  // namespace holdpoint::webhook
