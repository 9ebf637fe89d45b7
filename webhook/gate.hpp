// The gate: judges one write against one policy, on what is true now, and answers for the final
// object.
//
// Everything that can turn a no into a yes is read live; the cached policy only ever says "nothing
// covered is touched". Blocking except untouched(); thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "core/approval/verdict.hpp"
#include "docket/docket.hpp"
#include "webhook/answer.hpp"
#include "webhook/claims.hpp"

namespace holdpoint::webhook {

// Which of the two admission phases asks.
enum class Phase { Companion, Final };

// A write, judged. Keeps alive what its pointers point to.
struct Judgement {
  ApprovalPolicy policy;
  std::shared_ptr<const ApprovalRequest> held;
  Reference reference;
  std::optional<Gated> gated;
  std::vector<std::shared_ptr<const ApprovalRequest>> kept;
  Attempt attempt;
  bool busy = false;  // another write has the claim and may still be stored, or the request ends
};

struct GateSettings {
  std::string cluster_id;  // uid of the namespace kube-system
  std::string secret_key;
  Limits limits;
};

class Gate {
 public:
  Gate(const kube::Client& client, const Docket& docket, const Clock& clock, Metrics& metrics,
       GateSettings settings);

  [[nodiscard]] Result<Judgement> judge(const Write& write, const std::string& policy, Phase phase,
                                        Deadline deadline) const;
  // The validating answer. Creates the request or takes the claim where that is what the verdict
  // needs.
  [[nodiscard]] Answer answer(const Write& write, const std::string& policy,
                              Deadline deadline) const;
  // deployments/scale and the like: the write's object is a Scale, the parent is read live.
  [[nodiscard]] Answer answer_scale(const Write& write, const std::string& policy,
                                    Deadline deadline) const;
  // A pod that loses its scheduling gate: its Job tells whether it may.
  [[nodiscard]] Answer answer_pod(const Write& write, const std::string& policy,
                                  Deadline deadline) const;
  // A way to pods around the gated kinds: refused. Controllers are let by before it comes here.
  [[nodiscard]] Answer answer_guard(const Write& write, const std::string& policy,
                                    Deadline deadline) const;
  // Whether one more request can be made. Error: Forbidden, with why not.
  [[nodiscard]] Result<Done> check_limits(const ApprovalRequest& wanted, Deadline deadline) const;
  [[nodiscard]] Instant now() const { return clock_.now(); }
  [[nodiscard]] bool untouched(const Write& write, const ApprovalPolicy& policy) const;

 private:
  [[nodiscard]] Answer answer_once(const Write& write, const std::string& policy, bool& overtaken,
                                   Deadline deadline) const;
  [[nodiscard]] Result<std::optional<Denied>> forged_marks(const Write& write,
                                                           const Judgement& judgement,
                                                           Deadline deadline) const;
  [[nodiscard]] Result<ApprovalPolicy> live_policy(const std::string& name,
                                                   Deadline deadline) const;
  [[nodiscard]] Result<std::optional<Denied>> objection_to_pause(const Write& write,
                                                                 const Judgement& judgement,
                                                                 Deadline deadline) const;
  [[nodiscard]] Answer answer_adoption(const Write& write, Deadline deadline) const;
  [[nodiscard]] Result<std::vector<Json>> selected_sets(const Write& write,
                                                        Deadline deadline) const;
  [[nodiscard]] Result<bool> goes_with_namespace(const Write& write, Deadline deadline) const;
  [[nodiscard]] Result<Done> check_base(const Write& write, Deadline deadline) const;
  [[nodiscard]] Result<Done> choose(const Write& write, Judgement& judgement,
                                    Deadline deadline) const;
  [[nodiscard]] Standing standing_of_new(const Write& write, const Judgement& judgement) const;
  [[nodiscard]] Result<Done> ensure_request(const Write& write, Judgement& judgement,
                                            Deadline deadline) const;

  const kube::Client& client_;
  const Docket& docket_;
  const Clock& clock_;
  Metrics& metrics_;
  const GateSettings settings_;
  const Claims claims_;
};

}  // namespace holdpoint::webhook
