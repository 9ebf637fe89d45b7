// A certification authority of our own, for the webhook's serving certificate.
//
// ECDSA P-256 throughout, RFC 5280 profiles: an authority that may sign leaves only (pathlen 0),
// and leaves for TLS servers with DNS names. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdpoint::net {

struct KeyPair {
  std::string cert_pem;
  std::string key_pem;  // PKCS #8, not encrypted
};

// Certificates begin this long before `now`: clocks of API servers may be behind ours.
inline constexpr Duration kBackdated{60'000};

// Self-signed. Error: Invalid, when OpenSSL refuses.
[[nodiscard]] Result<KeyPair> make_authority(const std::string& common_name, Instant now,
                                             Duration life);
// A leaf for these DNS names (the first is its common name, at least one), which never outlives
// the authority. Error: Invalid.
[[nodiscard]] Result<KeyPair> issue_leaf(const KeyPair& authority,
                                         const std::vector<std::string>& dns_names, Instant now,
                                         Duration life);
// Whether the key belongs to the certificate, the authority signed it, and it carries every name.
[[nodiscard]] bool is_leaf_of(const KeyPair& leaf, const std::string& authority_pem,
                              const std::vector<std::string>& dns_names);

}  // namespace holdpoint::net
