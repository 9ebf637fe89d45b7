#include "tests/cluster/support/relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "tests/cluster/support/cluster.hpp"

namespace holdpoint::cluster {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int connect_to(const std::string& host, std::uint16_t port) {
  sockaddr_in address = loopback(port);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1 &&
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  ::close(socket);
  return -1;
}

// Moves what is there from one socket to the other; false when either is closed.
bool move_bytes(int from, int to) {
  std::array<char, 65536> piece;
  const auto size = ::recv(from, piece.data(), piece.size(), 0);
  if (size <= 0) return false;
  for (ssize_t sent = 0; sent < size;) {
    const auto more =
        ::send(to, piece.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return true;
}

}  // namespace

Relay::Relay(const std::string& url) {
  const auto host = url.find("://") + 3, colon = url.rfind(':');
  scheme_ = url.substr(0, host);
  host_ = url.substr(host, colon - host);
  port_ = static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1)));
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    fail_test("no free port for the relay");
  own_port_ = ntohs(address.sin_port);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Relay::~Relay() {
  thread_.request_stop();
  wake();
  thread_.join();
  ::close(listener_);
  ::close(wake_);
}

std::string Relay::url() const { return scheme_ + "127.0.0.1:" + std::to_string(own_port_); }

void Relay::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void Relay::drop() {
  drop_ = true;
  wake();
}

void Relay::refuse(bool on) {
  refuse_ = on;
  drop_ = drop_ || on;
  wake();
}

void Relay::stall(bool on) {
  stall_ = on;
  wake();
}

void Relay::run(const std::stop_token& stop) {
  std::vector<Pair> pairs;
  const auto close_pair = [](const Pair& pair) { ::close(pair.client), ::close(pair.server); };
  while (!stop.stop_requested()) {
    if (drop_.exchange(false)) {
      for (const Pair& pair : pairs) close_pair(pair);
      pairs.clear();
    }
    connections_ = static_cast<int>(pairs.size());
    std::vector<pollfd> watched{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    if (!stall_)
      for (const Pair& pair : pairs)
        watched.insert(watched.end(), {{pair.client, POLLIN, 0}, {pair.server, POLLIN, 0}});
    ::poll(watched.data(), watched.size(), -1);

    std::vector<Pair> open;
    for (std::size_t at = 0; at < pairs.size(); ++at) {
      const Pair& pair = pairs[at];
      const bool polled = watched.size() > 2;
      if (polled && ((watched[2 + 2 * at].revents != 0 && !move_bytes(pair.client, pair.server)) ||
                     (watched[3 + 2 * at].revents != 0 && !move_bytes(pair.server, pair.client)))) {
        close_pair(pair);
      } else {
        open.push_back(pair);
      }
    }
    pairs = std::move(open);

    std::uint64_t count = 0;
    [[maybe_unused]] const auto woken = ::read(wake_, &count, sizeof count);
    if ((watched[1].revents & POLLIN) != 0) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = client < 0 || refuse_ ? -1 : connect_to(host_, port_);
      if (server >= 0) {
        pairs.push_back({client, server});
      } else if (client >= 0) {
        ::close(client);
      }
    }
  }
  for (const Pair& pair : pairs) close_pair(pair);
}

}  // namespace holdpoint::cluster
