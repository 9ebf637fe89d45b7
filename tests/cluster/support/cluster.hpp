// The running test cluster as the cluster tests see it: who calls it, what is in it, what its
// webhooks count.
//
// The environment tells where it is (tests/cluster/run sets it from `hack/cluster env`).
// as("developer") speaks through the real kubectl, at 60 to 100 ms a call: for what people see.
// client_as("developer") is the same person over kube::Client, at about 2 ms: for everything else.
// What a test cannot go on without fails it at once. Thread-safe, but doctest's REQUIRE belongs on
// the test's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "kube/client.hpp"
#include "net/http_client.hpp"
#include "tests/cluster/support/process.hpp"

namespace holdpoint::cluster {

// An environment variable of the cluster, such as "HOLDPOINT_WEBHOOK_URL"; a missing one fails the
// test.
[[nodiscard]] std::string environment(const std::string& name);

// One person: a context of the cluster's kubeconfig (admin, developer, lead, second-lead, security,
// sre, auditor).
class As {
 public:
  explicit As(std::string context) : context_(std::move(context)) {}
  // `kubectl ARGS --context=...`; plugins too: kubectl({"holdpoint", "list"}).
  [[nodiscard]] Output kubectl(std::vector<std::string> args, const std::string& input = {},
                               Duration patience = Duration(90'000)) const;
  // `kubectl apply -f - ARGS` with `yaml` (JSON will do) as input.
  [[nodiscard]] Output apply(const std::string& yaml,
                             const std::vector<std::string>& args = {}) const;
  // `kubectl get ARGS -o json`, which must succeed.
  [[nodiscard]] Json get(std::vector<std::string> args) const;

 private:
  std::string context_;
};
[[nodiscard]] inline As as(std::string context) { return As(std::move(context)); }

// Kept until the program ends.
[[nodiscard]] const kube::Client& client_as(const std::string& context);
// A service account, by a token that the API server mints for it.
[[nodiscard]] const kube::Client& as_service_account(const std::string& namespace_,
                                                     const std::string& name);
// What the kubeconfig says of a context, for a client of one's own (through a relay, say).
[[nodiscard]] kube::ApiConfig config_of(const std::string& context);
// A write in another encoding than JSON, whose answer is JSON.
[[nodiscard]] net::HttpResponse send_raw(const std::string& context, const std::string& method,
                                         const std::string& target, const std::string& content_type,
                                         const std::string& body);
void close_clients();  // main's last step: no client may outlive main

// Every call of a test that should not hang.
[[nodiscard]] inline Deadline soon() { return Deadline::in(Duration(60'000)); }
// "apps/v1", "deployments", "production", "web".
[[nodiscard]] kube::ResourcePath path_of(const std::string& api_version,
                                         const std::string& resource,
                                         const std::string& namespace_ = {},
                                         const std::string& name = {});

// Until `claim` holds, at most `within`: asked each 20 ms. False when it never did.
[[nodiscard]] bool eventually(const std::function<bool()>& claim,
                              Duration within = Duration(60'000));

// "prefix-1f3a9c2b", different for each call and each run.
[[nodiscard]] std::string unique(const std::string& prefix);

// A namespace of the test's own, deleted (not awaited) at its end.
class Namespace {
 public:
  explicit Namespace(const std::string& prefix = "test",
                     const std::map<std::string, std::string>& labels = {});
  ~Namespace();
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

// The value of a Result that a test cannot go on without.
[[noreturn]] void fail_test(const std::string& why);
template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail_test(describe(result.error()));
  return std::move(result).value();
}
// parse_json(), which must succeed.
[[nodiscard]] Json json_of(const std::string& text);

// Adds up the samples of `name` whose labels contain `labels` in a Prometheus text; 0 when there is
// none.
[[nodiscard]] double metric_in(std::string_view text, std::string_view name,
                               const std::map<std::string, std::string>& labels = {});
// The same over /metrics of all webhook processes, or of the operator.
[[nodiscard]] double webhook_metric(std::string_view name,
                                    const std::map<std::string, std::string>& labels = {});
[[nodiscard]] double operator_metric(std::string_view name,
                                     const std::map<std::string, std::string>& labels = {});
// The body of a GET over plain HTTP on "host:port", which must answer 200.
[[nodiscard]] std::string http_get(const std::string& address, const std::string& path);

// The names of all webhook processes, for cluster_command: "webhook", "webhook-2" ...
[[nodiscard]] std::vector<std::string> webhook_names();
// `hack/cluster COMMAND DIR ARGS`: cluster_command("stop", {"webhook", "--kill"}),
// cluster_command("start", {"webhook"}).
[[nodiscard]] Output cluster_command(const std::string& command,
                                     const std::vector<std::string>& args);

}  // namespace holdpoint::cluster
