// A number of bytes that all connections share, and what one of them holds of it. Thread-safe; a
// Charge belongs to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace holdpoint::net {

class Budget {
 public:
  explicit Budget(std::uint64_t bytes) : left_(bytes) {}

  [[nodiscard]] bool take(std::uint64_t bytes) {
    std::uint64_t left = left_.load(std::memory_order_relaxed);
    do {
      if (left < bytes) return false;
    } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::uint64_t bytes) { left_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> left_;
};

class Charge {
 public:
  Charge() = default;
  explicit Charge(Budget& budget) : budget_(&budget) {}
  Charge(Charge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), held_(std::exchange(other.held_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(held_, other.held_);
    return *this;
  }
  ~Charge() {
    if (budget_ != nullptr) budget_->give_back(held_);
  }

  [[nodiscard]] std::uint64_t held() const { return held_; }
  // Holds `bytes` in all from now on; false, with nothing changed, when the budget has not that
  // much left.
  [[nodiscard]] bool grow_to(std::uint64_t bytes) {
    if (bytes <= held_) return true;
    if (budget_ == nullptr || !budget_->take(bytes - held_)) return false;
    held_ = bytes;
    return true;
  }

 private:
  Budget* budget_ = nullptr;
  std::uint64_t held_ = 0;
};

}  // namespace holdpoint::net
