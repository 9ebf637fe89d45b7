#include "webhook/companion.hpp"

#include "base/log.hpp"

namespace holdpoint::webhook {

Answer Companion::answer(const Write& write, const std::string& policy, Deadline deadline) const {
  const Pausable how = pausable(write.group, write.resource);
  if (write.operation == Operation::Delete || how == Pausable::No) return allowed("not-gated");
  const auto judged = gate_.judge(write, policy, Phase::Companion, deadline);
  if (!judged.ok()) {
    log::warn("not judged", {{"policy", policy}, {"phase", "companion"}, {"error", describe(judged.error())}});
    return not_judged(judged.error());
  }
  if (judged->policy.spec.mode != PolicyMode::Enforce) return allowed("not-gated");
  const Gated* gated = judged->gated.has_value() ? &*judged->gated : nullptr;
  Answer answer = allowed(gated == nullptr ? "not-gated" : "marked");
  answer.patch = marks_patch(write.object, how, wanted_marks(write, policy, gated, judged->attempt));
  return answer;
}

}  // namespace holdpoint::webhook
