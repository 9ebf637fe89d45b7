#include "net/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <vector>

#include "net/http_server.hpp"

namespace holdpoint::net {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;

// Forward secrecy and AEAD only; 128 bits first, as both sides are usually in one data centre.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// No terminal is asked for the password of a key.
int no_password(char*, int, int, void*) { return 0; }

std::string last_error() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    const std::string reason = tls_reason(code);
    if (reason.empty()) continue;
    if (!text.empty()) text += "; ";
    text += reason;
  }
  return text;
}

Error refused(const std::string& what) { return invalid(what, last_error()); }

bool set_floor(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Idle connections keep no record buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers12) == 1 &&
         SSL_CTX_set_ciphersuites(context, kCiphers13) == 1;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  static constexpr unsigned char kOurs[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_length, kOurs, sizeof kOurs, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int hook_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void watch_alerts(const SSL* connection, int where, int alert) {
  if ((where & SSL_CB_WRITE_ALERT) != SSL_CB_WRITE_ALERT ||
      (alert & 0xff) != SSL_AD_NO_RENEGOTIATION)
    return;
  auto* const hook = static_cast<std::function<void()>*>(SSL_get_ex_data(connection, hook_index()));
  if (hook != nullptr) (*hook)();
}

Result<std::vector<Certificate>> parse_certificates(const std::string& pem,
                                                    const std::string& what) {
  const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Certificate> certificates;
  ERR_clear_error();
  while (X509* const certificate = PEM_read_bio_X509(memory.get(), nullptr, no_password, nullptr))
    certificates.emplace_back(certificate);
  // The end of the text is an error to OpenSSL, too; anything else is a broken certificate.
  const bool at_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_the_end) return refused(what + " is not a PEM certificate");
  ERR_clear_error();
  return certificates;
}

// Where the system keeps its CA bundle, as it was when first asked.
const std::string& system_bundle() {
  static const std::string file = [] {
    const char* const given = ::secure_getenv(X509_get_default_cert_file_env());
    return std::string(given == nullptr ? X509_get_default_cert_file() : given);
  }();
  return file;
}

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext> load_server_tls(const ServerTls& files) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (!context || !set_floor(context.get()))
    return Error{ErrorKind::Internal, "OpenSSL does not offer the TLS that is needed",
                 last_error()};
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  SSL_CTX_set_info_callback(context.get(), watch_alerts);
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);

  if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert_file.c_str()) != 1)
    return refused("cannot use the certificate in " + files.cert_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return refused("cannot use the key in " + files.key_file);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return refused("the key in " + files.key_file + " does not belong to the certificate in " +
                   files.cert_file);

  if (files.client_ca_file.empty()) {
    if (!files.client_name.empty())
      return invalid("a client name can be required only with a client CA file");
    return context;
  }
  auto* const names = SSL_load_client_CA_file(files.client_ca_file.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_file(context.get(), files.client_ca_file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return refused("cannot use the client CA in " + files.client_ca_file);
  }
  SSL_CTX_set_client_CA_list(context.get(), names);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (!files.client_name.empty()) {
    X509_VERIFY_PARAM* const demands = SSL_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_hostflags(
        demands, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS);
    // A leading dot would mean "any name below" to OpenSSL.
    if (files.client_name.front() == '.' ||
        X509_VERIFY_PARAM_set1_host(demands, files.client_name.data(), files.client_name.size()) !=
            1)
      return invalid("'" + files.client_name + "' cannot be a client's name");
  }
  return context;
}

void on_renegotiation(ssl_st* connection, std::function<void()>* hook) {
  SSL_set_ex_data(connection, hook_index(), hook);
}

struct ClientTls::Material {
  Store roots;
  std::vector<Certificate> chain;  // leaf first; empty: no client certificate
  Key key;
  std::string host;
};

Result<ClientTls> ClientTls::parse(const std::string& ca_pem, const std::string& cert_pem,
                                   const std::string& key_pem, const std::string& host) {
  auto material = std::make_shared<Material>();
  material->host = host;
  material->roots.reset(X509_STORE_new());
  if (ca_pem.empty()) {
    if (X509_STORE_set_default_paths(material->roots.get()) != 1)
      return refused("cannot load the system's CAs");
    // A system may have a folder of them and no bundle.
    if (X509_STORE_load_file(material->roots.get(), system_bundle().c_str()) != 1)
      ERR_clear_error();
  } else {
    HP_ASSIGN(const auto roots, parse_certificates(ca_pem, "the CA"));
    for (const Certificate& root : roots) X509_STORE_add_cert(material->roots.get(), root.get());
  }
  if (cert_pem.empty() != key_pem.empty())
    return invalid("a client certificate needs its key, and a key its certificate");
  if (cert_pem.empty()) return ClientTls(std::move(material));

  HP_ASSIGN(material->chain, parse_certificates(cert_pem, "the client certificate"));
  const Memory memory(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  material->key.reset(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr));
  if (!material->key) return refused("the client key is not a PEM key without a password");
  if (X509_check_private_key(material->chain.front().get(), material->key.get()) != 1)
    return refused("the client key does not belong to the client certificate");
  return ClientTls(std::move(material));
}

bool ClientTls::apply(ssl_ctx_st* context) const {
  const Material& material = *material_;
  if (!set_floor(context)) return false;
  SSL_CTX_set1_cert_store(context, material.roots.get());
  // The HTTP library compares the name, too; OpenSSL's own check also refuses what that one is
  // lenient about.
  X509_VERIFY_PARAM* const demands = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(demands, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named =
      is_address(material.host)
          ? X509_VERIFY_PARAM_set1_ip_asc(demands, material.host.c_str())
          : X509_VERIFY_PARAM_set1_host(demands, material.host.data(), material.host.size());
  if (named != 1) return false;
  if (material.chain.empty()) return true;
  if (SSL_CTX_use_certificate(context, material.chain.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, material.key.get()) != 1)
    return false;
  for (std::size_t i = 1; i < material.chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, material.chain[i].get()) != 1) return false;
  return true;
}

void initialize_tls() {
  OPENSSL_init_ssl(0, nullptr);
  (void)system_bundle();
  ::setenv(X509_get_default_cert_file_env(), "/dev/null", 1);
}

std::string tls_reason(unsigned long code) {
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? std::string() : std::string(reason);
}

}  // namespace holdpoint::net
