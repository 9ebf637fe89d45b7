#include "webhook/answer.hpp"

#include "base/digest.hpp"
#include "base/text.hpp"
#include "core/approval/wording.hpp"

namespace holdpoint::webhook {
Answer allowed(std::string verdict) {
  Answer answer;
  answer.allowed = true;
  answer.verdict = std::move(verdict);
  return answer;
}

Answer refused(Denied denied) {
  Answer answer;
  answer.code = denied.code;
  answer.message = std::move(denied.message);
  answer.retry_after_seconds = denied.retry_after_seconds;
  answer.verdict = denied.code == 429 ? "retry" : "denied";
  return answer;
}

Answer not_judged(const Error& error) {
  Answer answer;
  answer.verdict = "error";
  switch (error.kind) {
    case ErrorKind::Conflict:
    case ErrorKind::Unavailable:
    case ErrorKind::DeadlineExceeded:
      answer.code = 429;
      answer.retry_after_seconds = 1;
      break;
    case ErrorKind::Invalid:
    case ErrorKind::NotFound:
    case ErrorKind::Forbidden:
    case ErrorKind::Internal:
      break;
  }
  answer.message =
      "Holdpoint could not judge this, so nothing was stored: " + harmless(error.message);
  return answer;
}

std::string encode(const Answer& answer, const std::string& review_uid) {
  Json response{{"uid", review_uid}, {"allowed", answer.allowed}};
  if (!answer.allowed) {
    Json status{{"code", answer.code}, {"message", answer.message}};
    status["reason"] = answer.code == 429 ? "TooManyRequests" : "Forbidden";
    if (answer.retry_after_seconds > 0)
      status["details"] = {{"retryAfterSeconds", answer.retry_after_seconds}};
    response["status"] = std::move(status);
  }
  if (!answer.warnings.empty()) response["warnings"] = answer.warnings;
  if (answer.allowed && !answer.patch.empty()) {
    response["patchType"] = "JSONPatch";
    response["patch"] = base64(dump_json(answer.patch));
  }
  response["auditAnnotations"] = {{"verdict", answer.verdict}};
  if (!answer.request.empty()) response["auditAnnotations"]["request"] = answer.request;
  return dump_json({{"apiVersion", "admission.k8s.io/v1"},
                    {"kind", "AdmissionReview"},
                    {"response", std::move(response)}});
}

}  // namespace holdpoint::webhook
