#include "net/http_client.hpp"

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"
#include "net/tls.hpp"
#include "net/transfer.hpp"

#ifdef __SANITIZE_ADDRESS__
// When the process ends, cpprestsdk's pool drops what it still had to run, and pplx keeps that by a
// bare pointer: an exchange that was cut short in the last moment is lost with all it holds.
// Nothing grows by it while we run.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:pplx::\nleak:libcpprest\n"; }
#endif

namespace holdpoint::net {
namespace {

namespace cpprest = web::http;
using Socket = boost::asio::ip::tcp::socket;
using TlsStream = boost::asio::ssl::stream<Socket&>;

// cpprestsdk's timeout is per send or receive: it finds dead peers. How long a call may take is the
// deadline's to say, how long a stream may be silent `idle`'s.
constexpr std::chrono::seconds kCallSilence{60};
constexpr std::chrono::hours kStreamSilence{24};
constexpr std::size_t kMaxRefusalBytes = std::size_t{1} << 20;

// Thrown before a request is written on a pooled connection that the server has meanwhile closed.
struct StaleConnection : std::runtime_error {
  StaleConnection() : std::runtime_error("the kept connection was closed by the server") {}
};

// Before each request. A kept connection has nothing to read between two requests: an end, an error
// or a byte all mean that it is of no use. Not yet connected ones are fresh. cpprestsdk writes head
// and body apart, so without TCP_NODELAY the body waits for the peer's delayed acknowledgement:
// some 40 ms for each POST.
void prepare(const Socket& socket_of) {
  auto& socket = const_cast<Socket&>(socket_of);  // native_handle() is not const
  if (!socket.is_open()) return;
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  char byte = 0;
  const auto count = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  throw StaleConnection();
}

class ResponseBuffer : public concurrency::streams::streambuf<std::uint8_t> {
 public:
  explicit ResponseBuffer(const std::shared_ptr<Transfer>& transfer) : streambuf(transfer) {}
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
  });
}

bool is_safe_method(std::string_view method) { return method == "GET" || method == "HEAD"; }

// The body of a request that must not be sent twice: cpprestsdk repeats what it can rewind, of any
// method.
concurrency::streams::istream once(const std::string& body) {
  concurrency::streams::producer_consumer_buffer<std::uint8_t> buffer;
  if (!body.empty())
    buffer.putn_nocopy(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()).wait();
  buffer.close(std::ios_base::out).wait();
  return buffer.create_istream();
}

TransferFailure failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const StaleConnection& error) {
    return {error.what(), 0, true};
  } catch (const cpprest::http_exception& error) {
    return {error.what(), error.error_code().value(), false};
  } catch (const std::exception& error) {
    return {error.what(), 0, false};
  } catch (...) {
    return {"an unknown exception", 0, false};
  }
}

// Ends the exchange when the caller is done with it, however it ends.
class Ender {
 public:
  Ender(Transfer& transfer, pplx::cancellation_token_source& source)
      : transfer_(transfer), source_(source) {}
  ~Ender() {
    if (over_) return;
    transfer_.interrupt();
    source_.cancel();
  }
  Ender(const Ender&) = delete;
  Ender& operator=(const Ender&) = delete;
  void over() { over_ = true; }

 private:
  Transfer& transfer_;
  pplx::cancellation_token_source& source_;
  bool over_ = false;
};

}  // namespace

void initialize_http(int threads) {
  static std::once_flag once_only;
  std::call_once(once_only, [threads] {
    initialize_tls();
    try {
      crossplat::threadpool::initialize_with_threads(
          static_cast<std::size_t>(std::max(1, threads)));
    } catch (const std::exception& thrown) {
      log::warn("the HTTP thread pool was there already", {{"what", thrown.what()}});
    }
  });
}

struct HttpClient::Impl {
  explicit Impl(HttpEndpoint its_endpoint) : endpoint(std::move(its_endpoint)) {
    try {
      const web::uri uri(endpoint.url);
      if (uri.host().empty() || (uri.scheme() != "https" && uri.scheme() != "http")) {
        broken = invalid("'" + endpoint.url + "' is not an https:// or http:// address");
        return;
      }
      if (uri.scheme() == "https") {
        auto parsed = ClientTls::parse(endpoint.ca_pem, endpoint.client_cert_pem,
                                       endpoint.client_key_pem, uri.host());
        if (!parsed.ok()) {
          broken = parsed.error();
          return;
        }
        tls = std::move(parsed).value();
      }
      calls = make_client(kCallSilence);
      streams = make_client(kStreamSilence);
    } catch (const std::exception& thrown) {
      broken = invalid("'" + endpoint.url + "' cannot be used as an address", thrown.what());
    }
  }

  [[nodiscard]] std::unique_ptr<cpprest::client::http_client> make_client(
      std::chrono::seconds silence) const {
    cpprest::client::http_client_config config;
    config.set_timeout(silence);
    config.set_max_redirects(0);  // a redirect would take the token elsewhere
    if (tls) {
      config.set_ssl_context_callback([pair = *tls](boost::asio::ssl::context& context) {
        if (!pair.apply(context.native_handle()))
          throw std::runtime_error("OpenSSL refused the TLS settings");
      });
      config.set_nativehandle_options(
          [](void* handle) { prepare(static_cast<TlsStream*>(handle)->next_layer()); });
    } else {
      config.set_nativehandle_options([](void* handle) { prepare(*static_cast<Socket*>(handle)); });
    }
    return std::make_unique<cpprest::client::http_client>(web::uri(endpoint.url), config);
  }

  [[nodiscard]] Result<cpprest::http_request> message_of(const HttpRequest& request) const {
    if (broken) return *broken;
    if (request.target.empty() || request.target.front() != '/' || has_control(request.target))
      return invalid("a request needs a path that starts with '/'");
    try {
      cpprest::http_request message(request.method);
      message.set_request_uri(web::uri(request.target));
      if (!is_safe_method(request.method) || !request.body.empty()) {
        message.set_body(once(request.body), request.body.size());
        message.headers().remove(
            "Content-Type");  // cpprestsdk's guess; the caller's own comes below
      }
      for (const auto& [name, value] : request.headers) {
        if (has_control(name) || has_control(value))
          return invalid("the header " + name + " has control characters");
        message.headers()[name] = value;
      }
      if (endpoint.bearer_token) {
        const std::string token = endpoint.bearer_token();
        if (has_control(token)) return invalid("the bearer token has control characters");
        if (!token.empty()) message.headers()["Authorization"] = "Bearer " + token;
      }
      return message;
    } catch (const std::exception& thrown) {
      return invalid("this request cannot be sent", thrown.what());
    }
  }

  // Starts the exchange on the pool. The last continuation observes however it ends.
  static void begin(cpprest::client::http_client& client, cpprest::http_request message,
                    const std::shared_ptr<Transfer>& transfer,
                    const pplx::cancellation_token& token) {
    try {
      message.set_response_stream(concurrency::streams::ostream(ResponseBuffer(transfer)));
      client.request(message, token)
          .then([transfer](const cpprest::http_response& response) {
            std::map<std::string, std::string> headers;
            for (const auto& [name, value] : response.headers()) headers[lower(name)] = value;
            transfer->head(response.status_code(), std::move(headers));
            return response.content_ready();
          })
          .then(
              [transfer](const pplx::task<cpprest::http_response>& done) {
                try {
                  (void)done.get();
                  transfer->finish(std::nullopt);
                } catch (...) {
                  transfer->finish(failure_of(std::current_exception()));
                }
              },
              pplx::cancellation_token::none());
    } catch (...) {
      transfer->finish(failure_of(std::current_exception()));
    }
  }

  [[nodiscard]] Error unavailable(const TransferFailure& failure) const {
    const std::string reason =
        failure.code > 0 ? tls_reason(static_cast<unsigned long>(failure.code)) : std::string();
    return Error{
        ErrorKind::Unavailable,
        endpoint.url + ": " + failure.what + (reason.empty() ? std::string() : ": " + reason),
        failure.code == 0 ? std::string() : "code " + std::to_string(failure.code)};
  }

  // A kept connection can be closed between our look at it and the write. What only reads may be
  // asked again.
  static bool worth_repeating(const HttpRequest& request, const TransferFailure& failure) {
    return is_safe_method(request.method) &&
           (failure.what.starts_with("Failed to write request") ||
            failure.what.starts_with("Failed to read HTTP status line"));
  }

  // What a reader makes of the events. Null: go on.
  using Judge = std::function<std::optional<Result<HttpResponse>>(Transfer::Event, Transfer&)>;

  // One exchange, begun again while nothing can have reached the server, and once more for what
  // only reads.
  [[nodiscard]] Result<HttpResponse> exchange(cpprest::client::http_client* client,
                                              const HttpRequest& request,
                                              const std::function<Deadline::Point()>& until,
                                              const std::stop_token& stop,
                                              const Judge& judge) const {
    bool repeated = false;
    while (true) {
      HP_ASSIGN(cpprest::http_request message, message_of(request));
      const auto transfer = std::make_shared<Transfer>();
      pplx::cancellation_token_source source;
      Ender ender(*transfer, source);
      const std::stop_callback on_stop(stop, [&transfer] { transfer->interrupt(); });
      begin(*client, std::move(message), transfer, source.get_token());
      bool again = false;
      bool had_head = false;
      while (!again) {
        const auto event = transfer->next(until());
        if (event == Transfer::Event::End || event == Transfer::Event::Failed) ender.over();
        if (event == Transfer::Event::Head) had_head = true;
        if (event == Transfer::Event::Failed && !had_head) {
          const TransferFailure& failure = transfer->failure();
          again = failure.nothing_sent || (!repeated && worth_repeating(request, failure));
          repeated = repeated || !failure.nothing_sent;
          if (again) continue;
        }
        if (auto outcome = judge(event, *transfer)) return std::move(*outcome);
      }
    }
  }

  const HttpEndpoint endpoint;
  std::optional<Error> broken;  // what every call answers, when the endpoint cannot be used
  std::optional<ClientTls> tls;
  std::unique_ptr<cpprest::client::http_client> calls;
  std::unique_ptr<cpprest::client::http_client> streams;
};

HttpClient::HttpClient(HttpEndpoint endpoint)
    : impl_(std::make_unique<Impl>(std::move(endpoint))) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::call(const HttpRequest& request, Deadline deadline,
                                      std::size_t max_body, const std::stop_token& stop) const {
  HttpResponse response;
  const auto too_large = [&] {
    return Error{
        ErrorKind::Unavailable,
        impl_->endpoint.url + ": the answer is larger than " + std::to_string(max_body) + " bytes",
        {}};
  };
  const Impl::Judge judge = [&](Transfer::Event event,
                                Transfer& transfer) -> std::optional<Result<HttpResponse>> {
    switch (event) {
      case Transfer::Event::Head: {
        response.status = transfer.status();
        response.headers = transfer.headers();
        const auto length = response.headers.find("content-length");
        if (length != response.headers.end() && request.method != "HEAD" &&
            std::strtoull(length->second.c_str(), nullptr, 10) > max_body)
          return too_large();
        return std::nullopt;
      }
      case Transfer::Event::Bytes:
        if (transfer.bytes().size() > max_body - response.body.size()) return too_large();
        response.body += transfer.bytes();
        return std::nullopt;
      case Transfer::Event::End:
        return Result<HttpResponse>(std::move(response));
      case Transfer::Event::Failed:
        if (deadline.over()) break;
        return impl_->unavailable(transfer.failure());
      case Transfer::Event::TimedOut:
      case Transfer::Event::Stopped:
        break;
    }
    return Error{
        ErrorKind::DeadlineExceeded, impl_->endpoint.url + ": no answer in the time given", {}};
  };
  if (deadline.over())
    return Error{
        ErrorKind::DeadlineExceeded, impl_->endpoint.url + ": no time was left to ask", {}};
  return impl_->exchange(
      impl_->calls.get(), request, [&] { return deadline.point(); }, stop, judge);
}

Result<HttpResponse> HttpClient::stream(
    const HttpRequest& request, Duration idle, const std::stop_token& stop,
    const std::function<bool(std::string_view)>& on_bytes) const {
  HttpResponse response;
  if (stop.stop_requested()) return response;
  const Impl::Judge judge = [&](Transfer::Event event,
                                Transfer& transfer) -> std::optional<Result<HttpResponse>> {
    switch (event) {
      case Transfer::Event::Head:
        response.status = transfer.status();
        response.headers = transfer.headers();
        return std::nullopt;
      case Transfer::Event::Bytes:
        if (response.status == 200) {
          if (!on_bytes(transfer.bytes())) return response;
          return std::nullopt;
        }
        response.body.append(transfer.bytes(), 0, kMaxRefusalBytes - response.body.size());
        if (response.body.size() == kMaxRefusalBytes) return response;
        return std::nullopt;
      case Transfer::Event::End:
      case Transfer::Event::Stopped:
        return response;
      case Transfer::Event::Failed:
        return impl_->unavailable(transfer.failure());
      case Transfer::Event::TimedOut:
        break;
    }
    return Error{ErrorKind::Unavailable,
                 impl_->endpoint.url + ": nothing came for " + std::to_string(idle.count()) + " ms",
                 {}};
  };
  const auto until = [idle] { return std::chrono::steady_clock::now() + idle; };
  return impl_->exchange(impl_->streams.get(), request, until, stop, judge);
}

}  // namespace holdpoint::net
