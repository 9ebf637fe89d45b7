#include "core/approval/standing.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/slots.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";
constexpr std::size_t kReasonColumns = 200;

std::string person(const std::string& username) {
  return visible_cut(username, 80) + (mixes_scripts(username) ? " (mixed scripts!)" : "");
}

std::string quoted(const std::string& reason) {
  return reason.empty() ? "" : ": \"" + visible_cut(reason, kReasonColumns) + "\"";
}

bool has(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// What the request needs from both, what it was asked under and what the policy says now, is checked by hash: they
// are the same, or the request is stale. So the recorded stages are the stages.
const std::vector<Stage>& stages_of(const StandingInput& input) { return input.request->spec.stages; }

bool may_be_requester(const StandingInput& input) {
  return input.policy != nullptr && input.policy->spec.separation_of_duties.requester_may_approve;
}

// Whose change it is: the one who asked, or whose write it is.
bool is_theirs(const StandingInput& input, const Identity& who) {
  return same_person(who, input.request->spec.requester) ||
         std::any_of(input.writers.begin(), input.writers.end(),
                     [&](const Identity& writer) { return same_person(who, writer); });
}

bool named_somewhere(const StandingInput& input, const Identity& who) {
  const auto& stages = stages_of(input);
  return std::any_of(stages.begin(), stages.end(), [&](const Stage& stage) { return is_eligible(stage, who); });
}

// Why an approval does not count; empty where it does. `until` is when the request stopped waiting.
std::string void_because(const StandingInput& input, const Ballot& ballot, Instant created, Instant pending_until) {
  const Approval& approval = ballot.approval;
  if (approval.spec.request.uid != input.request->metadata.uid ||
      approval.spec.request.binding_digest != input.request->spec.binding_digest)
    return "it decides on another request";
  if (!approval.metadata.deletion_timestamp.empty()) return "it is being revoked";
  const auto at = parse_rfc3339(approval.metadata.creation_timestamp);
  if (!at.ok() || *at < created) return "it has no time that can be right";
  if (approval.spec.decision == Decision::Withdraw)
    return same_person(approval.spec.author, input.request->spec.requester) ? "" : "only the requester withdraws";
  if (!named_somewhere(input, approval.spec.author)) return "the policy does not name the author";
  if (!ballot.authorized) return "the author lacks the verb approve on the policy";
  if (approval.spec.decision == Decision::Deny) return "";
  if (!may_be_requester(input) && is_theirs(input, approval.spec.author)) return "it is the author's own change";
  if (*at > pending_until) return "it came after the request had expired";
  return "";
}

struct Count {
  std::vector<std::string> filled_by;  // per counted approval: the stage, or empty
  std::int64_t have = 0, needed = 0;
  std::string waiting_for;  // empty: all stages are full
};

// Fills the stages' slots with distinct people. A stage counts only when the one before it is full; nobody fills two.
Count count(const std::vector<Stage>& stages, const std::vector<const Approval*>& approvals) {
  std::vector<std::vector<std::size_t>> eligible;
  for (const Stage& stage : stages)
    for (std::int64_t i = 0; i < stage.required; ++i) {
      auto& people = eligible.emplace_back();
      for (std::size_t a = 0; a < approvals.size(); ++a)
        if (is_eligible(stage, approvals[a]->spec.author)) people.push_back(a);
    }
  Count result;
  result.filled_by.resize(approvals.size());
  result.needed = static_cast<std::int64_t>(eligible.size());
  const std::vector<int> filled = fill_slots(eligible, approvals.size());
  std::size_t slot = 0;
  for (const Stage& stage : stages) {
    std::int64_t here = 0;
    for (std::int64_t i = 0; i < stage.required; ++i, ++slot) {
      if (filled[slot] < 0) continue;
      ++here;
      result.filled_by[static_cast<std::size_t>(filled[slot])] = stage.name;
    }
    result.have += here;
    if (here < stage.required && result.waiting_for.empty())
      result.waiting_for =
          std::to_string(here) + " of " + std::to_string(stage.required) + ", needs " + who_may(stage);
  }
  return result;
}

Standing ended(Standing standing, RequestPhase phase, std::string message) {
  standing.phase = phase;
  standing.message = std::move(message);
  standing.waiting_for.clear();
  standing.expires_at.reset();
  return standing;
}

}  // namespace

bool is_end(RequestPhase phase) { return phase != RequestPhase::Pending && phase != RequestPhase::Approved; }

bool same_person(const Identity& a, const Identity& b) {
  if (!a.username.empty() && a.username == b.username) return true;
  return !a.uid.empty() && a.uid == b.uid;
}

bool is_eligible(const Stage& stage, const Identity& who) {
  const Approvers& approvers = stage.approvers;
  if (who.username.empty()) return false;
  if (has(approvers.users, who.username)) return true;
  if (who.username.starts_with(kServiceAccount)) {
    std::string account = who.username.substr(kServiceAccount.size());  // namespace:name
    if (const auto colon = account.find(':'); colon != std::string::npos) account[colon] = '/';
    if (has(approvers.service_accounts, account)) return true;
  }
  return std::any_of(who.groups.begin(), who.groups.end(),
                     [&](const std::string& group) { return has(approvers.groups, group); });
}

std::string who_may(const Stage& stage) {
  std::vector<std::string> names;
  for (const std::string& group : stage.approvers.groups) names.push_back("group " + person(group));
  for (const std::string& user : stage.approvers.users) names.push_back("user " + person(user));
  for (const std::string& account : stage.approvers.service_accounts) names.push_back("service account " + person(account));
  return names.empty() ? "nobody" : visible_cut(join(names, " or "), 120);
}

Standing next_state(const StandingInput& input) {
  const ApprovalRequest& request = *input.request;
  Standing standing;
  standing.needed = 0;
  for (const Stage& stage : stages_of(input)) standing.needed += stage.required;

  const auto created = parse_rfc3339(request.metadata.creation_timestamp);
  Duration pending_for{0}, approved_for{0};
  if (input.policy != nullptr) {
    if (const auto parsed = parse_duration(input.policy->spec.expiry.pending); parsed.ok()) pending_for = *parsed;
    if (const auto parsed = parse_duration(input.policy->spec.expiry.approved); parsed.ok()) approved_for = *parsed;
  }
  const Instant since = created.ok() ? *created : Instant::min();
  const Instant pending_until = created.ok() ? since + pending_for : Instant::min();

  // Approvals in the order in which they were given: the same for every reader, whatever the order of input.
  std::vector<const Ballot*> ballots;
  for (const Ballot& ballot : input.ballots) ballots.push_back(&ballot);
  std::sort(ballots.begin(), ballots.end(), [](const Ballot* a, const Ballot* b) {
    const ObjectMeta &x = a->approval.metadata, &y = b->approval.metadata;
    return std::tie(x.creation_timestamp, x.name) < std::tie(y.creation_timestamp, y.name);
  });
  std::vector<const Approval*> counting;
  std::vector<std::size_t> line_of;  // of each counting approval
  const Approval* denial = nullptr;
  const Approval* withdrawal = nullptr;
  for (const Ballot* ballot : ballots) {
    const Approval& approval = ballot->approval;
    DecisionLine line;
    line.approval = approval.metadata.name;
    line.username = approval.spec.author.username;
    line.decision = to_string(approval.spec.decision);
    line.reason = visible_cut(approval.spec.reason, kReasonColumns);
    line.note = void_because(input, *ballot, since, pending_until);
    if (line.note.empty() && approval.spec.decision == Decision::Approve) {
      const bool twice = std::any_of(counting.begin(), counting.end(), [&](const Approval* other) {
        return same_person(other->spec.author, approval.spec.author);
      });
      if (twice) {
        line.note = "the same person has approved already";
      } else {
        counting.push_back(&approval);
        line_of.push_back(standing.decisions.size());
      }
    } else if (line.note.empty()) {
      const Approval*& ender = approval.spec.decision == Decision::Deny ? denial : withdrawal;
      if (ender == nullptr) ender = &approval;
    }
    standing.decisions.push_back(std::move(line));
  }
  const Count counted = count(stages_of(input), counting);
  standing.have = counted.have;
  standing.waiting_for = counted.waiting_for;
  for (std::size_t i = 0; i < counting.size(); ++i) standing.decisions[line_of[i]].stage = counted.filled_by[i];

  if (is_end(request.status.phase)) return ended(std::move(standing), request.status.phase, request.status.message);
  const bool claimed = request.status.claim.has_value();
  if (input.released)
    return ended(std::move(standing), RequestPhase::Released,
                 claimed ? "stored by " + person(request.status.claim->writer.username) : "stored");
  if (!created.ok())
    return ended(std::move(standing), RequestPhase::Stale, "the request has no time of creation, so nothing can be counted from it");
  // When was it full? The approval that filled the last slot tells, whoever came after it.
  const bool full = !stages_of(input).empty() && counted.waiting_for.empty();
  if (full) {
    for (std::size_t n = 1; n <= counting.size() && !standing.approved_at; ++n)
      if (count(stages_of(input), {counting.begin(), counting.begin() + static_cast<std::ptrdiff_t>(n)}).waiting_for.empty())
        if (const auto at = parse_rfc3339(counting[n - 1]->metadata.creation_timestamp); at.ok()) standing.approved_at = *at;
  }
  if (!claimed) {
    if (denial != nullptr)
      return ended(std::move(standing), RequestPhase::Denied,
                   "denied by " + person(denial->spec.author.username) + quoted(denial->spec.reason));
    if (withdrawal != nullptr)
      return ended(std::move(standing), RequestPhase::Withdrawn,
                   "withdrawn by " + person(withdrawal->spec.author.username) + quoted(withdrawal->spec.reason));
  }
  if (input.policy == nullptr)
    return ended(std::move(standing), RequestPhase::Stale, "policy " + request.spec.policy.name + " was deleted; apply the change again");
  if (input.policy->metadata.uid != request.spec.policy.uid)
    return ended(std::move(standing), RequestPhase::Stale,
                 "policy " + request.spec.policy.name + " was made anew since this was asked; apply the change again to ask anew");
  if (policy_hash(input.policy->spec) != request.spec.policy.hash)
    return ended(std::move(standing), RequestPhase::Stale,
                 "policy " + request.spec.policy.name + " changed since this was asked; apply the change again to ask anew");
  if (input.stale.has_value()) return ended(std::move(standing), RequestPhase::Stale, *input.stale);

  if (input.policy->spec.supersede == Supersede::Older) {
    // Ends what waited when it came: approvals given after that do not bring the older change back.
    const StandingInput::Newer* newest = nullptr;
    for (const auto& newer : input.newer)
      if ((!standing.approved_at || newer.created < *standing.approved_at) &&
          (newest == nullptr || std::tie(newest->created, newest->name) < std::tie(newer.created, newer.name)))
        newest = &newer;
    if (newest != nullptr && !claimed)
      return ended(std::move(standing), RequestPhase::Superseded,
                   "a newer change of the same object came: " + newest->name);
  }
  if (standing.approved_at.has_value()) {
    const Instant until = *standing.approved_at + approved_for;
    Instant judged = input.now;
    // A claimed change may be stored at this very moment: what counts is when it was claimed.
    if (claimed)
      if (const auto at = parse_rfc3339(request.status.claim->time); at.ok()) judged = std::min(judged, *at);
    if (judged >= until)
      return ended(std::move(standing), RequestPhase::Expired,
                   "approved, but not used within " + humanize(approved_for) + "; apply the change again to ask anew");
    standing.phase = RequestPhase::Approved;
    standing.expires_at = until;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < counting.size(); ++i)
      if (!counted.filled_by[i].empty()) names.push_back(person(counting[i]->spec.author.username));
    standing.message = claimed ? "approved by " + join(names, ", ") + "; being stored by " +
                                     person(request.status.claim->writer.username)
                               : "approved by " + join(names, ", ");
    standing.message = visible_cut(standing.message, 1000);
    return standing;
  }
  if (input.now >= pending_until)
    return ended(std::move(standing), RequestPhase::Expired,
                 "nobody approved within " + humanize(pending_for) + "; apply the change again to ask anew");
  standing.phase = RequestPhase::Pending;
  standing.expires_at = pending_until;
  standing.message = "waits for approval: " + (standing.waiting_for.empty() ? "nobody can approve, as it has no stage" : standing.waiting_for);
  return standing;
}

std::optional<std::string> objection(const StandingInput& input, const ApprovalSpec& decision, bool authorized) {
  const ApprovalRequest& request = *input.request;
  const Standing standing = next_state(input);
  const std::string name = request.metadata.name;
  const std::string place = " -n " + request.metadata.namespace_;
  if (is_end(standing.phase))
    return "request " + name + " is over: " + std::string(to_string(standing.phase)) + ", " + standing.message;
  if (decision.decision == Decision::Withdraw) {
    if (request.status.claim.has_value()) return "request " + name + " cannot be withdrawn any more: its change is being stored";
    if (same_person(decision.author, request.spec.requester)) return std::nullopt;
    return "only " + person(request.spec.requester.username) + ", who asked for it, may withdraw " + name +
           "\n  next:  deny it instead\nkubectl holdpoint deny " + name + place;
  }
  const std::vector<Stage>& stages = stages_of(input);
  if (!named_somewhere(input, decision.author)) {
    const std::string who = stages.empty() ? "nobody" : who_may(stages.front());
    return "you (" + person(decision.author.username) + ") may not decide on " + name + ": policy " +
           request.spec.policy.name + " asks " + who + "\n  next:  pass it on to one of them\nkubectl holdpoint show " + name + place;
  }
  if (!authorized)
    return "you (" + person(decision.author.username) + ") lack the right to decide on " + name +
           ": the verb approve on approvalpolicies.holdpoint.dev/" + request.spec.policy.name + " in namespace " +
           request.metadata.namespace_ +
           "\n  next:  ask for the ClusterRole holdpoint-approver, then check with the command below\n"
           "kubectl auth can-i approve approvalpolicies.holdpoint.dev/" + request.spec.policy.name + place;
  if (decision.decision == Decision::Deny) {
    if (request.status.claim.has_value()) return "request " + name + " cannot be denied any more: its change is being stored";
    return std::nullopt;
  }
  if (!may_be_requester(input) && is_theirs(input, decision.author))
    return "you (" + person(decision.author.username) + ") asked for this change or wrote it, so you cannot approve it; somebody else must: " +
           who_may(stages.front()) + "\n  next:  pass them this command\nkubectl holdpoint approve " + name + place;
  for (const Ballot& ballot : input.ballots)
    if (ballot.approval.spec.decision == Decision::Approve && same_person(ballot.approval.spec.author, decision.author) &&
        ballot.approval.spec.request.uid == request.metadata.uid && ballot.approval.metadata.deletion_timestamp.empty())
      return "you (" + person(decision.author.username) + ") approved " + name + " already, by " +
             ballot.approval.metadata.name + "; " +
             (standing.waiting_for.empty() ? "nothing more is needed" : "it has " + standing.waiting_for);
  if (standing.phase == RequestPhase::Approved) return "request " + name + " is approved already: " + standing.message;
  return std::nullopt;
}

}  // namespace holdpoint
