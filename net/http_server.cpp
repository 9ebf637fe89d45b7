#include "net/http_server.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "net/connection.hpp"
#include "net/tls.hpp"

namespace holdpoint::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using SharedTls = std::shared_ptr<asio::ssl::context>;

// When descriptors or memory have run out, accepting again at once would only burn the processor.
constexpr Duration kBackOff{100};
constexpr Duration kCrowded{1};
// What a burst has left free inside the allocator goes back to the system, seldom enough not to be
// felt.
constexpr Duration kTidyEvery{5'000};
constexpr std::uint64_t kWorthTidying = std::uint64_t{8} << 20;

Result<SharedTls> load(const ServerTls& files) {
  HP_ASSIGN(TlsContext context, load_server_tls(files));
  return std::make_shared<asio::ssl::context>(context.release());
}

Result<Done> listen(tcp::acceptor& acceptor, const ServerOptions& options) {
  const std::string address = options.host + ":" + std::to_string(options.port);
  error_code error;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return invalid("cannot listen on " + address + ": no such address", error.message());
  const tcp::endpoint endpoint = *found.begin();

  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && options.reuse_port) {
    using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    acceptor.set_option(ReusePort(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return Error{
        ErrorKind::Unavailable, "cannot listen on " + address + ": " + error.message(), {}};
  return Done{};
}

}  // namespace

struct HttpServer::Impl {
  Impl(const ServerOptions& options, Handler handler)
      : core(std::make_shared<ServerCore>(options, std::move(handler))),
        files(options.tls),
        acceptor(asio::make_strand(core->io)),
        back_off(acceptor.get_executor()),
        tidying(acceptor.get_executor()) {}

  ~Impl() { close(); }

  // Nobody is let in any more, everybody is hung up on, and the threads have nothing left to run.
  void close() {
    if (threads.empty()) return;
    asio::post(acceptor.get_executor(), [this] {
      core->stopping = true;
      error_code ignored;
      acceptor.close(ignored);
      back_off.cancel();
      tidying.cancel();
      core->connections.close_all();
    });
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }

  void run() {
    while (true) {
      try {
        core->io.run();
        return;
      } catch (const std::exception& thrown) {
        log::error("an I/O thread met an exception", {{"what", thrown.what()}});
      }
    }
  }

  asio::awaitable<void> accept() {
    while (!core->stopping) {
      error_code error;
      if (core->connections.crowded()) {
        back_off.expires_after(kCrowded);
        co_await back_off.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      // By name: the socket's own strand, on which all that concerns the connection runs.
      const asio::any_io_executor strand = asio::make_strand(core->io);
      tcp::socket socket =
          co_await acceptor.async_accept(strand, asio::redirect_error(asio::use_awaitable, error));
      if (core->stopping) co_return;
      if (!error) {
        try {
          serve(core, std::move(socket), current_tls());
        } catch (const std::exception& thrown) {
          core->quiet_log.note("refused a connection", {{"reason", thrown.what()}});
        }
        continue;
      }
      if (error == asio::error::connection_aborted) continue;
      core->quiet_log.note("cannot accept", {{"reason", error.message()}});
      core->connections.evict_one();
      back_off.expires_after(kBackOff);
      co_await back_off.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }

  asio::awaitable<void> tidy() {
    while (!core->stopping) {
      error_code error;
      tidying.expires_after(kTidyEvery);
      co_await tidying.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (core->freed_bytes < kWorthTidying) continue;
      core->freed_bytes = 0;
      ::malloc_trim(0);
    }
  }

  [[nodiscard]] SharedTls current_tls() {
    const std::lock_guard lock(mutex);
    return tls;
  }

  const std::shared_ptr<ServerCore> core;
  const std::optional<ServerTls> files;
  std::mutex mutex;  // guards tls
  SharedTls tls;
  tcp::acceptor acceptor;  // used on its strand once the threads run, as are the timers
  asio::steady_timer back_off;
  asio::steady_timer tidying;
  std::uint16_t port = 0;
  std::vector<std::thread> threads;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ServerOptions& options,
                                                      Handler handler) {
  if (options.threads < 1) return invalid("a server needs at least one thread");
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  if (options.tls) {
    HP_ASSIGN(impl->tls, load(*options.tls));
  }
  HP_TRY(listen(impl->acceptor, options));
  impl->port = impl->acceptor.local_endpoint().port();
  asio::co_spawn(impl->acceptor.get_executor(), impl->accept(), asio::detached);
  asio::co_spawn(impl->acceptor.get_executor(), impl->tidy(), asio::detached);
  try {
    for (int i = 0; i < options.threads; ++i)
      impl->threads.emplace_back([raw = impl.get()] { raw->run(); });
  } catch (const std::system_error& thrown) {
    return Error{ErrorKind::Unavailable, "cannot start the server's threads", thrown.what()};
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }

void HttpServer::stop(Duration linger, Deadline deadline) {
  (void)wait_for(std::min(linger, deadline.left()), std::stop_token());
  impl_->core->draining = true;
  (void)impl_->core->connections.wait_until_empty(deadline);
  impl_->close();
}

Result<Done> HttpServer::reload_certificates() {
  if (!impl_->files) return Done{};
  HP_ASSIGN(SharedTls fresh, load(*impl_->files));
  const std::lock_guard lock(impl_->mutex);
  impl_->tls = std::move(fresh);
  return Done{};
}

}  // namespace holdpoint::net
