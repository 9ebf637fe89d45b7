// What the API server says on the wire, apart from the objects: paths, failures, warnings, lines of
// a watch.
//
// The room's own header: the pure half of client.cpp, so that each rule can be tested without a
// server. Thread-safe but for LineSplitter, which belongs to one stream.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/client.hpp"

namespace holdpoint::kube {

inline constexpr std::size_t kMaxWatchLine = std::size_t{64} << 20;
// Nesting accepted in answers: deeper than what comes in through admission, because lists wrap
// objects.
inline constexpr std::size_t kMaxAnswerDepth = 512;

enum class Names { One, Collection };  // whether a call is about one object or about a collection

// Refuses what would reach another resource than the caller meant: a missing name (a GET would
// list, a DELETE empty the collection), "." and "..", "/" and "%" in a name. Error: Invalid.
[[nodiscard]] Result<Done> check_path(const ResourcePath& path, Names names);

// "?a=1&b=2", escaped; empty for no parameters.
[[nodiscard]] std::string query_text(const Query& query);

// The Error for an answer other than 2xx, from its metav1.Status or, where a proxy answered, from
// its code. The cause is Status.reason; "Expired" for each 410; "ResourceVersionTooLarge" where the
// Status' causes tell that.
[[nodiscard]] Error error_of(int code, std::string_view body);
[[nodiscard]] Error error_of_status(int code, const Json& status);

// The warn-texts of a Warning header (RFC 7234, section 5.5), which may be several, joined by
// commas. What is not one ends the list.
[[nodiscard]] std::vector<std::string> parse_warnings(std::string_view header);

// One line of a watch. Error: what an ERROR event says, Invalid for an unknown type of event,
// Unavailable for what is not JSON.
[[nodiscard]] Result<WatchEvent> parse_watch_line(std::string_view line);

// Puts lines together from pieces that end anywhere.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line = kMaxWatchLine) : max_line_(max_line) {}
  // Calls `on_line` for each line that `bytes` completes, without its end; empty lines are left
  // out. False as soon as `on_line` returns false or a line is too long.
  bool feed(std::string_view bytes, const std::function<bool(std::string_view)>& on_line);
  [[nodiscard]] bool too_long() const { return too_long_; }
  // Whether the bytes so far end in the middle of a line.
  [[nodiscard]] bool unfinished() const { return !pending_.empty(); }

 private:
  std::size_t max_line_;
  bool too_long_ = false;
  std::string pending_;
};

}  // namespace holdpoint::kube
