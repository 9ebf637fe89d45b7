#include "core/approval/calendar.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"

#if !USE_OS_TZDB
#error "Debian's libdate-tz reads the system's zones: compile with its USE_OS_TZDB=1"
#endif

namespace holdpoint {
namespace {

using std::chrono::days, std::chrono::minutes, std::chrono::seconds, std::chrono::sys_days;
using Bits = std::uint64_t;  // bit n: the value n is in

constexpr std::size_t kMaxScheduleBytes = 128, kMaxZoneBytes = 64;
constexpr days kSight{366}, kMaxDuration{366}, kNextWithin{5 * 366};
constexpr Instant::duration kTick{1};
// Instants outside are judged as the nearer of the two; nothing below can overflow.
constexpr Instant kFirst{sys_days{std::chrono::year{1} / 1 / 1}};
constexpr Instant kLast{sys_days{std::chrono::year{9999} / 1 / 1}};

constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekDays{"SUN", "MON", "TUE", "WED",
                                                    "THU", "FRI", "SAT"};
struct FieldKind {
  std::string name;
  unsigned low, high;                       // what may be written
  unsigned last;                            // where `*` ends: a week has no day 7
  std::span<const std::string_view> names;  // of low, low + 1, ...
};

struct Field {
  Bits bits = 0;
  bool any = false;       // `*`: no restriction
  bool wildcard = false;  // `*`, `*/n` or every value
};

constexpr bool has(Bits bits, unsigned value) { return ((bits >> value) & 1) != 0; }

// A name, or digits within low..high.
Result<unsigned> parse_value(std::string_view text, const FieldKind& kind) {
  for (unsigned i = 0; i < kind.names.size(); ++i)
    if (kind.names[i] == text) return kind.low + i;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= kind.low &&
      value <= kind.high)
    return value;
  return invalid(kind.name + " '" + visible_cut(text, 20) + "' is not within " +
                 std::to_string(kind.low) + "-" + std::to_string(kind.high) +
                 (kind.names.empty() ? "" : " or a name like " + std::string(kind.names.back())));
}

Result<Field> parse_field(std::string_view text, const FieldKind& kind) {
  const bool is_week_day = kind.high != kind.last;
  const unsigned count = kind.last - kind.low + 1;
  Field field;
  for (const std::string& item : split(text, ',')) {
    const auto slash = item.find('/');
    const std::string range = item.substr(0, slash);
    const auto dash = range.find('-');
    const bool star = range == "*" || range == "?";
    unsigned first = kind.low, last = kind.last, step = 1;
    if (slash != std::string::npos) {
      const FieldKind steps{"the step of " + kind.name, 1, count, count, {}};
      HP_ASSIGN(step, parse_value(item.substr(slash + 1), steps));
    }
    if (!star) {
      HP_ASSIGN(first, parse_value(range.substr(0, dash), kind));
      last = slash == std::string::npos ? first : std::max(first, last);
    }
    if (!star && dash != std::string::npos) {
      HP_ASSIGN(last, parse_value(range.substr(dash + 1), kind));
      if (is_week_day && last == 0 && first > 0) last = 7;  // FRI-SUN
      if (last < first)
        return invalid("the " + kind.name + " range '" + visible_cut(range, 20) +
                       "' runs backwards: write two, as in 22-23,0-6");
    }
    field.any = field.any || (star && step == 1);
    field.wildcard = field.wildcard || star;
    for (unsigned value = first; value <= last; value += step) field.bits |= Bits{1} << value;
  }
  if (is_week_day) field.bits = (field.bits | field.bits >> 7) & 0x7f;
  field.wildcard = field.wildcard || std::popcount(field.bits) == static_cast<int>(count);
  return field;
}

// The five fields of a schedule, in capitals.
Result<std::vector<std::string>> fields_of(const std::string& schedule) {
  static const std::map<std::string, std::string> kShorthands = {
      {"@HOURLY", "0 * * * *"},  {"@DAILY", "0 0 * * *"},   {"@MIDNIGHT", "0 0 * * *"},
      {"@WEEKLY", "0 0 * * 0"},  {"@MONTHLY", "0 0 1 * *"}, {"@YEARLY", "0 0 1 1 *"},
      {"@ANNUALLY", "0 0 1 1 *"}};
  if (schedule.size() > kMaxScheduleBytes)
    return invalid("it is longer than " + std::to_string(kMaxScheduleBytes) + " characters");
  if (!std::ranges::all_of(schedule, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; }))
    return invalid("it holds characters that are neither printable ASCII, space nor tab");
  std::string text = schedule;
  for (char& c : text)
    c = c == '\t' ? ' ' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  auto fields = split(text, ' ');
  std::erase(fields, "");
  if (!fields.empty() && fields[0].front() == '@') {
    const std::string shorthand = join(fields, " ");
    const auto found = kShorthands.find(shorthand);
    if (found == kShorthands.end())
      return invalid("'" + visible_cut(shorthand, 20) +
                     "' is none of @hourly, @daily, @weekly, @monthly, @yearly");
    fields = split(found->second, ' ');
  }
  if (!fields.empty() && fields[0].find('=') != std::string::npos)
    return invalid("the time zone has a field of its own");
  if (fields.size() != 5)
    return invalid("it has " + count_of(fields.size(), "field") +
                   " where five belong: there is none for seconds or years");
  return fields;
}

// Null for UTC. Only names that cannot leave the zones' folder reach the library; those in small
// letters are no zones but files beside them ("localtime", "leapseconds").
Result<const date::time_zone*> find_zone(const std::string& name) {
  const auto refused = [&](const char* why) {
    return invalid("time zone '" + visible_cut(name, 40) + "' " + why +
                   "; write an IANA name, for example Europe/Berlin, or nothing for UTC");
  };
  if (name.empty() || name == "UTC") return static_cast<const date::time_zone*>(nullptr);
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/';
  };
  if (name.size() > kMaxZoneBytes || !std::ranges::all_of(name, allowed) || name[0] < 'A' ||
      name[0] > 'Z')
    return refused("is no name of a time zone");
  try {
    if (date::get_tzdb().zones.empty()) throw std::runtime_error("there are no zones");
  } catch (const std::exception& error) {
    return Error{ErrorKind::Unavailable, "this machine has no time zones: install tzdata",
                 error.what()};
  }
  try {
    const date::time_zone* zone = date::locate_zone(name);
    (void)zone->get_info(date::sys_seconds{});  // reads its file, now and never later
    return zone;
  } catch (const std::exception&) {
    return refused("is not known here");
  }
}

}  // namespace

// What parse() made of it. Days are walked, not minutes: the openings of every day that opens are
// the same list, and zones differ from UTC by an offset that is constant over long segments.
struct Calendar::Rules {
  std::vector<minutes> openings;  // of a day, from local midnight; sorted, never empty
  Bits month_days = 0, months = 0, week_days = 0;
  bool either_day = false;   // the classic cron rule
  bool both_of_two = false;  // a local time that comes twice opens twice
  bool day_is_one = false;   // duration spans every pause between two openings of one day
  Duration duration{};
  const date::time_zone* zone = nullptr;  // null: UTC

  struct Segment {
    Instant begin, end;
    seconds offset;
  };
  // The part of one local day that lies in one segment: [begin, end), `midnight` in its offset.
  struct Stretch {
    Instant begin, end, midnight;
    Instant fresh;   // before it, local times are repetitions that do not open
    bool opens;      // the day is one of the schedule's
    bool after_gap;  // begins with an opening that the clocks skipped
  };

  Segment segment_at(Instant at) const {
    if (zone == nullptr) return {Instant::min(), Instant::max(), seconds{0}};
    const date::sys_info info = zone->get_info(at);
    return {info.begin, info.end, info.offset};
  }

  bool opens_on(sys_days day) const {
    const std::chrono::year_month_day date{day};
    const bool by_month = has(month_days, unsigned(date.day()));
    const bool by_week = has(week_days, std::chrono::weekday(day).c_encoding());
    return has(months, unsigned(date.month())) &&
           (either_day ? by_month || by_week : by_month && by_week);
  }

  // The first of the day's openings in [from, until), the last in [from, upto].
  std::optional<Instant> first_of_day(Instant midnight, Instant from, Instant until) const {
    const auto found = std::ranges::lower_bound(openings, from - midnight);
    if (found == openings.end() || midnight + *found >= until) return std::nullopt;
    return midnight + *found;
  }
  std::optional<Instant> last_of_day(Instant midnight, Instant from, Instant upto) const {
    const auto after = std::ranges::upper_bound(openings, upto - midnight);
    if (after == openings.begin() || midnight + *std::prev(after) < from) return std::nullopt;
    return midnight + *std::prev(after);
  }

  Stretch stretch_at(Instant at) const {
    const Segment now = segment_at(at);
    const auto day = std::chrono::floor<days>(at + now.offset);
    const Instant midnight = day - now.offset;
    Stretch stretch{now.begin, now.end, midnight, now.begin, opens_on(day), false};
    stretch.begin = std::max(midnight, now.begin);
    stretch.end = std::min<Instant>(midnight + days{1}, now.end);
    if (now.begin < midnight - days{2}) return stretch;  // the clocks were not changed of late
    const seconds before = segment_at(now.begin - kTick).offset;
    if (before > now.offset && !both_of_two) stretch.fresh = now.begin + (before - now.offset);
    if (before < now.offset && stretch.begin == now.begin) {
      const Instant gap = now.begin + before, gap_end = now.begin + now.offset;  // local
      for (auto skipped = std::chrono::floor<days>(gap); skipped < gap_end; skipped += days{1})
        stretch.after_gap = stretch.after_gap ||
                            (opens_on(skipped) && first_of_day(skipped, gap, gap_end).has_value());
    }
    return stretch;
  }

  // The first opening in [from, until).
  std::optional<Instant> first_in(Instant from, Instant until) const {
    while (from < until) {
      const Stretch stretch = stretch_at(from);
      if (stretch.after_gap && from == stretch.begin) return from;
      if (stretch.opens)
        if (const auto found = first_of_day(stretch.midnight, std::max(from, stretch.fresh),
                                            std::min(stretch.end, until)))
          return found;
      from = stretch.end;
    }
    return std::nullopt;
  }

  // The last opening in (after, upto].
  std::optional<Instant> last_in(Instant after, Instant upto) const {
    while (upto > after) {
      const Stretch stretch = stretch_at(upto);
      const Instant from = std::max({stretch.begin, stretch.fresh, after + kTick});
      if (stretch.opens)
        if (const auto found = last_of_day(stretch.midnight, from, upto)) return found;
      if (stretch.after_gap && stretch.begin > after) return stretch.begin;
      upto = stretch.begin - kTick;
    }
    return std::nullopt;
  }
};

Result<Calendar> Calendar::parse(const std::string& schedule, Duration duration,
                                 const std::string& time_zone) {
  const auto explained = [&](const Error& error) {
    return invalid("schedule '" + visible_cut(schedule, 60) + "': " + error.message +
                   "; write minute hour day-of-month month day-of-week, for example "
                   "\"0 16 * * FRI\" for Fridays at 16:00");
  };
  const auto fields = fields_of(schedule);
  if (!fields) return explained(fields.error());
  std::array<Field, 5> parsed;
  const std::array<FieldKind, 5> kinds{{{"minute", 0, 59, 59, {}},
                                        {"hour", 0, 23, 23, {}},
                                        {"day-of-month", 1, 31, 31, {}},
                                        {"month", 1, 12, 12, kMonths},
                                        {"day-of-week", 0, 7, 6, kWeekDays}}};
  for (std::size_t i = 0; i < parsed.size(); ++i) {
    const auto field = parse_field((*fields)[i], kinds[i]);
    if (!field) return explained(field.error());
    parsed[i] = *field;
  }
  const auto& [minute, hour, month_day, month, week_day] = parsed;

  auto rules = std::make_shared<Rules>();
  rules->month_days = month_day.bits;
  rules->months = month.bits;
  rules->week_days = week_day.bits;
  rules->either_day = !month_day.any && !week_day.any;
  rules->both_of_two = minute.wildcard || hour.wildcard;
  const auto earliest = static_cast<unsigned>(std::countr_zero(month_day.bits));
  bool comes = rules->either_day;  // every month has every day of the week
  for (unsigned m = 1; m <= 12; ++m) {
    const auto last = (std::chrono::year{2024} / std::chrono::month{m} / std::chrono::last).day();
    comes = comes || (has(month.bits, m) && earliest <= unsigned(last));
  }
  if (!comes) return explained(invalid("no year has such a day"));

  if (duration < minutes{1} || duration > kMaxDuration)
    return invalid("duration " + humanize(duration) +
                   ": a window lasts 1 minute to 366 days; write it like 90m or 64h");
  rules->duration = duration;
  rules->day_is_one = true;
  for (unsigned at = 0; at < 24 * 60; ++at) {
    if (!has(hour.bits, at / 60) || !has(minute.bits, at % 60)) continue;
    if (!rules->openings.empty() && minutes{at} - rules->openings.back() > duration)
      rules->day_is_one = false;
    rules->openings.emplace_back(at);
  }
  HP_ASSIGN(rules->zone, find_zone(time_zone));
  return Calendar(std::move(rules));
}

Result<Calendar> Calendar::of(const FreezeWindow& window) {
  HP_ASSIGN(const Duration duration, parse_duration(window.duration));
  return parse(window.schedule, duration, window.time_zone);
}

// From a window to the one before or after, in steps that span a day or the duration: two steps
// always pass the longer of both, so that a schedule of every minute costs no more than others.
std::optional<Interval> Calendar::window_at(Instant at) const {
  const Rules& rules = *rules_;
  const Instant now = std::clamp(at, kFirst, kLast);
  const auto open = rules.last_in(now - rules.duration, now);
  if (!open) return std::nullopt;
  const Instant earliest = now - kSight, latest = now + kSight;

  Instant start = *open, last = *open;
  while (start > earliest) {
    const auto [begin, end, midnight, fresh, opens, after_gap] = rules.stretch_at(start);
    if (rules.day_is_one && opens)
      start = rules.first_of_day(midnight, std::max(begin, fresh), start).value_or(start);
    const auto before = rules.first_in(start - rules.duration, start);
    if (!before) break;
    start = *before;
  }
  while (last + rules.duration < latest) {
    const auto [begin, end, midnight, fresh, opens, after_gap] = rules.stretch_at(last);
    // Not from the opening after a gap: what the clocks skipped may have been another day's.
    if (rules.day_is_one && opens && !(after_gap && last == begin))
      last = rules.last_of_day(midnight, last, end - kTick).value_or(last);
    const auto next = rules.last_in(last, last + rules.duration);
    if (!next) break;
    last = *next;
  }
  return Interval{std::max(start, earliest), std::min<Instant>(last + rules.duration, latest)};
}

std::optional<Instant> Calendar::next_start(Instant after) const {
  const Instant from = std::clamp(after, kFirst, kLast);
  return rules_->first_in(from + kTick, from + kNextWithin);
}

}  // namespace holdpoint
