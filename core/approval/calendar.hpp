// Recurring freeze windows: a cron schedule opens them, each lasts a duration of real time.
//
// Whatever is in doubt is judged as frozen. A Calendar never changes once parsed, is cheap to copy
// and may be shared between threads. Pure, but for one thing: parse() loads the named zone from the
// machine's /usr/share/zoneinfo, once per process. Time zone rules are those of that data; Debian's
// reach until 2037, after that a zone keeps its standard time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// One interval of time, [start, end).
struct Interval {
  Instant start, end;
  bool operator==(const Interval&) const = default;
};

// A window opens at every local minute that the schedule names, and stays open for `duration` of
// elapsed real time: "0 16 * * FRI" with 64h ends on Monday at 08:00, but at 07:00 or 09:00 when
// the clocks change in between.
//
// A local time that the clocks skip opens at the first instant after the gap. A local time that
// comes twice opens at its first occurrence, but at both when minute or hour is a wildcard (`*`,
// `*/n` or every value), so that an hourly freeze has no hole.
class Calendar {
 public:
  // schedule: minute hour day-of-month month day-of-week as in POSIX crontab(1) and in Kubernetes
  // CronJobs (https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/), at most 128
  // characters: `*` or `?`, lists, ranges, steps (`a/n` is a to the end), names JAN-DEC and SUN-SAT
  // in any case, 7 for Sunday; or @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
  // @annually. When both day fields are restricted (`*/2` is), either matches. duration: 1 minute
  // to 366 days. time_zone: an IANA name, empty for UTC.
  // Errors: Invalid, also for a day that no year has; Unavailable when the machine has no zones.
  [[nodiscard]] static Result<Calendar> parse(const std::string& schedule, Duration duration,
                                              const std::string& time_zone);

  // The same of a policy's window. Errors: as parse(), and Invalid for a duration that is none.
  [[nodiscard]] static Result<Calendar> of(const FreezeWindow& window);

  // The window that contains `at`, joined with all that overlap or touch it: from the earliest
  // start to the latest end. Never looks further than 366 days each way: a window that reaches
  // beyond is cut there, so `at` is told frozen all the same and a later question tells more.
  [[nodiscard]] std::optional<Interval> window_at(Instant at) const;

  // The first opening strictly after `after`, even while another window is open; nullopt when there
  // is none within 5 years.
  [[nodiscard]] std::optional<Instant> next_start(Instant after) const;

 private:
  struct Rules;
  explicit Calendar(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;  // never null
};

}  // namespace holdpoint
