#include "tests/cluster/support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

extern char** environ;

namespace holdpoint::cluster {
namespace {

// Both ends close on exec; dup2 onto 0, 1 and 2 clears that for the child.
struct Pipe {
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
  }
  ~Pipe() { close_end(0), close_end(1); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  int ends[2];
};

}  // namespace

std::string Output::text() const {
  return "exit code " + std::to_string(exit_code) + "\nstdout:\n" + out + "\nstderr:\n" + err;
}

Output run(const std::vector<std::string>& command, const std::string& input, Duration patience) {
  Output output;
  Pipe in, out, err;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.ends[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.ends[1], 2);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    output.exit_code = 127;
    output.err = command[0] + ": " + std::strerror(failed);
    return output;
  }
  in.close_end(0), out.close_end(1), err.close_end(1);
  ::fcntl(in.ends[1], F_SETFL, O_NONBLOCK);

  const auto deadline = Deadline::in(patience);
  bool killed = false;
  std::size_t written = 0;
  if (input.empty()) in.close_end(1);
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    if (deadline.over() && !killed) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    std::array<pollfd, 3> watched{
        {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}}};
    const auto wait = killed ? 1'000 : static_cast<int>(deadline.left().count()) + 1;
    if (const int ready = ::poll(watched.data(), watched.size(), wait); ready == 0 && killed)
      break;  // a grandchild keeps the pipes open
    const auto drain = [](const pollfd& poll, Pipe& pipe, std::string& text) {
      if ((poll.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return;
      std::array<char, 16384> piece;
      const auto size = ::read(poll.fd, piece.data(), piece.size());
      if (size > 0) {
        text.append(piece.data(), static_cast<std::size_t>(size));
      } else {
        pipe.close_end(0);
      }
    };
    drain(watched[0], out, output.out);
    drain(watched[1], err, output.err);
    if (in.ends[1] >= 0 && watched[2].revents != 0) {
      const auto size = ::write(in.ends[1], input.data() + written, input.size() - written);
      if (size > 0) written += static_cast<std::size_t>(size);
      if (size < 0 || written == input.size()) in.close_end(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  output.exit_code = killed                ? 124
                     : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                           : WEXITSTATUS(status);
  return output;
}

}  // namespace holdpoint::cluster
