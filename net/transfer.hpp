// One HTTP exchange between cpprestsdk's pool, which pushes bytes in, and the thread that waits for
// them.
//
// The pool is never blocked: when the reader falls behind, the write stays open until it has caught
// up. Thread-safe; one reader.
#pragma once

#include <cpprest/astreambuf.h>
#include <cpprest/streams.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace holdpoint::net {

struct TransferFailure {
  std::string what;
  int code = 0;
  bool nothing_sent = false;  // the server cannot have seen the request
};

class Transfer final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  Transfer();

  // The pool's side.
  void head(int status, std::map<std::string, std::string> headers);
  void finish(std::optional<TransferFailure> failure);

  // The reader's side. What happened next, or TimedOut at `until`; Stopped after interrupt(),
  // before anything else.
  enum class Event { Head, Bytes, End, Failed, TimedOut, Stopped };
  [[nodiscard]] Event next(Deadline::Point until);
  void interrupt();
  // Valid after the event of that name.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::map<std::string, std::string>& headers() const { return headers_; }
  [[nodiscard]] const std::string& bytes() const { return piece_; }
  [[nodiscard]] const TransferFailure& failure() const { return *failure_; }

  // What cpprestsdk asks of a stream buffer. Bytes go in and nothing else does.
  [[nodiscard]] bool can_seek() const override { return false; }
  [[nodiscard]] bool has_size() const override { return false; }
  [[nodiscard]] utility::size64_t size() const override { return 0; }
  [[nodiscard]] std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  [[nodiscard]] std::size_t in_avail() const override { return 0; }
  [[nodiscard]] pos_type getpos(std::ios_base::openmode) const override { return traits::eof(); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return traits::eof(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return traits::eof();
  }
  bool acquire(std::uint8_t*& at, std::size_t& count) override;
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override;
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override;
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}
  pplx::task<int_type> _bumpc() override { return nothing(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return nothing(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return nothing(); }
  pplx::task<int_type> _ungetc() override { return nothing(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }

 private:
  static pplx::task<int_type> nothing() { return pplx::task_from_result<int_type>(traits::eof()); }

  struct Blocked {
    pplx::task_completion_event<std::size_t> written;
    std::size_t count;
  };

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool has_head_ = false;
  bool head_told_ = false;
  bool ended_ = false;
  bool interrupted_ = false;
  std::deque<std::string> pieces_;
  std::size_t waiting_bytes_ = 0;
  std::optional<Blocked> blocked_;
  int status_ = 0;  // not changed any more once told, as all below
  std::map<std::string, std::string> headers_;
  std::optional<TransferFailure> failure_;
  std::string piece_;  // the reader's
};

}  // namespace holdpoint::net
