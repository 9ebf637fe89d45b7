#include "operator/inbox.hpp"

#include <algorithm>

namespace holdpoint::operator_ {

void Inbox::add_after(const std::string& name, Duration delay) {
  const Point due = std::chrono::steady_clock::now() + delay;
  {
    const std::lock_guard lock(mutex_);
    const auto [at, added] = due_.emplace(name, due);
    if (!added) at->second = std::min(at->second, due);
  }
  wake_.notify_one();
}

void Inbox::add_failed(const std::string& name) {
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    failures = failures_[name]++;
  }
  add_after(name, std::min(Duration(200) * (1 << std::min(failures, 8)), Duration(30'000)));
}

void Inbox::forgive(const std::string& name) {
  const std::lock_guard lock(mutex_);
  failures_.erase(name);
}

std::optional<std::string> Inbox::next(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto soonest = std::min_element(
        due_.begin(), due_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (soonest == due_.end()) {
      wake_.wait(lock, stop, [this] { return !due_.empty(); });
      continue;
    }
    if (soonest->second <= std::chrono::steady_clock::now()) {
      std::string name = soonest->first;
      due_.erase(soonest);
      return name;
    }
    const Point until = soonest->second;
    // Woken by anything that may be due sooner.
    wake_.wait_until(lock, stop, until, [&] {
      return std::any_of(due_.begin(), due_.end(),
                         [&](const auto& entry) { return entry.second < until; });
    });
  }
  return std::nullopt;
}

std::size_t Inbox::size() const {
  const std::lock_guard lock(mutex_);
  return due_.size();
}

}  // namespace holdpoint::operator_
