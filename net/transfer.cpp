#include "net/transfer.hpp"

#include <utility>

namespace holdpoint::net {
namespace {

// What may wait for the reader before the connection is left to fill up.
constexpr std::size_t kWindow = std::size_t{4} << 20;

}  // namespace

Transfer::Transfer() : streambuf_state_manager(std::ios_base::out) {}

void Transfer::head(int status, std::map<std::string, std::string> headers) {
  {
    const std::lock_guard lock(mutex_);
    has_head_ = true;
    status_ = status;
    headers_ = std::move(headers);
  }
  changed_.notify_one();
}

void Transfer::finish(std::optional<TransferFailure> failure) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    failure_ = std::move(failure);
  }
  changed_.notify_one();
}

void Transfer::interrupt() {
  std::optional<Blocked> blocked;
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    blocked = std::exchange(blocked_, std::nullopt);
  }
  changed_.notify_one();
  if (blocked) blocked->written.set(blocked->count);  // else the exchange would never end
}

Transfer::Event Transfer::next(Deadline::Point until) {
  std::optional<Blocked> blocked;
  {
    std::unique_lock lock(mutex_);
    const auto something = [this] {
      return interrupted_ || (has_head_ && !head_told_) || (head_told_ && !pieces_.empty()) ||
             ended_;
    };
    if (!changed_.wait_until(lock, until, something)) return Event::TimedOut;
    if (interrupted_) return Event::Stopped;
    if (has_head_ && !head_told_) {
      head_told_ = true;
      return Event::Head;
    }
    if (!head_told_ || pieces_.empty()) return failure_ ? Event::Failed : Event::End;
    piece_ = std::move(pieces_.front());
    pieces_.pop_front();
    waiting_bytes_ -= piece_.size();
    if (waiting_bytes_ <= kWindow) blocked = std::exchange(blocked_, std::nullopt);
  }
  if (blocked) blocked->written.set(blocked->count);
  return Event::Bytes;
}

bool Transfer::acquire(std::uint8_t*& at, std::size_t& count) {
  at = nullptr;
  count = 0;
  return false;
}

pplx::task<Transfer::int_type> Transfer::_putc(std::uint8_t byte) {
  return _putn(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
}

pplx::task<std::size_t> Transfer::_putn(const std::uint8_t* bytes, std::size_t count) {
  pplx::task<std::size_t> written = pplx::task_from_result(count);
  {
    const std::lock_guard lock(mutex_);
    if (interrupted_) return written;  // nobody reads any more
    pieces_.emplace_back(reinterpret_cast<const char*>(bytes), count);
    waiting_bytes_ += count;
    if (waiting_bytes_ > kWindow) {
      blocked_ = Blocked{pplx::task_completion_event<std::size_t>(), count};
      written = pplx::create_task(blocked_->written);
    }
  }
  changed_.notify_one();
  return written;
}

}  // namespace holdpoint::net
