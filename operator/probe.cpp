#include "operator/probe.hpp"

#include <chrono>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/text.hpp"
#include "crds/codec.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kPatience{30'000};
constexpr Duration kPause{1'000};

Error problem(const std::string& what, const std::string& next, const std::string& command) {
  return {ErrorKind::Unavailable, what + "\n  next:  " + next + "\n" + command, ""};
}

// An Approval of a request that does not exist, by dry run: nobody but the webhook says that.
Result<std::string> probe_webhook(const kube::Client& client, const std::string& home) {
  const std::string nobody = "holdpoint-probe-" + random_hex(4);
  const Json approval{{"apiVersion", kApiVersion},
                      {"kind", "Approval"},
                      {"metadata", {{"name", nobody}, {"namespace", home}}},
                      {"spec", {{"request", {{"name", nobody}}}, {"decision", "Approve"}}}};
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = client.create({kGroup, kVersion, kind_info<Approval>().plural, home, "", ""},
                                    approval, {.dry_run = true}, Deadline::in(kPatience));
  const auto took =
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin).count();
  if (answer.ok())
    return problem(
        "an Approval of nothing was taken: the API server asks no webhook of Holdpoint's",
        "see whether its configurations are there, and whether the gate is disarmed",
        "kubectl get validatingwebhookconfigurations -l "
        "app.kubernetes.io/part-of=holdpoint");
  if (answer.error().message.find("there is no ApprovalRequest '" + nobody + "'") ==
      std::string::npos)
    return problem("the API server got no judgement: " + visible_cut(answer.error().message, 500),
                   "see why its pods do not answer", "kubectl get pods -n " + home);
  return "the API server has writes judged by the webhook (" + std::to_string(took) + " ms)";
}

// Empty where the policy is in force, or not meant to be.
std::string why_not_ready(const ApprovalPolicy& policy) {
  if (policy.spec.mode == PolicyMode::Off) return {};
  for (const Condition& ready : policy.status.conditions) {
    if (ready.type != "Ready") continue;
    if (ready.status != "True") return ready.message;
    if (ready.observed_generation == policy.metadata.generation) return {};
  }
  return "the operator has not looked at it yet";
}

Result<std::string> probe_policies(const kube::Client& client) {
  const Deadline deadline = Deadline::in(kPatience);
  while (true) {
    HP_ASSIGN(const kube::ListResult list,
              client.list({kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "", "", ""}, {},
                          deadline));
    std::string waits;
    for (const Json& item : list.items) {
      HP_ASSIGN(const ApprovalPolicy policy, decode<ApprovalPolicy>(item));
      if (const std::string why = why_not_ready(policy); !why.empty())
        waits = "policy " + policy.metadata.name + " is not in force: " + visible_cut(why, 500);
    }
    if (waits.empty())
      return std::to_string(list.items.size()) +
             (list.items.size() == 1 ? " policy is in force" : " policies are in force");
    if (deadline.left() < 2 * kPause)
      return problem(waits, "see what its status says", "kubectl get approvalpolicies -o yaml");
    wait_for(kPause, {});
  }
}

}  // namespace

Result<std::vector<std::string>> probe(const kube::Client& client, const std::string& home) {
  HP_ASSIGN(std::string webhook, probe_webhook(client, home));
  HP_ASSIGN(std::string policies, probe_policies(client));
  return std::vector<std::string>{std::move(webhook), std::move(policies)};
}

}  // namespace holdpoint::operator_
