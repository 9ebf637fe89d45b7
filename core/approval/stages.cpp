#include "core/approval/stages.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "core/approval/slots.hpp"

namespace holdpoint {
namespace {

constexpr const char* kServiceAccount = "system:serviceaccount:";
constexpr std::size_t kMostVoices = 256;

bool has(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// As the API server calls the service account namespace/name.
std::string user_of(std::string account) {
  if (const auto slash = account.find('/'); slash != std::string::npos) account[slash] = ':';
  return std::string(kServiceAccount) + account;
}

// A stage that applies, and since when it asks; stages that do not ask yet have no ladder.
struct Asking {
  const Stage* stage;
  std::optional<Instant> since;
};

// When a step comes; nullopt where its time cannot be read: then it never adds anybody.
std::optional<Instant> time_of(const EscalationStep& step, Instant since) {
  const auto after = parse_duration(step.after);
  return after.ok() ? std::optional(since + *after) : std::nullopt;
}

bool may_fill(const Asking& asking, const Voice& voice) {
  if (is_eligible(*asking.stage, voice.who)) return true;
  if (!asking.since.has_value()) return false;
  return std::any_of(asking.stage->escalation.begin(), asking.stage->escalation.end(),
                     [&](const EscalationStep& step) {
                       const auto at = time_of(step, *asking.since);
                       return at.has_value() && voice.at >= *at &&
                              is_named(step.add_approvers, voice.who);
                     });
}

struct Filling {
  std::vector<std::int64_t> have;               // per stage
  std::vector<std::vector<std::size_t>> fills;  // per voice: the stages whose slots it fills
};

// The first `count` voices on the slots of these stages, as many slots as can be.
Filling fill(const std::vector<Asking>& asking, const std::vector<Voice>& voices, std::size_t count,
             bool one_person) {
  Filling result;
  result.have.resize(asking.size());
  result.fills.resize(voices.size());
  std::vector<std::vector<std::size_t>> slots;
  std::vector<std::size_t> stage_of;
  const auto settle = [&] {
    const std::vector<int> filled = fill_slots(slots, count);
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      if (filled[slot] < 0) continue;
      ++result.have[stage_of[slot]];
      result.fills[static_cast<std::size_t>(filled[slot])].push_back(stage_of[slot]);
    }
    slots.clear();
    stage_of.clear();
  };
  for (std::size_t i = 0; i < asking.size(); ++i) {
    std::vector<std::size_t> people;
    for (std::size_t v = 0; v < count; ++v)
      if (may_fill(asking[i], voices[v])) people.push_back(v);
    for (std::int64_t n = 0; n < asking[i].stage->required; ++n) {
      slots.push_back(people);
      stage_of.push_back(i);
    }
    if (!one_person) settle();
  }
  settle();
  return result;
}

bool is_full(const std::vector<Asking>& asking, const Filling& filling) {
  for (std::size_t i = 0; i < asking.size(); ++i)
    if (filling.have[i] < asking[i].stage->required) return false;
  return true;
}

// How many voices, in order, it took to fill these stages; nullopt where all do not. More voices
// never make it less full, so halving finds it.
std::optional<std::size_t> voices_needed(const std::vector<Asking>& asking,
                                         const std::vector<Voice>& voices, bool one_person) {
  const auto full_with = [&](std::size_t count) {
    return is_full(asking, fill(asking, voices, count, one_person));
  };
  if (!full_with(voices.size())) return std::nullopt;
  std::size_t low = 0, high = voices.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (full_with(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// What the ladder of one stage did until now. `full_at`: when the stage was full, if it is.
void climb(const Stage& stage, Instant since, std::optional<Instant> full_at, Instant now,
           Progress& progress) {
  for (std::size_t i = 0; i < stage.escalation.size(); ++i) {
    const EscalationStep& step = stage.escalation[i];
    const auto at = time_of(step, since);
    if (!at.has_value() || (full_at.has_value() && *full_at <= *at)) continue;
    if (now < *at) {
      progress.next = std::min(progress.next.value_or(*at), *at);
      continue;
    }
    const Escalation taken{stage.name, i, *at, step};
    progress.taken.push_back(taken);
    if (step.action == EscalationAction::Deny &&
        (!progress.denied.has_value() || taken.at < progress.denied->at))
      progress.denied = taken;
  }
}

}  // namespace

bool is_named(const Approvers& approvers, const Identity& who) {
  if (who.username.empty()) return false;
  if (has(approvers.users, who.username)) return true;
  return std::any_of(
             approvers.service_accounts.begin(), approvers.service_accounts.end(),
             [&](const std::string& account) { return user_of(account) == who.username; }) ||
         std::any_of(who.groups.begin(), who.groups.end(),
                     [&](const std::string& group) { return has(approvers.groups, group); });
}

bool is_eligible(const Stage& stage, const Identity& who) { return is_named(stage.approvers, who); }

bool is_named_somewhere(const std::vector<Stage>& stages, const Identity& who) {
  return std::any_of(stages.begin(), stages.end(), [&](const Stage& stage) {
    return is_eligible(stage, who) || std::any_of(stage.escalation.begin(), stage.escalation.end(),
                                                  [&](const EscalationStep& step) {
                                                    return is_named(step.add_approvers, who);
                                                  });
  });
}

bool applies(const Stage& stage, RiskLevel risk) {
  return !stage.when.has_value() || stage.when->risk_at_least <= risk;
}

std::string person(const std::string& name) {
  return visible_cut(name, 80) + (mixes_scripts(name) ? " (mixed scripts!)" : "");
}

std::string who_may(const Approvers& approvers) {
  std::vector<std::string> names;
  for (const std::string& group : approvers.groups) names.push_back("group " + person(group));
  for (const std::string& user : approvers.users) names.push_back("user " + person(user));
  for (const std::string& account : approvers.service_accounts)
    names.push_back("service account " + person(account));
  return names.empty() ? "nobody" : visible_cut(join(names, " or "), 120);
}

std::string who_may(const Stage& stage) { return who_may(stage.approvers); }

std::string who_may(const std::vector<Stage>& stages, RiskLevel risk) {
  std::vector<std::string> asked;
  for (const Stage& stage : stages)
    if (applies(stage, risk)) asked.push_back(who_may(stage));
  return join(asked, ", then ");
}

std::string never_full(const ApprovalPolicySpec& spec) {
  for (const Stage& stage : spec.stages) {
    std::set<std::string> named;
    bool has_group = false;
    const auto count = [&](const Approvers& approvers) {
      has_group = has_group || !approvers.groups.empty();
      named.insert(approvers.users.begin(), approvers.users.end());
      for (const std::string& account : approvers.service_accounts) named.insert(user_of(account));
    };
    count(stage.approvers);
    for (const EscalationStep& step : stage.escalation) {
      count(step.add_approvers);
      for (const std::string& target : step.notify)
        if (std::none_of(spec.notify.begin(), spec.notify.end(),
                         [&](const NotifyTarget& one) { return one.name == target; }))
          return "stage " + visible_cut(stage.name, 63) + ": a step notifies " +
                 visible_cut(target, 63) + ", which is not in spec.notify";
    }
    if (!has_group && static_cast<std::int64_t>(named.size()) < stage.required)
      return "stage " + visible_cut(stage.name, 63) + " asks for " +
             std::to_string(stage.required) + " people and names " + std::to_string(named.size()) +
             ": nothing that this policy gates can be approved";
  }
  return "";
}

Progress walk_stages(const std::vector<Stage>& stages, bool one_person_per_stage, RiskLevel risk,
                     const std::vector<Voice>& all_voices, Instant created, Instant now) {
  std::vector<Voice> voices(
      all_voices.begin(),
      all_voices.begin() + static_cast<std::ptrdiff_t>(std::min(all_voices.size(), kMostVoices)));
  Progress progress;
  std::vector<Asking> all;
  for (const Stage& stage : stages) {
    if (!applies(stage, risk)) continue;
    all.push_back({&stage, std::nullopt});
    progress.needed += stage.required;
  }
  progress.filled_by.resize(all_voices.size());
  if (all.empty()) {
    progress.waiting_for = stages.empty() ? "nobody can approve, as it has no stage"
                                          : "nobody can approve, as no stage asks at this risk";
    return progress;
  }

  Instant since = created;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].since = since;
    const std::vector<Asking> until_here(all.begin(),
                                         all.begin() + static_cast<std::ptrdiff_t>(i + 1));
    const auto needed = voices_needed(until_here, voices, one_person_per_stage);
    std::optional<Instant> full_at;
    if (needed.has_value())
      full_at = *needed == 0 ? since : std::max(since, voices[*needed - 1].at);
    climb(*all[i].stage, since, full_at, now, progress);
    if (!full_at.has_value()) {
      const auto have = fill(until_here, voices, voices.size(), one_person_per_stage).have[i];
      Approvers asked = all[i].stage->approvers;
      for (const Escalation& escalation : progress.taken) {
        if (escalation.stage != all[i].stage->name) continue;
        const Approvers& more = escalation.what.add_approvers;
        asked.groups.insert(asked.groups.end(), more.groups.begin(), more.groups.end());
        asked.users.insert(asked.users.end(), more.users.begin(), more.users.end());
        asked.service_accounts.insert(asked.service_accounts.end(), more.service_accounts.begin(),
                                      more.service_accounts.end());
      }
      progress.waiting_for = (all.size() > 1 ? "stage " + all[i].stage->name + ": " : "") +
                             std::to_string(have) + " of " +
                             std::to_string(all[i].stage->required) + ", needs " + who_may(asked);
      progress.asked.push_back(std::move(asked));
      break;
    }
    since = *full_at;
    if (i + 1 == all.size()) {
      progress.full = true;
      progress.full_at = since;
    }
  }
  // Who fills what, early ones for later stages included.
  const Filling filling = fill(all, voices, voices.size(), one_person_per_stage);
  for (std::size_t v = 0; v < voices.size(); ++v)
    for (const std::size_t stage : filling.fills[v]) {
      std::string& names = progress.filled_by[v];
      names += (names.empty() ? "" : ", ") + all[stage].stage->name;
    }
  for (const std::int64_t have : filling.have) progress.have += have;
  return progress;
}

}  // namespace holdpoint
