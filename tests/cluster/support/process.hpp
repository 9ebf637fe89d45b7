// Runs a program to its end and keeps what it said. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"

namespace holdpoint::cluster {

struct Output {
  int exit_code = -1;  // 128 + n when signal n ended it; 124 when it took too long and was killed
  std::string out;
  std::string err;
  [[nodiscard]] bool ok() const { return exit_code == 0; }
  [[nodiscard]] std::string text() const;  // all of it, for INFO and CHECK_MESSAGE
};

// `command[0]` is looked up in PATH; `input` becomes its stdin.
[[nodiscard]] Output run(const std::vector<std::string>& command, const std::string& input = {},
                         Duration patience = Duration(90'000));

}  // namespace holdpoint::cluster
