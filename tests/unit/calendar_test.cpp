#include "core/approval/calendar.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace holdpoint {
namespace {

using std::chrono::days, std::chrono::hours, std::chrono::minutes, std::chrono::sys_days;
using namespace std::chrono_literals;

Instant at(const std::string& text) { return parse_rfc3339(text).value(); }

Calendar calendar(const std::string& schedule, Duration duration, const std::string& zone = "") {
  const auto parsed = Calendar::parse(schedule, duration, zone);
  REQUIRE_MESSAGE(parsed.ok(), schedule, ": ", parsed.ok() ? "" : parsed.error().message);
  return *parsed;
}

std::string next(const Calendar& c, const std::string& after) {
  const auto start = c.next_start(at(after));
  return start ? to_rfc3339(*start) : "never";
}

// "start/end", or "open".
std::string window(const Calendar& c, const std::string& when) {
  const auto found = c.window_at(at(when));
  return found ? to_rfc3339(found->start) + "/" + to_rfc3339(found->end) : "open";
}

TEST_CASE("a weekend freeze follows the local clock in summer, in winter and across both changes") {
  const Calendar c = calendar("0 16 * * FRI", 64h, "Europe/Berlin");
  struct Row {
    const char *inside, *window;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"2026-07-11T12:00:00Z", "2026-07-10T14:00:00Z/2026-07-13T06:00:00Z"},
           {"2026-01-10T12:00:00Z", "2026-01-09T15:00:00Z/2026-01-12T07:00:00Z"},
           // Spring: 64 hours of elapsed time end on Monday at 09:00 in Berlin.
           {"2026-03-28T12:00:00Z", "2026-03-27T15:00:00Z/2026-03-30T07:00:00Z"},
           // Autumn: on Monday at 07:00.
           {"2026-10-24T12:00:00Z", "2026-10-23T14:00:00Z/2026-10-26T06:00:00Z"}}) {
    CAPTURE(row.inside);
    CHECK(window(c, row.inside) == row.window);
  }
}

TEST_CASE("a window holds its start and not its end") {
  const Calendar c = calendar("0 16 * * FRI", 64h, "Europe/Berlin");
  const Instant start = at("2026-07-10T14:00:00Z"), end = at("2026-07-13T06:00:00Z");
  const Instant::duration tick{1};
  CHECK_FALSE(c.window_at(start - tick).has_value());
  CHECK(c.window_at(start) == Interval{start, end});
  CHECK(c.window_at(end - tick) == Interval{start, end});
  CHECK_FALSE(c.window_at(end).has_value());
  CHECK(c.next_start(start - tick) == start);
  CHECK(c.next_start(start) == start + 7 * 24h);  // strictly after
}

TEST_CASE("a local time that the clocks skip opens right after the gap") {
  const Calendar berlin = calendar("30 2 * * *", 1h, "Europe/Berlin");
  CHECK(next(berlin, "2026-03-28T12:00:00Z") == "2026-03-29T01:00:00Z");  // 03:00 local
  CHECK(window(berlin, "2026-03-29T01:30:00Z") == "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z");
  CHECK(next(berlin, "2026-03-29T01:00:00Z") == "2026-03-30T00:30:00Z");
  // A gap at midnight, and one of half an hour.
  CHECK(next(calendar("15 0 * * *", 1h, "America/Havana"), "2026-03-07T12:00:00Z") ==
        "2026-03-08T05:00:00Z");
  CHECK(next(calendar("10 2 4 10 *", 1h, "Australia/Lord_Howe"), "2026-09-01T00:00:00Z") ==
        "2026-10-03T15:30:00Z");
  // Samoa skipped the whole Friday: its freeze begins with the Saturday.
  const Calendar apia = calendar("0 16 30 12 *", 1h, "Pacific/Apia");
  CHECK(next(apia, "2011-12-29T00:00:00Z") == "2011-12-30T10:00:00Z");
  CHECK(window(apia, "2011-12-30T10:30:00Z") == "2011-12-30T10:00:00Z/2011-12-30T11:00:00Z");
  // The skipped day's opening does not reach the next day's own.
  CHECK(window(calendar("0 16 * * *", 1h, "Pacific/Apia"), "2011-12-30T10:30:00Z") ==
        "2011-12-30T10:00:00Z/2011-12-30T11:00:00Z");
}

TEST_CASE("a local time that comes twice opens at its first occurrence") {
  const Calendar c = calendar("30 2 * * *", 30min, "Europe/Berlin");
  CHECK(next(c, "2026-10-24T12:00:00Z") == "2026-10-25T00:30:00Z");
  CHECK(next(c, "2026-10-25T00:30:00Z") == "2026-10-26T01:30:00Z");
  CHECK(window(c, "2026-10-25T01:40:00Z") == "open");
  // Repetitions do not lengthen the window of the openings after them.
  CHECK(window(calendar("0,30 1-3 * * *", 30min, "Europe/Berlin"), "2026-10-25T02:10:00Z") ==
        "2026-10-25T02:00:00Z/2026-10-25T03:00:00Z");
  // Newfoundland went from 00:01 back to 23:01: midnight came twice, a day after the other.
  CHECK(next(calendar("0 0 * * *", 1h, "America/St_Johns"), "2010-11-07T02:30:00Z") ==
        "2010-11-08T03:30:00Z");
  // A day whose first hour comes twice.
  CHECK(next(calendar("30 0 * * *", 1h, "America/Havana"), "2026-11-01T04:30:00Z") ==
        "2026-11-02T05:30:00Z");
}

TEST_CASE("a wildcard freeze has no hole when an hour comes twice or is skipped") {
  for (const char* schedule : {"0 * * * *", "@hourly", "0 0-23 * * *", "0 */2 * * *"}) {
    CAPTURE(schedule);
    const Calendar c =
        calendar(schedule, schedule == std::string("0 */2 * * *") ? 2h : 1h, "Europe/Berlin");
    for (const char* day : {"2026-10-24T12:00:00Z", "2026-03-28T12:00:00Z"}) {
      const Instant noon = at(day);
      CHECK(c.window_at(noon + 14h + 30min) ==
            Interval{noon + 14h + 30min - 366 * 24h, noon + 14h + 30min + 366 * 24h});
    }
  }
  CHECK(next(calendar("0 * * * *", 1min, "Europe/Berlin"), "2026-10-25T00:00:00Z") ==
        "2026-10-25T01:00:00Z");
}

TEST_CASE("lists, ranges, steps and names are read") {
  struct Row {
    const char *schedule, *first, *second;  // after 2026-01-01T00:00:00Z, a Thursday
  };
  for (const Row& row : std::initializer_list<Row>{
           {"*/15 * * * *", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"},
           {"5/20 * * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z"},
           {"10,20 3 * * *", "2026-01-01T03:10:00Z", "2026-01-01T03:20:00Z"},
           {"0 8-10/2 * * *", "2026-01-01T08:00:00Z", "2026-01-01T10:00:00Z"},
           {"0 22-23,0-1 * * *", "2026-01-01T01:00:00Z", "2026-01-01T22:00:00Z"},
           {"0 9 * * mon-Fri", "2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"},
           {"0 9 * * FRI-SUN", "2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z"},
           {"0 9 * * 7", "2026-01-04T09:00:00Z", "2026-01-11T09:00:00Z"},
           {"0 9 * * 0", "2026-01-04T09:00:00Z", "2026-01-11T09:00:00Z"},
           {"0 9 * * sun", "2026-01-04T09:00:00Z", "2026-01-11T09:00:00Z"},
           {"0 9 * * 5-7", "2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z"},
           {"0 9 1 dec *", "2026-12-01T09:00:00Z", "2027-12-01T09:00:00Z"},
           {"0 9 1 FEB-apr/2 ?", "2026-02-01T09:00:00Z", "2026-04-01T09:00:00Z"},
           {"\t 05  09\t*  * * ", "2026-01-01T09:05:00Z", "2026-01-02T09:05:00Z"},
           {"@daily", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"},
           {"@midnight", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"},
           {"@Weekly", "2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"},
           {"@monthly", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
           {"@yearly", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"},
           {"@annually", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"}}) {
    CAPTURE(row.schedule);
    const Calendar c = calendar(row.schedule, 1min);
    CHECK(next(c, "2026-01-01T00:00:00Z") == row.first);
    CHECK(next(c, row.first) == row.second);
  }
}

TEST_CASE("with both day fields restricted either matches, else both must") {
  const Calendar either = calendar("0 0 13 * FRI", 1h);
  CHECK(next(either, "2026-05-12T00:00:00Z") == "2026-05-13T00:00:00Z");  // a Wednesday
  CHECK(next(either, "2026-05-13T00:00:00Z") == "2026-05-15T00:00:00Z");  // a Friday
  const Calendar stepped = calendar("0 0 */15 * FRI", 1h);                // 1, 16, 31 or a Friday
  CHECK(next(stepped, "2026-05-15T00:00:00Z") == "2026-05-16T00:00:00Z");
  CHECK(next(calendar("0 0 13 * *", 1h), "2026-05-13T00:00:00Z") == "2026-06-13T00:00:00Z");
  CHECK(next(calendar("0 0 * * FRI", 1h), "2026-05-12T00:00:00Z") == "2026-05-15T00:00:00Z");
  CHECK(next(calendar("0 0 30 2 MON", 1h), "2026-02-23T00:00:00Z") == "2027-02-01T00:00:00Z");
}

TEST_CASE("a leap day comes when the year has one") {
  const Calendar c = calendar("0 0 29 2 *", 24h);
  CHECK(next(c, "2024-02-29T00:00:00Z") == "2028-02-29T00:00:00Z");
  CHECK(window(c, "2024-02-29T23:59:59Z") == "2024-02-29T00:00:00Z/2024-03-01T00:00:00Z");
  CHECK(window(c, "2026-03-01T00:00:00Z") == "open");
  CHECK(next(c, "2096-02-29T00:00:00Z") == "never");  // not within 5 years: 2100 has none
}

TEST_CASE("a freeze over the end of the year is one window") {
  const Calendar c = calendar("0 0 20 12 *", 14 * 24h, "Europe/Berlin");
  for (const char* inside : {"2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"})
    CHECK(window(c, inside) == "2026-12-19T23:00:00Z/2027-01-02T23:00:00Z");
}

TEST_CASE("windows that touch or overlap are joined, windows with a pause are not") {
  CHECK(window(calendar("0 0 * * SAT,SUN", 24h), "2026-01-04T12:00:00Z") ==
        "2026-01-03T00:00:00Z/2026-01-05T00:00:00Z");
  CHECK(window(calendar("0 0 * * SAT,SUN", 30h), "2026-01-03T12:00:00Z") ==
        "2026-01-03T00:00:00Z/2026-01-05T06:00:00Z");
  CHECK(window(calendar("0 0 * * SAT,SUN", Duration(24h) - 1ms), "2026-01-04T12:00:00Z") ==
        "2026-01-04T00:00:00Z/2026-01-04T23:59:59Z");
  CHECK(window(calendar("*/10 8-9 * * *", 10min), "2026-01-04T09:55:00Z") ==
        "2026-01-04T08:00:00Z/2026-01-04T10:00:00Z");
  CHECK(window(calendar("*/10 8-9 * * *", 9min), "2026-01-04T09:55:00Z") ==
        "2026-01-04T09:50:00Z/2026-01-04T09:59:00Z");
}

TEST_CASE("a freeze without end is told as frozen for as far as it is looked, quickly") {
  struct Row {
    const char* schedule;
    Duration duration;
  };
  const Instant when = at("2026-06-15T12:34:56Z");
  for (const Row& row : std::initializer_list<Row>{{"* * * * *", 1min},
                                                   {"* * * * *", 366 * 24h},
                                                   {"*/2 * * * *", 2min},
                                                   {"0 * * * *", 1h},
                                                   {"0 0 * * *", 24h + 1h},
                                                   {"0 0 1 * *", 32 * 24h},
                                                   {"0 0 1,2 1,7 *", 184 * 24h},
                                                   {"0 0 1 1 *", 366 * 24h}}) {
    CAPTURE(row.schedule);
    const Calendar c = calendar(row.schedule, row.duration, "Europe/Berlin");
    const Deadline soon = Deadline::in(2s);
    for (int i = 0; i < 10; ++i)
      CHECK(c.window_at(when) == Interval{when - 366 * 24h, when + 366 * 24h});
    // Release takes about a millisecond each; a walk over minutes would take a second.
    CHECK_FALSE(soon.over());
  }
}

TEST_CASE("times at the ends of time are judged without harm") {
  const Calendar c = calendar("* * * * *", 366 * 24h, "Europe/Berlin");
  for (const Instant when : {Instant::min(), Instant::max(), Instant{}}) {
    CHECK(c.window_at(when).has_value());
    CHECK(c.next_start(when).has_value());
  }
}

TEST_CASE("a time zone is an IANA name and never a path") {
  for (const char* zone : {"", "UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                           "Etc/GMT+5", "US/Pacific", "America/Port-au-Prince", "EST5EDT"}) {
    CAPTURE(zone);
    CHECK(Calendar::parse("@daily", 1h, zone).ok());
  }
  const std::string nul("UTC\0x", 5);
  for (const std::string& zone : {std::string("Mars/Olympus"),   std::string("europe/berlin"),
                                  std::string("../etc/passwd"),  std::string("/etc/localtime"),
                                  std::string("Europe/../UTC"),  std::string("Europe/"),
                                  std::string("Europe"),         std::string("localtime"),
                                  std::string("leapseconds"),    std::string("tzdata.zi"),
                                  std::string("posixrules"),     std::string("right/UTC"),
                                  std::string("Europe/Berlin "), std::string("Europe\\Berlin"),
                                  std::string("UTC\n"),          nul,
                                  std::string("\xff"),           std::string("+01:00"),
                                  std::string("CEST"),           std::string(100'000, 'A')}) {
    CAPTURE(zone.substr(0, 50));
    const auto parsed = Calendar::parse("@daily", 1h, zone);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().kind == ErrorKind::Invalid);
    CHECK(parsed.error().message.find("Europe/Berlin") != std::string::npos);
    CHECK(parsed.error().message.size() < 300);
  }
  CHECK(Calendar::parse("@daily", 1h, "Mars/Olympus").error().message.find("'Mars/Olympus'") !=
        std::string::npos);
  // The same wall clock, other instants.
  CHECK(next(calendar("0 9 * * *", 1h, "Asia/Kathmandu"), "2026-01-01T00:00:00Z") ==
        "2026-01-01T03:15:00Z");
  CHECK(next(calendar("0 9 * * *", 1h, "America/New_York"), "2026-01-01T00:00:00Z") ==
        "2026-01-01T14:00:00Z");
}

TEST_CASE("a window lasts from a minute to 366 days") {
  for (const Duration duration : {Duration::min(), Duration(-1), Duration(0), Duration(59'999),
                                  Duration(366 * 24h) + 1ms, Duration::max()}) {
    const auto parsed = Calendar::parse("@daily", duration, "");
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().kind == ErrorKind::Invalid);
    CHECK(parsed.error().message.find("1 minute to 366 days") != std::string::npos);
  }
  CHECK(Calendar::parse("@daily", 1min, "").ok());
  CHECK(Calendar::parse("@daily", 366 * 24h, "").ok());
}

TEST_CASE("a malformed schedule is refused, and the message shows a right one") {
  const std::vector<std::string> malformed{"",
                                           " ",
                                           "*",
                                           "* * * *",
                                           "* * * * * *",
                                           "0 0 0 * * * 2026",
                                           "60 * * * *",
                                           "-1 * * * *",
                                           "+1 * * * *",
                                           "1.5 * * * *",
                                           "0x1 * * * *",
                                           "1e1 * * * *",
                                           "* 24 * * *",
                                           "* * 0 * *",
                                           "* * 32 * *",
                                           "* * * 0 *",
                                           "* * * 13 *",
                                           "* * * * 8",
                                           "a * * * *",
                                           "* * * JANUARY *",
                                           "* * * * MONDAY",
                                           "* * * MON *",
                                           "* * * * JAN",
                                           "JAN * * * *",
                                           ", * * * *",
                                           "1, * * * *",
                                           ",1 * * * *",
                                           "1,,2 * * * *",
                                           "5-1 * * * *",
                                           "1- * * * *",
                                           "-5 * * * *",
                                           "1-2-3 * * * *",
                                           "1--2 * * * *",
                                           "*-5 * * * *",
                                           "*/0 * * * *",
                                           "*/ * * * *",
                                           "/5 * * * *",
                                           "*/61 * * * *",
                                           "*/-1 * * * *",
                                           "*/2/3 * * * *",
                                           "** * * * *",
                                           "*5 * * * *",
                                           "1/* * * * *",
                                           "* * L * *",
                                           "* * 15W * *",
                                           "* * * * FRI#2",
                                           "* * * * FRI-MON",
                                           "0 0 30 2 *",
                                           "0 0 31 4,6,9,11 *",
                                           "0 0 30,31 2 ?",
                                           "@",
                                           "@never",
                                           "@every 1h",
                                           "@reboot",
                                           "@daily @daily",
                                           "@daily 0 0 * *",
                                           "TZ=UTC 0 0 * * *",
                                           "CRON_TZ=Europe/Berlin @daily",
                                           "0;0 * * * *",
                                           "0 0 * * * # comment",
                                           "99999999999999999999 * * * *",
                                           "*/99999999999999999999 * * * *",
                                           "0-4294967297 * * * *",
                                           "4294967296 * * * *",
                                           "* * * * 18446744073709551615",
                                           std::string("* * * * *\0", 10),
                                           "* * * * *\n",
                                           "*\n* * * *",
                                           "* * * * *\r",
                                           "\x1b[31m* * * * *",
                                           "\xef\xbc\x8a * * * *",
                                           "\xff\xfe * * * *",
                                           "* * * * *\x7f",
                                           "0\xc2\xa0 0 * * *",
                                           std::string(129, ' '),
                                           "* * * * *" + std::string(120, ' '),
                                           std::string(1'000'000, '*'),
                                           std::string(1'000'000, ','),
                                           "0" + std::string(100, ',') + " * * * *"};
  CHECK(malformed.size() >= 40);
  for (const std::string& schedule : malformed) {
    CAPTURE(schedule.substr(0, 60));
    const auto parsed = Calendar::parse(schedule, 1h, "");
    REQUIRE_FALSE(parsed.ok());
    const Error& error = parsed.error();
    CHECK(error.kind == ErrorKind::Invalid);
    CHECK(error.message.find("0 16 * * FRI") != std::string::npos);
    CHECK(error.message.size() < 500);
    CHECK(std::ranges::none_of(error.message, [](char c) { return c >= 0 && c < ' '; }));
  }
  // As long as may be is right.
  CHECK(Calendar::parse("* * * * *" + std::string(119, ' '), 1h, "").ok());
}

TEST_CASE("the message names the field that is wrong") {
  const auto message = [](const std::string& schedule) {
    return Calendar::parse(schedule, 1h, "").error().message;
  };
  CHECK(message("61 * * * *").find("minute '61' is not within 0-59") != std::string::npos);
  CHECK(message("* * * * FRY").find("day-of-week 'FRY' is not within 0-7 or a name like SAT") !=
        std::string::npos);
  CHECK(message("* */30 * * *").find("the step of hour '30' is not within 1-24") !=
        std::string::npos);
  CHECK(message("@every 1h").find("'@EVERY 1H' is none of @hourly") != std::string::npos);
  CHECK(message("0 0 0 * * *").find("6 fields where five belong") != std::string::npos);
}

TEST_CASE("random bytes are refused or judged, and nothing breaks") {
  std::mt19937 random(7);
  const std::string alphabet = "0123456789*/,-? @\tJANFEBSUNMON#=\x01\x80";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = random() % 24; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto parsed = Calendar::parse(text, 1h, "Europe/Berlin");
    if (parsed.ok())
      (void)parsed->window_at(at("2026-03-29T01:00:00Z"));
    else
      REQUIRE_FALSE(parsed.error().message.empty());
  }
}

// The second opinion: no code of the room, the rule of the European Union for the clocks (from
// the last Sunday of March to that of October, changes at 01:00 UTC), and a walk over every hour
// and minute.
struct Model {
  std::vector<bool> minute, hour, month_day, month, week_day;
  bool any_month_day = false, any_week_day = false, wildcard = false;
  std::string text;
};

// The hours since 1970 that are walked, and the offset of each.
const std::int64_t kFirstHour = sys_days{2023y / 12 / 1}.time_since_epoch().count() * 24;
const std::int64_t kLastHour = sys_days{2028y / 2 / 1}.time_since_epoch().count() * 24;

std::vector<int> offsets(bool berlin) {
  using namespace std::chrono;
  std::vector<int> found;
  for (sys_time<hours> now{hours{kFirstHour}}; now < sys_time<hours>{hours{kLastHour}}; now += 1h) {
    const year y = year_month_day(floor<days>(now)).year();
    const bool summer = now >= sys_days{y / March / Sunday[last]} + 1h &&
                        now < sys_days{y / October / Sunday[last]} + 1h;
    found.push_back(!berlin ? 0 : summer ? 2 : 1);
  }
  return found;
}

bool opens_in_local_hour(const Model& model, std::int64_t local_hour) {
  if (!model.hour[static_cast<std::size_t>(local_hour % 24)]) return false;
  const sys_days day{days{local_hour / 24}};
  const std::chrono::year_month_day date{day};
  if (!model.month[unsigned(date.month())]) return false;
  const bool by_month = model.month_day[unsigned(date.day())];
  const bool by_week = model.week_day[std::chrono::weekday(day).c_encoding()];
  return model.any_month_day || model.any_week_day ? by_month && by_week : by_month || by_week;
}

// All openings within those hours, in minutes of UTC.
std::vector<std::int64_t> all_openings(const Model& model, const std::vector<int>& offsets_of) {
  std::vector<std::int64_t> found;
  int before = offsets_of.front();
  for (std::int64_t hour = kFirstHour; hour < kLastHour; ++hour) {
    const int offset = offsets_of[static_cast<std::size_t>(hour - kFirstHour)];
    const bool skipped = before < offset && opens_in_local_hour(model, hour + before);
    const bool repeated = before > offset && !model.wildcard;
    before = offset;
    if (skipped) found.push_back(hour * 60);
    if (repeated || !opens_in_local_hour(model, hour + offset)) continue;
    for (std::size_t minute = 0; minute < 60; ++minute)
      if (model.minute[minute] && !(skipped && minute == 0))
        found.push_back(hour * 60 + static_cast<std::int64_t>(minute));
  }
  return found;
}

struct Generator {
  std::mt19937 random;
  unsigned below(unsigned n) { return static_cast<unsigned>(random() % n); }

  // Fills `set` (indices low..high) and tells the text; `any` and `wildcard` as cron means them.
  std::string field(std::vector<bool>& set, unsigned low, unsigned high, bool& any,
                    bool& wildcard) {
    set.assign(high + 1, false);
    any = wildcard = false;
    const auto fill = [&](unsigned first, unsigned last, unsigned step) {
      for (unsigned v = first; v <= last; v += step) set[v] = true;
    };
    std::string text;
    switch (below(6)) {
      case 0:
      case 1:
        any = true;
        fill(low, high, 1);
        text = "*";
        break;
      case 2: {
        const unsigned step = 2 + below(high - low);
        fill(low, high, step);
        wildcard = true;
        text = "*/" + std::to_string(step);
        break;
      }
      default:
        for (unsigned items = 1 + below(3); items > 0; --items) {
          const unsigned first = low + below(high - low + 1);
          const unsigned last = below(2) == 0 ? first : first + below(high - first + 1);
          const unsigned step = below(3) == 0 ? 1 + below(3) : 1;
          text += (text.empty() ? "" : ",") + std::to_string(first) + "-" + std::to_string(last) +
                  (step > 1 ? "/" + std::to_string(step) : "");
          fill(first, last, step);
        }
    }
    wildcard = wildcard || std::count(set.begin(), set.end(), true) == high - low + 1;
    return text;
  }

  Model model() {
    Model m;
    bool any = false, minute = false, hour = false, ignored = false;
    m.text = field(m.minute, 0, 59, any, minute);
    m.text += " " + field(m.hour, 0, 23, any, hour);
    m.text += " " + field(m.month_day, 1, 31, m.any_month_day, ignored);
    m.text += " " + field(m.month, 1, 12, any, ignored);
    m.text += " " + field(m.week_day, 0, 6, m.any_week_day, ignored);
    m.wildcard = minute || hour;
    return m;
  }

  Duration duration() {
    switch (below(5)) {
      case 0:
        return minutes(1 + below(60));
      case 1:
        return hours(1 + below(30));
      case 2:
        return minutes(1 + below(4000));
      case 3:
        return days(1 + below(40));
      default:
        return days(1 + below(366));
    }
  }
};

TEST_CASE("random schedules are judged as a walk over all minutes judges them") {
  Generator random{std::mt19937(20260101)};
  const std::vector<int> offsets_of[] = {offsets(false), offsets(true)};
  const Instant changes[] = {at("2026-03-29T01:00:00Z"), at("2026-10-25T01:00:00Z")};
  int frozen = 0, open = 0;
  for (int round = 0; round < 200; ++round) {
    const bool berlin = round % 2 == 0;
    const Model model = random.model();
    const Duration duration = random.duration();
    const auto parsed = Calendar::parse(model.text, duration, berlin ? "Europe/Berlin" : "");
    const auto openings = all_openings(model, offsets_of[berlin]);
    CAPTURE(model.text);
    CAPTURE(duration.count());
    CAPTURE(berlin);
    if (!parsed.ok()) {  // only a day that never comes
      CHECK(openings.empty());
      continue;
    }
    std::vector<Interval> windows;
    for (const std::int64_t opening : openings) {
      const Instant start{minutes{opening}};
      if (!windows.empty() && start <= windows.back().end)
        windows.back().end = start + duration;
      else
        windows.push_back({start, start + duration});
    }
    for (int sample = 0; sample < 40; ++sample) {
      // Close to a change of the clocks, anywhere in 2026, or at the edge of an opening.
      Instant when = at("2026-01-01T00:00:00Z") + minutes(random.below(365 * 24 * 60));
      if (sample % 3 == 0) {
        const unsigned around = random.below(2) == 0 ? 120 : 2880;  // minutes
        when = changes[sample % 2] + minutes(random.below(2 * around)) - minutes(around);
      }
      if (sample % 3 == 1) {
        const auto near = std::ranges::lower_bound(
            openings, std::chrono::floor<minutes>(when.time_since_epoch()).count());
        if (near != openings.end())
          when = Instant{minutes{*near}} + (sample % 2 == 0 ? duration : Duration(0));
        when += Instant::duration(static_cast<int>(random.below(3)) - 1);
        if (when > at("2026-12-31T00:00:00Z")) continue;
      }
      CAPTURE(to_rfc3339_micro(when));
      std::optional<Interval> expected;
      const auto later = std::ranges::upper_bound(windows, when, {}, &Interval::start);
      if (later != windows.begin() && when < std::prev(later)->end)
        expected = Interval{std::max(std::prev(later)->start, when - 366 * 24h),
                            std::min<Instant>(std::prev(later)->end, when + 366 * 24h)};
      ++(expected ? frozen : open);
      const auto found = parsed->window_at(when);
      REQUIRE(found.has_value() == expected.has_value());
      if (found) {
        CHECK(to_rfc3339_micro(found->start) == to_rfc3339_micro(expected->start));
        CHECK(to_rfc3339_micro(found->end) == to_rfc3339_micro(expected->end));
      }
      const auto after = std::ranges::upper_bound(
          openings, when, {}, [](std::int64_t opening) { return Instant{minutes{opening}}; });
      const auto start = parsed->next_start(when);
      if (after != openings.end())
        CHECK(start == Instant{minutes{*after}});
      else if (start)
        CHECK(*start >= Instant{hours{kLastHour}});
    }
  }
  CHECK(frozen > 1000);  // both answers were compared
  CHECK(open > 1000);
}

}  // namespace
}  // namespace holdpoint
