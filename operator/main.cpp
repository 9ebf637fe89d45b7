#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.hpp"
#include "operator/app.hpp"

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 2);  // many threads that wait must not each keep an arena of freed memory
  holdpoint::operator_::Options options;
  std::string format = "text";
  bool verbose = false;
  CLI::App app(
      "holdpoint-operator turns policies into webhook configurations and reconciles approval "
      "requests");
  app.set_version_flag("--version", HOLDPOINT_VERSION);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "kubeconfig file; without it the pod's service account");
  app.add_option("--namespace", options.home, "Holdpoint's own namespace")->capture_default_str();
  app.add_option("--webhook-url", options.webhook_url,
                 "https://host:port where the API server reaches the webhook");
  app.add_option("--webhook-service", options.webhook_service,
                 "or its Service, as namespace/name[:port]");
  app.add_option("--ca-bundle", options.ca_bundle,
                 "PEM file, read again as it changes: the CA of the webhook's certificate");
  app.add_flag("--self-signed", options.self_signed,
               "or an authority of our own, which signs and turns over the webhook's certificate");
  app.add_option("--tls-secret", options.tls_secret,
                 "with --self-signed: name of the Secret for it, in Holdpoint's namespace");
  app.add_option("--leaf-life", options.leaf_life, "with --self-signed: how long a leaf lasts")
      ->capture_default_str();
  app.add_option("--authority-life", options.authority_life,
                 "with --self-signed: how long an authority lasts")
      ->capture_default_str();
  app.add_option("--path-token-file", options.path_token_file,
                 "file with the random first part of the path");
  app.add_option("--secret-key-file", options.secret_key_file,
                 "file with the HMAC key for Secrets' values");
  app.add_option("--checkpoint-file", options.checkpoint_file,
                 "file that outlives the process: where the trail ends, so that a restored backup "
                 "is noticed");
  app.add_option("--keys-secret", options.keys_secret,
                 "or name of the Secret with both (path-token, secret-key), made where missing");
  app.add_option("--health-listen", options.health_listen,
                 "host:port of /healthz, /readyz, /metrics")
      ->capture_default_str();
  app.add_flag("--leader-elect,!--no-leader-elect", options.leader_elect,
               "lead only while holding the Lease")
      ->capture_default_str();
  app.add_option("--log-format", format, "text or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--verbose", verbose, "log debug lines too");
  app.add_option("--exclude-namespace", options.excluded_namespaces,
                 "never gated, whatever policies say; may be given several times");
  app.require_subcommand(0, 1);
  auto* const disarm = app.add_subcommand(
      "disarm", "record that the gate is taken down, remove the webhook configurations, and end");
  disarm->fallthrough();
  auto* const probe = app.add_subcommand(
      "probe", "see that the API server has writes judged and every policy is in force, and end");
  probe->fallthrough();
  CLI11_PARSE(app, argc, argv);

  using holdpoint::log::Format;
  using holdpoint::log::Level;
  holdpoint::log::configure(format == "json" ? Format::Json : Format::Text,
                            verbose ? Level::Debug : Level::Info);
  if (probe->parsed()) {
    const auto lines = holdpoint::operator_::try_out(options);
    if (!lines.ok()) {
      std::fprintf(stderr, "failed: %s\n", lines.error().message.c_str());
      return 1;
    }
    for (const std::string& line : *lines) std::printf("ok: %s\n", line.c_str());
    return 0;
  }
  const auto done = disarm->parsed() ? holdpoint::operator_::take_down(options)
                                     : holdpoint::operator_::run(options);
  if (!done.ok()) {
    holdpoint::log::error("cannot run", {{"error", describe(done.error())}});
    return 1;
  }
  return 0;
}
