#include <doctest/doctest.h>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/metrics.hpp"
#include "base/text.hpp"

namespace holdpoint {
namespace {

TEST_CASE("times are read and written as RFC 3339") {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2024-02-29T12:00:00Z"})
    CHECK(to_rfc3339(*parse_rfc3339(text)) == text);
  CHECK(to_rfc3339_micro(*parse_rfc3339("2026-01-02T03:04:05.6789Z")) ==
        "2026-01-02T03:04:05.678900Z");
  CHECK(*parse_rfc3339("2026-01-02T03:04:05+02:00") == *parse_rfc3339("2026-01-02T01:04:05Z"));
  CHECK(*parse_rfc3339("2026-01-01T00:30:00-01:30") == *parse_rfc3339("2026-01-01T02:00:00Z"));
}

TEST_CASE("what is no RFC 3339 time is refused") {
  for (const char* text : {"", "2026", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
                           "2025-02-29T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+2:00",
                           "2026-01-02T03:04:05Zx", "+026-01-02T03:04:05Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).ok());
  }
}

TEST_CASE("durations are Go's") {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
  CHECK(*parse_duration("90s") == seconds(90));
  CHECK(*parse_duration("1h30m") == minutes(90));
  CHECK(*parse_duration("1.5h") == minutes(90));
  CHECK(*parse_duration("250ms") == Duration(250));
  CHECK(*parse_duration("0") == Duration(0));
  CHECK(*parse_duration("0s") == Duration(0));
  for (const char* text :
       {"", "5", "-5s", "5d", "s", "1h-5m", "nan", "inf", "1e9h", "200000h", "1h 5m"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).ok());
  }
}

TEST_CASE("durations for people have at most two units") {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
  CHECK(humanize(seconds(45)) == "45s");
  CHECK(humanize(seconds(185)) == "3m 5s");
  CHECK(humanize(minutes(12) + seconds(3)) == "12m");
  CHECK(humanize(minutes(185)) == "3h 5m");
  CHECK(humanize(hours(52)) == "2d 4h");
  CHECK(humanize(seconds(-3)) == "0s");
}

TEST_CASE("a deadline counts down to zero and never below") {
  CHECK(Deadline::in(Duration(-5)).over());
  const Deadline later = Deadline::in(Duration(60'000));
  CHECK(later.left() > Duration(50'000));
  CHECK(later.at_most(Duration(10)).left() <= Duration(10));
  CHECK(Deadline::in(Duration(10)).at_most(Duration(60'000)).left() <= Duration(10));
}

TEST_CASE("hostile text is made visible and nothing else changes") {
  CHECK(visible("plain ünïcode 漢字 🙂") == "plain ünïcode 漢字 🙂");
  CHECK(visible("a\nb\x1b[31m\x7f") == "a\\u{a}b\\u{1b}[31m\\u{7f}");
  CHECK(visible("user\u202egnp.exe") == "user\\u{202e}gnp.exe");
  CHECK(visible("zero\u200bwidth\ufeff") == "zero\\u{200b}width\\u{feff}");
  CHECK(visible("bad\xff\xc0\x80") == "bad\\u{fffd}\\u{fffd}\\u{fffd}");
  CHECK(visible("\xed\xa0\x80") == "\\u{fffd}\\u{fffd}\\u{fffd}");  // a lone surrogate
}

TEST_CASE("cut text fits and says that it was cut") {
  CHECK(visible_cut("short", 10) == "short");
  CHECK(visible_cut("exactly10!", 10) == "exactly10!");
  CHECK(visible_cut("more than ten", 10) == "more than…");
  CHECK(visible_cut("漢字漢字", 3) == "漢字…");
}

TEST_CASE("a quoted string cannot break out of its line or its quotes") {
  CHECK(json_quote("a\"b\\c\nd\x01") == "\"a\\\"b\\\\c\\nd\\u0001\"");
  CHECK(json_quote("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(json_quote("x\u202ey") == "\"x\\u202ey\"");
}

TEST_CASE("names that mix scripts are told") {
  CHECK(mixes_scripts("\u0430dmin"));  // Cyrillic a
  CHECK_FALSE(mixes_scripts("admin"));
  CHECK_FALSE(mixes_scripts("админ"));
  CHECK_FALSE(mixes_scripts("jürgen-42@example.com"));
}

TEST_CASE("digests are those of the standards") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hmac_sha256_hex("key", "The quick brown fox jumps over the lazy dog") ==
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(random_hex(16).size() == 32);
  CHECK(random_hex(16) != random_hex(16));
}

TEST_CASE("framed fields cannot be shifted into each other") {
  CHECK(FramedHash("d").field("ab").field("c").hex() !=
        FramedHash("d").field("a").field("bc").hex());
  CHECK(FramedHash("d").field("").field("a").hex() != FramedHash("d").field("a").hex());
  CHECK(FramedHash("d").field("e").hex() != FramedHash("de").hex());
}

TEST_CASE("secrets are compared whole") {
  CHECK(equal_constant_time("token", "token"));
  CHECK_FALSE(equal_constant_time("token", "tokeN"));
  CHECK_FALSE(equal_constant_time("token", "token1"));
  CHECK_FALSE(equal_constant_time("", "x"));
}

TEST_CASE("metrics are printed as Prometheus reads them") {
  Metrics metrics;
  metrics.count("test_total", "Things.", {{"kind", "a"}});
  metrics.count("test_total", "Things.", {{"kind", "a"}}, 2);
  metrics.set("test_depth", "Depth.", 4);
  const std::string text = metrics.text();
  CHECK(text.find("# TYPE test_total counter") != std::string::npos);
  CHECK(text.find("test_total{kind=\"a\"} 3") != std::string::npos);
  CHECK(text.find("test_depth 4") != std::string::npos);
  CHECK(text.find("process_resident_memory_bytes") != std::string::npos);
}

}  // namespace
}  // namespace holdpoint
