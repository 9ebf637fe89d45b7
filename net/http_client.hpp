// HTTP client over cpprestsdk: plain calls with a deadline, and chunked streams for watches.
//
// No cpprest, Boost or OpenSSL type shows here. Call initialize_http() first in main. Thread-safe;
// calls block the caller's thread, which must not be a thread of the library's pool.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdpoint::net {

// Sets the size of cpprestsdk's thread pool. First thing in main, once.
void initialize_http(int threads);

struct HttpEndpoint {
  std::string url;              // https://host:port, or http:// for a sink that says so; no path
  std::string ca_pem;           // trusted roots; empty: the system's
  std::string client_cert_pem;  // optional pair for mTLS
  std::string client_key_pem;
  // Asked before each call for the bearer token; empty result: none is sent.
  std::function<std::string()> bearer_token;
};

using Headers = std::map<std::string, std::string>;

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, already escaped
  Headers headers;
  std::string body;
};

struct HttpResponse {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(HttpEndpoint endpoint);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any HTTP status is a response, not an Error. Errors: Unavailable (no connection, broken off,
  // TLS refused), DeadlineExceeded, also within some ms of a requested `stop`. Bodies over
  // `max_body` bytes: Unavailable.
  [[nodiscard]] Result<HttpResponse> call(const HttpRequest& request, Deadline deadline,
                                          std::size_t max_body = std::size_t{256} << 20,
                                          const std::stop_token& stop = {}) const;

  // Opens a stream and hands each piece of the body to `on_bytes` as it comes (on the calling
  // thread), until the server ends it (ok), `on_bytes` returns false (ok), `stop` is requested (ok;
  // within some ms), or nothing came for `idle` (Unavailable). A status other than 200 comes back
  // as a response with its body.
  [[nodiscard]] Result<HttpResponse> stream(
      const HttpRequest& request, Duration idle, const std::stop_token& stop,
      const std::function<bool(std::string_view)>& on_bytes) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 3986 percent-encoding of one query value or path segment.
[[nodiscard]] std::string url_escape(std::string_view text);

}  // namespace holdpoint::net
