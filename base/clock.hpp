// Time: the only place that asks the machine what time it is, or waits.
//
// Instants are UTC, in microseconds; durations are std::chrono. Everything that judges gets `now`
// as an argument, everything that waits gets a Deadline, so tests own time. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdpoint {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, UTC. May jump.
  [[nodiscard]] virtual Instant now() const = 0;
};

// The machine's clock; lives as long as the process.
[[nodiscard]] const Clock& system_clock();

// A point on the monotonic clock by which a call must be done. Copies share the point.
class Deadline {
 public:
  using Point = std::chrono::steady_clock::time_point;
  [[nodiscard]] static Deadline in(Duration duration);
  [[nodiscard]] static Deadline at(Point point) { return Deadline(point); }
  [[nodiscard]] Duration left() const;  // never negative
  [[nodiscard]] bool over() const { return left() == Duration::zero(); }
  [[nodiscard]] Point point() const { return point_; }
  // The earlier of this one and `duration` from now.
  [[nodiscard]] Deadline at_most(Duration duration) const;

 private:
  explicit Deadline(Point point) : point_(point) {}
  Point point_;
};

// Waits for `duration` or until a stop is asked for; true when the whole time passed.
bool wait_for(Duration duration, const std::stop_token& stop);

// RFC 3339 in UTC. Text is "2026-01-02T03:04:05Z" (metav1.Time) or with six decimals
// (metav1.MicroTime).
[[nodiscard]] std::string to_rfc3339(Instant instant);
[[nodiscard]] std::string to_rfc3339_micro(Instant instant);
// Accepts any fraction and offset RFC 3339 allows. Error: Invalid.
[[nodiscard]] Result<Instant> parse_rfc3339(std::string_view text);

// Go's duration strings as Kubernetes uses them ("90s", "1h30m", "1.5h"; units h, m, s, ms), 0 or
// more, at most 10 years. Error: Invalid.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// For people: "45s", "12m", "3h 5m", "2d 4h". Two units at most.
[[nodiscard]] std::string humanize(Duration duration);

}  // namespace holdpoint
