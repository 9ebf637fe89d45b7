#include "operator/app.hpp"

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "kube/config.hpp"
#include "kube/lease.hpp"
#include "net/health.hpp"
#include "net/http_client.hpp"
#include "operator/loop.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kLeastSecret = 32;  // characters: 128 bits in hex

Result<std::string> read_file(const std::string& file, const char* what) {
  std::ifstream in(file);
  if (!in)
    return Error{ErrorKind::NotFound, std::string(what) + " cannot be read from '" + file + "'",
                 ""};
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

Result<std::string> read_secret(const std::string& file, const char* what) {
  HP_ASSIGN(std::string text, read_file(file, what));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  if (text.size() < kLeastSecret)
    return invalid(std::string(what) + " in " + file +
                   " is shorter than 32 characters; write 32 random hex digits there");
  return text;
}

Result<WebhookAddress> address_of(const Options& options) {
  WebhookAddress address;
  HP_ASSIGN(address.ca_pem, read_file(options.ca_bundle, "the CA bundle"));
  HP_ASSIGN(address.path_token, read_secret(options.path_token_file, "the path token"));
  if (options.webhook_url.empty() == options.webhook_service.empty())
    return invalid("give one of --webhook-url and --webhook-service");
  if (!options.webhook_url.empty()) {
    if (!options.webhook_url.starts_with("https://"))
      return invalid("--webhook-url must begin with https://");
    address.url = options.webhook_url;
    while (address.url.ends_with('/')) address.url.pop_back();
    return address;
  }
  const auto slash = options.webhook_service.find('/');
  if (slash == std::string::npos || slash == 0)
    return invalid("--webhook-service is namespace/name or namespace/name:port");
  address.service_namespace = options.webhook_service.substr(0, slash);
  address.service_name = options.webhook_service.substr(slash + 1);
  if (const auto colon = address.service_name.find(':'); colon != std::string::npos) {
    HP_ASSIGN(const net::Address parsed, net::parse_address(address.service_name));
    address.service_port = parsed.port;
    address.service_name = parsed.host;
  }
  return address;
}

std::string host_name() {
  char name[256] = "unknown";
  gethostname(name, sizeof name - 1);
  return name;
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
  net::initialize_http(10);

  HP_ASSIGN(WebhookAddress address, address_of(options));
  std::string secret_key;
  if (!options.secret_key_file.empty()) {
    HP_ASSIGN(secret_key, read_secret(options.secret_key_file, "the HMAC key"));
  }
  HP_ASSIGN(const net::Address health_address, net::parse_address(options.health_listen));
  HP_ASSIGN(kube::ApiConfig config, options.kubeconfig.empty()
                                        ? kube::in_cluster_config()
                                        : kube::load_kubeconfig(options.kubeconfig));

  Metrics metrics;
  const Clock& clock = system_clock();
  const kube::Client client(std::move(config), "holdpoint-operator/" HOLDPOINT_VERSION);
  Ledger ledger(client, clock, metrics, options.home);
  const Docket docket(client, clock);
  const Events events(client, clock);
  Configurator configurator(client, clock, ledger, {std::move(address), options.home});
  Notifier notifier(client, docket, clock, metrics, options.home);
  Requests requests(client, docket, clock, ledger, events, notifier, secret_key);
  Loop loop(client, configurator, requests, notifier, metrics);

  std::atomic<bool> leads = false;
  net::Health health(metrics);
  // A follower is ready to take over; the leader once its watches are in and the configurations
  // stand.
  health.require("configurations",
                 [&] { return !leads || (loop.synced() && configurator.ready()); });
  HP_ASSIGN(const auto health_server, net::serve_health(health, health_address));
  log::info("started", {{"version", HOLDPOINT_VERSION}, {"home", options.home}});

  std::stop_source stop;
  std::optional<Error> lost;
  {
    const std::jthread leader([&] {
      const auto lead = [&](const std::stop_token& token) {
        leads = true;
        loop.run(token);
        leads = false;
      };
      if (!options.leader_elect) return lead(stop.get_token());
      const kube::LeaseOptions lease{options.home, "holdpoint-operator",
                                     host_name() + "_" + random_hex(4)};
      const auto done = kube::lead_while_elected(client, lease, stop.get_token(), lead);
      if (!done.ok()) {
        lost = done.error();
        kill(
            getpid(),
            SIGTERM);  // a new process starts clean: nothing of what this one knew is sure any more
      }
    });
    int signal = 0;
    sigwait(&signals, &signal);
    log::info("stopping");
    stop.request_stop();
  }
  if (lost.has_value()) return *lost;
  return Done{};
}

}  // namespace holdpoint::operator_
