// The bearer token of a client, from a file that somebody else rotates.
//
// The room's own header. A file that cannot be read leaves the last token in use: the API server is
// the one to say that it has expired. Thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace holdpoint::kube {

// A bound token is rotated when 80 % of its life (at least 10 minutes) is over, so a minute is soon
// enough.
inline constexpr Duration kTokenAge{60'000};

class TokenSource {
 public:
  // `file` wins over `token`; both may be empty.
  TokenSource(std::string token, std::string file);
  // Reads the file again when its modification time changed or `kTokenAge` is over.
  [[nodiscard]] std::string current();

 private:
  const std::string file_;
  std::mutex mutex_;  // guards what follows
  std::string token_;
  std::string stamp_;  // modification time and inode of what was read
  Deadline fresh_until_;
};

}  // namespace holdpoint::kube
