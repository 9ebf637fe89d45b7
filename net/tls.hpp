// TLS for both sides: what the server presents and demands, and whom the client trusts.
//
// The same floor everywhere: TLS 1.2 or newer, AEAD ciphers with forward secrecy, no compression.
// Contexts are made once and then only read; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace holdpoint::net {

struct ServerTls;

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

// Reads the files. Besides the floor: no renegotiation, no sessions or tickets (hence no early
// data), ALPN http/1.1 only. Error: Invalid, naming the file.
[[nodiscard]] Result<TlsContext> load_server_tls(const ServerTls& files);

// Calls `hook` each time the peer asks `connection` for a renegotiation, which OpenSSL has then
// declined. The hook must live as long as the connection.
void on_renegotiation(ssl_st* connection, std::function<void()>* hook);

// The client's side, parsed once from PEM and put on every context that the HTTP library makes.
class ClientTls {
 public:
  // `ca_pem` empty: the system's roots; else these alone are trusted. `host` is the name or address
  // that the server's certificate must carry. Error: Invalid.
  [[nodiscard]] static Result<ClientTls> parse(const std::string& ca_pem,
                                               const std::string& cert_pem,
                                               const std::string& key_pem, const std::string& host);
  // False when OpenSSL refuses the pair or the name.
  [[nodiscard]] bool apply(ssl_ctx_st* context) const;

 private:
  struct Material;
  explicit ClientTls(std::shared_ptr<const Material> material) : material_(std::move(material)) {}
  std::shared_ptr<const Material> material_;
};

// First thing in main. Makes OpenSSL clean up at exit after whatever is made later (its state in
// the threads of a pool is lost when it goes first), and takes the system's CA bundle out of
// SSL_CERT_FILE: cpprestsdk would parse all of it for each connection, some ten milliseconds,
// although we bring roots of our own.
void initialize_tls();

// OpenSSL's words for one of its error codes; empty when it has none.
[[nodiscard]] std::string tls_reason(unsigned long code);

}  // namespace holdpoint::net
