// The two ends of one answer: a Reply in the handler's hands, an Exchange in the connection's.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "net/http_server.hpp"

namespace holdpoint::net {

class Exchange {
 public:
  // Only the first answer counts.
  void answer(ServerResponse response);
  // True when the answer is there; else `wake` is called once, by whoever answers, on that thread.
  [[nodiscard]] bool ready_or_wake(std::function<void()> wake);
  // The answer, or nothing when none came. Ends the exchange: later answers are dropped, `wake` is
  // forgotten.
  [[nodiscard]] std::optional<ServerResponse> take();

 private:
  std::mutex mutex_;  // guards what follows
  bool answered_ = false;
  std::optional<ServerResponse> response_;
  std::function<void()> wake_;
};

// Shared by all copies of a Reply; the last one to go answers if nobody has.
struct Reply::State {
  explicit State(std::shared_ptr<Exchange> its_exchange) : exchange(std::move(its_exchange)) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::shared_ptr<Exchange> exchange;
};

[[nodiscard]] ServerResponse plain_response(int status, std::string text);

}  // namespace holdpoint::net
