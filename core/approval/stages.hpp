// Chains of stages: how far approvals have come, when each stage began to ask, what its ladder did.
//
// A stage asks when the one before it is full. Approvals that came early wait and count then; what
// a ladder adds counts from the step on, never before. Everything follows from the times at which
// approvals were made, so the same approvals give the same answer whoever asks and whenever. Pure;
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

// An approval that counts, in the order in which they were made.
struct Voice {
  Identity who;
  Instant at;
};

// A step of a ladder that was reached while its stage was not full.
struct Escalation {
  std::string stage;
  std::size_t step = 0;
  Instant at;
  EscalationStep what;
};

struct Progress {
  bool full = false;
  Instant full_at;  // where full: when the last slot was filled
  std::int64_t have = 0, needed = 0;
  std::string waiting_for;             // "1 of 2, needs group leads"; empty when full
  std::vector<std::string> filled_by;  // for each voice the stage whose slot it fills, or empty
  std::vector<Approvers> asked;        // who can help now: of the stage that asks
  std::vector<Escalation> taken;
  std::optional<Escalation> denied;  // a step that ended it
  std::optional<Instant> next;       // the next step of the ladder that will come
};

// `voices` in order of time, of distinct people. Stages whose `when` is above `risk` do not apply;
// where none applies nobody can approve. At most 256 voices are looked at.
[[nodiscard]] Progress walk_stages(const std::vector<Stage>& stages, bool one_person_per_stage,
                                   RiskLevel risk, const std::vector<Voice>& voices,
                                   Instant created, Instant now);

// Why nobody will ever pass a stage, or a step of a ladder tells nobody: it asks for more people
// than it and its ladder name, or names a target that is not in `notify`. Empty where nothing is
// wrong, as far as can be told: how many are in a group is not known.
[[nodiscard]] std::string never_full(const ApprovalPolicySpec& spec);

// Whether `who` is named, by user name, group or service account: byte by byte.
[[nodiscard]] bool is_named(const Approvers& approvers, const Identity& who);
[[nodiscard]] bool is_eligible(const Stage& stage, const Identity& who);
// By the stages or by any step of their ladders, whenever that comes.
[[nodiscard]] bool is_named_somewhere(const std::vector<Stage>& stages, const Identity& who);
// Whether the stage asks anybody at this risk.
[[nodiscard]] bool applies(const Stage& stage, RiskLevel risk);
// A name for people: visible, cut, and marked where it mixes scripts.
[[nodiscard]] std::string person(const std::string& name);
// "group leads or user anna", for messages; at most 120 characters.
[[nodiscard]] std::string who_may(const Approvers& approvers);
[[nodiscard]] std::string who_may(const Stage& stage);
// "group leads, then user anna": of the stages that apply; empty where none does.
[[nodiscard]] std::string who_may(const std::vector<Stage>& stages, RiskLevel risk);

}  // namespace holdpoint
