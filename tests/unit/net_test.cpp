#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "net/http_client.hpp"
#include "net/http_server.hpp"

using namespace holdpoint;
using namespace holdpoint::net;
using namespace std::chrono_literals;

namespace {

using Clock_ = std::chrono::steady_clock;

// ---- certificates ----

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

struct Identity {
  std::unique_ptr<EVP_PKEY, FreeKey> key;
  std::unique_ptr<X509, FreeCertificate> certificate;

  [[nodiscard]] std::string cert_pem() const {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate.get());
    return drain(out);
  }
  [[nodiscard]] std::string key_pem() const {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return drain(out);
  }
  static std::string drain(BIO* out) {
    char* data = nullptr;
    const auto length = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(length));
    BIO_free(out);
    return text;
  }
};

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  REQUIRE(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate by `issuer`, or a CA of its own.
Identity issue(const char* name, const char* names, const Identity* issuer) {
  static std::atomic<long> serial{1};
  Identity made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const by = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(by));
  extend(certificate, by, NID_basic_constraints,
         issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (names != nullptr) extend(certificate, by, NID_subject_alt_name, names);
  X509_sign(certificate, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

// A CA, a server and a client, on disk as the server wants them.
struct Pki {
  Pki()
      : ca(issue("test ca", nullptr, nullptr)),
        server(issue("server", "IP:127.0.0.1,DNS:localhost", &ca)),
        client(issue("apiserver", nullptr, &ca)) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "holdpoint-net-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    write("ca.pem", ca.cert_pem());
    write("server.pem", server.cert_pem());
    write("server.key", server.key_pem());
  }
  ~Pki() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }
  [[nodiscard]] ServerTls tls() const {
    return {folder / "server.pem", folder / "server.key", {}, {}};
  }
  [[nodiscard]] ServerTls mutual_tls(const std::string& name) const {
    return {folder / "server.pem", folder / "server.key", folder / "ca.pem", name};
  }

  std::filesystem::path folder;
  Identity ca;
  Identity server;
  Identity client;
};

const Pki& pki() {
  static const Pki made;
  return made;
}

// ---- servers and clients ----

ServerResponse text_response(std::string text, int status = 200) {
  ServerResponse response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

void echo(ServerRequest request, const Reply& reply) {
  reply.send(text_response(request.method + " " + request.path + " " +
                           std::to_string(request.body.size()) + " " + request.body));
}

std::unique_ptr<HttpServer> a_server(const ServerOptions& options, Handler handler = echo) {
  auto started = HttpServer::start(options, std::move(handler));
  REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : describe(started.error())));
  return std::move(started).value();
}

ServerOptions with_tls(ServerTls tls) {
  ServerOptions options;
  options.tls = std::move(tls);
  return options;
}

HttpEndpoint endpoint_of(std::uint16_t port) {
  return {"http://127.0.0.1:" + std::to_string(port), {}, {}, {}, {}};
}
HttpEndpoint secure_endpoint_of(std::uint16_t port) {
  return {"https://127.0.0.1:" + std::to_string(port), pki().ca.cert_pem(), {}, {}, {}};
}

HttpClient a_client(HttpEndpoint endpoint) {
  std::signal(SIGPIPE, SIG_IGN);
  initialize_http(4);
  return HttpClient(std::move(endpoint));
}

HttpRequest a_post(std::string body, std::string target = "/x") {
  return {"POST", std::move(target), {}, std::move(body)};
}
HttpRequest a_get(std::string target = "/x") { return {"GET", std::move(target), {}, {}}; }
Deadline soon() { return Deadline::in(5s); }

// A socket that says exactly what a test wants it to.
class Wire {
 public:
  explicit Wire(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  explicit Wire(int socket, bool) : socket_(socket) {}
  ~Wire() { close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  // False when the other side is gone.
  bool say(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // What came until `enough` says so, the end, or the time is over.
  template <class Enough>
  std::string hear(Enough enough, Duration patience = 3s) {
    const auto until = Clock_::now() + patience;
    std::string text;
    while (!enough(text)) {
      pollfd wait{socket_, POLLIN, 0};
      const auto left = std::chrono::duration_cast<Duration>(until - Clock_::now()).count();
      if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) {
        break;
      }
      char buffer[4096];
      const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) {
        ended_ = true;
        break;
      }
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::string hear_until(const std::string& part) {
    return hear([&](const std::string& text) { return text.find(part) != std::string::npos; });
  }
  std::string hear_all(Duration patience = 3s) {
    return hear([](const std::string&) { return false; }, patience);
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  int socket_;
  bool ended_ = false;
};

// A server that says exactly what a test wants it to, one connection at a time.
class Script {
 public:
  explicit Script(std::function<void(Wire&, int)> play)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, play = std::move(play)] {
      for (int number = 0;; ++number) {
        const int accepted = ::accept(listener_, nullptr, nullptr);
        if (accepted < 0) return;
        Wire wire(accepted, true);
        play(wire, number);
      }
    });
  }
  ~Script() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// A TLS client with OpenSSL's own hands.
class RawTls {
 public:
  explicit RawTls(std::uint16_t port) : wire_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    timeval patience{3, 0};
    ::setsockopt(wire_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawTls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  RawTls(const RawTls&) = delete;
  RawTls& operator=(const RawTls&) = delete;
  [[nodiscard]] SSL_CTX* context() { return context_; }
  bool shake_hands() {
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, wire_.descriptor());
    return SSL_connect(ssl_) == 1;
  }
  [[nodiscard]] SSL* ssl() { return ssl_; }

 private:
  Wire wire_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

template <class Condition>
bool comes_true(Condition condition, Duration patience = 3s) {
  const auto until = Clock_::now() + patience;
  while (!condition()) {
    if (Clock_::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

Duration since(Clock_::time_point start) {
  return std::chrono::duration_cast<Duration>(Clock_::now() - start);
}

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace

// ---- round trips ----

TEST_CASE(
    "a request goes to the handler whole and the answer comes back whole, with and without TLS") {
  for (const bool secure : {false, true}) {
    CAPTURE(secure);
    ServerRequest seen;
    const auto server = a_server(secure ? with_tls(pki().tls()) : ServerOptions{},
                                 [&](ServerRequest request, const Reply& reply) {
                                   seen = request;
                                   auto response = text_response("{\"ok\":true}", 201);
                                   response.headers["X-Trace"] = "abc";
                                   reply.send(response);
                                 });
    const auto client =
        a_client(secure ? secure_endpoint_of(server->port()) : endpoint_of(server->port()));
    auto request = a_post(std::string(100'000, 'b'), "/a/b%2Fc?timeout=10s&q=a%20b+c&q=2");
    request.headers["Content-Type"] = "application/json";
    const auto answer = client.call(request, soon());
    REQUIRE_MESSAGE(answer.ok(), (answer.ok() ? "" : describe(answer.error())));
    CHECK(answer->status == 201);
    CHECK(answer->body == "{\"ok\":true}");
    CHECK(answer->headers.at("x-trace") == "abc");
    CHECK(answer->headers.at("content-type") == "application/json");
    CHECK(seen.method == "POST");
    CHECK(seen.target == "/a/b%2Fc?timeout=10s&q=a%20b+c&q=2");
    CHECK(seen.path == "/a/b%2Fc");
    CHECK(seen.query.at("timeout") == "10s");
    CHECK(seen.query.at("q") == "a b c");
    CHECK(seen.content_type == "application/json");
    CHECK(seen.body == std::string(100'000, 'b'));
    CHECK(seen.peer.starts_with("127.0.0.1:"));
  }
}

TEST_CASE("calls share connections") {
  std::mutex mutex;
  std::set<std::string> peers;
  const auto server =
      a_server(with_tls(pki().tls()), [&](const ServerRequest& request, const Reply& reply) {
        const std::lock_guard lock(mutex);
        peers.insert(request.peer);
        reply.send(text_response("ok"));
      });
  const auto client = a_client(secure_endpoint_of(server->port()));
  for (int i = 0; i < 30; ++i)
    REQUIRE(client.call(i % 2 == 0 ? a_post("x") : a_get(), soon()).ok());
  // A connection goes back to the pool a moment after the answer has been taken from it.
  CHECK(peers.size() <= 3);
}

TEST_CASE("64 calls at once are all answered") {
  const auto server =
      a_server(with_tls(pki().tls()), [](const ServerRequest& request, const Reply& reply) {
        reply.send(text_response(request.body));
      });
  const auto client = a_client(secure_endpoint_of(server->port()));
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 64; ++i)
    calls.push_back(std::async(std::launch::async, [&client, i]() -> std::string {
      for (int round = 0; round < 3; ++round) {
        const auto answer = client.call(a_post(std::to_string(i)), Deadline::in(20s));
        if (!answer.ok()) return describe(answer.error());
        if (answer->body != std::to_string(i)) return "the answer to another call: " + answer->body;
      }
      return "all answered";
    }));
  for (auto& call : calls) CHECK(call.get() == "all answered");
}

TEST_CASE(
    "the bearer token is asked for each call and a name from the certificate's list is accepted") {
  std::string seen;
  const auto server = a_server(with_tls(pki().tls()));
  int asked = 0;
  auto endpoint = secure_endpoint_of(server->port());
  endpoint.url = "https://localhost:" + std::to_string(server->port());
  endpoint.bearer_token = [&] { return "t" + std::to_string(++asked); };
  const auto client = a_client(endpoint);
  CHECK(client.call(a_get(), soon()).ok());
  CHECK(client.call(a_get(), soon()).ok());
  CHECK(asked == 2);

  Script script([&](Wire& wire, int) {
    seen = wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  endpoint = endpoint_of(script.port());
  endpoint.bearer_token = [] { return "secret-1"; };
  CHECK(a_client(endpoint).call(a_get(), soon()).ok());
  CHECK(seen.find("Authorization:Bearer secret-1\r\n") != std::string::npos);
  CHECK(seen.find("Expect") == std::string::npos);

  endpoint.bearer_token = [] { return "secret\r\nX-Evil: 1"; };
  const auto evil = a_client(endpoint).call(a_get(), soon());
  REQUIRE_FALSE(evil.ok());
  CHECK(evil.error().kind == ErrorKind::Invalid);
}

// ---- the client alone ----

TEST_CASE("a call ends at its deadline although the server stays silent") {
  Script script([](Wire& wire, int) { wire.hear_all(2s); });
  const auto client = a_client(endpoint_of(script.port()));
  const auto start = Clock_::now();
  const auto answer = client.call(a_get(), Deadline::in(100ms));
  CHECK(since(start) < 1s);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().kind == ErrorKind::DeadlineExceeded);
}

TEST_CASE("a call to a port where nobody listens is Unavailable") {
  std::uint16_t port = 0;
  { port = a_server({})->port(); }
  const auto answer = a_client(endpoint_of(port)).call(a_get(), soon());
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().kind == ErrorKind::Unavailable);
}

TEST_CASE("an endpoint or request that cannot be used is Invalid") {
  for (const char* url : {"", "ftp://h", "not a url", "https://"}) {
    CAPTURE(url);
    const auto answer = a_client({url, {}, {}, {}, {}}).call(a_get(), soon());
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().kind == ErrorKind::Invalid);
  }
  for (const auto& [ca, cert, key] : std::vector<std::array<std::string, 3>>{
           {"no pem", "", ""},
           {"", pki().client.cert_pem(), ""},
           {"", pki().client.cert_pem(), pki().server.key_pem()},
           {pki().ca.cert_pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "", ""}}) {
    const auto answer = a_client({"https://127.0.0.1:1", ca, cert, key, {}}).call(a_get(), soon());
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().kind == ErrorKind::Invalid);
  }
  const auto client = a_client({"http://127.0.0.1:1", {}, {}, {}, {}});
  CHECK(client.call(a_get("x"), soon()).error().kind == ErrorKind::Invalid);
  CHECK(client.call(a_get("/a\r\nb"), soon()).error().kind == ErrorKind::Invalid);
  CHECK(client.call({"GET", "/", {{"A", "b\nc"}}, {}}, soon()).error().kind == ErrorKind::Invalid);
}

TEST_CASE("an answer over the size that was agreed is refused, told by its length or not") {
  const auto server = a_server({}, [](const ServerRequest&, const Reply& reply) {
    reply.send(text_response(std::string(200'000, 'x')));
  });
  const auto client = a_client(endpoint_of(server->port()));
  CHECK(client.call(a_get(), soon(), 200'000).ok());
  const auto answer = client.call(a_get(), soon(), 199'999);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().kind == ErrorKind::Unavailable);

  Script script([](Wire& wire, int) {
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100'000 && wire.say("a\r\n0123456789\r\n"); ++i) {
    }
  });
  const auto endless = a_client(endpoint_of(script.port())).call(a_get(), soon(), 1000);
  REQUIRE_FALSE(endless.ok());
  CHECK(endless.error().message.find("larger than 1000") != std::string::npos);
}

TEST_CASE("a GET survives the end of a kept connection, and so does a POST that was not yet sent") {
  std::atomic<int> connections{0};
  Script script([&](Wire& wire, int) {
    ++connections;
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    // Closes without having said so, as a server that restarts.
  });
  const auto client = a_client(endpoint_of(script.port()));
  for (int i = 0; i < 3; ++i) {
    CHECK(client.call(a_get(), soon()).ok());
    std::this_thread::sleep_for(20ms);
    CHECK(client.call(a_post("x"), soon()).ok());
    std::this_thread::sleep_for(20ms);
  }
  CHECK(connections == 6);
}

TEST_CASE("a POST that may have arrived is never sent twice, a GET is") {
  for (const bool post : {true, false}) {
    CAPTURE(post);
    std::atomic<int> requests{0};
    Script script([&](Wire& wire, int number) {
      wire.hear_until("\r\n\r\n");
      ++requests;
      wire.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      if (number > 0) return;
      wire.hear_until("\r\n\r\n");  // the second request on a kept connection: read, then no answer
      ++requests;
    });
    const auto client = a_client(endpoint_of(script.port()));
    CHECK(client.call(a_get(), soon()).ok());
    std::this_thread::sleep_for(200ms);  // until the connection is back in the pool
    const auto answer = client.call(post ? a_post("") : a_get(), soon());
    CHECK(answer.ok() == !post);
    CHECK(requests == (post ? 2 : 3));
    if (post) CHECK(answer.error().kind == ErrorKind::Unavailable);
  }
}

TEST_CASE("a redirect is an answer and is not followed") {
  std::atomic<int> requests{0};
  const auto server = a_server({}, [&](const ServerRequest&, const Reply& reply) {
    ++requests;
    auto response = text_response("", 302);
    response.headers["Location"] = "/elsewhere";
    reply.send(response);
  });
  const auto answer = a_client(endpoint_of(server->port())).call(a_get(), soon());
  REQUIRE(answer.ok());
  CHECK(answer->status == 302);
  CHECK(requests == 1);
}

// ---- streams ----

TEST_CASE("a stream hands over each piece as it comes") {
  std::promise<void> first_seen;
  Script script([&](Wire& wire, int) {
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.say("5\r\nhel");  // one chunk in two packets
    std::this_thread::sleep_for(10ms);
    wire.say("lo\r\n");
    // The next piece only after the first one arrived.
    if (first_seen.get_future().wait_for(3s) != std::future_status::ready) return;
    wire.say("3\r\n wo\r\n3\r\nrld\r\n0\r\n\r\n");
  });
  std::vector<std::string> pieces;
  const auto answer =
      a_client(endpoint_of(script.port())).stream(a_get(), 2s, {}, [&](std::string_view bytes) {
        if (pieces.empty()) first_seen.set_value();
        pieces.emplace_back(bytes);
        return true;
      });
  REQUIRE_MESSAGE(answer.ok(), (answer.ok() ? "" : describe(answer.error())));
  CHECK(answer->status == 200);
  CHECK(answer->body.empty());
  CHECK(pieces == std::vector<std::string>{"hello", " wo", "rld"});
}

TEST_CASE("a stream ends within milliseconds of a stop, or when the reader has had enough") {
  Script script([](Wire& wire, int) {
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    wire.hear_all(3s);  // silent until the client is gone
  });
  const auto client = a_client(endpoint_of(script.port()));
  std::stop_source stop;
  Clock_::time_point asked;
  std::jthread stopper;
  const auto answer = client.stream(a_get(), 10s, stop.get_token(), [&](std::string_view) {
    stopper = std::jthread([&] {
      std::this_thread::sleep_for(50ms);
      asked = Clock_::now();
      stop.request_stop();
    });
    return true;
  });
  CHECK(since(asked) < 100ms);
  CHECK(answer.ok());

  const auto enough = client.stream(a_get(), 10s, {}, [](std::string_view) { return false; });
  CHECK(enough.ok());
}

TEST_CASE("a stream that falls silent is Unavailable, and so is one that breaks off") {
  Script script([](Wire& wire, int number) {
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    if (number == 0) wire.hear_all(3s);
  });
  const auto client = a_client(endpoint_of(script.port()));
  for (const char* why : {"nothing came for 100 ms", "chunk"}) {
    CAPTURE(why);
    int pieces = 0;
    const auto answer =
        client.stream(a_get(), 100ms, {}, [&](std::string_view) { return ++pieces > 0; });
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().kind == ErrorKind::Unavailable);
    CHECK(answer.error().message.find(why) != std::string::npos);
    CHECK(pieces == 1);
  }
}

TEST_CASE("a stream that is refused comes back with its status and body") {
  const auto server = a_server(
      {}, [](const ServerRequest&, const Reply& reply) { reply.send(text_response("gone", 410)); });
  const auto answer =
      a_client(endpoint_of(server->port())).stream(a_get(), 1s, {}, [](std::string_view) {
        FAIL("no piece of a refusal is handed over");
        return true;
      });
  REQUIRE(answer.ok());
  CHECK(answer->status == 410);
  CHECK(answer->body == "gone");
}

TEST_CASE("a slow reader of a stream gets every byte in order") {
  constexpr int kChunks = 400;
  const std::string chunk(65'536, 'c');
  Script script([&](Wire& wire, int) {
    wire.hear_until("\r\n\r\n");
    wire.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < kChunks; ++i)
      if (!wire.say("10000\r\n" + chunk + "\r\n")) return;
    wire.say("0\r\n\r\n");
  });
  std::size_t total = 0;
  const auto answer =
      a_client(endpoint_of(script.port())).stream(a_get(), 5s, {}, [&](std::string_view bytes) {
        if (total == 0) std::this_thread::sleep_for(100ms);
        total += bytes.size();
        return true;
      });
  CHECK(answer.ok());
  CHECK(total == kChunks * chunk.size());
}

// ---- TLS ----

TEST_CASE("a server of another CA, or with another name, is refused by the client") {
  const auto server = a_server(with_tls(pki().tls()));
  auto endpoint = secure_endpoint_of(server->port());
  endpoint.ca_pem = issue("another ca", nullptr, nullptr).cert_pem();
  const auto wrong_ca = a_client(endpoint).call(a_get(), soon());
  REQUIRE_FALSE(wrong_ca.ok());
  CHECK(wrong_ca.error().kind == ErrorKind::Unavailable);
  CHECK(wrong_ca.error().message.find("certificate verify failed") != std::string::npos);

  endpoint.ca_pem = issue("test ca", nullptr, nullptr).cert_pem();  // the same name and another key
  CHECK_FALSE(a_client(endpoint).call(a_get(), soon()).ok());
  endpoint.ca_pem.clear();  // the system's roots do not know the test CA
  CHECK_FALSE(a_client(endpoint).call(a_get(), soon()).ok());

  const auto other = issue("127.0.0.1", "DNS:elsewhere.example,IP:127.0.0.2", &pki().ca);
  pki().write("other.pem", other.cert_pem());
  pki().write("other.key", other.key_pem());
  const auto stranger =
      a_server(with_tls({pki().folder / "other.pem", pki().folder / "other.key", {}, {}}));
  const auto wrong_name = a_client(secure_endpoint_of(stranger->port())).call(a_get(), soon());
  REQUIRE_FALSE(wrong_name.ok());
  CHECK(wrong_name.error().kind == ErrorKind::Unavailable);
}

TEST_CASE("with a client CA only clients with the required name get in") {
  const auto stranger = issue("apiserver", nullptr, nullptr);
  const auto by_san = issue("someone", "DNS:apiserver", &pki().ca);
  const auto misnamed = issue("somebody-else", "DNS:not-the-apiserver", &pki().ca);
  const auto server = a_server(with_tls(pki().mutual_tls("apiserver")));
  const auto gets_in = [&](const Identity* who) {
    auto endpoint = secure_endpoint_of(server->port());
    if (who != nullptr) {
      endpoint.client_cert_pem = who->cert_pem();
      endpoint.client_key_pem = who->key_pem();
    }
    return a_client(endpoint).call(a_get(), soon()).ok();
  };
  CHECK(gets_in(&pki().client));
  CHECK(gets_in(&by_san));
  CHECK_FALSE(gets_in(nullptr));
  CHECK_FALSE(gets_in(&stranger));
  CHECK_FALSE(gets_in(&misnamed));

  const auto any_of_ca = a_server(with_tls(pki().mutual_tls("")));
  auto endpoint = secure_endpoint_of(any_of_ca->port());
  CHECK_FALSE(a_client(endpoint).call(a_get(), soon()).ok());
  endpoint.client_cert_pem = misnamed.cert_pem();
  endpoint.client_key_pem = misnamed.key_pem();
  CHECK(a_client(endpoint).call(a_get(), soon()).ok());
}

TEST_CASE("TLS before 1.2, ciphers without AEAD and protocols but http/1.1 are refused") {
  const auto server = a_server(with_tls(pki().tls()));
  SUBCASE("TLS 1.1") {
    RawTls client(server->port());
    SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
    CHECK_FALSE(client.shake_hands());
  }
  SUBCASE("TLS 1.2 with CBC") {
    RawTls client(server->port());
    SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
    REQUIRE(SSL_CTX_set_cipher_list(client.context(),
                                    "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384") == 1);
    CHECK_FALSE(client.shake_hands());
  }
  SUBCASE("h2 alone") {
    RawTls client(server->port());
    SSL_CTX_set_alpn_protos(client.context(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    CHECK_FALSE(client.shake_hands());
  }
  SUBCASE("TLS 1.2 with AEAD, and http/1.1 among others, is served") {
    RawTls client(server->port());
    SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
    SSL_CTX_set_alpn_protos(client.context(),
                            reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    REQUIRE(client.shake_hands());
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(client.ssl(), &chosen, &length);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), length) == "http/1.1");
    CHECK(SSL_get_secure_renegotiation_support(client.ssl()) == 1);
    CHECK(SSL_SESSION_has_ticket(SSL_get_session(client.ssl())) == 0);
  }
}

TEST_CASE("whoever asks for a renegotiation is hung up on") {
  const auto server = a_server(with_tls(pki().tls()));
  RawTls client(server->port());
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  REQUIRE(client.shake_hands());
  REQUIRE(SSL_renegotiate(client.ssl()) == 1);
  CHECK(SSL_do_handshake(client.ssl()) != 1);
  char byte = 0;
  const auto start = Clock_::now();
  while (SSL_read(client.ssl(), &byte, 1) > 0 ||
         ::recv(SSL_get_fd(client.ssl()), &byte, 1, 0) > 0) {
  }
  CHECK(since(start) < 1s);  // not the idle limit
}

TEST_CASE("reloaded certificates are shown to new connections, and broken files change nothing") {
  const auto first = issue("server", "IP:127.0.0.1", &pki().ca);
  pki().write("hot.pem", first.cert_pem());
  pki().write("hot.key", first.key_pem());
  const auto server =
      a_server(with_tls({pki().folder / "hot.pem", pki().folder / "hot.key", {}, {}}));
  const auto old_client = a_client(secure_endpoint_of(server->port()));
  CHECK(old_client.call(a_get(), soon()).ok());

  pki().write("hot.pem", pki().server.cert_pem());  // does not fit the key yet
  const auto torn = server->reload_certificates();
  REQUIRE_FALSE(torn.ok());
  CHECK(torn.error().kind == ErrorKind::Invalid);
  CHECK(a_client(secure_endpoint_of(server->port())).call(a_get(), soon()).ok());

  const auto new_ca = issue("new ca", nullptr, nullptr);
  const auto renewed = issue("server", "IP:127.0.0.1", &new_ca);
  pki().write("hot.pem", renewed.cert_pem());
  pki().write("hot.key", renewed.key_pem());
  REQUIRE(server->reload_certificates().ok());
  CHECK(old_client.call(a_get(), soon()).ok());  // its connection lives on
  CHECK_FALSE(a_client(secure_endpoint_of(server->port())).call(a_get(), soon()).ok());
  auto endpoint = secure_endpoint_of(server->port());
  endpoint.ca_pem = new_ca.cert_pem();
  CHECK(a_client(endpoint).call(a_get(), soon()).ok());
}

TEST_CASE("a server without usable certificates or address does not start") {
  const auto kind_of = [](const ServerOptions& options) {
    const auto started = HttpServer::start(options, echo);
    REQUIRE_FALSE(started.ok());
    return started.error().kind;
  };
  CHECK(kind_of(with_tls({pki().folder / "none.pem", pki().folder / "server.key", {}, {}})) ==
        ErrorKind::Invalid);
  CHECK(kind_of(with_tls({pki().folder / "ca.pem", pki().folder / "server.key", {}, {}})) ==
        ErrorKind::Invalid);
  CHECK(kind_of(with_tls({pki().folder / "server.pem",
                          pki().folder / "server.key",
                          pki().folder / "none.pem",
                          {}})) == ErrorKind::Invalid);
  CHECK(kind_of(with_tls(
            {pki().folder / "server.pem", pki().folder / "server.key", {}, "apiserver"})) ==
        ErrorKind::Invalid);
  ServerOptions nowhere;
  nowhere.host = "no-such-host.invalid";
  CHECK(kind_of(nowhere) == ErrorKind::Invalid);

  ServerOptions taken;
  taken.reuse_port = true;
  const auto first = a_server(taken);
  taken.port = first->port();
  const auto second = a_server(taken);  // shares the port
  CHECK(second->port() == first->port());
  taken.reuse_port = false;
  CHECK(kind_of(taken) == ErrorKind::Unavailable);
}

// ---- limits ----

TEST_CASE("a header over the limit is answered with 431") {
  ServerOptions options;
  options.limits.header_bytes = 1024;
  const auto server = a_server(options);
  Wire wire(server->port());
  wire.say("GET /x HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'a') + "\r\n\r\n");
  CHECK(wire.hear_all().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("a body over the limit is answered with 413 before it is read") {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  std::atomic<int> handled{0};
  const auto server = a_server(options, [&](ServerRequest request, const Reply& reply) {
    ++handled;
    echo(std::move(request), reply);
  });
  SUBCASE("told by its length") {
    Wire wire(server->port());
    wire.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    CHECK(wire.hear_until("\r\n\r\n").starts_with("HTTP/1.1 413 "));
    // The rest may still come and does not spoil the answer.
    CHECK(wire.say(std::string(1001, 'x')));
    wire.close();
  }
  SUBCASE("in chunks") {
    Wire wire(server->port());
    wire.say("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; ++i) wire.say("64\r\n" + std::string(100, 'x') + "\r\n");
    CHECK(wire.hear_until("\r\n\r\n").starts_with("HTTP/1.1 413 "));
  }
  SUBCASE("exactly the limit is served") {
    const auto answer =
        a_client(endpoint_of(server->port())).call(a_post(std::string(1000, 'x')), soon());
    REQUIRE(answer.ok());
    CHECK(answer->status == 200);
    CHECK(handled == 1);
    return;
  }
  CHECK(handled == 0);
}

TEST_CASE(
    "when too many bytes of bodies are in flight the answer is 429 with Retry-After, and the "
    "budget comes back") {
  ServerOptions options;
  options.limits.bodies_in_flight = 1'000'000;
  std::mutex mutex;
  std::vector<Reply> kept;
  const auto server = a_server(options, [&](const ServerRequest& request, const Reply& reply) {
    if (request.path != "/keep") return echo(request, reply);
    const std::lock_guard lock(mutex);
    kept.push_back(reply);
  });
  const auto client = a_client(endpoint_of(server->port()));
  auto first = std::async(std::launch::async, [&] {
    return client.call(a_post(std::string(900'000, 'x'), "/keep"), soon());
  });
  REQUIRE(comes_true([&] {
    const std::lock_guard lock(mutex);
    return kept.size() == 1;
  }));
  const auto second = client.call(a_post(std::string(900'000, 'y')), soon());
  REQUIRE(second.ok());
  CHECK(second->status == 429);
  CHECK(second->headers.at("retry-after") == "1");
  CHECK(client.call(a_post("small"), soon())->status == 200);

  kept.front().send(text_response("done"));
  CHECK(first.get()->status == 200);
  for (int i = 0; i < 5; ++i)
    CHECK(client.call(a_post(std::string(900'000, 'y')), soon())->status == 200);
}

TEST_CASE("a request that two parsers could read in two ways is answered with 400") {
  const auto server = a_server({});
  for (const char* request :
       {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "3\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "identity\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /x HTTP/1.1\r\n\r\n", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", "GET /x HTTP/2.0\r\nHost: h\r\n\r\n",
        "\x16\x03\x01\r\n\r\n"}) {
    CAPTURE(request);
    Wire wire(server->port());
    wire.say(request);
    const std::string answer = wire.hear_all();
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(wire.ended());
  }
}

TEST_CASE("who dribbles is hung up on: handshake, header, body, idle") {
  ServerOptions options;
  options.limits.handshake = options.limits.header = options.limits.body = options.limits.idle =
      150ms;
  const auto ends_in_time = [](std::uint16_t port, std::string_view said,
                               std::string_view dribble) {
    Wire wire(port);
    wire.say(said);
    const auto start = Clock_::now();
    while (since(start) < 2s && !wire.ended()) {
      if (!dribble.empty() && !wire.say(dribble)) return true;
      wire.hear_all(30ms);
    }
    return wire.ended() && since(start) > 100ms;
  };
  SUBCASE("header") {
    const auto server = a_server(options);
    CHECK(ends_in_time(server->port(), "GET /x HTTP/1.1\r\nHost: h\r\nX: ", "a"));
  }
  SUBCASE("body") {
    const auto server = a_server(options);
    CHECK(ends_in_time(server->port(),
                       "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n", "a"));
  }
  SUBCASE("idle") {
    const auto server = a_server(options);
    CHECK(ends_in_time(server->port(), "", ""));
    CHECK(ends_in_time(server->port(), kGet, ""));
  }
  SUBCASE("handshake") {
    options.tls = pki().tls();
    const auto server = a_server(options);
    CHECK(ends_in_time(server->port(), "\x16\x03\x01", "\x01"));
    CHECK(ends_in_time(server->port(), "", ""));
  }
}

TEST_CASE("a peer that does not read its answer is hung up on") {
  ServerOptions options;
  options.limits.reply = 200ms;
  const auto server = a_server(options, [](const ServerRequest&, const Reply& reply) {
    reply.send(text_response(std::string(32'000'000, 'x')));
  });
  const auto before = open_descriptors();
  Wire wire(server->port());
  wire.say(kGet);
  CHECK(comes_true([&] { return open_descriptors() == before + 2; }));  // both ends
  CHECK(comes_true([&] { return open_descriptors() == before + 1; }));  // only ours
}

TEST_CASE("200 connections closed before the handshake leave no descriptor behind") {
  const auto server = a_server(with_tls(pki().tls()));
  const auto before = open_descriptors();
  for (int i = 0; i < 200; ++i) {
    Wire wire(server->port());
    if (i % 2 == 0) wire.say("\x16\x03\x01");
  }
  CHECK(comes_true([&] { return open_descriptors() <= before; }));
  CHECK(a_client(secure_endpoint_of(server->port())).call(a_get(), soon()).ok());
}

TEST_CASE("when all seats are taken the silent ones make room, and those that work stay") {
  ServerOptions options;
  options.limits.connections = 4;
  const auto server = a_server(options);
  Wire working(server->port());
  working.say(kGet);
  REQUIRE(working.hear_until("GET /x").starts_with("HTTP/1.1 200 "));
  std::vector<std::unique_ptr<Wire>> flood;
  for (int i = 0; i < 30; ++i) flood.push_back(std::make_unique<Wire>(server->port()));
  const auto answer = a_client(endpoint_of(server->port())).call(a_get(), soon());
  CHECK(answer.ok());
  working.say(kGet);
  CHECK(working.hear_until("GET /x").starts_with("HTTP/1.1 200 "));

  // All seats with those that work: the next one is turned away.
  flood.clear();
  std::vector<std::unique_ptr<Wire>> busy;
  CHECK(comes_true([&] {
    auto wire = std::make_unique<Wire>(server->port());
    wire->say(kGet);
    if (wire->hear_until("GET /x").starts_with("HTTP/1.1 200 ")) busy.push_back(std::move(wire));
    return busy.size() == 3;
  }));
  Wire late(server->port());
  late.say(kGet);
  CHECK(late.hear_all() == "");
  CHECK(late.ended());
}

// ---- HTTP ----

TEST_CASE("pipelined requests are answered in their order") {
  const auto server = a_server({}, [](const ServerRequest& request, const Reply& reply) {
    // The first one takes longest.
    std::thread([request, reply] {
      std::this_thread::sleep_for(request.path == "/1" ? 50ms : 0ms);
      reply.send(text_response(request.path + request.body + ";"));
    }).detach();
  });
  Wire wire(server->port());
  wire.say(
      "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: "
      "h\r\n\r\n"
      "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n");
  const std::string answers = wire.hear_until("/3de;");
  const auto first = answers.find("/1abc;"), second = answers.find("/2;"),
             third = answers.find("/3de;");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
}

TEST_CASE("HTTP/1.0, Connection: close, HEAD and Expect get what the protocol says") {
  const auto server = a_server({});
  SUBCASE("HTTP/1.0 is closed after its answer") {
    Wire wire(server->port());
    wire.say("GET /x HTTP/1.0\r\n\r\n");
    const std::string answer = wire.hear_all();
    CHECK(answer.starts_with("HTTP/1.0 200 OK\r\n"));
    CHECK(wire.ended());
  }
  SUBCASE("HTTP/1.0 with keep-alive stays") {
    Wire wire(server->port());
    for (int i = 0; i < 2; ++i) {
      wire.say("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      CHECK(wire.hear_until("GET /x").find("Connection: keep-alive\r\n") != std::string::npos);
    }
  }
  SUBCASE("Connection: close") {
    Wire wire(server->port());
    wire.say("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(wire.hear_all().find("Connection: close\r\n") != std::string::npos);
    CHECK(wire.ended());
  }
  SUBCASE("HEAD tells the length and sends nothing") {
    Wire wire(server->port());
    wire.say("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string answer = wire.hear_all();
    CHECK(answer.find("Content-Length: 10\r\n") != std::string::npos);
    CHECK(answer.ends_with("\r\n\r\n"));
  }
  SUBCASE("Expect: 100-continue") {
    Wire wire(server->port());
    wire.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK(wire.hear_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    wire.say("abc");
    CHECK(wire.hear_until("abc").starts_with("HTTP/1.1 200 "));
  }
  SUBCASE("another expectation") {
    Wire wire(server->port());
    wire.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: miracles\r\n\r\n");
    CHECK(wire.hear_all().starts_with("HTTP/1.1 417 "));
  }
}

TEST_CASE("no value of an answer's header can add a line") {
  const auto server = a_server({}, [](const ServerRequest&, const Reply& reply) {
    auto response = text_response("ok");
    response.headers["X-Good"] = "1";
    response.headers["X-Bad"] = "1\r\nX-Evil: 1";
    reply.send(response);
  });
  const auto answer = a_client(endpoint_of(server->port())).call(a_get(), soon());
  REQUIRE(answer.ok());
  CHECK(answer->headers.contains("x-good"));
  CHECK_FALSE(answer->headers.contains("x-bad"));
  CHECK_FALSE(answer->headers.contains("x-evil"));
}

TEST_CASE(
    "a handler may answer from another thread, once; dropped, thrown and late answers are errors") {
  ServerOptions options;
  options.limits.reply = 150ms;
  std::mutex mutex;
  std::vector<Reply> kept;
  const auto server = a_server(options, [&](const ServerRequest& request, const Reply& reply) {
    if (request.path == "/thread") {
      std::thread([reply] {
        std::this_thread::sleep_for(20ms);
        reply.send(text_response("first"));
        reply.send(text_response("second"));
      }).detach();
    } else if (request.path == "/throw") {
      throw std::runtime_error("secret words");
    } else if (request.path == "/late") {
      const std::lock_guard lock(mutex);
      kept.push_back(reply);
    }
  });
  const auto client = a_client(endpoint_of(server->port()));
  CHECK(client.call(a_get("/thread"), soon())->body == "first");
  CHECK(client.call(a_get("/dropped"), soon())->status == 500);
  const auto thrown = client.call(a_get("/throw"), soon());
  REQUIRE(thrown.ok());
  CHECK(thrown->status == 500);
  CHECK(thrown->body.find("secret") == std::string::npos);
  CHECK(client.call(a_get("/late"), soon())->status == 503);
  const std::lock_guard lock(mutex);
  kept.front().send(text_response("too late"));
  CHECK(client.call(a_get("/thread"), soon())->body == "first");
}

// ---- the end ----

TEST_CASE(
    "a graceful stop serves on, answers what is in flight, says close, and hangs up on idle ones "
    "last") {
  std::mutex mutex;
  std::vector<Reply> kept;
  auto server = a_server(with_tls(pki().tls()), [&](ServerRequest request, const Reply& reply) {
    if (request.path != "/keep") return echo(std::move(request), reply);
    const std::lock_guard lock(mutex);
    kept.push_back(reply);
  });
  const auto client = a_client(secure_endpoint_of(server->port()));
  const auto idle = a_client(secure_endpoint_of(server->port()));
  REQUIRE(idle.call(a_get(), soon()).ok());
  auto in_flight =
      std::async(std::launch::async, [&] { return client.call(a_get("/keep"), soon()); });
  REQUIRE(comes_true([&] {
    const std::lock_guard lock(mutex);
    return kept.size() == 1;
  }));

  const auto start = Clock_::now();
  auto stopped = std::async(std::launch::async, [&] { server->stop(200ms, Deadline::in(1500ms)); });
  std::this_thread::sleep_for(50ms);
  // Within the linger: like any other time.
  const auto lingering = idle.call(a_get(), soon());
  REQUIRE(lingering.ok());
  CHECK_FALSE(lingering->headers.contains("connection"));
  std::this_thread::sleep_for(250ms);
  // After it: still served, new connections too, but told to close.
  const auto closing = a_client(secure_endpoint_of(server->port())).call(a_get(), soon());
  REQUIRE(closing.ok());
  CHECK(closing->headers.at("connection") == "close");
  kept.front().send(text_response("done"));
  const auto answer = in_flight.get();
  REQUIRE(answer.ok());
  CHECK(answer->body == "done");
  CHECK(answer->headers.at("connection") == "close");
  stopped.get();
  CHECK(since(start) >= 1490ms);  // `idle` still held its connection
  CHECK(since(start) < 4s);
  CHECK_FALSE(idle.call(a_get(), soon()).ok());
}

TEST_CASE("a graceful stop without connections ends at once, and a second one does nothing") {
  const auto server = a_server({});
  const auto start = Clock_::now();
  server->stop(0ms, soon());
  server->stop(0ms, soon());
  CHECK(since(start) < 500ms);
}

TEST_CASE("a server goes away with connections open and replies unsent") {
  std::mutex mutex;
  std::vector<Reply> kept;
  auto server = a_server(with_tls(pki().tls()), [&](const ServerRequest&, const Reply& reply) {
    const std::lock_guard lock(mutex);
    kept.push_back(reply);
  });
  const auto before = open_descriptors();
  const auto client = a_client(secure_endpoint_of(server->port()));
  auto call = std::async(std::launch::async, [&] { return client.call(a_post("x"), soon()); });
  Wire half(server->port());
  half.say("\x16");
  REQUIRE(comes_true([&] {
    const std::lock_guard lock(mutex);
    return kept.size() == 1;
  }));
  const auto start = Clock_::now();
  server.reset();
  CHECK(since(start) < 500ms);
  CHECK_FALSE(call.get().ok());
  kept.front().send(text_response("to nobody"));
  kept.clear();
  half.close();
  CHECK(comes_true([&] { return open_descriptors() <= before; }));
}

TEST_CASE("percent escapes keep what is unreserved") {
  CHECK(url_escape("aZ09-._~") == "aZ09-._~");
  CHECK(url_escape("a b/c?d=é") == "a%20b%2Fc%3Fd%3D%C3%A9");
}
