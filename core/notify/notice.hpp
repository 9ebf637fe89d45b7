// What people are told of a request over HTTP: each notice once per target, in the target's shape.
//
// due_notices() is all that follows from where a request stands and is not in its status.notified,
// so the request itself is the spool. A notice tells and never decides: its last line is the
// command that shows the request, and no shape has anything that approves. Every text in it is
// visible() and cut. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/approval/standing.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

struct Notice {
  std::string id;  // "<target>/<what>[/<stage>/<step>]", at most 128 characters, the same for ever
  std::string target;  // name of the NotifyTarget
  std::string what;    // Requested, Reminder, Escalated, BreakGlass, or the phase that ended it
  Instant at;          // when that happened
  std::string namespace_, request, uid;
  std::vector<std::string> lines;  // the first says what happened; the last is the command alone
  Json data;                       // the same for programs
};

// In the order of the policy's targets, then of time: of one target the first has to be delivered
// first. While a request waits: Requested, a Reminder at half and one at nine tenths of the time, a
// step of a ladder to the targets that it names. BreakGlass to all. Of an ended request, for a day:
// its end, to targets that were told of it before. Names that the policy does not have are left
// out.
[[nodiscard]] std::vector<Notice> due_notices(const ApprovalRequest& request,
                                              const ApprovalPolicy& policy,
                                              const Standing& standing, Instant now);

// When the next Reminder comes.
[[nodiscard]] std::optional<Instant> next_reminder(const ApprovalRequest& request,
                                                   const ApprovalPolicy& policy,
                                                   const Standing& standing, Instant now);

// `pattern` with {namespace} and {request} filled in; both are DNS names and need no escaping.
[[nodiscard]] std::string link_of(const Notice& notice, std::string pattern);

struct NoticeBody {
  std::string content_type;
  std::string json;
};

// CloudEvents 1.0 in structured mode; a message for a Slack incoming webhook; a message with an
// Adaptive Card for a Teams workflow ("when a Teams webhook request is received"). `link` is the
// receiver's own, never a user's; empty: none.
[[nodiscard]] NoticeBody body(NotifyType type, const Notice& notice, const std::string& link = {});

}  // namespace holdpoint
