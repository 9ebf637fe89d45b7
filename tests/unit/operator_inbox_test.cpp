#include <doctest/doctest.h>

#include <thread>

#include "operator/inbox.hpp"

namespace holdpoint::operator_ {
namespace {

TEST_CASE("a name that is added twice comes once") {
  Inbox inbox;
  inbox.add("a");
  inbox.add("a");
  CHECK(inbox.size() == 1);
  CHECK(inbox.next({}) == "a");
  CHECK(inbox.size() == 0);
}

TEST_CASE("the name that is due first comes first, and of two times the earlier one counts") {
  Inbox inbox;
  inbox.add_after("late", Duration(60'000));
  inbox.add_after("soon", Duration(30));
  inbox.add("now");
  CHECK(inbox.next({}) == "now");
  CHECK(inbox.next({}) == "soon");
  inbox.add_after("late", Duration(0));
  inbox.add_after("late", Duration(90'000));
  CHECK(inbox.next({}) == "late");
}

TEST_CASE("a name that is added meanwhile wakes whoever waits for a later one") {
  Inbox inbox;
  inbox.add_after("later", Duration(60'000));
  std::optional<std::string> got;
  std::jthread waiter([&](const std::stop_token& stop) { got = inbox.next(stop); });
  wait_for(Duration(20), {});
  inbox.add("now");
  waiter.join();
  CHECK(got == "now");
}

TEST_CASE("a stop ends the waiting, with and without names that wait") {
  for (const bool waits : {false, true}) {
    Inbox inbox;
    if (waits) inbox.add_after("later", Duration(60'000));
    std::optional<std::string> got = "untouched";
    std::jthread waiter([&](const std::stop_token& stop) { got = inbox.next(stop); });
    wait_for(Duration(20), {});
    waiter.request_stop();
    waiter.join();
    CHECK_FALSE(got.has_value());
  }
}

TEST_CASE("what failed comes back later each time, and at once after it was forgiven") {
  Inbox inbox;
  const auto waited = [&] {
    const Deadline start = Deadline::in(Duration(0));
    inbox.add_failed("x");
    REQUIRE(inbox.next({}) == "x");
    return Deadline::in(Duration(0)).point() - start.point();
  };
  const auto first = waited(), second = waited();
  CHECK(first >= Duration(90));
  CHECK(second > first);
  inbox.forgive("x");
  CHECK(waited() < second);
}

}  // namespace
}  // namespace holdpoint::operator_
