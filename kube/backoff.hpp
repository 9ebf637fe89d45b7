// How long to wait before the next try: doubled each time, with jitter, so that many clients do not
// return at once. The room's own header; not thread-safe.
#pragma once

#include <algorithm>
#include <random>

#include "base/clock.hpp"

namespace holdpoint::kube {

// Between `low` and `high` times `duration`, evenly.
[[nodiscard]] inline Duration jittered(Duration duration, double low, double high) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  const double factor = std::uniform_real_distribution<double>(low, high)(generator);
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

class Backoff {
 public:
  Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}
  [[nodiscard]] Duration next() {
    const Duration wait = jittered(next_, 0.5, 1.0);
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration most_;
  Duration next_;
};

}  // namespace holdpoint::kube
