#include "webhook/companion.hpp"

#include "base/log.hpp"
#include "core/approval/wording.hpp"

namespace holdpoint::webhook {

Answer Companion::answer(const Write& write, const std::string& policy, Deadline deadline) const {
  const Pausable how = pausable(write.group, write.resource);
  if (write.operation == Operation::Delete || how == Pausable::No) return allowed("not-gated");
  const auto judged = gate_.judge(write, policy, Phase::Companion, deadline);
  if (!judged.ok()) {
    log::warn("not judged",
              {{"policy", policy}, {"phase", "companion"}, {"error", describe(judged.error())}});
    return not_judged(judged.error());
  }
  if (judged->policy.spec.mode != PolicyMode::Enforce) return allowed("not-gated");
  const Gated* gated = judged->gated.has_value() ? &*judged->gated : nullptr;
  Answer answer = allowed(gated == nullptr ? "not-gated" : "marked");
  const Marks wanted = wanted_marks(write, policy, gated, judged->attempt);
  answer.patch = marks_patch(write.object, how, wanted);
  // Where the hold is put back and nothing else changes, the final object is the stored one: the
  // gate is not even asked, so this is the only place to say why nothing happened.
  if (gated != nullptr && !answer.patch.empty() && wanted == read_marks(write.old_object, how))
    answer.warnings = held_warnings(gated->target, name_of(*gated, judged->attempt.number),
                                    judged->attempt.standing);
  return answer;
}

}  // namespace holdpoint::webhook
