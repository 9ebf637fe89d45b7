#include "base/result.hpp"

namespace holdpoint {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Invalid:
      return "Invalid";
    case ErrorKind::NotFound:
      return "NotFound";
    case ErrorKind::Conflict:
      return "Conflict";
    case ErrorKind::Unavailable:
      return "Unavailable";
    case ErrorKind::DeadlineExceeded:
      return "DeadlineExceeded";
    case ErrorKind::Forbidden:
      return "Forbidden";
    case ErrorKind::Internal:
      return "Internal";
  }
  return "Internal";
}

std::string describe(const Error& error) {
  std::string text(to_string(error.kind));
  text += ": " + error.message;
  if (!error.cause.empty()) text += " (" + error.cause + ")";
  return text;
}

}  // namespace holdpoint
