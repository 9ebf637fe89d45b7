#include "cli/card.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "cli/change_set.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/wording.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kLabelColumns = 10;
constexpr std::size_t kTextColumns = 160;
constexpr std::size_t kMaxDiffLines = 30;
constexpr std::size_t kMaxHits = 4;

// The rules of a policy that this user may not read, as far as the request tells them. Whether
// requesters may approve their own is not among it, nor when requests expire.
ApprovalPolicy policy_told_by(const ApprovalRequest& request) {
  ApprovalPolicy policy;
  policy.metadata.name = request.spec.policy.name;
  policy.metadata.uid = request.spec.policy.uid;
  policy.spec.stages = request.spec.stages;
  policy.spec.separation_of_duties = request.spec.separation_of_duties;
  policy.spec.auto_approve = request.spec.auto_approve;
  policy.spec.expiry = {"87600h", "87600h"};
  const auto& lines = request.status.decisions;
  policy.spec.break_glass.allowed = std::any_of(lines.begin(), lines.end(), [](const auto& line) {
    return line.decision == "BreakGlass" && line.note.empty();
  });
  return policy;
}

// What next_state() and objection() ask for; lives as long as `dossier` and itself.
struct Judged {
  explicit Judged(const Dossier& dossier);
  Judged(const Judged&) = delete;
  Judged& operator=(const Judged&) = delete;
  ApprovalRequest request;
  ApprovalPolicy policy;
  StandingInput input;
};

Judged::Judged(const Dossier& dossier) : request(dossier.request), policy(dossier.policy) {
  if (dossier.policy_is == Dossier::PolicyIs::Unreadable) {
    policy = policy_told_by(request);
    request.spec.policy.hash = policy_hash(policy.spec);
  }
  input.request = &request;
  if (dossier.policy_is != Dossier::PolicyIs::Gone) input.policy = &policy;
  for (const Approval& approval : dossier.approvals) {
    // Only Holdpoint may ask whether somebody else may approve: what it found out stands in the
    // status.
    const auto& lines = dossier.request.status.decisions;
    const auto line = std::find_if(lines.begin(), lines.end(), [&](const DecisionLine& decision) {
      return decision.approval == approval.metadata.name;
    });
    const bool counts = line == lines.end() || line->note.empty();
    input.ballots.push_back({approval, counts, counts, {}});
  }
  for (const std::string& writer : dossier.writers) input.writers.push_back({writer, {}, {}});
  input.now = dossier.now;
}

std::string place(const ApprovalRequest& request) {
  return visible(request.metadata.name) + " -n " + visible(request.metadata.namespace_);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string how_it_waits(const ApprovalRequestSpec& spec) {
  switch (spec.hold) {
    case RequestHold::Suspend:
      return "stored, but nothing of it runs until approved";
    case RequestHold::Gate:
      return "stored, and its pods wait until approved";
    case RequestHold::Deny:
      return "not stored; to be applied again once approved";
    case RequestHold::Retry:
      return "not stored; the client tries again by itself";
  }
  return {};
}

std::string ago(const std::string& time, Instant now) {
  const auto then = parse_rfc3339(time);
  return then.ok() ? humanize(std::chrono::duration_cast<Duration>(now - *then)) : "?";
}

std::string until(Instant then, Instant now) {
  return then > now ? humanize(std::chrono::duration_cast<Duration>(then - now)) : "0s";
}

std::string quoted(const std::string& reason) {
  return reason.empty() ? "" : ": \"" + visible_cut(reason, kTextColumns) + "\"";
}

bool is_own(const Dossier& dossier) {
  return same_person(*dossier.me, dossier.request.spec.requester) ||
         dossier.writers.contains(dossier.me->username);
}

std::string verb(const std::string& decision) {
  if (decision == "Approve") return "approved by ";
  if (decision == "Deny") return "denied by ";
  if (decision == "Withdraw") return "withdrawn by ";
  if (decision == "BreakGlass") return "glass broken by ";
  if (decision == "Review") return "reviewed by ";
  return visible_cut(decision, 20) + " by ";
}

// " within 45s", of what lasts until then; empty where that is no time, or is over.
std::string within(const std::string& time, Instant now) {
  const auto then = parse_rfc3339(time);
  return then.ok() && *then > now ? " within " + until(*then, now) : "";
}

// Has its approvals, and they count for a while.
bool is_counting(const Standing& standing) {
  return standing.phase == RequestPhase::Approved || standing.phase == RequestPhase::Scheduled ||
         (standing.phase == RequestPhase::Pending && standing.only_checks);
}

// Nothing ran before that could be put back.
bool is_new(const ApprovalRequest& request) { return request.spec.operation == Operation::Create; }

std::string typed_place(const ApprovalRequest& request) {
  return typed_target(request.spec.target) + " -n " + visible(request.metadata.namespace_);
}

// Where the object could not be read, as far as the request tells.
bool is_held_still(const Dossier& dossier) {
  const ApprovalRequestSpec& spec = dossier.request.spec;
  if (!is_stored_held(spec.hold) || dossier.live.is == Live::Is::Absent) return false;
  if (dossier.live.is == Live::Is::Unknown) return true;
  const RawObject& object = dossier.live.object;
  const Marks marks = read_marks(object, pausable(spec.target.group, spec.target.resource));
  return marks.holds() &&
         held_request(marks, spec.policy.name, object) == dossier.request.metadata.name;
}

}  // namespace

std::string typed_target(const Target& target) {
  std::string kind = target.kind;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) {
    return c < 128 ? static_cast<char>(std::tolower(c)) : '?';
  });
  return visible(kind + "/" + (target.name.empty() ? target.generate_name + "*" : target.name));
}

std::string labelled(std::string label, const std::string& text) {
  label.resize(kLabelColumns, ' ');
  return label + text;
}

std::string put_back_command(const ApprovalRequest& request) {
  return (is_new(request) ? "kubectl delete " : "kubectl holdpoint abandon ") +
         typed_place(request);
}

std::string review_command(const ApprovalRequest& request) {
  return "kubectl holdpoint review " + place(request);
}

Standing standing_of(const Dossier& dossier) {
  const Judged judged(dossier);
  Standing standing = next_state(judged.input);
  const ApprovalRequestStatus& seen = dossier.request.status;
  // What this user may not read is as the operator saw it last: it may be a second old, not wrong.
  const bool frozen = dossier.policy_is == Dossier::PolicyIs::Unreadable &&
                      standing.phase == RequestPhase::Approved &&
                      seen.phase == RequestPhase::Scheduled;
  const bool as_seen =
      (!dossier.approvals_unknown.empty() || frozen) && seen.observed_generation > 0;
  if (as_seen) {
    standing.phase = seen.phase;
    standing.message = seen.message;
    standing.waiting_for = seen.phase == RequestPhase::Pending ? seen.message : "";
    standing.only_checks = seen.phase == RequestPhase::Pending && approvals_missing(seen) == 0;
    standing.approved_so_far = seen.approvals.empty() ? standing.waiting_for : seen.approvals;
    standing.decisions = seen.decisions;
    standing.review = seen.review;
  }
  if (as_seen || dossier.policy_is == Dossier::PolicyIs::Unreadable) {
    const auto expires = parse_rfc3339(seen.expires_at);
    standing.expires_at =
        expires.ok() && !is_end(standing.phase) ? std::optional(*expires) : std::nullopt;
  }
  if (dossier.policy_is == Dossier::PolicyIs::Unreadable) {
    // Whether the policy lets the glass be broken is not to be seen: what the operator saw stands.
    standing.decisions = seen.decisions;
    standing.review = seen.review;
  }
  return standing;
}

std::string may_approve(const Dossier& dossier) {
  if (!dossier.me) return "unknown: the API server would not say who you are";
  if (!dossier.authorized) return "unknown: the API server would not say what you may";
  const Judged judged(dossier);
  Ballot mine;
  mine.approval.spec.author = *dossier.me;
  mine.authorized = *dossier.authorized;
  const auto why = objection(judged.input, mine);
  const bool unclear = dossier.policy_is == Dossier::PolicyIs::Unreadable && why &&
                       *dossier.authorized && is_own(dossier);
  if (unclear)
    return "unknown: it is your own change, and you may not read what the policy says of that";
  return why ? "no: " + first_line(*why) : "yes";
}

std::string card(const Dossier& dossier, Colour colour) {
  const ApprovalRequestSpec& spec = dossier.request.spec;
  const Standing standing = standing_of(dossier);
  const bool over = is_end(standing.phase);
  std::string text = painted(standing.phase, colour) + "  risk " +
                     std::string(to_string(spec.risk.level)) + "  " + describe_target(spec.target) +
                     "  (" + std::string(to_string(spec.operation)) + ")\n";
  const auto line = [&](const char* label, const std::string& value) {
    text += "\n" + labelled(label, value);
  };
  for (std::size_t i = 0; i < spec.summary.size(); ++i)
    line(i == 0 ? "change" : "", visible_cut(spec.summary[i], kTextColumns));
  line("now", state_now(dossier.request, dossier.live, dossier.now));
  const std::string last = last_change(dossier.request, dossier.live, dossier.now);
  if (!over && !last.empty()) line("last", last);
  const std::size_t hits = std::min(spec.risk.hits.size(), kMaxHits);
  for (std::size_t i = 0; i < hits; ++i)
    line(i == 0 ? "risk" : "", std::string(to_string(spec.risk.hits[i].level)) + ": " +
                                   visible_cut(spec.risk.hits[i].what, kTextColumns));
  if (hits < spec.risk.hits.size())
    line("", "and " + count_of(spec.risk.hits.size() - hits, "lesser one"));
  line("policy", visible(spec.policy.name) + " gates " + std::string(to_string(spec.operation)) +
                     " of " + visible(spec.target.resource) + ": " + how_it_waits(spec));
  for (const std::string& told : told_of_origin(dossier.request)) line("from", told);
  if (!standing.frozen.empty()) line("freeze", visible_cut(standing.frozen, 2 * kTextColumns));
  for (const CheckState& check : standing.checks)
    line("check", visible_cut(describe_check(check, dossier.now), 2 * kTextColumns));
  if (!spec.change_set.empty()) line("set", visible_cut(spec.change_set, kTextColumns));
  line("asked", ago(dossier.request.metadata.creation_timestamp, dossier.now) + " ago by " +
                    person(spec.requester.username) +
                    (spec.client.empty() ? "" : ", through " + visible_cut(spec.client, 80)) +
                    (spec.attempt > 1 ? ", attempt " + std::to_string(spec.attempt) : "") +
                    (standing.expires_at && !over && !is_counting(standing)
                         ? "; expires in " + until(*standing.expires_at, dossier.now)
                         : "") +
                    quoted(spec.reason));
  for (const std::string& writer : dossier.writers)
    if (writer != spec.requester.username) line("written", "by " + person(writer) + " as well");
  for (const DecisionLine& decision : standing.decisions) {
    const std::string counts = !decision.note.empty()
                                   ? "does not count, " + visible_cut(decision.note, kTextColumns)
                               : decision.stage.empty() ? ""
                                                        : "for " + visible(decision.stage);
    line("decided", verb(decision.decision) + person(decision.username) +
                        (counts.empty() ? "" : " (" + counts + ")") + quoted(decision.reason));
  }
  if (!dossier.approvals_unknown.empty())
    line("decided", "newer decisions are unknown: " +
                        visible_cut(first_line(dossier.approvals_unknown), kTextColumns));
  if (is_owed(standing.review))
    line("owed", "a review by somebody else than " + person(standing.review->by) + ", until " +
                     visible(standing.review->due_at));
  if (over) {
    line("outcome", visible_cut(standing.message, 2 * kTextColumns));
  } else {
    const bool pending = standing.phase == RequestPhase::Pending;
    std::string stands =
        visible_cut(pending ? standing.approved_so_far : standing.message, 2 * kTextColumns);
    if (is_counting(standing) && standing.expires_at && *standing.expires_at < Instant::max())
      stands += "; counts until " + to_rfc3339(*standing.expires_at) + " (in " +
                until(*standing.expires_at, dossier.now) + ")";
    // Where nobody is needed any more, nobody asks whether they are.
    if (standing.phase == RequestPhase::Scheduled || (pending && !standing.only_checks))
      stands += "; you may approve: " + may_approve(dossier);
    line("approval", stands);
    const std::string checks = names_of_held_up(standing.checks);
    if (pending && !checks.empty()) line("waits", "for " + visible(checks) + " (above)");
  }
  const DiffNow diff = diff_now(
      dossier.request, dossier.policy_is == Dossier::PolicyIs::Read ? &dossier.policy : nullptr,
      dossier.live);
  if (!diff.text.empty()) {
    text += "\n\ndiff " + diff.basis + ":";
    const std::vector<std::string> lines = split(diff.text, '\n');
    const bool fits = lines.size() <= kMaxDiffLines;
    for (std::size_t i = 0; i < (fits ? lines.size() : kMaxDiffLines - 1); ++i)
      text += "\n  " + visible_cut(lines[i], 130);
    if (!fits) text += "\n  … " + count_of(lines.size() - (kMaxDiffLines - 1), "more line");
  }
  return text;
}

std::string next_steps(const Dossier& dossier) {
  const ApprovalRequest& request = dossier.request;
  const Standing standing = standing_of(dossier);
  std::vector<std::string> steps;
  const auto step = [&](const char* label, const std::string& command) {
    steps.push_back(labelled(label, command));
  };
  if (is_owed(standing.review)) return labelled("review", review_command(request));
  const bool may_not = may_approve(dossier).starts_with("no");
  switch (standing.phase) {
    case RequestPhase::Pending:
      if (standing.only_checks)
        step("look", "kubectl holdpoint show " + place(request));
      else
        step(may_not ? "pass on" : "approve", "kubectl holdpoint approve " + place(request));
      [[fallthrough]];
    case RequestPhase::Scheduled:
      if (dossier.me && same_person(*dossier.me, request.spec.requester))
        step("withdraw", "kubectl holdpoint withdraw " + place(request));
      else if (!may_not)
        step("deny", "kubectl holdpoint deny " + place(request) + " --reason '...'");
      break;
    case RequestPhase::Approved:
      if (is_stored_held(request.spec.hold))
        step("release", "kubectl holdpoint resume " + typed_place(request));
      break;
    case RequestPhase::Superseded:
    case RequestPhase::Stale:
      step("waiting", "kubectl holdpoint list -n " + visible(request.metadata.namespace_));
      [[fallthrough]];
    case RequestPhase::Denied:
    case RequestPhase::Expired:
    case RequestPhase::Withdrawn:
      if (!is_held_still(dossier)) break;
      step(is_new(request) ? "remove" : "put back", put_back_command(request));
      // The Job whose pods waited has failed; a policy that is gone asks for nothing.
      if (request.spec.hold != RequestHold::Gate && dossier.policy_is != Dossier::PolicyIs::Gone)
        step("ask again", ask_again_command(request.spec.target, visible(request.metadata.name)));
      break;
    case RequestPhase::Released:
      break;
  }
  if (is_end(standing.phase) && dossier.reads_trail)
    step("trail", "kubectl holdpoint audit list --request " + visible(request.metadata.name));
  return join(steps, "\n");
}

std::string outcome(const ApprovalRequest& request, Decision decision, const std::string& approval,
                    bool counted, Instant now) {
  const std::string target = describe_target(request.spec.target);
  const std::string by = " (" + visible(approval) + ")";
  const RequestPhase phase = request.status.phase;
  const std::string not_counted =
      "stored as " + visible(approval) +
      ", but Holdpoint's operator has not counted it yet; it counts all the same. Look again: "
      "kubectl holdpoint show " +
      place(request);
  const std::string over = "stored as " + visible(approval) +
                           ", but the request was over: " + std::string(to_string(phase)) + ", " +
                           visible_cut(request.status.message, kTextColumns);
  const bool gated = request.spec.hold == RequestHold::Gate;
  const std::string stays = gated ? target + " fails, and none of its pods has run"
                            : request.spec.hold == RequestHold::Suspend
                                ? target + " stays held; to " +
                                      (is_new(request) ? "remove it: " : "put back what ran: ") +
                                      put_back_command(request)
                            : request.spec.operation == Operation::Create
                                ? target + " is not stored"
                                : target + " stays as it is";
  const std::string owed =
      decision == Decision::BreakGlass && is_owed(request.status.review)
          ? "\nSomebody else owes a review of it" + within(request.status.review->due_at, now) +
                "; until it is done you can break no other glass. Pass it on:\n" +
                review_command(request)
          : "";
  const std::string done = decision == Decision::BreakGlass ? "glass broken" : "approved";
  const std::string again =
      request.spec.operation == Operation::Delete ? "delete it again" : "apply the change again";
  switch (decision) {
    case Decision::Deny:
      if (phase == RequestPhase::Denied) return "denied" + by + ": " + stays;
      return is_end(phase) ? over : not_counted;
    case Decision::Withdraw:
      if (phase == RequestPhase::Withdrawn) return "withdrawn" + by + ": " + stays;
      return is_end(phase) ? over : not_counted;
    case Decision::Review:
      return counted ? "reviewed" + by + ": nothing is owed for it any more" : not_counted;
    case Decision::BreakGlass:
      if (counted && !is_end(phase) && phase != RequestPhase::Approved) return not_counted;
      break;
    case Decision::Approve:
      break;
  }
  if (phase == RequestPhase::Released) return done + by + ": " + target + " is released" + owed;
  if (phase == RequestPhase::Approved) {
    switch (request.spec.hold) {
      case RequestHold::Suspend:
      case RequestHold::Gate:
        return done + by + ": " + target + " is being released" + owed;
      case RequestHold::Deny:
        return done + by + ": " + again + within(request.status.expires_at, now) + owed;
      case RequestHold::Retry:
        return done + by + ": the client that waits goes through by itself, or " + again + owed;
    }
  }
  if (is_end(phase)) return over;
  if (!counted) return not_counted;
  const std::string held_up = held_up_by(check_states(request, nullptr, now));
  // Whoever lacks approvals as well is told of both by the status.
  if (phase != RequestPhase::Pending || held_up.empty() || approvals_missing(request.status) != 0)
    return "approved" + by + ": " + visible_cut(request.status.message, kTextColumns);
  const std::string left = within(request.status.expires_at, now);
  return "approved" + by + ": waits for " + visible_cut(held_up, kTextColumns) +
         (is_stored_held(request.spec.hold) ? "; goes on by itself when that passes"
          : request.spec.hold == RequestHold::Retry
              ? "; the client that waits goes through by itself when that passes"
              : "; " + again + " when that passes") +
         (left.empty() ? "" : "," + left);
}

std::string waits_for(const ApprovalRequest& request, Instant now) {
  const ApprovalRequestStatus& status = request.status;
  if (status.phase == RequestPhase::Scheduled) return "its time";
  if (status.phase != RequestPhase::Pending) return "-";
  std::vector<std::string> parts;
  const auto missing = approvals_missing(status);
  if (!missing.has_value())
    parts.emplace_back("approval");
  else if (*missing > 0)
    parts.push_back(count_of(static_cast<std::size_t>(*missing), "more approval"));
  const std::string checks = names_of_held_up(check_states(request, nullptr, now));
  if (!checks.empty()) parts.push_back(checks);
  return visible_cut(parts.empty() ? status.message : join(parts, ", "), 60);
}

std::string request_table(std::vector<ApprovalRequest> requests, Instant now, Colour colour) {
  std::sort(
      requests.begin(), requests.end(), [](const ApprovalRequest& a, const ApprovalRequest& b) {
        return std::tie(a.metadata.namespace_, a.metadata.creation_timestamp, a.metadata.name) <
               std::tie(b.metadata.namespace_, b.metadata.creation_timestamp, b.metadata.name);
      });
  const bool sets = std::any_of(requests.begin(), requests.end(), [](const ApprovalRequest& one) {
    return !one.spec.change_set.empty();
  });
  std::vector<std::vector<Cell>> rows;
  for (const ApprovalRequest& request : requests) {
    const ApprovalRequestStatus& status = request.status;
    std::string change =
        request.spec.summary.empty() ? "-" : visible_cut(request.spec.summary.front(), 60);
    if (request.spec.summary.size() > 1)
      change += " (+" + std::to_string(request.spec.summary.size() - 1) + ")";
    const auto expires = parse_rfc3339(status.expires_at);
    const std::string phase = std::string(to_string(status.phase)) +
                              (is_owed(request.status.review) ? ", review owed" : "");
    rows.push_back({{visible(request.metadata.namespace_), {}},
                    {visible(request.metadata.name), {}},
                    {phase, painted(status.phase, colour, phase)},
                    {visible_cut(typed_target(request.spec.target), 60), {}},
                    {change, {}},
                    {std::string(to_string(request.spec.risk.level)), {}},
                    {status.approvals.empty() ? "-" : visible_cut(status.approvals, 20), {}},
                    {waits_for(request, now), {}},
                    {visible_cut(person(request.spec.requester.username), 50), {}},
                    {ago(request.metadata.creation_timestamp, now), {}},
                    {expires.ok() && !is_end(status.phase) ? until(*expires, now) : "-", {}}});
    if (sets)
      rows.back().push_back(
          {request.spec.change_set.empty() ? "-" : visible_cut(request.spec.change_set, 60), {}});
  }
  std::vector<std::string> head{"NAMESPACE", "NAME",      "STATE",     "TARGET", "CHANGE", "RISK",
                                "APPROVALS", "WAITS FOR", "REQUESTER", "AGE",    "EXPIRES"};
  if (sets) head.emplace_back("CHANGE SET");
  return table(head, rows);
}

std::string leftover_table(const std::vector<ApprovalRequest>& requests, Colour colour) {
  std::vector<std::vector<Cell>> rows;
  for (const ApprovalRequest& request : requests) {
    const RequestPhase phase = request.status.phase;
    rows.push_back({{visible(request.metadata.namespace_), {}},
                    {visible(request.metadata.name), {}},
                    {std::string(to_string(phase)), painted(phase, colour)},
                    {put_back_command(request), {}}});
  }
  return table({"NAMESPACE", "NAME", "STATE", "TO PUT BACK WHAT RAN, OR REMOVE WHAT IS NEW"}, rows);
}

}  // namespace holdpoint::cli
