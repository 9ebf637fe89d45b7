#include "base/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <optional>

namespace holdpoint {
namespace {

std::optional<Instant> instant_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return std::chrono::time_point_cast<Instant::duration>(
      std::chrono::system_clock::from_time_t(::timegm(&parts)));
}

int no_password(char*, int, int, void*) { return 0; }

}  // namespace

Result<Validity> validity_of(const std::string& cert_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(
      BIO_new_mem_buf(cert_pem.data(), static_cast<int>(cert_pem.size())), BIO_free_all);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(memory.get(), nullptr, no_password, nullptr), X509_free);
  if (certificate == nullptr) {
    ERR_clear_error();
    return invalid("this is no PEM certificate");
  }
  const auto from = instant_of(X509_get0_notBefore(certificate.get()));
  const auto until = instant_of(X509_get0_notAfter(certificate.get()));
  if (!from.has_value() || !until.has_value()) return invalid("a certificate without dates");
  return Validity{*from, *until};
}

}  // namespace holdpoint
