// A queue of names to look at: each name at most once, now or later, with back-off after failures.
//
// Reconcilers get a name, never an event: whatever happened meanwhile, they read what is true.
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"

namespace holdpoint::operator_ {

class Inbox {
 public:
  // Due now, whatever was planned for it.
  void add(const std::string& name) { add_after(name, Duration(0)); }
  // Due after `delay`; an earlier plan for the same name stays.
  void add_after(const std::string& name, Duration delay);
  // After a failure: 0.2 s, doubled each time up to 30 s. forgive() starts over.
  void add_failed(const std::string& name);
  void forgive(const std::string& name);

  // Waits for the next name that is due; nullopt when asked to stop.
  [[nodiscard]] std::optional<std::string> next(const std::stop_token& stop);
  [[nodiscard]] std::size_t size() const;

 private:
  using Point = std::chrono::steady_clock::time_point;
  mutable std::mutex mutex_;  // guards due_ and failures_
  std::condition_variable_any wake_;
  std::map<std::string, Point> due_;
  std::map<std::string, int> failures_;
};

}  // namespace holdpoint::operator_
