// When a certificate begins and ends (RFC 5280). Thread-safe.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdpoint {

struct Validity {
  Instant from;
  Instant until;
};

// Of the first certificate in the PEM text. Error: Invalid.
[[nodiscard]] Result<Validity> validity_of(const std::string& cert_pem);

}  // namespace holdpoint
