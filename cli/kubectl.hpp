// The user's own kubectl, run as a process: that way exec credentials, proxies and contexts work as
// they do there.
//
// Arguments go as a vector, never through a shell. Nothing here reads a kubeconfig or a token.
// Thread-safe: each call is a process of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crds/json.hpp"

namespace holdpoint::cli {

struct Output {
  int exit_code = 0;  // 128 + n when signal n ended it
  std::string out, err;
  std::string shown;  // what stood before `err` and went to the terminal while it ran
};

class Kubectl {
 public:
  // `program` is a path or a name to look up in PATH; `flags` are the connection flags that every
  // call gets
  // ("--context=x").
  Kubectl(std::string program, std::vector<std::string> flags)
      : program_(std::move(program)), flags_(std::move(flags)) {}

  // Runs it to its end, whatever that is. What it writes to stderr for longer than a second shows
  // at once: it may ask the user to log in. Without `input` it has our own stdin. Error:
  // Unavailable where it cannot be started.
  [[nodiscard]] Result<Output> run(const std::vector<std::string>& args,
                                   const std::string* input = nullptr) const;

  // The JSON that it prints. Errors: NotFound, Conflict, Forbidden as the API server said, Invalid
  // for no JSON, Unavailable for the rest; the message is what kubectl said, cleaned. Warnings go
  // to stderr.
  [[nodiscard]] Result<Json> json(const std::vector<std::string>& args,
                                  const std::string* input = nullptr) const;

  // Of its flags; empty where they name none.
  [[nodiscard]] std::string given_namespace() const;

 private:
  std::string program_;
  std::vector<std::string> flags_;
};

// What kubectl said, for people: made visible line by line, without its log lines where something
// else is there, and without the prefixes that API server and kubectl put before a webhook's words.
[[nodiscard]] std::string clean_message(std::string_view stderr_text);
[[nodiscard]] ErrorKind kind_of_failure(std::string_view stderr_text);

// The next step where RBAC refused something of Holdpoint's own kinds: the ClusterRole to ask for,
// as lines to add to `message`; empty for any other message. `deciding`: the one that lets this
// decision be made.
[[nodiscard]] std::string role_step(const std::string& message,
                                    const std::string& deciding = "holdpoint-approver");

}  // namespace holdpoint::cli
