#include "base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>

namespace holdpoint {
namespace {

std::string to_hex(const unsigned char* bytes, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, EVP_sha256(), nullptr) != 1) std::abort();
  return to_hex(out, size);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out,
           &size) == nullptr)
    std::abort();
  return to_hex(out, size);
}

FramedHash::FramedHash(std::string_view domain) { field(domain); }

FramedHash& FramedHash::field(std::string_view bytes) {
  const auto size = static_cast<std::uint64_t>(bytes.size());
  for (int shift = 56; shift >= 0; shift -= 8)
    preimage_ += static_cast<char>((size >> shift) & 0xff);
  preimage_ += bytes;
  return *this;
}

std::string FramedHash::hex() const { return sha256_hex(preimage_); }

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  if (RAND_bytes(out, static_cast<int>(bytes)) != 1) std::abort();
  return to_hex(out, bytes);
}

Result<std::string> checked_secret(std::string text, const std::string& what) {
  constexpr std::size_t kLeast = 32;
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.size() < kLeast)
    return invalid(what + " is shorter than 32 characters; write 32 random hex digits there");
  return text;
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends with a zero
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int digits = 0, padding = 0;
  for (const char digit : text) {
    std::uint32_t value = 0;
    if (digit >= 'A' && digit <= 'Z') {
      value = static_cast<std::uint32_t>(digit - 'A');
    } else if (digit >= 'a' && digit <= 'z') {
      value = static_cast<std::uint32_t>(digit - 'a' + 26);
    } else if (digit >= '0' && digit <= '9') {
      value = static_cast<std::uint32_t>(digit - '0' + 52);
    } else if (digit == '+') {
      value = 62;
    } else if (digit == '/') {
      value = 63;
    } else if (digit == ' ' || digit == '\n' || digit == '\r' || digit == '\t') {
      continue;
    } else if (digit == '=') {
      ++padding;
    } else {
      return std::nullopt;
    }
    if (padding > 0 && digit != '=') return std::nullopt;
    bits = (bits << 6 | value) & 0xffffff;
    if (++digits % 4 != 0) continue;
    if (padding > 2) return std::nullopt;
    out += static_cast<char>(bits >> 16);
    if (padding < 2) out += static_cast<char>(bits >> 8 & 0xff);
    if (padding < 1) out += static_cast<char>(bits & 0xff);
  }
  if (digits % 4 != 0 || padding > 2) return std::nullopt;
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace holdpoint
