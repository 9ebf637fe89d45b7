// /healthz, /readyz and /metrics over plain HTTP, the same for every process. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/metrics.hpp"
#include "net/http_server.hpp"

namespace holdpoint::net {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};
// "host:port" or "[v6]:port". Error: Invalid.
[[nodiscard]] Result<Address> parse_address(const std::string& text);

// What must hold for /readyz to answer 200. A condition added under a known name replaces that one.
class Health {
 public:
  explicit Health(const Metrics& metrics) : metrics_(metrics) {}
  void require(const std::string& name, std::function<bool()> condition);
  [[nodiscard]] ServerResponse answer(const ServerRequest& request) const;

 private:
  const Metrics& metrics_;
  mutable std::mutex mutex_;  // guards conditions_
  std::map<std::string, std::function<bool()>> conditions_;
};

// Serves `health`, which must outlive the server.
[[nodiscard]] Result<std::unique_ptr<HttpServer>> serve_health(const Health& health,
                                                               const Address& address);

}  // namespace holdpoint::net
