#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "kube/backoff.hpp"
#include "kube/config.hpp"
#include "kube/token.hpp"
#include "kube/wire.hpp"

using namespace holdpoint;
using namespace holdpoint::kube;

namespace {

// A folder of its own for each test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "holdpoint-kube-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// A kubeconfig with one context; `cluster` and `user` are lines at their indentation.
std::string a_kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- name: here\n  context: {cluster: c, user: u}\n- name: lost\n  context: "
         "{cluster: none, user: u}\n"
         "- name: nobody\n  context: {cluster: c, user: none}\n"
         "clusters:\n- name: c\n  cluster:\n" +
         cluster + "users:\n- name: u\n  user:\n" + user;
}

const std::string kServer = "    server: https://10.0.0.1:6443\n";
const std::string kToken = "    token: abc\n";

ResourcePath a_path() {
  ResourcePath path;
  path.group = "apps";
  path.version = "v1";
  path.resource = "deployments";
  path.namespace_ = "production";
  path.name = "web";
  return path;
}

std::string status_text(int code, const std::string& reason, const std::string& message) {
  return dump_json(Json{{"kind", "Status"},
                        {"apiVersion", "v1"},
                        {"status", "Failure"},
                        {"code", code},
                        {"reason", reason},
                        {"message", message}});
}

}  // namespace

TEST_CASE("a resource path is written as the API server spells it") {
  ResourcePath path = a_path();
  CHECK(path.text() == "/apis/apps/v1/namespaces/production/deployments/web");
  path.subresource = "scale";
  CHECK(path.text() == "/apis/apps/v1/namespaces/production/deployments/web/scale");

  ResourcePath core;
  core.version = "v1";
  core.resource = "pods";
  CHECK(core.text() == "/api/v1/pods");
  core.namespace_ = "a";
  CHECK(core.text() == "/api/v1/namespaces/a/pods");

  ResourcePath cluster;
  cluster.group = "rbac.authorization.k8s.io";
  cluster.version = "v1";
  cluster.resource = "clusterroles";
  cluster.name = "system:aggregate to?edit#x";
  CHECK(cluster.text() ==
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aaggregate%20to%3Fedit%23x");
}

TEST_CASE("a path that would lead to another resource is refused") {
  CHECK(check_path(a_path(), Names::One).ok());

  ResourcePath path = a_path();
  SUBCASE("a missing name, which would read or delete the whole collection") { path.name.clear(); }
  SUBCASE("..") { path.name = ".."; }
  SUBCASE(".") { path.name = "."; }
  SUBCASE("a slash in the name") { path.name = "web/scale"; }
  SUBCASE("an escaped slash in the name") { path.name = "web%2fscale"; }
  SUBCASE(".. as namespace") { path.namespace_ = ".."; }
  SUBCASE("a slash in the resource") { path.resource = "deployments/web"; }
  SUBCASE("no version") { path.version.clear(); }
  SUBCASE("no resource") { path.resource.clear(); }
  const auto checked = check_path(path, Names::One);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().kind == ErrorKind::Invalid);
}

TEST_CASE("a collection has no name, but a subresource needs one") {
  ResourcePath path = a_path();
  CHECK_FALSE(check_path(path, Names::Collection).ok());
  path.subresource = "eviction";
  CHECK(check_path(path, Names::Collection).ok());
  path.name.clear();
  CHECK_FALSE(check_path(path, Names::Collection).ok());
  path.subresource.clear();
  CHECK(check_path(path, Names::Collection).ok());
}

TEST_CASE("query parameters are escaped") {
  CHECK(query_text({}).empty());
  CHECK(query_text({{"labelSelector", "a=b,c in (d)"}, {"limit", "5"}}) ==
        "?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=5");
}

TEST_CASE("an error answer becomes the Error that names the caller's next move") {
  struct Row {
    int code;
    const char* reason;
    ErrorKind kind;
  };
  for (const Row& row : std::vector<Row>{{400, "BadRequest", ErrorKind::Invalid},
                                         {401, "Unauthorized", ErrorKind::Forbidden},
                                         {403, "Forbidden", ErrorKind::Forbidden},
                                         {404, "NotFound", ErrorKind::NotFound},
                                         {405, "MethodNotAllowed", ErrorKind::Invalid},
                                         {409, "Conflict", ErrorKind::Conflict},
                                         {409, "AlreadyExists", ErrorKind::Conflict},
                                         {410, "Expired", ErrorKind::Conflict},
                                         {413, "RequestEntityTooLarge", ErrorKind::Invalid},
                                         {415, "UnsupportedMediaType", ErrorKind::Invalid},
                                         {422, "Invalid", ErrorKind::Invalid},
                                         {429, "TooManyRequests", ErrorKind::Unavailable},
                                         {500, "InternalError", ErrorKind::Unavailable},
                                         {503, "ServiceUnavailable", ErrorKind::Unavailable},
                                         {504, "Timeout", ErrorKind::Unavailable}}) {
    CAPTURE(row.code);
    const Error error = error_of(row.code, status_text(row.code, row.reason, "the server's words"));
    CHECK(error.kind == row.kind);
    CHECK(error.message == "the server's words");
    CHECK(error.cause == row.reason);
  }
}

TEST_CASE("an answer that is no Status is judged by its code alone") {
  SUBCASE("a proxy's page") {
    const Error error = error_of(502, "<html>bad gateway</html>");
    CHECK(error.kind == ErrorKind::Unavailable);
    CHECK(error.cause == "HTTP 502");
    CHECK(error.message.find("502") != std::string::npos);
  }
  SUBCASE("another JSON object") {
    CHECK(error_of(404, R"({"message": 7})").kind == ErrorKind::NotFound);
  }
  SUBCASE("JSON that is no object") { CHECK(error_of(403, "[1]").kind == ErrorKind::Forbidden); }
  SUBCASE("an empty body") { CHECK(error_of(500, "").kind == ErrorKind::Unavailable); }
  SUBCASE("a redirect is no success") { CHECK(error_of(302, "").kind == ErrorKind::Unavailable); }
}

TEST_CASE("each 410 is called Expired, and a resource version from the future is told apart") {
  CHECK(error_of(410, status_text(410, "Gone", "too old resource version: 1 (5)")).cause ==
        "Expired");
  const Error error =
      error_of(504, R"({"kind":"Status","reason":"Timeout","message":"Too large resource version",
      "details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"x"}]}})");
  CHECK(error.kind == ErrorKind::Unavailable);
  CHECK(error.cause == "ResourceVersionTooLarge");
}

TEST_CASE("warning headers give their texts, in order and unescaped") {
  using Texts = std::vector<std::string>;
  CHECK(parse_warnings(R"(299 - "use apps/v1")") == Texts{"use apps/v1"});
  CHECK(parse_warnings(R"(299 - "one", 299 - "two, with a comma",299 agent:80 "three")") ==
        Texts{"one", "two, with a comma", "three"});
  CHECK(parse_warnings(R"(299 - "a \"quoted\" word and a back\\slash")") ==
        Texts{R"(a "quoted" word and a back\slash)"});
  CHECK(parse_warnings(R"(299 - "dated" "Sat, 25 Aug 2012 23:34:45 GMT", 299 - "next")") ==
        Texts{"dated", "next"});
  CHECK(parse_warnings(R"(299 - "")") == Texts{""});
}

TEST_CASE("what is no warning header ends the list and harms nothing") {
  for (const char* header : {"", " ", ",", "299", "299 ", "299 -", "299 - ", "299 - text",
                             "299 - \"open", "299 - \"esc\\", "29 - \"short code\"",
                             "x99 - \"not a code\"", "2999 - \"long code\"", "299  \"no agent\""}) {
    CAPTURE(header);
    CHECK(parse_warnings(header).empty());
  }
  CHECK(parse_warnings(R"(299 - "good" rest, 299 - "lost")") == std::vector<std::string>{"good"});
}

TEST_CASE("lines of a watch are put together from pieces that end anywhere") {
  const std::string stream =
      "{\"a\":1}\n\n{\"b\":\"" + std::string(300'000, 'x') + "\"}\n{\"c\":3}\n";
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{7}, std::size_t{4096}, stream.size()}) {
    CAPTURE(piece);
    LineSplitter splitter;
    std::vector<std::string> lines;
    bool fed = true;
    for (std::size_t at = 0; at < stream.size(); at += piece)
      fed = fed &&
            splitter.feed(std::string_view(stream).substr(at, piece), [&](std::string_view line) {
              lines.emplace_back(line);
              return true;
            });
    CHECK(fed);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "{\"a\":1}");
    CHECK(lines[1].size() == 300'008);
    CHECK(lines[2] == "{\"c\":3}");
    CHECK_FALSE(splitter.unfinished());
  }
}

TEST_CASE("a watch that ends in the middle of a line is told") {
  LineSplitter splitter;
  CHECK(splitter.feed("whole\nhal", [](std::string_view) { return true; }));
  CHECK(splitter.unfinished());
}

TEST_CASE("a line over the limit ends the watch, whole or in pieces") {
  const auto ignore = [](std::string_view) { return true; };
  SUBCASE("whole") {
    LineSplitter splitter(10);
    CHECK(splitter.feed("0123456789\n", ignore));
    CHECK_FALSE(splitter.feed("0123456789a\n", ignore));
    CHECK(splitter.too_long());
  }
  SUBCASE("in pieces") {
    LineSplitter splitter(10);
    CHECK(splitter.feed("01234567", ignore));
    CHECK_FALSE(splitter.feed("89a", ignore));
    CHECK(splitter.too_long());
  }
}

TEST_CASE("a reader that has enough ends the feed at once") {
  LineSplitter splitter;
  int lines = 0;
  CHECK_FALSE(splitter.feed("1\n2\n3\n", [&](std::string_view) { return ++lines < 2; }));
  CHECK(lines == 2);
}

TEST_CASE("watch lines become events, and ERROR events become errors") {
  const auto added = parse_watch_line(R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})");
  REQUIRE(added.ok());
  CHECK(added->type == WatchEventType::Added);
  CHECK(string_at(added->object, {"metadata", "name"}) == "a");
  CHECK(parse_watch_line(R"({"type":"MODIFIED","object":{}})")->type == WatchEventType::Modified);
  CHECK(parse_watch_line(R"({"type":"DELETED","object":{}})")->type == WatchEventType::Deleted);
  CHECK(parse_watch_line(R"({"type":"BOOKMARK","object":{}})")->type == WatchEventType::Bookmark);

  const auto expired = parse_watch_line(
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}})");
  REQUIRE_FALSE(expired.ok());
  CHECK(expired.error().kind == ErrorKind::Conflict);
  CHECK(expired.error().cause == "Expired");

  for (const char* line :
       {"", "{", "[]", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":7})"}) {
    CAPTURE(line);
    const auto broken = parse_watch_line(line);
    REQUIRE_FALSE(broken.ok());
    CHECK(broken.error().kind == ErrorKind::Unavailable);
  }
  const auto unknown = parse_watch_line(R"({"type":"SHUFFLED","object":{}})");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().kind == ErrorKind::Invalid);
}

TEST_CASE("a kubeconfig gives server, certificates and token, from data or from files beside it") {
  const Folder folder;
  folder.write("ca.pem", "CA\n");
  folder.write("cert.pem", "CERT\n");
  folder.write("key.pem", "KEY\n");

  SUBCASE("data") {
    const auto file = folder.write(
        "config",
        a_kubeconfig(
            kServer + "    certificate-authority-data: Q0EK\n    certificate-authority: gone.pem\n",
            "    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZIQ==\n" + kToken));
    const auto config = load_kubeconfig(file);
    REQUIRE_MESSAGE(config.ok(), describe(config.error()));
    CHECK(config->server == "https://10.0.0.1:6443");
    CHECK(config->ca_pem == "CA\n");
    CHECK(config->client_cert_pem == "CERT");
    CHECK(config->client_key_pem == "KEY!");
    CHECK(config->token == "abc");
    CHECK(config->token_file.empty());
  }
  SUBCASE("files") {
    const auto file = folder.write(
        "config",
        a_kubeconfig("    server: https://10.0.0.1:6443/\n    certificate-authority: ca.pem\n",
                     "    client-certificate: cert.pem\n    client-key: " + folder.file("key.pem") +
                         "\n    tokenFile: token\n"));
    const auto config = load_kubeconfig(file, "here");
    REQUIRE_MESSAGE(config.ok(), describe(config.error()));
    CHECK(config->server == "https://10.0.0.1:6443");
    CHECK(config->ca_pem == "CA\n");
    CHECK(config->client_cert_pem == "CERT\n");
    CHECK(config->client_key_pem == "KEY\n");
    CHECK(config->token_file == folder.file("token"));
  }
  SUBCASE("JSON, which is YAML too") {
    const auto file = folder.write(
        "config", R"({"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c"}}],
        "clusters":[{"name":"c","cluster":{"server":"https://h:1"}}]})");
    const auto config = load_kubeconfig(file);
    REQUIRE_MESSAGE(config.ok(), describe(config.error()));
    CHECK(config->server == "https://h:1");
    CHECK(config->token.empty());
  }
}

TEST_CASE("a kubeconfig that is missing, or lacks the context, is NotFound") {
  const Folder folder;
  CHECK(load_kubeconfig(folder.file("none")).error().kind == ErrorKind::NotFound);
  const auto file = folder.write("config", a_kubeconfig(kServer, kToken));
  CHECK(load_kubeconfig(file, "other").error().kind == ErrorKind::NotFound);
  const auto bare = folder.write("bare", "contexts: []\n");
  CHECK(load_kubeconfig(bare).error().kind == ErrorKind::NotFound);
}

TEST_CASE("a kubeconfig that cannot be followed to the letter is refused") {
  const Folder folder;
  std::string text, context;
  SUBCASE("bad YAML") { text = "clusters: [\n\t- {"; }
  SUBCASE("no mapping") { text = "just words"; }
  SUBCASE("empty") { text = ""; }
  SUBCASE("nested without end") { text = std::string(100'000, '['); }
  SUBCASE("the cluster is missing") { text = a_kubeconfig(kServer, kToken), context = "lost"; }
  SUBCASE("the user is missing") { text = a_kubeconfig(kServer, kToken), context = "nobody"; }
  SUBCASE("no server") { text = a_kubeconfig("    a: b\n", kToken); }
  SUBCASE("a server without TLS") {
    text = a_kubeconfig("    server: http://10.0.0.1:6443\n", kToken);
  }
  SUBCASE("a server with a path") {
    text = a_kubeconfig("    server: https://10.0.0.1/k8s\n", kToken);
  }
  SUBCASE("a server that is a list") {
    text = a_kubeconfig("    server: [https://10.0.0.1]\n", kToken);
  }
  SUBCASE("no verification") {
    text = a_kubeconfig(kServer + "    insecure-skip-tls-verify: true\n", kToken);
  }
  SUBCASE("a proxy") { text = a_kubeconfig(kServer + "    proxy-url: http://proxy\n", kToken); }
  SUBCASE("an exec plugin") { text = a_kubeconfig(kServer, "    exec: {command: aws}\n"); }
  SUBCASE("an auth provider") { text = a_kubeconfig(kServer, "    auth-provider: {name: gcp}\n"); }
  SUBCASE("a password") { text = a_kubeconfig(kServer, "    username: a\n    password: b\n"); }
  SUBCASE("impersonation") { text = a_kubeconfig(kServer, kToken + "    as: root\n"); }
  SUBCASE("a certificate without key") {
    text = a_kubeconfig(kServer, "    client-certificate-data: Q0VSVA==\n");
  }
  SUBCASE("data that is not base64") {
    text = a_kubeconfig(kServer + "    certificate-authority-data: 'Q0E!'\n", kToken);
  }
  SUBCASE("base64 cut short") {
    text = a_kubeconfig(kServer + "    certificate-authority-data: Q0E\n", kToken);
  }
  SUBCASE("larger than 1 MiB") {
    text = a_kubeconfig(kServer, kToken) + "#" + std::string(1 << 20, 'x');
  }
  SUBCASE("aliases that multiply") {
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
      const std::string before = "*a" + std::to_string(i - 1);
      text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
      for (int times = 0; times < 9; ++times) text += ", " + before;
      text += "]\n";
    }
    text += "contexts: *a11\ncurrent-context: *a11\n";
  }
  const auto config = load_kubeconfig(folder.write("config", text), context);
  REQUIRE_FALSE(config.ok());
  CHECK_MESSAGE(config.error().kind == ErrorKind::Invalid, describe(config.error()));
  CHECK(config.error().message.find("kubeconfig") != std::string::npos);
}

TEST_CASE("a certificate authority that a kubeconfig names must be there") {
  const Folder folder;
  const auto file = folder.write(
      "config", a_kubeconfig(kServer + "    certificate-authority: gone.pem\n", kToken));
  const auto config = load_kubeconfig(file);
  REQUIRE_FALSE(config.ok());
  CHECK(config.error().kind == ErrorKind::NotFound);
  CHECK(config.error().message.find("gone.pem") != std::string::npos);
}

TEST_CASE("outside of a pod there is no in-cluster configuration, and the error says so") {
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  const auto config = in_cluster_config();
  REQUIRE_FALSE(config.ok());
  CHECK(config.error().kind == ErrorKind::NotFound);
}

TEST_CASE("a rotated token file is read again") {
  const Folder folder;
  const auto file = folder.write("token", "first\n");
  TokenSource source("ignored", file);
  CHECK(source.current() == "first");
  CHECK(source.current() == "first");

  SUBCASE("rewritten in place") {
    folder.write("token", "second");
    timespec times[2] = {{1'900'000'000, 0}, {1'900'000'000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
    CHECK(source.current() == "second");
  }
  SUBCASE("swapped, as a projected volume does") {
    std::filesystem::rename(folder.write("token.next", "second"), file);
    CHECK(source.current() == "second");
  }
  SUBCASE("gone or empty: the last one stays in use") {
    std::filesystem::remove(file);
    CHECK(source.current() == "first");
    folder.write("token", "\n");
    CHECK(source.current() == "first");
  }
}

TEST_CASE("without a token file the token is used as it is") {
  CHECK(TokenSource("abc", "").current() == "abc");
  CHECK(TokenSource("", "").current().empty());
}

TEST_CASE("each wait after a failure is longer, with jitter, up to a limit") {
  Backoff backoff(Duration(200), Duration(1'000));
  for (const int full : {200, 400, 800, 1'000, 1'000}) {
    const auto wait = backoff.next().count();
    CHECK(wait >= full / 2);
    CHECK(wait <= full);
  }
  backoff.reset();
  CHECK(backoff.next().count() <= 200);
}
