// The command line of kubectl-holdpoint: flags to commands, errors to exit codes.
//
// Reads what people type and hands it on, checked; does nothing itself. Not thread-safe: one call a
// process.
#pragma once

namespace holdpoint::cli {

// 0: done. 1: refused, failed or not proven. 2: the command line is wrong.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace holdpoint::cli
