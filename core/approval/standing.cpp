#include "core/approval/standing.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "base/text.hpp"
#include "core/approval/calendar.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/standing_rules.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kReasonColumns = 200;

std::string quoted(const std::string& reason) {
  return reason.empty() ? "" : ": \"" + visible_cut(reason, kReasonColumns) + "\"";
}

Standing ended(Standing standing, RequestPhase phase, std::string message) {
  standing.phase = phase;
  standing.message = std::move(message);
  standing.waiting_for.clear();
  standing.expires_at.reset();
  standing.next_change.reset();
  standing.asked.clear();
  return standing;
}

// The decisions in the order in which they were made, sorted by what they say.
struct Votes {
  std::vector<const Ballot*> counting;  // approvals of distinct people
  std::vector<std::size_t> line_of;     // of each of them
  const Approval* denial = nullptr;
  const Approval* withdrawal = nullptr;
  const Approval* glass = nullptr;
  const Approval* review = nullptr;
};

Votes sort_out(const StandingInput& input, const Times& times, Standing& standing) {
  std::vector<const Ballot*> ballots;
  for (const Ballot& ballot : input.ballots) ballots.push_back(&ballot);
  std::sort(ballots.begin(), ballots.end(), [](const Ballot* a, const Ballot* b) {
    const ObjectMeta &x = a->approval.metadata, &y = b->approval.metadata;
    return std::tie(x.creation_timestamp, x.name) < std::tie(y.creation_timestamp, y.name);
  });
  Votes votes;
  const auto first = [](const Approval*& slot, const Approval& approval) {
    if (slot == nullptr) slot = &approval;
  };
  for (const Ballot* ballot : ballots) {
    const Approval& approval = ballot->approval;
    DecisionLine line;
    line.approval = approval.metadata.name;
    line.username = approval.spec.author.username;
    line.decision = to_string(approval.spec.decision);
    line.reason = visible_cut(approval.spec.reason, kReasonColumns);
    line.note = void_because(input, *ballot, times);
    if (line.note.empty()) {
      switch (approval.spec.decision) {
        case Decision::Approve:
          if (std::any_of(votes.counting.begin(), votes.counting.end(), [&](const Ballot* other) {
                return same_person(other->approval.spec.author, approval.spec.author);
              })) {
            line.note = "the same person has approved already";
          } else {
            votes.counting.push_back(ballot);
            votes.line_of.push_back(standing.decisions.size());
          }
          break;
        case Decision::Deny:
          first(votes.denial, approval);
          break;
        case Decision::Withdraw:
          first(votes.withdrawal, approval);
          break;
        case Decision::BreakGlass:
          first(votes.glass, approval);
          break;
        case Decision::Review:
          // Nobody reviews what they did themselves.
          if (votes.glass != nullptr && same_person(votes.glass->spec.author, approval.spec.author))
            line.note = "nobody reviews what they passed themselves";
          else
            first(votes.review, approval);
          break;
      }
    }
    standing.decisions.push_back(std::move(line));
  }
  return votes;
}

// What was asked for when the request was made, or what is asked for now.
struct Demand {
  const std::vector<Stage>* stages;
  bool one_person;
  const std::optional<AutoApprove>* automatic;
};

struct Tally {
  bool full = false, by_policy = false;
  Instant full_at;
  std::optional<Escalation> denied;
};

Tally count(const StandingInput& input, const Times& times, const Votes& votes,
            Standing& standing) {
  const ApprovalRequestSpec& asked = input.request->spec;
  std::vector<Demand> demands{
      {&asked.stages, asked.separation_of_duties.one_person_per_stage, &asked.auto_approve}};
  if (input.policy != nullptr) {
    const ApprovalPolicySpec& now = input.policy->spec;
    demands.push_back(
        {&now.stages, now.separation_of_duties.one_person_per_stage, &now.auto_approve});
  }
  std::vector<Voice> voices;
  for (const Ballot* ballot : votes.counting) {
    const auto at = parse_rfc3339(ballot->approval.metadata.creation_timestamp);
    voices.push_back({ballot->approval.spec.author, at.ok() ? *at : Instant::max()});
  }
  Tally tally;
  tally.full = tally.by_policy = true;
  tally.full_at = times.created;
  for (const Demand& demand : demands) {
    if (demand.automatic->has_value() && asked.risk.level <= (*demand.automatic)->risk_at_most)
      continue;
    tally.by_policy = false;
    const Progress progress = walk_stages(*demand.stages, demand.one_person, asked.risk.level,
                                          voices, times.created, input.now);
    // The demand that lacks more is the one that people hear of.
    if (standing.needed == 0 || progress.needed - progress.have > standing.needed - standing.have ||
        (tally.full && !progress.full)) {
      standing.have = progress.have;
      standing.needed = progress.needed;
      standing.waiting_for = progress.waiting_for;
      standing.asked = progress.asked;
      for (std::size_t i = 0; i < progress.filled_by.size(); ++i)
        standing.decisions[votes.line_of[i]].stage = progress.filled_by[i];
    }
    tally.full = tally.full && progress.full;
    if (progress.full) tally.full_at = std::max(tally.full_at, progress.full_at);
    if (progress.denied.has_value() &&
        (!tally.denied.has_value() || progress.denied->at < tally.denied->at))
      tally.denied = progress.denied;
    for (const Escalation& step : progress.taken) {
      const bool known = std::any_of(
          standing.escalations.begin(), standing.escalations.end(),
          [&](const Escalation& one) { return one.stage == step.stage && one.step == step.step; });
      if (!known) standing.escalations.push_back(step);
    }
    sooner(standing.next_change, progress.next);
  }
  return tally;
}

// Where the policy was moved under the request, the line that says so.
std::optional<std::string> moved_policy(const StandingInput& input) {
  const PolicyReference& asked = input.request->spec.policy;
  if (input.policy == nullptr)
    return "policy " + asked.name + " was deleted: nothing asks for this approval any more";
  if (input.policy->metadata.uid != asked.uid)
    return "policy " + asked.name + " was made anew since this was asked; " +
           ask_anew(*input.request);
  if (policy_hash(input.policy->spec) != asked.hash)
    return "policy " + asked.name + " covers other things since this was asked; " +
           ask_anew(*input.request);
  return std::nullopt;
}

// Whose deployer may have given up, unseen, waits as long as a client does by the policy and no
// longer.
std::optional<Instant> blind_end(const StandingInput& input, const Times& times) {
  if (input.origin.is != OriginState::Is::Unknown) return std::nullopt;
  const auto patience =
      parse_duration(input.policy == nullptr ? Hold().patience : input.policy->spec.hold.patience);
  return times.created + (patience.ok() ? *patience : Duration(0));
}

Standing ended_by(Standing standing, std::optional<Instant> until) {
  if (standing.expires_at.has_value()) sooner(standing.expires_at, until);
  return standing;
}

// The next attempt asks anew: to ask for what was left behind would run it without its release.
std::string ask_its_deployer(const ApprovalRequest& request) {
  return is_held_hook(request.spec) ? "deploy it again to ask anew"
                                    : "to ask anew apply the change again";
}

const StandingInput::Newer* superseding(const StandingInput& input,
                                        std::optional<Instant> approved_at) {
  const StandingInput::Newer* newest = nullptr;
  if (input.policy->spec.supersede != Supersede::Older) return nullptr;
  // Ends what waited when it came: approvals given after that do not bring the older change back.
  for (const auto& newer : input.newer)
    if ((!approved_at || newer.created < *approved_at) &&
        (newest == nullptr ||
         std::tie(newest->created, newest->name) < std::tie(newer.created, newer.name)))
      newest = &newer;
  return newest;
}

// When an approved change may run, and until when.
struct Opening {
  Instant from;
  std::string because;  // why not earlier
};

Opening opening(const StandingInput& input, const std::vector<const Ballot*>& voices,
                Instant approved_at) {
  Opening opening{approved_at, ""};
  for (const Ballot* ballot : voices) {
    const auto not_before = parse_rfc3339(ballot->approval.spec.not_before);
    if (not_before.ok() && *not_before > opening.from)
      opening = {*not_before, "as " + person(ballot->approval.spec.author.username) + " asked"};
  }
  // Out of the windows that it falls into; they may follow one another.
  for (int windows = 0; windows < 16; ++windows) {
    const auto frozen = frozen_at(input, opening.from);
    if (!frozen.has_value()) break;
    opening = {frozen->until, frozen->why};
    if (frozen->until == Instant::max()) break;
  }
  return opening;
}

// Those it took: what came after the last of them fills no slot, but may pass a freeze. Whoever
// else approves, as they can while a check does not pass, may put it off and makes it last no
// longer.
std::vector<const Ballot*> needed_of(const StandingInput& input, const Votes& votes,
                                     Instant approved_at) {
  std::vector<const Ballot*> needed;
  for (const Ballot* ballot : votes.counting) {
    const auto at = parse_rfc3339(ballot->approval.metadata.creation_timestamp);
    const auto& freeze = input.policy->spec.freeze;
    if ((at.ok() && *at <= approved_at) ||
        std::any_of(freeze.begin(), freeze.end(), [&](const FreezeWindow& window) {
          return is_named(window.pass_with, ballot->approval.spec.author);
        }))
      needed.push_back(ballot);
  }
  return needed;
}

// Who made it Approved, as the beginning of a sentence.
std::string approved_by(const Standing& standing, const ApprovalRequest& request,
                        const Votes& votes) {
  if (!standing.glass_broken_by.empty())
    return "glass broken by " + person(standing.glass_broken_by);
  if (standing.by_policy)
    return "approved by policy " + request.spec.policy.name + ": its risk is " +
           std::string(to_string(request.spec.risk.level));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < votes.counting.size(); ++i)
    if (!standing.decisions[votes.line_of[i]].stage.empty())
      names.push_back(person(votes.counting[i]->approval.spec.author.username));
  return names.empty() ? "approved" : visible_cut("approved by " + join(names, ", "), 600);
}

// What was claimed may be stored at this very moment: nothing that came later changes that.
Standing being_stored(Standing standing, const ApprovalRequest& request, const Votes& votes,
                      Instant until) {
  standing.phase = RequestPhase::Approved;
  standing.message = approved_by(standing, request, votes) + "; being stored by " +
                     person(request.status.claim->writer.username);
  standing.waiting_for.clear();
  standing.asked.clear();
  standing.next_change = until;
  return standing;
}

// `held_up`: the check that it waits for; empty: none.
Standing approved(Standing standing, const StandingInput& input, const Votes& votes,
                  Instant approved_at, Duration approved_for, const std::string& held_up) {
  const ApprovalRequest& request = *input.request;
  const std::string by = approved_by(standing, request, votes);
  Opening open{approved_at, ""};
  Instant counts_from = approved_at;
  if (standing.glass_broken_by.empty()) {
    open = opening(input, votes.counting, approved_at);
    counts_from = opening(input, needed_of(input, votes, approved_at), approved_at).from;
  }
  const Instant until = counts_from == Instant::max() ? Instant::max() : counts_from + approved_for;
  if (input.now >= until)
    return ended(std::move(standing), RequestPhase::Expired,
                 "approved, but " +
                     (held_up.empty() ? "not used" : "held up by " + held_up + "; not used") +
                     " within " + humanize(approved_for) + "; " + ask_anew(request));
  standing.expires_at = until;
  sooner(standing.next_change, until);
  if (!held_up.empty()) {
    standing.phase = RequestPhase::Pending;
    standing.only_checks = true;
    standing.waiting_for = held_up;
    standing.approved_so_far = (standing.by_policy ? "" : tally_of(standing) + ", ") + by;
    standing.message = by + "; waits for " + held_up;
    return standing;
  }
  // A window may have opened since then.
  if (open.from <= input.now && standing.glass_broken_by.empty())
    if (const auto frozen = frozen_at(input, input.now); frozen.has_value())
      open = {frozen->until, frozen->why};
  if (open.from > input.now) {
    standing.phase = RequestPhase::Scheduled;
    standing.starts_at = open.from;
    standing.message =
        by + "; may run " +
        (open.from == Instant::max() ? "when a freeze ends" : "from " + to_rfc3339(open.from)) +
        ", " + visible_cut(open.because, 300);
    sooner(standing.next_change, open.from);
    return standing;
  }
  standing.phase = RequestPhase::Approved;
  standing.message = by;
  if (standing.glass_broken_by.empty()) sooner(standing.next_change, next_freeze(input, input.now));
  return standing;
}

}  // namespace

bool is_end(RequestPhase phase) {
  return phase != RequestPhase::Pending && phase != RequestPhase::Scheduled &&
         phase != RequestPhase::Approved;
}

bool is_owed(const std::optional<ReviewDebt>& review) {
  return review.has_value() && review->reviewed_by.empty();
}

bool same_person(const Identity& a, const Identity& b) {
  if (!a.username.empty() && a.username == b.username) return true;
  return !a.uid.empty() && a.uid == b.uid;
}

std::optional<Instant> may_be_stored_until(const ApprovalRequest& request, Instant now) {
  if (!request.status.claim.has_value()) return std::nullopt;
  const auto claimed = parse_rfc3339(request.status.claim->time);
  if (!claimed.ok() || now - *claimed >= kLateStore) return std::nullopt;
  return *claimed + kLateStore;
}

std::string ask_again_command(const Target& target, const std::string& request) {
  return "kubectl annotate --overwrite " + visible(target.resource) + "/" + visible(target.name) +
         (target.namespace_.empty() ? "" : " -n " + visible(target.namespace_)) + " " +
         kAskAgainAnnotation + "=" + request;
}

std::string ask_anew(const ApprovalRequest& request) {
  if (!is_stored_held(request.spec.hold)) return "to ask anew apply the change again";
  return "to ask anew: " + ask_again_command(request.spec.target, request.metadata.name);
}

std::string tally_of(const Standing& standing) {
  return standing.by_policy
             ? "by policy"
             : std::to_string(standing.have) + " of " + std::to_string(standing.needed);
}

std::optional<std::int64_t> approvals_missing(const ApprovalRequestStatus& status) {
  if (status.approvals == "by policy") return 0;
  long long have = 0, needed = 0;
  if (std::sscanf(status.approvals.c_str(), "%9lld of %9lld", &have, &needed) != 2 || needed == 0)
    return std::nullopt;
  return std::max(0LL, needed - have);
}

Standing next_state(const StandingInput& input) {
  const ApprovalRequest& request = *input.request;
  Standing standing;
  const Times times = times_of(input);
  const Votes votes = sort_out(input, times, standing);
  const Tally tally = count(input, times, votes, standing);
  // Of what is over, checks say what they said then.
  const auto ended_at = parse_rfc3339(request.status.ended_at);
  standing.checks = check_states(request, input.policy, ended_at.ok() ? *ended_at : input.now);

  bool granted = tally.full && times.known;
  if (granted) standing.approved_at = tally.full_at;
  standing.by_policy = granted && tally.by_policy;
  if (votes.glass != nullptr) {
    const auto at = parse_rfc3339(votes.glass->metadata.creation_timestamp);
    // Who broke the glass passed over the checks as well, whatever they say later.
    const bool over_checks =
        std::any_of(standing.checks.begin(), standing.checks.end(),
                    [](const CheckState& check) { return check.mode == CheckMode::Require; });
    if (at.ok() && (!granted || *at < tally.full_at || over_checks)) {
      granted = true;
      standing.approved_at = *at;
      standing.by_policy = false;
      standing.glass_broken_by = votes.glass->spec.author.username;
    }
  }
  standing.review = review_of(input, standing, votes.review);
  const std::optional<Instant> full_at = standing.approved_at;
  const std::string held_up =
      standing.glass_broken_by.empty() ? held_up_by(standing.checks) : std::string();
  if (standing.glass_broken_by.empty())
    for (const CheckState& check : standing.checks)
      if (check.mode == CheckMode::Require) sooner(standing.next_change, check.until);

  if (is_end(request.status.phase))
    return ended(std::move(standing), request.status.phase, request.status.message);
  if (input.released)
    return ended(std::move(standing), RequestPhase::Released,
                 request.status.claim.has_value()
                     ? "stored by " + person(request.status.claim->writer.username)
                     : "stored");
  if (const auto until = may_be_stored_until(request, input.now); until.has_value())
    return being_stored(std::move(standing), request, votes, *until);
  if (!held_up.empty()) standing.approved_at.reset();
  if (!times.known)
    return ended(std::move(standing), RequestPhase::Stale,
                 "the request has no time of creation, so nothing can be counted from it");
  if (votes.denial != nullptr)
    return ended(std::move(standing), RequestPhase::Denied,
                 "denied by " + person(votes.denial->spec.author.username) +
                     quoted(votes.denial->spec.reason));
  if (votes.withdrawal != nullptr)
    return ended(std::move(standing), RequestPhase::Withdrawn,
                 "withdrawn by " + person(votes.withdrawal->spec.author.username) +
                     quoted(votes.withdrawal->spec.reason));
  // Not where somebody broke the glass before the ladder came to its end.
  const bool passed =
      !standing.glass_broken_by.empty() && tally.denied.has_value() && *full_at < tally.denied->at;
  if (tally.denied.has_value() && !passed)
    return ended(std::move(standing), RequestPhase::Denied,
                 "stage " + visible(tally.denied->stage) + " was not approved within " +
                     visible_cut(tally.denied->what.after, 20) + ", as policy " +
                     request.spec.policy.name + " says");
  if (auto moved = moved_policy(input); moved.has_value())
    return ended(std::move(standing), RequestPhase::Stale, std::move(*moved));
  if (input.stale.has_value()) return ended(std::move(standing), RequestPhase::Stale, *input.stale);
  if (input.origin.is == OriginState::Is::MovedOn)
    return ended(std::move(standing), RequestPhase::Stale,
                 input.origin.why + "; " + ask_its_deployer(request));
  const auto blind_until = blind_end(input, times);
  if (blind_until.has_value()) {
    if (input.now >= *blind_until)
      return ended(std::move(standing), RequestPhase::Stale,
                   input.origin.why + ", and it has waited longer than hold.patience; " +
                       ask_its_deployer(request));
    standing.unseen = input.origin.why + "; it ends at " + to_rfc3339(*blind_until);
    sooner(standing.next_change, blind_until);
  }
  if (const auto* newer = superseding(input, full_at); newer != nullptr)
    return ended(std::move(standing), RequestPhase::Superseded,
                 "a newer change of the same object came: " + newer->name);
  if (granted)
    return ended_by(
        approved(std::move(standing), input, votes, *full_at, times.approved_for, held_up),
        blind_until);
  if (input.now >= times.pending_until)
    return ended(std::move(standing), RequestPhase::Expired,
                 (standing.have > 0 ? "only " + std::to_string(standing.have) + " of " +
                                          std::to_string(standing.needed) + " approved within "
                                    : "nobody approved within ") +
                     humanize(times.pending_for) + "; " + ask_anew(request));
  standing.phase = RequestPhase::Pending;
  standing.expires_at = times.pending_until;
  sooner(standing.next_change, times.pending_until);
  standing.approved_so_far = standing.waiting_for;
  if (!held_up.empty()) standing.waiting_for += ", and " + held_up;
  standing.message = "waits for approval: " + standing.waiting_for;
  if (const auto frozen = frozen_at(input, input.now); frozen.has_value())
    standing.frozen = (frozen->until == Instant::max()
                           ? "nothing of it runs: "
                           : "nothing of it runs before " + to_rfc3339(frozen->until) + ", ") +
                      frozen->why;
  return ended_by(std::move(standing), blind_until);
}

}  // namespace holdpoint
