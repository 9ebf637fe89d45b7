#include "core/notify/notice.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "core/approval/stages.hpp"
#include "core/approval/wording.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostNotified = 128;  // status.notified
// What each of 8 targets is told besides the steps of ladders: for that there is always room.
constexpr std::size_t kKeptFree = 8 * 5;
constexpr std::size_t kMostChanges = 10, kMostHits = 3;
constexpr std::size_t kColumns = 200;
constexpr Duration kNews{24 * 3'600'000};  // an end that nobody took for a day is not told any more

struct Reminder {
  const char* detail;  // of its id
  int tenths;          // of the waiting time
};
constexpr std::array<Reminder, 2> kReminders{{{"/50", 5}, {"/90", 9}}};

// nullopt unless it waits.
std::optional<Instant> time_of(const Reminder& reminder, const ApprovalRequest& request,
                               const Standing& standing) {
  const auto created = parse_rfc3339(request.metadata.creation_timestamp);
  // What waits for a check alone waits for nobody.
  if (standing.phase != RequestPhase::Pending || standing.only_checks ||
      !standing.expires_at.has_value() || !created.ok())
    return std::nullopt;
  return *created + (*standing.expires_at - *created) / 10 * reminder.tenths;
}

bool was_told(const ApprovalRequest& request, const std::string& id) {
  const auto& told = request.status.notified;
  return std::find(told.begin(), told.end(), id) != told.end();
}

// A notice under construction: what is said to people and to programs at once.
class Writer {
 public:
  Writer(const ApprovalRequest& request, RequestPhase phase, std::string what, std::string detail,
         Instant at) {
    const ApprovalRequestSpec& asked = request.spec;
    const Target& target = asked.target;
    notice_.id = what + detail;  // the target's name comes before it
    notice_.what = std::move(what);
    notice_.at = at;
    notice_.namespace_ = visible(request.metadata.namespace_);
    notice_.request = visible(request.metadata.name);
    notice_.uid = visible(request.metadata.uid);
    notice_.data = {
        {"request", notice_.request},
        {"requestUID", notice_.uid},
        {"namespace", notice_.namespace_},
        {"phase", to_string(phase)},
        {"operation", to_string(asked.operation)},
        {"target",
         {{"group", visible(target.group)},
          {"kind", visible(target.kind)},
          {"namespace", visible(target.namespace_)},
          {"name", visible(target.name.empty() ? target.generate_name + "*" : target.name)}}},
        {"changes", Json::array()}};
  }

  void title(const std::string& text) { notice_.lines.push_back(visible_cut(text, kColumns)); }
  void line(const char* label, const char* key, const std::string& text,
            std::size_t columns = kColumns) {
    if (text.empty()) return;
    const std::string shown = visible_cut(text, columns);
    notice_.lines.push_back(std::string(label) + ": " + shown);
    notice_.data[key] = shown;
  }
  void about(const ApprovalRequest& request) {
    const ApprovalRequestSpec& asked = request.spec;
    const std::size_t shown = std::min(asked.summary.size(), kMostChanges);
    for (std::size_t i = 0; i < shown; ++i) {
      const std::string change = visible_cut(asked.summary[i], kColumns);
      notice_.lines.push_back("change: " + change);
      notice_.data["changes"].push_back(change);
    }
    if (shown < asked.summary.size())
      notice_.lines.push_back("and " + count_of(asked.summary.size() - shown, "more change"));
    notice_.lines.push_back("target: " + visible_cut(describe_target(asked.target), 400));
    line("policy", "policy", asked.policy.name, 253);
    std::string risk(to_string(asked.risk.level));
    notice_.data["risk"] = risk;
    for (std::size_t i = 0; i < std::min(asked.risk.hits.size(), kMostHits); ++i)
      risk += (i == 0 ? ": " : "; ") + visible_cut(asked.risk.hits[i].what, 100);
    notice_.lines.push_back("risk: " + risk);
    line("asked by", "requester", person(asked.requester.username));
    line("reason", "reason", asked.reason);
  }
  Notice take() {
    notice_.data["command"] =
        "kubectl holdpoint show " + notice_.request + " -n " + notice_.namespace_;
    notice_.lines.push_back(notice_.data["command"]);
    return std::move(notice_);
  }

 private:
  Notice notice_;
};

Notice waits(const ApprovalRequest& request, const Standing& standing, const std::string& what,
             const std::string& detail, Instant at, const std::string& title,
             const std::string& also_asked = {}) {
  Writer writer(request, standing.phase, what, detail, at);
  writer.title(title);
  writer.about(request);
  writer.line("waits for", "waitsFor", standing.waiting_for);
  writer.line("asked as well", "askedAsWell", also_asked);
  if (standing.expires_at.has_value())
    writer.line("expires", "expiresAt", to_rfc3339(*standing.expires_at));
  return writer.take();
}

Notice glass_broken(const ApprovalRequest& request, const Standing& standing, RequestPhase phase,
                    const std::string& by, Instant at) {
  Writer writer(request, phase, "BreakGlass", "", at);
  writer.title("Glass broken: " + describe_target(request.spec.target) +
               " passes without its approvals");
  writer.about(request);
  writer.line("broken by", "brokenBy", person(by));
  const auto& decisions =
      is_end(request.status.phase) ? request.status.decisions : standing.decisions;
  for (const DecisionLine& decision : decisions)
    if (decision.decision == to_string(Decision::BreakGlass) && decision.username == by &&
        decision.note.empty()) {
      writer.line("because", "because", decision.reason);
      break;
    }
  writer.line("passed over", "passedOver", who_may(request.spec.stages, request.spec.risk.level),
              1000);
  const auto& debt = request.status.review.has_value() ? request.status.review : standing.review;
  if (debt.has_value()) writer.line("review due", "reviewDueAt", debt->due_at);
  return writer.take();
}

Notice ended(const ApprovalRequest& request, Instant at) {
  const std::string what(to_string(request.status.phase));
  Writer writer(request, request.status.phase, what, "", at);
  writer.title(what + ": " + describe_target(request.spec.target));
  writer.about(request);
  writer.line("result", "message", request.status.message, 600);
  return writer.take();
}

// Everything there is to tell this target by now, told or not, in the order of time. Only their
// ids lack the target.
std::vector<Notice> story(const ApprovalRequest& request, const Standing& standing,
                          const std::string& target, Instant now) {
  std::vector<Notice> notices;
  const bool over = is_end(request.status.phase);
  const RequestPhase phase = over ? request.status.phase : standing.phase;
  const std::string what = describe_target(request.spec.target);
  if (phase == RequestPhase::Pending && !standing.only_checks) {
    const auto created = parse_rfc3339(request.metadata.creation_timestamp);
    notices.push_back(waits(request, standing, "Requested", "", created.ok() ? *created : now,
                            "Approval wanted: " + what));
    std::optional<Notice> reminder;  // only the latest: two at once tell no more than one
    for (const Reminder& one : kReminders)
      if (const auto at = time_of(one, request, standing); at.has_value() && *at <= now)
        reminder = waits(request, standing, "Reminder", one.detail, *at,
                         "Still waits for approval: " + what);
    if (reminder.has_value()) notices.push_back(std::move(*reminder));
    for (const Escalation& step : standing.escalations) {
      const auto& named = step.what.notify;
      if (std::find(named.begin(), named.end(), target) == named.end()) continue;
      const Approvers& added = step.what.add_approvers;
      const bool adds =
          !added.groups.empty() || !added.users.empty() || !added.service_accounts.empty();
      notices.push_back(
          waits(request, standing, "Escalated", "/" + step.stage + "/" + std::to_string(step.step),
                step.at,
                "Escalated: " + what + " has waited " + step.what.after + " at stage " + step.stage,
                adds ? who_may(added) : ""));
    }
  }
  const std::string breaker = !over && !standing.glass_broken_by.empty() ? standing.glass_broken_by
                              : request.status.review.has_value()        ? request.status.review->by
                                                                         : "";
  const auto approved = parse_rfc3339(request.status.approved_at);
  const Instant passed_at = standing.approved_at.value_or(approved.ok() ? *approved : now);
  if (!breaker.empty() && now - passed_at < kNews)
    notices.push_back(glass_broken(request, standing, phase, breaker, passed_at));
  if (over) {
    const auto at = parse_rfc3339(request.status.ended_at);
    if (at.ok() && now - *at < kNews) notices.push_back(ended(request, *at));
  }
  std::stable_sort(notices.begin(), notices.end(),
                   [](const Notice& a, const Notice& b) { return a.at < b.at; });
  return notices;
}

}  // namespace

std::vector<Notice> due_notices(const ApprovalRequest& request, const ApprovalPolicy& policy,
                                const Standing& standing, Instant now) {
  std::vector<Notice> due;
  const auto& told = request.status.notified;
  const std::size_t room = kMostNotified - std::min(told.size(), kMostNotified);
  for (const NotifyTarget& target : policy.spec.notify) {
    const std::string prefix = target.name + "/";
    const bool knows = std::any_of(told.begin(), told.end(),
                                   [&](const std::string& id) { return id.starts_with(prefix); });
    for (Notice& notice : story(request, standing, target.name, now)) {
      notice.id = prefix + notice.id;
      notice.target = target.name;
      const bool is_ladder = notice.what == "Escalated";
      const bool is_over = is_end(request.status.phase) && notice.what != "BreakGlass";
      if (was_told(request, notice.id) || (is_over && !knows)) continue;
      if (due.size() + (is_ladder ? kKeptFree : 0) >= room) continue;
      due.push_back(std::move(notice));
    }
  }
  return due;
}

std::optional<Instant> next_reminder(const ApprovalRequest& request, const ApprovalPolicy& policy,
                                     const Standing& standing, Instant now) {
  if (policy.spec.notify.empty()) return std::nullopt;
  for (const Reminder& reminder : kReminders)
    if (const auto at = time_of(reminder, request, standing); at.has_value() && *at > now)
      return at;
  return std::nullopt;
}

}  // namespace holdpoint
