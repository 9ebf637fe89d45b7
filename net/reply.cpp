#include "net/reply.hpp"

#include <utility>

namespace holdpoint::net {

void Exchange::answer(ServerResponse response) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return;
    answered_ = true;
    response_ = std::move(response);
    wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake();
}

bool Exchange::ready_or_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (answered_) return true;
  wake_ = std::move(wake);
  return false;
}

std::optional<ServerResponse> Exchange::take() {
  const std::lock_guard lock(mutex_);
  answered_ = true;
  wake_ = nullptr;
  return std::exchange(response_, std::nullopt);
}

Reply::State::~State() { exchange->answer(plain_response(500, "no answer was given")); }

void Reply::send(ServerResponse response) const { state_->exchange->answer(std::move(response)); }

ServerResponse plain_response(int status, std::string text) {
  ServerResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text) + "\n";
  return response;
}

}  // namespace holdpoint::net
