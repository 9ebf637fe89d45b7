// One connection from accept to close, and the register of all of them.
//
// A connection is one coroutine on a strand of its own:
//   Handshaking  TLS only; ends in time or is closed
//   Idle         waits for the first byte of a request
//   Reading      header, then body; refused with 4xx and closed when it breaks a limit
//   Answering    the handler has the Reply; then the answer is written in one piece
//   Closing      says goodbye, lets the peer read what it was told, and is gone
// A failure in any state leads to Closing or straight to the end; nothing outlives the coroutine
// but what a handler keeps of its Reply. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <condition_variable>
#include <cstddef>
#include <initializer_list>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "base/log.hpp"
#include "net/budget.hpp"
#include "net/http_server.hpp"

namespace holdpoint::net {

class Connection;

// Who is connected. When it is full, a peer that never sent a whole request makes room for a new
// one: a flood of silent connections evicts itself and not those that work.
class Register {
 private:
  struct Entry {
    std::weak_ptr<Connection> connection;
    bool may_be_evicted = true;
  };
  using Entries = std::list<Entry>;

 public:
  explicit Register(std::size_t seats) : seats_(seats) {}

  // A connection's place; gives it up when destroyed.
  class Seat {
   public:
    Seat(Register& of, Entries::iterator at) : register_(of), at_(at) {}
    ~Seat() { register_.leave(at_); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    // A whole request came: from now on nobody takes this seat away.
    void prove();

   private:
    Register& register_;
    const Entries::iterator at_;
    bool proven_ = false;  // known without the lock
  };

  // Too many evicted ones have not left yet: whoever accepts should wait a moment.
  [[nodiscard]] bool crowded();
  // Null when all seats are taken by proven ones.
  [[nodiscard]] std::unique_ptr<Seat> admit(std::weak_ptr<Connection> connection);
  // Closes the unproven connection that is here longest, if there is one.
  void evict_one();
  void close_all();
  // True when the last one left before the deadline.
  [[nodiscard]] bool wait_until_empty(Deadline deadline);

 private:
  void settle(Entries::iterator at);  // with mutex_ held
  [[nodiscard]] std::shared_ptr<Connection>
  evict();  // with mutex_ held; the caller closes it without
  void leave(Entries::iterator at);

  const std::size_t seats_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  Entries evictable_;  // oldest first
  Entries settled_;    // proven, or evicted and about to leave
};

// At most ten lines a second at debug level: what hostile peers can cause must not flood the log.
class QuietLog {
 public:
  void note(std::string_view what, std::initializer_list<log::Field> fields);

 private:
  std::atomic<std::int64_t> next_{0};
};

// What all connections of a server share. Outlives them all: each holds it.
struct ServerCore {
  explicit ServerCore(const ServerOptions& options, Handler its_handler)
      : io(options.threads),
        limits(options.limits),
        handler(std::move(its_handler)),
        bodies(options.limits.bodies_in_flight),
        connections(options.limits.connections) {}

  boost::asio::io_context io;
  const ServerLimits limits;
  const Handler handler;
  Budget bodies;
  Register connections;
  QuietLog quiet_log;
  std::atomic<std::uint64_t> freed_bytes =
      0;                               // by bodies and connections since the last tidying up
  std::atomic<bool> draining = false;  // answers say "Connection: close"
  std::atomic<bool> stopping = false;  // nobody is let in any more
};

// Serves `socket` until it is closed, over TLS when a context is given. Takes a seat or closes it
// at once.
void serve(std::shared_ptr<ServerCore> core, boost::asio::ip::tcp::socket socket,
           std::shared_ptr<boost::asio::ssl::context> tls);

}  // namespace holdpoint::net
