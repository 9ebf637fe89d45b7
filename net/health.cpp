#include "net/health.hpp"

#include <charconv>

namespace holdpoint::net {
namespace {

ServerResponse text(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(body);
  return response;
}

}  // namespace

Result<Address> parse_address(const std::string& given) {
  const auto colon = given.rfind(':');
  const auto bad = [&] {
    return invalid("'" + given + "' is not an address; write host:port, such as 0.0.0.0:8443");
  };
  if (colon == std::string::npos || colon == 0) return bad();
  Address address{given.substr(0, colon), 0};
  const char* end = given.data() + given.size();
  const auto [at, error] = std::from_chars(given.data() + colon + 1, end, address.port);
  if (error != std::errc() || at != end) return bad();
  if (address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

void Health::require(const std::string& name, std::function<bool()> condition) {
  const std::lock_guard lock(mutex_);
  conditions_[name] = std::move(condition);
}

ServerResponse Health::answer(const ServerRequest& request) const {
  if (request.method != "GET") return text(405, "only GET\n");
  if (request.path == "/healthz") return text(200, "ok\n");
  if (request.path == "/metrics") return text(200, metrics_.text());
  if (request.path != "/readyz") return text(404, "there is /healthz, /readyz and /metrics\n");
  std::map<std::string, std::function<bool()>> conditions;
  {
    const std::lock_guard lock(mutex_);
    conditions = conditions_;
  }
  bool ready = true;
  std::string lines;
  for (const auto& [name, condition] : conditions) {
    const bool holds = condition();
    ready = ready && holds;
    lines += (holds ? "[+] " : "[-] ") + name + "\n";
  }
  return text(ready ? 200 : 503, lines + (ready ? "ready\n" : "not ready\n"));
}

Result<std::unique_ptr<HttpServer>> serve_health(const Health& health, const Address& address) {
  ServerOptions options;
  options.host = address.host;
  options.port = address.port;
  options.threads = 1;
  options.limits.body_bytes = 1024;
  options.limits.connections = 64;
  return HttpServer::start(options, [&health](ServerRequest request, Reply reply) {
    reply.send(health.answer(request));
  });
}

}  // namespace holdpoint::net
