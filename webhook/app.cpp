#include "webhook/app.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "base/certificate.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "kube/client.hpp"
#include "kube/config.hpp"
#include "net/health.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "webhook/listener.hpp"

namespace holdpoint::webhook {
namespace {

constexpr int kIoThreads = 2;
constexpr int kWorkers = 16;  // each may wait for the API server
constexpr std::size_t kQueue = 512;
constexpr int kLookAtCertificates = 5;  // seconds

Result<std::string> read_secret(const std::string& file, const char* what) {
  std::ifstream in(file);
  if (!in)
    return Error{ErrorKind::NotFound, std::string(what) + " cannot be read from " + file, ""};
  return checked_secret(std::string(std::istreambuf_iterator<char>(in), {}),
                        std::string(what) + " in " + file);
}

// What the files of the server's side of TLS hold.
std::string certificates_of(const Options& options) {
  std::ostringstream text;
  for (const std::string& file : {options.tls_cert, options.tls_key, options.client_ca})
    if (!file.empty()) text << std::ifstream(file).rdbuf();
  return text.str();
}

void tell_expiry(const Options& options, Metrics& metrics) {
  std::ostringstream pem;
  pem << std::ifstream(options.tls_cert).rdbuf();
  if (const auto validity = validity_of(pem.str()); validity.ok())
    metrics.set("holdpoint_certificate_expiry_timestamp_seconds",
                "When the serving certificate ends, in seconds since 1970.",
                static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(
                                        validity->until.time_since_epoch())
                                        .count()));
}

// True when we are to stop.
bool stopped_within(int seconds, const sigset_t& signals) {
  const timespec patience{seconds, 0};
  return sigtimedwait(&signals, nullptr, &patience) > 0;
}

// Asked again until the API server answers, as the webhook may be up first, or until we are to
// stop.
Result<std::string> cluster_id(const kube::Client& client, const sigset_t& signals) {
  while (true) {
    const auto found =
        client.get({"", "v1", "namespaces", "", "kube-system", ""}, Deadline::in(Duration(5'000)));
    if (found.ok()) return string_at(*found, {"metadata", "uid"});
    if (found.error().kind == ErrorKind::Forbidden) return found.error();
    log::warn("waiting for the API server", {{"error", describe(found.error())}});
    if (stopped_within(1, signals))
      return Error{ErrorKind::Unavailable, "stopped before the API server answered", ""};
  }
}

}  // namespace

Result<Done> run(const Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals,
                  nullptr);  // before any thread starts, so that sigwait gets them
  std::signal(SIGPIPE, SIG_IGN);
  net::initialize_http(4);

  HP_ASSIGN(const std::string token, read_secret(options.path_token_file, "the path token"));
  HP_ASSIGN(const std::string secret_key, read_secret(options.secret_key_file, "the HMAC key"));
  HP_ASSIGN(const net::Address address, net::parse_address(options.listen));
  HP_ASSIGN(const net::Address health_address, net::parse_address(options.health_listen));
  HP_ASSIGN(kube::ApiConfig config, kube::config_of(options.kubeconfig));

  Metrics metrics;
  const kube::Client client(std::move(config), "holdpoint-webhook/" HOLDPOINT_VERSION);
  // Health first: a probe must see a process that is up but not ready.
  const Policies policies(client);
  net::Health health(metrics);
  health.require("policies", [&] { return policies.synced(); });
  health.require("listener", [] { return false; });
  HP_ASSIGN(const auto health_server, net::serve_health(health, health_address));

  HP_ASSIGN(const std::string cluster, cluster_id(client, signals));
  const Clock& clock = system_clock();
  const Docket docket(client, clock, options.home);
  const Gate gate(
      client, docket, clock, metrics,
      GateSettings{
          cluster, secret_key, {options.max_open_per_user, options.max_open_per_namespace}});
  const Companion companion(gate);
  const Approvals approvals(docket, secret_key);
  const Ahead ahead(client, gate);
  Workers workers(kWorkers, kQueue);
  Listener listener(token, policies, gate, companion, approvals, ahead, metrics, workers);

  net::ServerOptions server_options;
  server_options.host = address.host;
  server_options.port = address.port;
  server_options.reuse_port = options.reuse_port;
  server_options.threads = kIoThreads;
  server_options.tls =
      net::ServerTls{options.tls_cert, options.tls_key, options.client_ca, options.client_name};
  HP_ASSIGN(
      const auto server,
      net::HttpServer::start(server_options, [&](net::ServerRequest request, net::Reply reply) {
        listener.handle(std::move(request), std::move(reply));
      }));
  health.require("listener", [] { return true; });
  log::info("serving", {{"listen", options.listen}, {"version", HOLDPOINT_VERSION}});

  std::string loaded = certificates_of(options);
  tell_expiry(options, metrics);
  while (!stopped_within(kLookAtCertificates, signals)) {
    // They turn over while we serve; half-written ones are refused and looked at again.
    const std::string now = certificates_of(options);
    if (now == loaded) continue;
    if (const auto done = server->reload_certificates(); done.ok()) {
      loaded = now;
      tell_expiry(options, metrics);
      log::info("certificates reloaded");
    } else {
      log::warn("certificates not reloaded; the old ones stay in use",
                {{"error", describe(done.error())}});
    }
  }
  log::info("stopping", {{"linger_seconds", std::to_string(options.linger_seconds)}});
  health.require("listener", [] { return false; });
  const Duration linger{options.linger_seconds * 1000};
  server->stop(linger, Deadline::in(linger + Duration(10'000)));
  return Done{};
}

}  // namespace holdpoint::webhook
