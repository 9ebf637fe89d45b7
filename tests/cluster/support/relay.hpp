// A TCP relay on loopback between a client and the API server, which a test can break on purpose:
// TLS goes through untouched. One thread of its own; thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace holdpoint::cluster {

class Relay {
 public:
  // To `url`, such as https://127.0.0.1:6443.
  explicit Relay(const std::string& url);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::string url() const;  // what the client is given instead
  [[nodiscard]] int connections() const { return connections_; }  // open now

  void drop();           // closes every connection; new ones are welcome
  void refuse(bool on);  // closes every connection, and each new one at once
  void stall(bool on);   // keeps the connections and moves no byte

 private:
  struct Pair {
    int client;
    int server;
  };
  void run(const std::stop_token& stop);
  void wake() const;

  std::string scheme_;
  std::string host_;
  std::uint16_t port_ = 0;
  std::uint16_t own_port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::atomic<bool> drop_{false};
  std::atomic<bool> refuse_{false};
  std::atomic<bool> stall_{false};
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

}  // namespace holdpoint::cluster
