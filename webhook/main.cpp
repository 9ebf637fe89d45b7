#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.hpp"
#include "webhook/app.hpp"

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 2);  // many threads that wait must not each keep an arena of freed memory
  holdpoint::webhook::Options options;
  std::string format = "text";
  bool verbose = false;
  CLI::App app(
      "holdpoint-webhook judges admission reviews: what a policy gates waits until it is approved");
  app.set_version_flag("--version", HOLDPOINT_VERSION);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "kubeconfig file; without it the pod's service account");
  app.add_option("--namespace", options.home, "Holdpoint's own namespace")->capture_default_str();
  app.add_option("--listen", options.listen, "host:port of the TLS server")->capture_default_str();
  app.add_flag("--reuse-port", options.reuse_port,
               "let several processes share the port (SO_REUSEPORT)");
  app.add_option("--tls-cert", options.tls_cert, "PEM file of the serving certificate")->required();
  app.add_option("--tls-key", options.tls_key, "PEM file of its key")->required();
  app.add_option("--client-ca", options.client_ca,
                 "PEM file: only clients with a certificate of this CA may call");
  app.add_option("--client-name", options.client_name, "and only this name");
  app.add_option("--path-token-file", options.path_token_file,
                 "file with the random first part of the path")
      ->required();
  app.add_option("--max-open-per-user", options.max_open_per_user,
                 "Most open requests of one user in one namespace")
      ->check(CLI::Range(1, 100000));
  app.add_option("--max-open-per-namespace", options.max_open_per_namespace,
                 "Most open requests in one namespace")
      ->check(CLI::Range(1, 100000));
  app.add_option("--secret-key-file", options.secret_key_file,
                 "file with the HMAC key for Secrets' values")
      ->required();
  app.add_option("--health-listen", options.health_listen,
                 "host:port of /healthz, /readyz, /metrics")
      ->capture_default_str();
  app.add_option("--linger", options.linger_seconds, "seconds to serve on after SIGTERM")
      ->capture_default_str()
      ->check(CLI::Range(0, 300));
  app.add_option("--log-format", format, "text or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--verbose", verbose, "log debug lines too");
  CLI11_PARSE(app, argc, argv);

  using holdpoint::log::Format;
  using holdpoint::log::Level;
  holdpoint::log::configure(format == "json" ? Format::Json : Format::Text,
                            verbose ? Level::Debug : Level::Info);
  if (const auto done = holdpoint::webhook::run(options); !done.ok()) {
    holdpoint::log::error("cannot run", {{"error", describe(done.error())}});
    return 1;
  }
  return 0;
}
