#include "base/clock.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/home.hpp"
#include "cli/screen.hpp"

namespace holdpoint::cli {
namespace {

constexpr Duration kPatience{30'000};  // a new leader needs up to 17 s

Result<std::size_t> count_configurations(const Kubectl& kubectl) {
  HP_ASSIGN(const Json list,
            kubectl.json({"get", "validatingwebhookconfigurations,mutatingwebhookconfigurations",
                          "-l", kOwnLabel, "-o", "json"}));
  const Json* const items = member_at(list, {"items"});
  return items == nullptr ? 0 : items->size();
}

// Until the operator has done it: true, or it does not in time.
Result<bool> await(const Kubectl& kubectl, bool up) {
  const Deadline deadline = Deadline::in(kPatience);
  while (true) {
    HP_ASSIGN(const std::size_t count, count_configurations(kubectl));
    if ((count > 0) == up) return true;
    if (!wait_for(Duration(300), {}) || deadline.over()) return false;
  }
}

// `what` becomes the value of `key`, with who says it, when and why. Each key has a field manager
// of its own: what one says takes nothing from the other.
Result<Done> say(const Kubectl& kubectl, const std::string& home, const char* key, Json what,
                 const std::string& reason) {
  HP_ASSIGN(const Identity me, read_me(kubectl));
  what["by"] = me.username;
  what["reason"] = reason;
  what["at"] = to_rfc3339(system_clock().now());
  const std::string manifest = dump_json(
      {{"apiVersion", "v1"},
       {"kind", "ConfigMap"},
       {"metadata",
        {{"name", "holdpoint"}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
       {"data", {{key, dump_json(what)}}}});
  HP_TRY(kubectl.json({"apply", "--server-side", "--force-conflicts",
                       std::string("--field-manager=holdpoint-") + key, "-f", "-", "-o", "json",
                       "--namespace=" + home},
                      &manifest));
  return Done{};
}

}  // namespace

Result<Done> disarm(const Kubectl& kubectl, const std::string& given_home,
                    const std::string& reason) {
  if (reason.empty()) return invalid("say why with --reason: it goes on the trail");
  HP_ASSIGN(const std::string home, find_home(kubectl, given_home));
  HP_ASSIGN(const std::size_t standing, count_configurations(kubectl));
  HP_TRY(say(kubectl, home, "gate", {{"state", "disarmed"}}, reason));
  if (standing == 0) {
    print(
        "No gate was up. It stays down when an operator starts, and that goes on the trail then.");
    print("kubectl holdpoint arm");
    return Done{};
  }
  HP_ASSIGN(const bool down, await(kubectl, false));
  if (!down)
    return Error{ErrorKind::Unavailable,
                 "the operator has not taken the gate down yet; where it does not run, remove the "
                 "configurations yourself:\nkubectl delete "
                 "validatingwebhookconfigurations,mutatingwebhookconfigurations -l " +
                     std::string(kOwnLabel),
                 ""};
  print(
      "The gate is down: nothing is held or refused any more, and the trail says that you did it.");
  print("kubectl holdpoint arm");
  return Done{};
}

Result<Done> arm(const Kubectl& kubectl, const std::string& given_home, const std::string& reason) {
  HP_ASSIGN(const std::string home, find_home(kubectl, given_home));
  HP_TRY(say(kubectl, home, "gate", {{"state", "armed"}}, reason));
  HP_ASSIGN(const bool up, await(kubectl, true));
  if (!up)
    return Error{
        ErrorKind::Unavailable,
        "the operator has not put the gate up yet; see whether it runs:\nkubectl get pods -n " +
            home,
        ""};
  print(
      "The gate is up. What was changed meanwhile was not judged; policies tell when they are in "
      "force:");
  print("kubectl get approvalpolicies");
  return Done{};
}

Result<Done> void_approvals(const Kubectl& kubectl, const std::string& given_home,
                            const std::string& reason) {
  if (reason.empty()) return invalid("say why with --reason: it goes on the trail");
  HP_ASSIGN(const std::string home, find_home(kubectl, given_home));
  HP_TRY(say(kubectl, home, "voided", Json::object(), reason));
  print(
      "No approval that was given until now lets anything pass any more, and the trail says that "
      "you did it. What still waits has to be approved anew:");
  print("kubectl holdpoint list -A");
  return Done{};
}

}  // namespace holdpoint::cli
