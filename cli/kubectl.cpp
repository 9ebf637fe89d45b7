#include "cli/kubectl.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/clock.hpp"
#include "base/text.hpp"

extern char** environ;

namespace holdpoint::cli {
namespace {

// An answer of the API server beyond this is no list that a person asked for.
constexpr std::size_t kMaxOutput = 512u * 1024 * 1024;
constexpr Duration kQuiet{1000};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error{
        ErrorKind::Internal, std::string("no pipe to kubectl: ") + std::strerror(errno), {}};
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

struct Actions {
  Actions() { posix_spawn_file_actions_init(&actions); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t actions;
};

struct Attributes {
  Attributes() { posix_spawnattr_init(&attributes); }
  ~Attributes() { posix_spawnattr_destroy(&attributes); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t attributes;
};

bool is_log_line(std::string_view line) {
  // klog: severity, four digits of the date, a blank.
  if (line.size() < 6 || std::string_view("IWEF").find(line[0]) == std::string_view::npos)
    return false;
  for (std::size_t i = 1; i < 5; ++i)
    if (line[i] < '0' || line[i] > '9') return false;
  return line[5] == ' ';
}

// How a call ended is for the caller to tell, however slow the API server is.
bool is_outcome(std::string_view line) {
  return line.starts_with("Error from server") || line.starts_with("error: ") ||
         line.starts_with("The connection to the server") || line.starts_with("Unable to connect");
}

// Shows what it said since `from`, whole lines only, up to its outcome.
std::size_t show_lines(const std::string& text, std::size_t from) {
  for (auto end = text.find('\n', from); end != std::string::npos; end = text.find('\n', from)) {
    const std::string_view line = std::string_view(text).substr(from, end - from);
    if (is_outcome(line)) break;
    std::fprintf(stderr, "%s\n", visible(line).c_str());
    from = end + 1;
  }
  return from;
}

}  // namespace

Result<Output> Kubectl::run(const std::vector<std::string>& args, const std::string* input) const {
  Pipe in;
  if (input != nullptr) {
    HP_ASSIGN(in, make_pipe());
  }
  HP_ASSIGN(Pipe out, make_pipe());
  HP_ASSIGN(Pipe err, make_pipe());

  Actions actions;
  if (input != nullptr)
    posix_spawn_file_actions_adddup2(&actions.actions, in.read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.actions, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.actions, err.write.get(), STDERR_FILENO);
  Attributes attributes;
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);  // ignored here, but kubectl shall have it as it expects
  posix_spawnattr_setsigdefault(&attributes.attributes, &defaults);
  posix_spawnattr_setflags(&attributes.attributes, POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words{program_};
  words.insert(words.end(), flags_.begin(), flags_.end());
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int failed = posix_spawnp(&child, program_.c_str(), &actions.actions,
                                      &attributes.attributes, argv.data(), environ))
    return Error{ErrorKind::Unavailable,
                 visible(program_) + " cannot be run: " + std::strerror(failed) +
                     "\n  next:  put kubectl on PATH, or name it in HOLDPOINT_KUBECTL",
                 {}};
  in.read.close();
  out.write.close();
  err.write.close();

  Output output;
  std::size_t written = 0, shown = 0;
  if (input != nullptr) ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  const Deadline quiet = Deadline::in(kQuiet);
  bool overflown = false;
  while (out.read.open() || err.read.open()) {
    std::array<pollfd, 3> fds{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0},
                              pollfd{in.write.get(), POLLOUT, 0}};
    const int patience = quiet.over() ? -1 : static_cast<int>(quiet.left().count()) + 1;
    if (::poll(fds.data(), fds.size(), patience) < 0 && errno != EINTR) break;
    const auto drain = [&](const pollfd& fd, Descriptor& from, std::string& to) {
      if (fd.revents == 0) return;
      std::array<char, 65536> buffer{};
      const auto got = ::read(from.get(), buffer.data(), buffer.size());
      if (got > 0) to.append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) from.close();
      if (to.size() > kMaxOutput) overflown = true, from.close();
    };
    drain(fds[0], out.read, output.out);
    drain(fds[1], err.read, output.err);
    if (fds[2].revents != 0) {
      const auto put = ::write(in.write.get(), input->data() + written, input->size() - written);
      if (put > 0) written += static_cast<std::size_t>(put);
      if (written == input->size() || (put < 0 && errno != EINTR && errno != EAGAIN))
        in.write.close();
    }
    if (quiet.over()) shown = show_lines(output.err, shown);
  }
  in.write.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  output.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  output.shown = output.err.substr(0, shown);
  output.err.erase(0, shown);
  if (overflown)
    return Error{ErrorKind::Invalid,
                 "kubectl printed more than 512 MiB: narrow it down, say to one namespace",
                 {}};
  return output;
}

Result<Json> Kubectl::json(const std::vector<std::string>& args, const std::string* input) const {
  HP_ASSIGN(Output output, run(args, input));
  if (output.exit_code != 0) {
    std::string message = clean_message(output.err);
    if (message.empty())
      message = "kubectl ended with exit code " + std::to_string(output.exit_code);
    return Error{kind_of_failure(output.err), std::move(message), {}};
  }
  for (const std::string& line : split(output.err, '\n'))
    if (line.starts_with("Warning: ")) std::fprintf(stderr, "%s\n", visible(line).c_str());
  auto parsed = parse_json(output.out);
  if (!parsed.ok()) return invalid("kubectl printed what is no JSON: " + parsed.error().message);
  return parsed;
}

std::string Kubectl::given_namespace() const {
  static constexpr std::string_view kFlag = "--namespace=";
  for (const std::string& flag : flags_)
    if (flag.starts_with(kFlag)) return flag.substr(kFlag.size());
  return {};
}

ErrorKind kind_of_failure(std::string_view text) {
  const auto says = [&](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  };
  if (says("(NotFound)")) return ErrorKind::NotFound;
  if (says("(Conflict)") || says("request is invalid") || says("(AlreadyExists)"))
    return ErrorKind::Conflict;
  if (says("(Forbidden)") || says("denied the request")) return ErrorKind::Forbidden;
  if (says("(Invalid)") || says("(BadRequest)")) return ErrorKind::Invalid;
  return ErrorKind::Unavailable;
}

std::string clean_message(std::string_view stderr_text) {
  std::vector<std::string> lines, log;
  for (const std::string& line : split(stderr_text, '\n')) {
    if (line.empty()) continue;
    (is_log_line(line) ? log : lines).push_back(visible(line));
  }
  std::string text = join(lines.empty() ? log : lines, "\n");
  // Error from server (Forbidden): error when creating "STDIN": admission webhook "x" denied the
  // request: words
  static constexpr std::string_view kDenied = "denied the request: ";
  if (const auto at = text.find(kDenied);
      at != std::string::npos && text.starts_with("Error from server")) {
    text.erase(0, at + kDenied.size());
  } else if (text.starts_with("Error from server (") && text.find("): ") != std::string::npos) {
    text.erase(0, text.find("): ") + 3);
  }
  if (text.starts_with("error: ")) text.erase(0, 7);
  return text;
}

std::string role_step(const std::string& message, const std::string& deciding) {
  // approvals.holdpoint.dev is forbidden: User "x" cannot create resource "approvals" in API group
  // "holdpoint.dev" in the namespace "web"
  const auto word_after = [&](std::string_view words) {
    const auto at = message.rfind(words);
    if (at == std::string::npos) return std::string();
    const auto from = at + words.size();
    return message.substr(from, message.find_first_of("\" /", from) - from);
  };
  if (word_after(" in API group \"") != "holdpoint.dev") return {};
  const std::string verb = word_after("\" cannot "), resource = word_after(" resource \"");
  const std::string space = word_after(" in the namespace \"");
  const bool reads = verb == "get" || verb == "list" || verb == "watch";
  std::string role;
  if (resource == "auditrecords")
    role = reads ? "holdpoint-auditor" : "";
  else if (reads)
    role = "holdpoint-viewer";
  else if (resource == "approvals")
    role = verb == "delete" ? "holdpoint-approver" : deciding;
  else if (resource == "approvalpolicies")
    role = "holdpoint-policy-admin";
  else if (resource == "approvalrequests" && verb == "create")
    role = "holdpoint-requester";
  if (role.empty()) return {};
  return "\n  next:  ask for a " + std::string(space.empty() ? "Cluster" : "") +
         "RoleBinding to the ClusterRole " + role + (space.empty() ? "" : " in namespace " + space);
}

}  // namespace holdpoint::cli
