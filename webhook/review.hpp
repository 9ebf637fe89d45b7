// An AdmissionReview (admission.k8s.io/v1) from bytes to a Write: the one place that parses what
// the API server sends.
//
// A faster parser can come in behind parse_review() without anybody noticing. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "core/approval/verdict.hpp"

namespace holdpoint::webhook {

struct Review {
  std::string uid;  // of the review; no idempotency key: one user request may come several times
  Write write;
};

// Error: Invalid, naming what is wrong.
[[nodiscard]] Result<Review> parse_review(std::string_view bytes);

}  // namespace holdpoint::webhook
