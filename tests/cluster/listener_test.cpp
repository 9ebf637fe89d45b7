// The webhook's own door, knocked at without the API server: bad input gets a clear error, the
// process lives, nothing is stored.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.hpp"
#include "crds/codec.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

std::string token() {
  std::ifstream in(environment("HOLDPOINT_PATH_TOKEN_FILE"));
  std::string text;
  in >> text;
  return text;
}

struct Knock {
  int status = 0;  // 0: the connection was closed
  std::string body;
};

Knock knock(const std::string& path, const std::string& body,
            const std::vector<std::string>& more = {}) {
  std::vector<std::string> command{"curl",
                                   "-sk",
                                   "--http1.1",
                                   "-m",
                                   "20",
                                   "-w",
                                   "\n%{http_code}",
                                   "-H",
                                   "Expect:",
                                   "-H",
                                   "Content-Type: application/json",
                                   "--data-binary",
                                   "@-",
                                   environment("HOLDPOINT_WEBHOOK_URL") + path};
  command.insert(command.end(), more.begin(), more.end());
  const Output output = run(command, body);
  const auto line = output.out.rfind('\n');
  if (line == std::string::npos) return {};
  return {std::atoi(output.out.c_str() + line + 1), output.out.substr(0, line)};
}

// A review as the API server would send it, of a ConfigMap in the scene.
Json review_of(const Scene& scene, const std::string& user) {
  Json object = scene.config_map("app", "1");
  object["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555";
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "u-1"},
            {"operation", "CREATE"},
            {"namespace", scene.ns()},
            {"name", "app"},
            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "ConfigMap"}}},
            {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "configmaps"}}},
            {"userInfo", {{"username", user}, {"groups", {"leads"}}}},
            {"object", object}}}};
}

TEST_CASE("A5: without the path there is nothing; with it a forged review is never an admission") {
  const Scene scene;
  const std::string body = dump_json(review_of(scene, "mallory"));
  for (const char* path :
       {"/", "/gate/x", "/00000000000000000000000000000000/gate/x", "/healthz", "/metrics"})
    CHECK(knock(path, body).status == 404);
  CHECK(scene.requests_for("app").empty());
  const Knock forged = knock("/" + token() + "/gate/" + scene.policy(), body);
  REQUIRE(forged.status == 200);
  CHECK(json_of(forged.body)["response"]["allowed"] == false);
  CHECK_FALSE(client_as("admin").get(scene.config_maps("app"), soon()).ok());
}

// The command line of the cluster's own webhook, on two ports that are free now; says pid and
// ports.
constexpr const char* kDemanding = R"sh(
set -e
cd "$2"
read -r port health < <(python3 -c '
import socket
both = [socket.socket() for _ in range(2)]
for one in both: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in both])')
eval "words=($(cat "$1/run/webhook.cmd"))"
for i in "${!words[@]}"; do
  case ${words[i]} in
    --listen=*) words[i]=--listen=127.0.0.1:$port ;;
    --health-listen=*) words[i]=--health-listen=127.0.0.1:$health ;;
  esac
done
"${words[@]}" --client-ca="$1/pki/ca.crt" --client-name=kube-apiserver >log 2>&1 &
echo $! $port $health
)sh";

// A webhook of its own that takes calls with a certificate of the API server alone.
class Demanding {
 public:
  Demanding() : folder_(std::filesystem::temp_directory_path() / unique("holdpoint-mtls")) {
    std::filesystem::create_directory(folder_);
    const Output started = run({"bash", "-c", kDemanding, "demanding",
                                environment("HOLDPOINT_CLUSTER"), folder_.string()});
    std::string port, health;
    std::istringstream(started.out) >> pid_ >> port >> health;
    REQUIRE_MESSAGE(!health.empty(), started.text());
    url_ = "https://127.0.0.1:" + port;
    REQUIRE(eventually([&] {
      return run({"curl", "-sf", "http://127.0.0.1:" + health + "/readyz"}).ok();
    }));
    // Somebody else's authority, and a certificate of it that says the right name.
    const Output made =
        run({"bash", "-c",
             "set -e; cd '" + folder_.string() +
                 "'; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
                 "-keyout foreign.key -out foreign.crt -subj /CN=kube-apiserver "
                 "-addext extendedKeyUsage=clientAuth 2>err; cat err"});
    REQUIRE_MESSAGE(made.ok(), made.text());
  }
  ~Demanding() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Demanding(const Demanding&) = delete;
  Demanding& operator=(const Demanding&) = delete;

  [[nodiscard]] static std::string pki(const std::string& file) {
    return environment("HOLDPOINT_CLUSTER") + "/pki/" + file;
  }
  [[nodiscard]] std::string foreign(const std::string& ending) const {
    return (folder_ / ("foreign." + ending)).string();
  }
  // 0: no answer at all.
  [[nodiscard]] int status(const std::string& path, const std::string& body,
                           const std::vector<std::string>& certificate) const {
    std::vector<std::string> command{"curl",
                                     "-sk",
                                     "--http1.1",
                                     "-m",
                                     "20",
                                     "-o",
                                     "/dev/null",
                                     "-w",
                                     "%{http_code}",
                                     "-H",
                                     "Content-Type: application/json",
                                     "--data-binary",
                                     "@-",
                                     url_ + path};
    command.insert(command.end(), certificate.begin(), certificate.end());
    return std::atoi(run(command, body).out.c_str());
  }

 private:
  std::filesystem::path folder_;
  std::string url_;
  int pid_ = 0;
};

TEST_CASE("A5: a webhook that asks for certificates takes the API server's and no other") {
  const Scene scene;
  const Demanding webhook;
  const std::string path = "/" + token() + "/gate/" + scene.policy();
  const std::string body = dump_json(review_of(scene, "mallory"));
  const auto with = [](const std::string& certificate, const std::string& key) {
    return std::vector<std::string>{"--cert", certificate, "--key", key};
  };
  CHECK(webhook.status(path, body, {}) == 0);
  CHECK(webhook.status(path, body, with(webhook.foreign("crt"), webhook.foreign("key"))) == 0);
  // Of the same authority, but somebody else.
  CHECK(webhook.status(path, body,
                       with(Demanding::pki("webhook.crt"), Demanding::pki("webhook.key"))) == 0);
  CHECK(scene.requests_for("app").empty());
  const auto own =
      with(Demanding::pki("apiserver-client.crt"), Demanding::pki("apiserver-client.key"));
  CHECK(webhook.status("/gate/" + scene.policy(), body, own) == 404);
  CHECK(webhook.status(path, body, own) == 200);
}

TEST_CASE(
    "a forged review of an update that does not tell the truth about the base stores nothing") {
  const Scene scene;
  Json review = review_of(scene, "mallory");
  review["request"]["operation"] = "UPDATE";
  review["request"]["oldObject"] = review["request"]["object"];
  review["request"]["object"]["data"]["value"] = "2";
  const Knock forged = knock("/" + token() + "/gate/" + scene.policy(), dump_json(review));
  REQUIRE(forged.status == 200);
  CHECK(json_of(forged.body)["response"]["allowed"] == false);
  CHECK(scene.requests_for("app").empty());
}

TEST_CASE("what is no review is answered with 400 and why, and the process lives") {
  const Scene scene;
  const std::string good = dump_json(review_of(scene, "alice"));
  const std::string path = "/" + token() + "/gate/" + scene.policy();
  const auto deep = [](std::size_t depth) {
    return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"object":{"a":)" +
           std::string(depth, '[') + std::string(depth, ']') + "}}}";
  };
  const std::vector<std::pair<const char*, std::string>> bodies = {
      {"nothing", ""},
      {"no JSON", "hello"},
      {"cut off", good.substr(0, good.size() / 2)},
      {"trailing bytes", good + "x"},
      {"two documents", good + good},
      {"a byte order mark", "\xef\xbb\xbf" + good},
      {"bad UTF-8", R"({"kind":")"
                    "\xff\xfe"
                    R"("})"},
      {"a lone surrogate", R"({"kind":"\ud800"})"},
      {"duplicate keys", R"({"kind":"AdmissionReview","kind":"AdmissionReview"})"},
      {"no request", R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"})"},
      {"depth 300", deep(300)},
      {"depth 100,000", deep(100'000)},
      {"an integer that is too large", R"({"kind":123456789012345678901234567890})"},
  };
  for (const auto& [what, body] : bodies) {
    CAPTURE(what);
    const Knock answer = knock(path, body);
    CHECK(answer.status == 400);
    CHECK(answer.body.find("AdmissionReview") != std::string::npos);
  }
  CHECK(knock(path, good).status == 200);
}

TEST_CASE("wrong methods and actions are told apart") {
  const std::string path = "/" + token() + "/gate/x";
  CHECK(knock(path, "{}", {"-X", "PUT"}).status == 405);
  CHECK(knock("/" + token() + "/nosuch/x", "{}").status == 404);
  CHECK(knock("/" + token() + "/approvals/nosuch", "{}").status == 404);
  CHECK(knock("/" + token() + "/gate", "{}").status == 404);
}

TEST_CASE("an unknown policy is never an allowance") {
  const Scene scene;
  const Knock answer =
      knock("/" + token() + "/gate/no-such-policy", dump_json(review_of(scene, "alice")));
  REQUIRE(answer.status == 200);
  CHECK(json_of(answer.body)["response"]["allowed"] == false);
  CHECK(answer.body.find("no-such-policy") != std::string::npos);
}

TEST_CASE("P1: 100 MiB are refused, and the process lives") {
  const Scene scene;
  const std::string path = "/" + token() + "/gate/" + scene.policy();
  const Knock huge = knock(path, std::string(100u << 20, ' '));
  CHECK((huge.status == 413 || huge.status == 0));
  const Knock chunked =
      knock(path, std::string(100u << 20, ' '), {"-H", "Transfer-Encoding: chunked"});
  CHECK((chunked.status == 413 || chunked.status == 0));
  CHECK(knock(path, dump_json(review_of(scene, "alice"))).status == 200);
}

TEST_CASE("P1: an object near the API server's limit is judged") {
  const Scene scene;
  // '<' takes six bytes in the review, and the ConfigMap comes as object and oldObject.
  const auto refused = scene.create("developer", scene.config_maps(),
                                    scene.config_map("big", std::string(900'000, '<')));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("waits for approval") != std::string::npos);
  scene.approve("lead", scene.open_request("big").metadata.name);
  CHECK(scene
            .create("developer", scene.config_maps(),
                    scene.config_map("big", std::string(900'000, '<')))
            .ok());
}

TEST_CASE("TLS older than 1.2 is refused") {
  const Output old = run(
      {"curl", "-sk", "--tls-max", "1.1", "-m", "5", environment("HOLDPOINT_WEBHOOK_URL") + "/"});
  CHECK(old.exit_code != 0);
}

TEST_CASE("health and metrics are on their own plain port") {
  for (const std::string& address : {environment("HOLDPOINT_OPERATOR_HEALTH")}) {
    CHECK(http_get(address, "/healthz").find("ok") != std::string::npos);
    CHECK(http_get(address, "/readyz").find("ready") != std::string::npos);
    CHECK(http_get(address, "/metrics").find("process_resident_memory_bytes") != std::string::npos);
  }
  CHECK(webhook_metric("process_resident_memory_bytes") > 0);
}

TEST_CASE("M6: text that tries to deceive is shown with visible marks") {
  const Scene scene;
  Json config = scene.config_map("app", "safe\u202egnp.exe\u200b");
  config["metadata"]["annotations"] = {{"holdpoint.dev/reason", "fine\n\x1b[31mApproved by root"}};
  REQUIRE_FALSE(scene.create("developer", scene.config_maps(), config).ok());
  const ApprovalRequest request = scene.open_request("app");
  const std::string shown =
      request.spec.diff + join(request.spec.summary, "\n") + request.spec.reason;
  CHECK(shown.find("\\u{202e}") != std::string::npos);
  CHECK(shown.find('\x1b') == std::string::npos);
  CHECK(request.spec.reason.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace holdpoint::cluster
