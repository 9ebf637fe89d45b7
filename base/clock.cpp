#include "base/clock.hpp"

#include <charconv>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace holdpoint {
namespace {

using std::chrono::microseconds;

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  }
};

// Reads exactly `digits` decimal digits at `at`; -1 when they are not there.
int digits_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::string format(Instant instant, bool micro) {
  namespace c = std::chrono;
  const auto day = c::floor<c::days>(instant);
  const c::year_month_day date(day);
  const c::hh_mm_ss time(instant - day);
  char out[48];
  int size = std::snprintf(
      out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  std::string text(out, static_cast<std::size_t>(size));
  if (micro) {
    size = std::snprintf(out, sizeof out, ".%06d", static_cast<int>(time.subseconds().count()));
    text.append(out, static_cast<std::size_t>(size));
  }
  return text + "Z";
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

Deadline Deadline::in(Duration duration) {
  return Deadline(std::chrono::steady_clock::now() + duration);
}

Duration Deadline::left() const {
  const auto left = std::chrono::duration_cast<Duration>(point_ - std::chrono::steady_clock::now());
  return left < Duration::zero() ? Duration::zero() : left;
}

Deadline Deadline::at_most(Duration duration) const {
  const auto other = Deadline::in(duration);
  return other.point_ < point_ ? other : *this;
}

bool wait_for(Duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  return !wake.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
}

std::string to_rfc3339(Instant instant) { return format(instant, false); }
std::string to_rfc3339_micro(Instant instant) { return format(instant, true); }

Result<Instant> parse_rfc3339(std::string_view text) {
  namespace c = std::chrono;
  const auto bad = [&] {
    return invalid("not an RFC 3339 time: '" + std::string(text.substr(0, 40)) + "'");
  };
  const int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2),
            day = digits_at(text, 8, 2);
  const int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2),
            second = digits_at(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 || text.size() < 20)
    return bad();
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':')
    return bad();
  const c::year_month_day date(c::year(year), c::month(static_cast<unsigned>(month)),
                               c::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  std::size_t at = 19;
  microseconds fraction{0};
  if (text[at] == '.') {
    std::int64_t scale = 100000;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      fraction += microseconds(scale * (text[at] - '0'));
    if (at == first) return bad();
  }
  c::minutes offset{0};
  const std::string_view zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    const int hours = digits_at(zone, 1, 2), minutes = digits_at(zone, 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 ||
        minutes < 0 || hours > 23 || minutes > 59)
      return bad();
    offset = c::minutes(hours * 60 + minutes);
    if (zone[0] == '-') offset = -offset;
  }
  return Instant(c::sys_days(date).time_since_epoch() + c::hours(hour) + c::minutes(minute) +
                 c::seconds(second) + fraction - offset);
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return invalid("not a duration: '" + std::string(text.substr(0, 40)) +
                   "'; write it like 90s, 15m or 1h30m");
  };
  if (text.empty()) return bad();
  constexpr double kMaxMs = 10.0 * 365 * 24 * 3600 * 1000;
  double total = 0;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || value < 0 || std::signbit(value) || !std::isfinite(value))
      return bad();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text == "" && value == 0 && total == 0) return Duration::zero();
    if (text.starts_with("ms")) {
      text.remove_prefix(2);
    } else if (text.starts_with("h")) {
      value *= 3600e3, text.remove_prefix(1);
    } else if (text.starts_with("m")) {
      value *= 60e3, text.remove_prefix(1);
    } else if (text.starts_with("s")) {
      value *= 1e3, text.remove_prefix(1);
    } else {
      return bad();
    }
    total += value;
    if (total > kMaxMs)
      return invalid("a duration of more than 10 years: '" + std::string(text.substr(0, 40)) + "'");
  }
  return Duration(std::llround(total));
}

std::string humanize(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const auto two = [](std::int64_t big, const char* big_unit, std::int64_t small,
                      const char* small_unit) {
    std::string text = std::to_string(big) + big_unit;
    if (small != 0) text += " " + std::to_string(small) + small_unit;
    return text;
  };
  if (seconds < 60) return std::to_string(seconds < 0 ? 0 : seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds < 600 ? seconds % 60 : 0, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

}  // namespace holdpoint
