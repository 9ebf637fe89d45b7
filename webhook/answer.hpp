// From an outcome to the bytes of an AdmissionReview response. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "core/approval/verdict.hpp"

namespace holdpoint::webhook {

struct Answer {
  bool allowed = false;
  int code = 403;               // of a refusal: 403 or 429, never 409 or 422
  std::string message;          // of a refusal
  int retry_after_seconds = 0;  // with 429: kubectl waits and tries again by itself
  std::vector<std::string> warnings;
  Json patch = Json::array();  // RFC 6902, from the companion
  std::string verdict;         // one word for metrics and the API server's audit log
  std::string request;         // name of the ApprovalRequest, if any
};

[[nodiscard]] Answer allowed(std::string verdict);
[[nodiscard]] Answer refused(Denied denied);
// What could not be judged is not allowed; what may pass by waiting is answered 429.
[[nodiscard]] Answer not_judged(const Error& error);

[[nodiscard]] std::string encode(const Answer& answer, const std::string& review_uid);

}  // namespace holdpoint::webhook
