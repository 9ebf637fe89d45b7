#include "operator/app.hpp"

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"
#include "kube/config.hpp"
#include "kube/lease.hpp"
#include "net/health.hpp"
#include "net/http_client.hpp"
#include "operator/certificates.hpp"
#include "operator/loop.hpp"
#include "operator/probe.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kLookAtFile{10'000};
constexpr Duration kLeastLife{60'000};
constexpr Duration kCall{10'000};
constexpr Duration kQuiet{1'000};  // twice this long nothing may come back

Result<std::string> read_file(const std::string& file, const char* what) {
  std::ifstream in(file);
  if (!in)
    return Error{ErrorKind::NotFound, std::string(what) + " cannot be read from '" + file + "'",
                 ""};
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

struct Keys {
  std::string path_token, secret_key;
};

Result<Keys> keys_of(const Options& options, const kube::Client& client) {
  Keys keys;
  if (!options.keys_secret.empty()) {
    HP_ASSIGN(const SecretData data, read_or_make_secret(client, options.home, options.keys_secret,
                                                         {{"path-token", random_hex(16)},
                                                          {"secret-key", random_hex(32)}}));
    const auto value = [&](const char* key) {
      const auto found = data.find(key);
      return checked_secret(
          found == data.end() ? "" : found->second,
          "the key " + std::string(key) + " of Secret " + options.home + "/" + options.keys_secret);
    };
    HP_ASSIGN(keys.path_token, value("path-token"));
    HP_ASSIGN(keys.secret_key, value("secret-key"));
    return keys;
  }
  HP_ASSIGN(std::string token, read_file(options.path_token_file, "the path token"));
  HP_ASSIGN(keys.path_token,
            checked_secret(std::move(token), "the path token in " + options.path_token_file));
  if (!options.secret_key_file.empty()) {
    HP_ASSIGN(std::string key, read_file(options.secret_key_file, "the HMAC key"));
    HP_ASSIGN(keys.secret_key,
              checked_secret(std::move(key), "the HMAC key in " + options.secret_key_file));
  }
  return keys;
}

Result<WebhookAddress> address_of(const Options& options) {
  WebhookAddress address;
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

// Where the bundle comes from, and how often it is asked for. Error: options that do not go
// together, or a file that is not there.
Result<Trust> trust_of(const Options& options, const WebhookAddress& address,
                       const kube::Client& client, const Clock& clock) {
  if (options.self_signed != options.ca_bundle.empty())
    return invalid("give one of --ca-bundle and --self-signed");
  if (!options.self_signed) {
    const std::string file = options.ca_bundle;
    HP_TRY(read_file(file, "the CA bundle"));
    return Trust{[file] { return read_file(file, "the CA bundle"); }, kLookAtFile};
  }
  if (options.tls_secret.empty() || address.service_name.empty())
    return invalid("--self-signed needs --tls-secret and --webhook-service");
  CertificateSettings settings;
  settings.home = options.home;
  settings.secret = options.tls_secret;
  const std::string name = address.service_name + "." + address.service_namespace;
  settings.dns_names = {name + ".svc", name + ".svc.cluster.local", name};
  HP_ASSIGN(settings.leaf_life, parse_duration(options.leaf_life));
  HP_ASSIGN(settings.authority_life, parse_duration(options.authority_life));
  if (settings.leaf_life < kLeastLife || settings.authority_life < 2 * settings.leaf_life)
    return invalid(
        "--leaf-life is at least 1m, and --authority-life at least twice as long, so that each can "
        "be turned over before it ends");
  const auto kept = std::make_shared<const Certificates>(client, clock, std::move(settings));
  return Trust{[kept] { return kept->keep(); }, kept->every()};
}

std::string host_name() {
  char name[256] = "unknown";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

Result<Done> take_down(const Options& options) {
  net::initialize_http(2);
  HP_ASSIGN(kube::ApiConfig config, kube::config_of(options.kubeconfig));
  Metrics metrics;
  const Clock& clock = system_clock();
  const kube::Client client(std::move(config), "holdpoint-operator/" HOLDPOINT_VERSION);
  Ledger ledger(client, clock, metrics, options.home, options.checkpoint_file);
  const Docket docket(client, clock, options.home);
  Checks checks(client, docket, clock, metrics, options.home);
  Configurator configurator(client, clock, ledger, checks, {{}, options.home, {}});
  HP_TRY(disarm(client, options.home, operator_user(options.home), "uninstalled", clock.now(),
                Deadline::in(Duration(30'000))));
  // A leader that still runs sees the same ConfigMap; both may do it. One that found a
  // configuration missing just before may still put it back, and may be gone itself before it sees
  // its mistake.
  for (int quiet = 0; quiet < 2;) {
    HP_TRY(configurator.pass({}));
    wait_for(kQuiet, {});
    HP_ASSIGN(const bool up, configurator.is_up(Deadline::in(kCall)));
    quiet = up ? 0 : quiet + 1;
  }
  return Done{};
}

Result<std::vector<std::string>> try_out(const Options& options) {
  net::initialize_http(2);
  HP_ASSIGN(kube::ApiConfig config, kube::config_of(options.kubeconfig));
  const kube::Client client(std::move(config), "holdpoint-operator/" HOLDPOINT_VERSION);
  return probe(client, options.home);
}

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
  HP_ASSIGN(const net::Address health_address, net::parse_address(options.health_listen));
  HP_ASSIGN(kube::ApiConfig config, kube::config_of(options.kubeconfig));

  Metrics metrics;
  const Clock& clock = system_clock();
  const kube::Client client(std::move(config), "holdpoint-operator/" HOLDPOINT_VERSION);
  HP_ASSIGN(const Trust trust, trust_of(options, address, client, clock));
  HP_ASSIGN(Keys keys, keys_of(options, client));
  address.path_token = keys.path_token;
  Ledger ledger(client, clock, metrics, options.home, options.checkpoint_file);
  const Docket docket(client, clock, options.home, Records::Read);
  const Events events(client, clock);
  Checks checks(client, docket, clock, metrics, options.home);
  Configurator configurator(client, clock, ledger, checks,
                            {std::move(address), options.home, options.excluded_namespaces});
  Notifier notifier(client, docket, clock, metrics, options.home);
  const Release release(client, clock);
  Requests requests(client, docket, clock, ledger, events, notifier, checks, release,
                    keys.secret_key);
  Loop loop(client, configurator, requests, release, notifier, checks, metrics, options.home,
            trust);

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
