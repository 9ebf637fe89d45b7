// How a call that can fail answers: a value, or an Error that says what to do next.
//
// Result<T> is the only failure channel between rooms; exceptions of libraries end in the room that
// met them. A refusal by policy is not an Error (see core/approval/verdict.hpp): an Error means
// that nothing could be judged, and then the answer is no. Not thread-safe; values move freely
// between threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace holdpoint {

// The kind names the caller's next move.
enum class ErrorKind {
  Invalid,           // the input is wrong: tell whoever sent it
  NotFound,          // it is not there
  Conflict,          // somebody else was faster: read again
  Unavailable,       // try later
  DeadlineExceeded,  // the time given is over
  Forbidden,         // the identity lacks a right
  Internal,          // our own fault
};

[[nodiscard]] std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::Internal;
  std::string message;  // what the user may see: what, why, next step
  std::string cause;    // what the log gets besides; may be empty
};

// "kind: message (cause)", for logs.
[[nodiscard]] std::string describe(const Error& error);

// The unit of Result<Done>.
struct Done {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition of value() and *: ok(); of error(): !ok(). Broken ones throw
  // std::bad_variant_access.
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

[[nodiscard]] inline Error invalid(std::string message, std::string cause = {}) {
  return Error{ErrorKind::Invalid, std::move(message), std::move(cause)};
}

}  // namespace holdpoint

// Returns the error of `expr` to the caller, or goes on. For a Result whose value is not needed.
#define HP_TRY(expr)                                                        \
  do {                                                                      \
    if (auto hp_result = (expr); !hp_result.ok()) return hp_result.error(); \
  } while (false)

#define HP_CONCAT_INNER(a, b) a##b
#define HP_CONCAT(a, b) HP_CONCAT_INNER(a, b)
// HP_ASSIGN(auto x, call()): x takes the value, or the error returns to the caller.
#define HP_ASSIGN(target, expr) HP_ASSIGN_INNER(HP_CONCAT(hp_result_, __LINE__), target, expr)
#define HP_ASSIGN_INNER(result, target, expr) \
  auto result = (expr);                       \
  if (!result.ok()) return result.error();    \
  target = std::move(result).value()
