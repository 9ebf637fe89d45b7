#include "net/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "net/reply.hpp"
#include "net/tls.hpp"
#include "net/url.hpp"

namespace holdpoint::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;
using Tls = asio::ssl::stream<beast::tcp_stream>;

// What one read asks for, and what an idle connection keeps: a review's header and most of its
// body.
constexpr std::size_t kReadBytes = 8 * 1024;
constexpr std::size_t kBodyReadBytes = 16 * 1024;  // a full TLS record
// A body gets this much at first. One that has outgrown it and told its length gets its whole room,
// of which the kernel hands out what is written to; the budget is charged for what came, in steps.
constexpr std::uint64_t kFirstBodyBytes = 64 * 1024;
constexpr std::uint64_t kChargeStep = 256 * 1024;
constexpr std::uint64_t kConnectionBytes = 90 * 1024;  // mostly the TLS library's buffers
constexpr Duration kGoodbye{1'000};                    // for the peer's close_notify
constexpr Duration kLinger{2'000};  // for the peer to stop sending after a refusal

// A body whose memory grows with the bytes that really came, charged to the shared budget.
struct BudgetedBody {
  struct value_type {
    std::string text;
    Charge charge;
  };

  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, error_code& error) {
      length_ = length.get_value_or(0);
      error = {};
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      const std::size_t more = beast::buffer_bytes(buffers);
      const std::uint64_t needed = body_.text.size() + more;
      std::uint64_t room = body_.text.capacity();
      if (needed > room) {
        room = std::max(needed, 2 * room);
        if (length_ != 0)
          room = std::max(needed,
                          needed > kFirstBodyBytes ? length_ : std::min(length_, kFirstBodyBytes));
      }
      // By steps, but never for more than the room there is.
      if (!body_.charge.grow_to(std::min(room, (needed / kChargeStep + 1) * kChargeStep))) {
        error = make_error_code(boost::system::errc::not_enough_memory);
        return 0;
      }
      body_.text.reserve(room);
      for (const auto buffer : beast::buffers_range_ref(buffers))
        body_.text.append(static_cast<const char*>(buffer.data()), buffer.size());
      error = {};
      return more;
    }

    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
    std::uint64_t length_ = 0;
  };
};

using Parser = http::request_parser<BudgetedBody>;

struct Refusal {
  int status;
  std::string text;
};

bool is_http_error(const error_code& error) {
  static const auto& category = make_error_code(http::error::bad_method).category();
  return error.category() == category;
}

// What the peer is told about an error while reading; nothing: the connection is just closed.
std::optional<Refusal> refusal_of(const error_code& error) {
  if (error == http::error::header_limit) return Refusal{431, "the header is too long"};
  if (error == http::error::body_limit) return Refusal{413, "the body is too long"};
  if (error == boost::system::errc::not_enough_memory)
    return Refusal{429, "too much is being read at once; try again"};
  if (is_http_error(error))
    return Refusal{400, "this is not a request as HTTP/1.1 has it: " + error.message()};
  return {};
}

// What Beast lets pass and no honest client sends (RFC 9112 sections 3.2 and 6.1): food for request
// smuggling.
std::optional<Refusal> check_header(const Parser& parser) {
  const auto& header = parser.get();
  const auto encodings = header.count(http::field::transfer_encoding);
  if (encodings > 0) {
    if (header.count(http::field::content_length) > 0)
      return Refusal{400, "Content-Length and Transfer-Encoding exclude each other"};
    if (encodings > 1 || header.version() < 11 ||
        !beast::iequals(header[http::field::transfer_encoding], "chunked"))
      return Refusal{400, "the only Transfer-Encoding understood is chunked"};
  }
  const auto hosts = header.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11))
    return Refusal{400, "there must be one Host"};
  if (header.target().empty() || header.target().front() != '/')
    return Refusal{400, "the target must be a path"};
  if (const auto expected = header[http::field::expect];
      !expected.empty() && !beast::iequals(expected, "100-continue"))
    return Refusal{417, "the only expectation understood is 100-continue"};
  return {};
}

bool has_line_break(std::string_view text) {
  return text.find_first_of("\r\n") != std::string_view::npos;
}

// Head and body in one piece, so that they leave in one write.
std::string to_wire(const ServerResponse& response, bool old_version, bool keep, bool with_body) {
  const int status = response.status >= 200 && response.status <= 599 ? response.status : 500;
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  std::string wire;
  wire.reserve(256 + (with_body ? response.body.size() : 0));
  wire.append(old_version ? "HTTP/1.0 " : "HTTP/1.1 ").append(std::to_string(status)).append(" ");
  wire.append(reason.data(), reason.size()).append("\r\n");
  const auto line = [&wire](std::string_view name, std::string_view value) {
    if (has_line_break(name) || has_line_break(value)) return;  // nobody may add lines by a value
    wire.append(name).append(": ").append(value).append("\r\n");
  };
  const bool never_a_body = status == 204 || status == 304;
  if (!never_a_body) {
    if (!response.content_type.empty()) line("Content-Type", response.content_type);
    line("Content-Length", std::to_string(response.body.size()));
  }
  for (const auto& [name, value] : response.headers) line(name, value);
  if (!keep) line("Connection", "close");
  if (keep && old_version) line("Connection", "keep-alive");
  wire.append("\r\n");
  if (with_body && !never_a_body) wire.append(response.body);
  return wire;
}

std::string text_of(const boost::asio::ip::tcp::socket& socket) {
  error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(peer.port());
}

}  // namespace

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, asio::ip::tcp::socket socket,
             std::shared_ptr<asio::ssl::context> tls)
      : core_(std::move(core)),
        tls_context_(std::move(tls)),
        peer_(text_of(socket)),
        wake_up_(socket.get_executor()) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (tls_context_) {
      tls_ = std::make_unique<Tls>(std::move(socket), *tls_context_);
    } else {
      plain_ = std::make_unique<beast::tcp_stream>(std::move(socket));
    }
  }

  // From any thread.
  void close() {
    asio::post(wake_up_.get_executor(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->hang_up();
    });
  }

  static asio::awaitable<void> run(std::shared_ptr<Connection> self,
                                   std::unique_ptr<Register::Seat> seat) {
    if (!self->tls_) {
      co_await self->serve(*seat);
    } else {
      std::function<void()> decline = [weak = self->weak_from_this()] {
        if (const auto connection = weak.lock()) connection->close();
      };
      on_renegotiation(self->tls_->native_handle(), &decline);
      error_code error;
      self->tcp().expires_after(self->core_->limits.handshake);
      co_await self->tls_->async_handshake(asio::ssl::stream_base::server,
                                           asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        self->note("a TLS handshake failed", error);
      } else {
        co_await self->serve(*seat);
      }
      on_renegotiation(self->tls_->native_handle(), nullptr);
    }
    self->hang_up();
    self->core_->freed_bytes += kConnectionBytes;
  }

 private:
  beast::tcp_stream& tcp() { return tls_ ? tls_->next_layer() : *plain_; }

  void hang_up() {
    hung_up_ = true;
    wake_up_.cancel();
    tcp().close();
  }

  void note(std::string_view what, const error_code& error) const {
    core_->quiet_log.note(what, {{"peer", peer_}, {"reason", error.message()}});
  }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, error_code& error) {
    if (tls_)
      co_return co_await tls_->async_read_some(into,
                                               asio::redirect_error(asio::use_awaitable, error));
    co_return co_await plain_->async_read_some(into,
                                               asio::redirect_error(asio::use_awaitable, error));
  }

  asio::awaitable<void> write(std::string_view text, error_code& error) {
    const auto bytes = asio::buffer(text.data(), text.size());
    if (tls_) {
      co_await asio::async_write(*tls_, bytes, asio::redirect_error(asio::use_awaitable, error));
    } else {
      co_await asio::async_write(*plain_, bytes, asio::redirect_error(asio::use_awaitable, error));
    }
  }

  // Feeds the parser until `done` says so; reads `portion` bytes at a time when it asks for more.
  template <class Done>
  asio::awaitable<void> parse(Parser& parser, beast::flat_buffer& buffer, std::size_t portion,
                              Done done, error_code& error) {
    while (!done(parser)) {
      if (buffer.size() > 0) {
        buffer.consume(parser.put(buffer.data(), error));
        if (error && error != http::error::need_more) co_return;
        if (!error) continue;
      }
      // The parser leaves a line in the buffer until it is whole; none may be longer than a header.
      if (buffer.size() + portion > buffer.max_size()) {
        error = http::error::header_limit;
        co_return;
      }
      error = {};
      const std::size_t count = co_await read_some(buffer.prepare(portion), error);
      if (error) co_return;
      buffer.commit(count);
    }
  }

  asio::awaitable<void> serve(Register::Seat& seat) {
    const ServerLimits& limits = core_->limits;
    beast::flat_buffer buffer(std::size_t{limits.header_bytes} + 2 * kBodyReadBytes);
    while (!hung_up_) {
      if (buffer.size() == 0) {
        if (buffer.capacity() > kReadBytes)
          buffer.shrink_to_fit();  // an idle connection keeps little
        error_code error;
        tcp().expires_after(limits.idle);
        const std::size_t count = co_await read_some(buffer.prepare(kReadBytes), error);
        if (error) co_return;
        buffer.commit(count);
      }
      const bool keep = co_await exchange(buffer, seat);
      if (!keep) co_return;
    }
  }

  // One request and its answer. False: the connection is over, and has said so.
  asio::awaitable<bool> exchange(beast::flat_buffer& buffer, Register::Seat& seat) {
    const ServerLimits& limits = core_->limits;
    error_code error;
    Parser parser;
    parser.header_limit(limits.header_bytes);
    parser.body_limit(limits.body_bytes);
    parser.get().body().charge = Charge(core_->bodies);

    tcp().expires_after(limits.header);
    const auto has_header = [](const Parser& p) { return p.is_header_done(); };
    co_await parse(parser, buffer, kReadBytes, has_header, error);
    std::optional<Refusal> refusal;
    if (error) {
      note("a header was not accepted", error);
      refusal = refusal_of(error);
      if (!refusal) co_return false;
    } else {
      refusal = check_header(parser);
    }
    if (refusal) {
      co_await refuse(*refusal);
      co_return false;
    }

    if (!parser.is_done()) {
      tcp().expires_after(limits.body);
      if (parser.get().version() >= 11 && !parser.get()[http::field::expect].empty()) {
        static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await write(kGoOn, error);
        if (error) co_return false;
      }
      parser.eager(true);
      const auto is_whole = [](const Parser& p) { return p.is_done(); };
      co_await parse(parser, buffer, kBodyReadBytes, is_whole, error);
      if (error) {
        note("a body was not accepted", error);
        refusal = refusal_of(error);
        if (refusal) co_await refuse(*refusal);
        co_return false;
      }
    }
    seat.prove();

    const bool is_head = parser.get().method() == http::verb::head;
    const bool old_version = parser.get().version() < 11;
    const bool wants_more = parser.keep_alive();
    const Charge charge =
        std::move(parser.get().body().charge);  // given back when the answer is out
    const auto until = steady_clock::now() + limits.reply;
    const auto answer = std::make_shared<Exchange>();
    hand_over(request_of(parser), answer);
    while (!hung_up_ && steady_clock::now() < until && !answer->ready_or_wake(waker())) {
      wake_up_.expires_at(until);
      co_await wake_up_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    if (hung_up_) {
      (void)answer->take();
      co_return false;
    }

    std::optional<ServerResponse> response = answer->take();
    const bool in_time = response.has_value();
    if (!in_time) response = plain_response(503, "there was no answer in time");
    const bool keep = in_time && wants_more && !core_->draining;
    const std::string wire = to_wire(*response, old_version, keep, !is_head);
    tcp().expires_at(std::max(until, steady_clock::now() + kGoodbye));
    co_await write(wire, error);
    core_->freed_bytes += charge.held();
    if (error) co_return false;
    if (!keep) co_await say_goodbye();
    co_return keep;
  }

  ServerRequest request_of(Parser& parser) const {
    auto& message = parser.get();
    ServerRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    Target target = parse_target(request.target);
    request.path = std::move(target.path);
    request.query = std::move(target.query);
    request.content_type = std::string(message[http::field::content_type]);
    request.body = std::move(message.body().text);
    request.peer = peer_;
    return request;
  }

  void hand_over(ServerRequest request, const std::shared_ptr<Exchange>& answer) {
    try {
      core_->handler(std::move(request), Reply(std::make_shared<Reply::State>(answer)));
    } catch (const std::exception& thrown) {
      log::error("a request ended in an exception", {{"peer", peer_}, {"what", thrown.what()}});
      answer->answer(plain_response(500, "this request failed inside the server"));
    } catch (...) {
      log::error("a request ended in an exception", {{"peer", peer_}});
      answer->answer(plain_response(500, "this request failed inside the server"));
    }
  }

  std::function<void()> waker() {
    return [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      // Weak again: an answer may come after the server has stopped, when nothing posted runs any
      // more.
      asio::post(self->wake_up_.get_executor(), [weak] {
        if (const auto connection = weak.lock()) connection->wake_up_.cancel();
      });
    };
  }

  asio::awaitable<void> refuse(const Refusal& refusal) {
    ServerResponse response = plain_response(refusal.status, refusal.text);
    if (refusal.status == 429) response.headers["Retry-After"] = "1";
    const std::string wire = to_wire(response, false, false, true);
    error_code error;
    tcp().expires_after(kLinger);
    co_await write(wire, error);
    if (error) co_return;
    co_await say_goodbye();
    // Closing with unread bytes would reset the connection, and the peer might never read the
    // refusal.
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
    tcp().expires_after(kLinger);
    const auto waste = std::make_unique<std::array<char, kReadBytes>>();
    while (!error && !hung_up_)
      co_await tcp().async_read_some(asio::buffer(*waste),
                                     asio::redirect_error(asio::use_awaitable, error));
  }

  asio::awaitable<void> say_goodbye() {
    if (!tls_) co_return;
    error_code ignored;
    tcp().expires_after(kGoodbye);
    co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }

  const std::shared_ptr<ServerCore> core_;
  const std::shared_ptr<asio::ssl::context> tls_context_;
  const std::string peer_;
  asio::steady_timer wake_up_;  // runs while a handler has the Reply; its executor is the strand
  std::unique_ptr<Tls> tls_;    // one of the two
  std::unique_ptr<beast::tcp_stream> plain_;
  bool hung_up_ = false;  // on the strand only
};

void Register::Seat::prove() {
  if (proven_) return;
  proven_ = true;
  const std::lock_guard lock(register_.mutex_);
  register_.settle(at_);
}

void Register::settle(Entries::iterator at) {
  if (!at->may_be_evicted) return;
  at->may_be_evicted = false;
  settled_.splice(settled_.end(), evictable_, at);
}

std::shared_ptr<Connection> Register::evict() {
  while (!evictable_.empty()) {
    const auto first = evictable_.begin();
    settle(first);
    if (auto connection = first->connection.lock()) return connection;
  }
  return nullptr;
}

bool Register::crowded() {
  // An evicted one keeps its seat until its coroutine ends.
  const std::lock_guard lock(mutex_);
  return evictable_.size() + settled_.size() >= seats_ + seats_ / 8 + 1;
}

std::unique_ptr<Register::Seat> Register::admit(std::weak_ptr<Connection> connection) {
  std::shared_ptr<Connection> evicted;
  std::unique_ptr<Seat> seat;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t taken = evictable_.size() + settled_.size();
    if (taken >= seats_ && (evicted = evict()) == nullptr) return nullptr;
    seat = std::make_unique<Seat>(
        *this, evictable_.insert(evictable_.end(), Entry{std::move(connection)}));
  }
  if (evicted) evicted->close();
  return seat;
}

void Register::evict_one() {
  std::shared_ptr<Connection> evicted;
  {
    const std::lock_guard lock(mutex_);
    evicted = evict();
  }
  if (evicted) evicted->close();
}

void Register::close_all() {
  std::vector<std::shared_ptr<Connection>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto* list : {&evictable_, &settled_})
      for (const Entry& entry : *list)
        if (auto connection = entry.connection.lock()) all.push_back(std::move(connection));
  }
  for (const auto& connection : all) connection->close();
}

bool Register::wait_until_empty(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return left_.wait_until(lock, deadline.point(),
                          [this] { return evictable_.empty() && settled_.empty(); });
}

void Register::leave(Entries::iterator at) {
  const std::lock_guard lock(mutex_);
  (at->may_be_evicted ? evictable_ : settled_).erase(at);
  if (evictable_.empty() && settled_.empty()) left_.notify_all();
}

void QuietLog::note(std::string_view what, std::initializer_list<log::Field> fields) {
  constexpr std::int64_t kGap = std::chrono::nanoseconds(std::chrono::milliseconds(100)).count();
  const std::int64_t now = std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (now < next || !next_.compare_exchange_strong(next, now + kGap, std::memory_order_relaxed))
    return;
  log::write(log::Level::Debug, what, fields);
}

void serve(std::shared_ptr<ServerCore> core, asio::ip::tcp::socket socket,
           std::shared_ptr<asio::ssl::context> tls) {
  ServerCore& shared = *core;
  const auto executor = socket.get_executor();
  const auto connection =
      std::make_shared<Connection>(std::move(core), std::move(socket), std::move(tls));
  auto seat = shared.connections.admit(connection);
  if (!seat) {
    shared.quiet_log.note("refused a connection: all seats are taken", {});
    return;
  }
  asio::co_spawn(executor, Connection::run(connection, std::move(seat)),
                 [](const std::exception_ptr& thrown) {
                   if (!thrown) return;
                   try {
                     std::rethrow_exception(thrown);
                   } catch (const std::exception& error) {
                     log::error("a connection ended in an exception", {{"what", error.what()}});
                   }
                 });
}

}  // namespace holdpoint::net
