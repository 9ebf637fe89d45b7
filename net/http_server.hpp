// HTTP/1.1 server over Boost.Beast, with or without TLS: the only way in.
//
// Every connection is hostile until it has answered in time: limits on the handshake, the header,
// the body, idle time and the number of connections, and a global budget for bytes of bodies in
// flight. Handlers run on an I/O thread and must not block it: they answer at once, or keep the
// Reply and answer from another thread. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdpoint::net {

struct ServerTls {
  std::string cert_file;       // PEM chain
  std::string key_file;        // PEM
  std::string client_ca_file;  // empty: no client certificate is asked for
  std::string
      client_name;  // required common name or DNS SAN of the client; empty: any that the CA signed
};

struct ServerLimits {
  Duration handshake{5'000};
  Duration header{5'000};
  Duration body{10'000};
  Duration idle{
      120'000};  // longer than the API server's 90 s, so that it is always the one to close
  Duration reply{35'000};  // to answer and to write the answer
  std::uint32_t header_bytes = 16 * 1024;
  std::uint64_t body_bytes = std::uint64_t{40} << 20;
  std::uint64_t bodies_in_flight =
      std::uint64_t{256} << 20;  // all connections together; over it: 429 with Retry-After
  std::size_t connections = 1024;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;   // 0: any free one, see port()
  bool reuse_port = false;  // SO_REUSEPORT: several processes share one port
  int threads = 2;
  std::optional<ServerTls> tls;
  ServerLimits limits;
};

struct ServerRequest {
  std::string method;
  std::string target;                        // path and query as sent
  std::string path;                          // without the query
  std::map<std::string, std::string> query;  // unescaped
  std::string content_type;
  std::string body;
  std::string peer;  // address:port, for logs
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;
};

// Answers one request, once, from any thread. Dropped unanswered: 500.
class Reply {
 public:
  struct State;
  explicit Reply(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void send(ServerResponse response) const;

 private:
  std::shared_ptr<State> state_;
};

using Handler = std::function<void(ServerRequest, Reply)>;

class HttpServer {
 public:
  // Binds and loads certificates. Errors: Invalid (address, certificates), Unavailable (port
  // taken).
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const ServerOptions& options,
                                                                 Handler handler);
  ~HttpServer();  // stops at once

  [[nodiscard]] std::uint16_t port() const;
  // Graceful: goes on serving for `linger` (endpoint lag), then closes each connection after its
  // next answer
  // ("Connection: close"), and returns when all are gone or `deadline` is over.
  void stop(Duration linger, Deadline deadline);
  // Loads the certificate files again; connections made from now on use them.
  [[nodiscard]] Result<Done> reload_certificates();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdpoint::net
