// holdpoint-operator, wired: made in construction order, stopped in reverse. Only here are Options
// seen.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdpoint::operator_ {

struct Options {
  std::string kubeconfig;  // empty: the pod's service account
  std::string home = "holdpoint-system";
  std::string webhook_url;      // https://host:port; or
  std::string webhook_service;  // namespace/name[:port]
  // Whom the API server trusts: a PEM file that somebody else keeps, or certificates of our own.
  std::string ca_bundle;
  bool self_signed = false;
  std::string tls_secret;  // where our own are kept, see certificates.hpp
  std::string leaf_life = "2160h", authority_life = "8760h";
  // The path token and the HMAC key: files, or a Secret (keys path-token and secret-key) that is
  // made where it is missing.
  std::string path_token_file;
  std::string secret_key_file;
  std::string keys_secret;
  std::string health_listen = "0.0.0.0:8080";
  std::string checkpoint_file;  // where the trail ends, for the next process; empty: none
  bool leader_elect = true;
  std::vector<std::string> excluded_namespaces;  // never gated, beside the cluster's and our own
};

// Takes the gate down for good (helm uninstall): says so in the trail, removes the webhook
// configurations, and waits until they stay away. Error: what is in the way.
[[nodiscard]] Result<Done> take_down(const Options& options);

// See probe.hpp.
[[nodiscard]] Result<std::vector<std::string>> try_out(const Options& options);

// Runs until SIGTERM or SIGINT. Error: what kept it from starting, or the lease that was lost.
[[nodiscard]] Result<Done> run(const Options& options);

}  // namespace holdpoint::operator_
