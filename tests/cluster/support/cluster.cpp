#include "tests/cluster/support/cluster.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "kube/config.hpp"

namespace holdpoint::cluster {
namespace {

struct Clients {
  std::mutex mutex;  // guards known
  std::map<std::string, std::unique_ptr<kube::Client>> known;
};

Clients& clients() {
  static Clients all;
  return all;
}

// The labels of `name{a="b",c="d"} 1`, unescaped.
std::map<std::string, std::string> labels_of(std::string_view text) {
  std::map<std::string, std::string> labels;
  while (!text.empty()) {
    const auto equals = text.find("=\"");
    if (equals == std::string_view::npos) break;
    const std::string key(text.substr(0, equals));
    std::string value;
    std::size_t at = equals + 2;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at];
    }
    labels[key] = value;
    text.remove_prefix(std::min(text.size(), at + 1));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return labels;
}

double sum_over(const std::string& variable, std::string_view name,
                const std::map<std::string, std::string>& labels) {
  double sum = 0;
  for (const std::string& address : split(environment(variable), ' '))
    if (!address.empty()) sum += metric_in(http_get(address, "/metrics"), name, labels);
  return sum;
}

}  // namespace

void fail_test(const std::string& why) {
  FAIL(why);
  std::abort();  // FAIL throws; this tells the compiler
}

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    fail_test(name + " is not set: run the cluster tests by ctest or tests/cluster/run");
  return value;
}

Output As::kubectl(std::vector<std::string> args, const std::string& input,
                   Duration patience) const {
  args.insert(args.begin(), "kubectl");
  args.push_back("--context=" + context_);
  return run(args, input, patience);
}

Output As::apply(const std::string& yaml, const std::vector<std::string>& args) const {
  std::vector<std::string> all{"apply", "-f", "-"};
  all.insert(all.end(), args.begin(), args.end());
  return kubectl(std::move(all), yaml);
}

Json As::get(std::vector<std::string> args) const {
  args.insert(args.begin(), "get");
  args.insert(args.end(), {"-o", "json"});
  const Output output = kubectl(std::move(args));
  if (!output.ok()) fail_test("kubectl get failed: " + output.text());
  return json_of(output.out);
}

kube::ApiConfig config_of(const std::string& context) {
  return must(kube::load_kubeconfig(environment("KUBECONFIG"), context));
}

const kube::Client& client_as(const std::string& context) {
  Clients& all = clients();
  const std::lock_guard lock(all.mutex);
  auto& client = all.known[context];
  if (client == nullptr)
    client = std::make_unique<kube::Client>(config_of(context), "holdpoint-tests");
  return *client;
}

const kube::Client& as_service_account(const std::string& namespace_, const std::string& name) {
  kube::ResourcePath path = path_of("v1", "serviceaccounts", namespace_, name);
  path.subresource = "token";
  const Json minted = must(client_as("admin").create(path,
                                                     {{"apiVersion", "authentication.k8s.io/v1"},
                                                      {"kind", "TokenRequest"},
                                                      {"spec", Json::object()}},
                                                     {}, soon()));
  kube::ApiConfig config = config_of("admin");
  config.client_cert_pem.clear();
  config.client_key_pem.clear();
  config.token_file.clear();
  config.token = string_at(minted, {"status", "token"});
  Clients& all = clients();
  const std::lock_guard lock(all.mutex);
  auto& client = all.known["account " + namespace_ + "/" + name];
  client = std::make_unique<kube::Client>(std::move(config), "holdpoint-tests");
  return *client;
}

net::HttpResponse send_raw(const std::string& context, const std::string& method,
                           const std::string& target, const std::string& content_type,
                           const std::string& body) {
  const kube::ApiConfig config = config_of(context);
  const net::HttpClient client(
      {config.server, config.ca_pem, {}, {}, [&] { return config.token; }});
  net::HttpRequest request;
  request.method = method;
  request.target = target;
  request.headers = {{"Content-Type", content_type}, {"Accept", "application/json"}};
  request.body = body;
  return must(client.call(request, soon()));
}

void close_clients() { clients().known.clear(); }

kube::ResourcePath path_of(const std::string& api_version, const std::string& resource,
                           const std::string& namespace_, const std::string& name) {
  const auto slash = api_version.find('/');
  kube::ResourcePath path;
  path.group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  path.version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  path.resource = resource;
  path.namespace_ = namespace_;
  path.name = name;
  return path;
}

bool eventually(const std::function<bool()>& claim, Duration within) {
  const auto deadline = Deadline::in(within);
  while (true) {
    if (claim()) return true;
    if (deadline.over()) return false;
    wait_for(Duration(20), {});
  }
}

std::string unique(const std::string& prefix) { return prefix + "-" + random_hex(4); }

Namespace::Namespace(const std::string& prefix, const std::map<std::string, std::string>& labels)
    : name_(unique(prefix)) {
  const Json object{{"apiVersion", "v1"},
                    {"kind", "Namespace"},
                    {"metadata", {{"name", name_}, {"labels", labels}}}};
  must(client_as("admin").create(path_of("v1", "namespaces"), object, {}, soon()));
}

Namespace::~Namespace() {
  // The entry of a policy that is gone, and asks before a namespace is deleted, goes in a moment.
  const bool removed = eventually([&] {
    const auto answer =
        client_as("admin").remove(path_of("v1", "namespaces", "", name_), "", soon());
    return answer.ok() || answer.error().kind == ErrorKind::NotFound;
  });
  CHECK_MESSAGE(removed, "the namespace " << name_ << " stays behind");
}

Json json_of(const std::string& text) { return must(parse_json(text)); }

double metric_in(std::string_view text, std::string_view name,
                 const std::map<std::string, std::string>& labels) {
  double sum = 0;
  for (const std::string& line : split(text, '\n')) {
    std::string_view rest = line;
    if (!rest.starts_with(name)) continue;
    rest.remove_prefix(name.size());
    std::map<std::string, std::string> found;
    if (rest.starts_with('{')) {
      const auto end = rest.rfind('}');
      if (end == std::string_view::npos) continue;
      found = labels_of(rest.substr(1, end - 1));
      rest.remove_prefix(end + 1);
    }
    if (!rest.starts_with(' ')) continue;  // another metric whose name begins like this one
    bool wanted = true;
    for (const auto& [key, value] : labels) {
      const auto label = found.find(key);
      wanted = wanted && label != found.end() && label->second == value;
    }
    if (wanted) sum += std::strtod(std::string(rest.substr(1)).c_str(), nullptr);
  }
  return sum;
}

double webhook_metric(std::string_view name, const std::map<std::string, std::string>& labels) {
  return sum_over("HOLDPOINT_WEBHOOK_HEALTH", name, labels);
}

double operator_metric(std::string_view name, const std::map<std::string, std::string>& labels) {
  return sum_over("HOLDPOINT_OPERATOR_HEALTH", name, labels);
}

std::string http_get(const std::string& address, const std::string& path) {
  const net::HttpClient client({"http://" + address, {}, {}, {}, {}});
  net::HttpRequest request;
  request.target = path;
  const auto response = must(client.call(request, soon()));
  if (response.status != 200)
    fail_test(address + path + " answers " + std::to_string(response.status) + ": " +
              response.body);
  return response.body;
}

std::vector<std::string> webhook_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < split(environment("HOLDPOINT_WEBHOOK_HEALTH"), ' ').size(); ++i)
    names.push_back(i == 0 ? "webhook" : "webhook-" + std::to_string(i + 1));
  return names;
}

Output cluster_command(const std::string& command, const std::vector<std::string>& args) {
  std::vector<std::string> words{HOLDPOINT_SOURCE_DIR "/hack/cluster", command,
                                 environment("HOLDPOINT_CLUSTER")};
  words.insert(words.end(), args.begin(), args.end());
  return run(words, {}, Duration(180'000));
}

}  // namespace holdpoint::cluster
