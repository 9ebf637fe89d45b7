#include "net/certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "base/certificate.hpp"
#include "base/text.hpp"
#include "net/tls.hpp"

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
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

Error refused(const char* what) { return invalid(what, tls_reason(ERR_get_error())); }

int no_password(char*, int, int, void*) { return 0; }

Certificate read_certificate(const std::string& pem) {
  const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(memory.get(), nullptr, no_password, nullptr));
}

Key read_key(const std::string& pem) {
  const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr));
}

std::string text_of(const Memory& memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Result<KeyPair> written(const Certificate& certificate, const Key& key) {
  const Memory cert(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(cert.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1)
    return refused("a certificate cannot be written");
  return KeyPair{text_of(cert), text_of(secret)};
}

bool set_time(ASN1_TIME* field, Instant at) {
  return ASN1_TIME_set(
             field, std::chrono::system_clock::to_time_t(
                        std::chrono::time_point_cast<std::chrono::system_clock::duration>(at))) !=
         nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// All but the extensions and the signature: 127 random bits as serial number (RFC 5280, 4.1.2.2).
bool begin(X509* certificate, EVP_PKEY* key, const std::string& common_name, Instant from,
           Instant until) {
  std::array<unsigned char, 16> serial;
  if (RAND_bytes(serial.data(), serial.size()) != 1) return false;
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(
      BN_bin2bn(serial.data(), serial.size(), nullptr));
  X509_NAME* const name = X509_get_subject_name(certificate);
  // 64 characters are all that a common name may have; the names that count are in the SAN.
  const std::string shown = common_name.substr(0, 64);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr &&
         set_time(X509_getm_notBefore(certificate), from) &&
         set_time(X509_getm_notAfter(certificate), until) &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(shown.data()),
                                    static_cast<int>(shown.size()), -1, 0) == 1;
}

Key make_key() { return Key(EVP_EC_gen("P-256")); }

}  // namespace

Result<KeyPair> make_authority(const std::string& common_name, Instant now, Duration life) {
  const Key key = make_key();
  const Certificate certificate(X509_new());
  X509* const self = certificate.get();
  if (key == nullptr || self == nullptr ||
      !begin(self, key.get(), common_name, now - kBackdated, now + life) ||
      X509_set_issuer_name(self, X509_get_subject_name(self)) != 1 ||
      !add_extension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(self, self, NID_subject_key_identifier, "hash") ||
      X509_sign(self, key.get(), EVP_sha256()) == 0)
    return refused("a certification authority cannot be made");
  return written(certificate, key);
}

Result<KeyPair> issue_leaf(const KeyPair& authority, const std::vector<std::string>& dns_names,
                           Instant now, Duration life) {
  const Certificate issuer = read_certificate(authority.cert_pem);
  const Key signer = read_key(authority.key_pem);
  if (issuer == nullptr || signer == nullptr || dns_names.empty())
    return refused("the certification authority cannot be read");
  HP_ASSIGN(const Validity issuers, validity_of(authority.cert_pem));
  if (issuers.until <= now) return invalid("the certification authority has expired");
  const Key key = make_key();
  const Certificate certificate(X509_new());
  X509* const leaf = certificate.get();
  if (key == nullptr || leaf == nullptr ||
      !begin(leaf, key.get(), dns_names.front(), now - kBackdated,
             std::min<Instant>(now + life, issuers.until)) ||
      X509_set_issuer_name(leaf, X509_get_subject_name(issuer.get())) != 1 ||
      !add_extension(leaf, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(leaf, issuer.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(leaf, issuer.get(), NID_subject_alt_name, "DNS:" + join(dns_names, ",DNS:")) ||
      !add_extension(leaf, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(leaf, signer.get(), EVP_sha256()) == 0)
    return refused("a certificate cannot be issued");
  return written(certificate, key);
}

bool is_leaf_of(const KeyPair& leaf, const std::string& authority_pem,
                const std::vector<std::string>& dns_names) {
  const Certificate certificate = read_certificate(leaf.cert_pem);
  const Certificate authority = read_certificate(authority_pem);
  const Key key = read_key(leaf.key_pem);
  bool good = certificate != nullptr && authority != nullptr && key != nullptr &&
              X509_check_private_key(certificate.get(), key.get()) == 1 &&
              X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  for (const std::string& name : dns_names)
    good = good && X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace holdpoint::net
