// SHA-256, HMAC, base64 and random bytes, by OpenSSL's libcrypto. Pure but for random_hex();
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdpoint {

// Lower-case hex of the SHA-256 (FIPS 180-4) of `bytes`.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

// Lower-case hex of HMAC-SHA-256 (RFC 2104).
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);

// Adds length-framed fields to one SHA-256: distinct sequences of fields never share a preimage.
// Each field is fed as its length in bytes (8 bytes, big-endian) and then the bytes.
class FramedHash {
 public:
  explicit FramedHash(std::string_view domain);  // the domain tag is the first field
  FramedHash& field(std::string_view bytes);
  [[nodiscard]] std::string hex() const;

 private:
  std::string preimage_;
};

// `bytes` cryptographically random bytes, in hex. Ends the process when the system has none.
[[nodiscard]] std::string random_hex(std::size_t bytes);

// A path token or HMAC key as somebody wrote it, without the white space at its end. Error: shorter
// than 32 characters, which is 128 bits in hex; `what` names it.
[[nodiscard]] Result<std::string> checked_secret(std::string text, const std::string& what);

// RFC 4648 base64 with padding.
[[nodiscard]] std::string base64(std::string_view bytes);
// White space between the digits is let through, as YAML folds lines. nullopt: it is not base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// Equal, in time that depends on the lengths only.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace holdpoint
