#include "docket/duties.hpp"

#include "base/text.hpp"
#include "core/approval/selector.hpp"
#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "crds/json.hpp"
#include "docket/origin.hpp"

namespace holdpoint {
namespace {

// All controllers, where the controller manager does not give them accounts of their own.
constexpr const char* kControllerManager = "system:kube-controller-manager";
constexpr const char* kControllers = "system:serviceaccount:kube-system:";

// By impersonation or by a token of its own; only service accounts can be acted as by what RBAC
// grants to people who deploy.
Result<bool> may_act_as(const Asking& ask, const Identity& who, const std::string& username) {
  const auto account = service_account(username);
  if (!account.has_value()) return false;
  HP_ASSIGN(
      const bool impersonates,
      may_any(ask.client, who, {"impersonate"},
              {"", "", "serviceaccounts", "", account->namespace_, account->name}, ask.deadline));
  if (impersonates) return true;
  return may_any(ask.client, who, {"create"},
                 {"", "", "serviceaccounts", "token", account->namespace_, account->name},
                 ask.deadline);
}

// Robots ask for what somebody made them do: a CronJob's controller for its Jobs, the garbage
// collector for the end of what lost its owner, another one for what has had its time. What `who`
// may write to that end; empty: nothing.
Result<std::string> steered(const Asking& ask, const Identity& who,
                            const ApprovalRequest& request) {
  const ApprovalRequestSpec& spec = request.spec;
  const Target& target = spec.target;
  const std::string& robot = spec.requester.username;
  for (const Owner& owner : spec.owners) {
    const auto kind = ask.discovery.find_kind(owner.group, owner.kind, ask.deadline);
    if (!kind.ok() && kind.error().kind == ErrorKind::NotFound) continue;  // nobody writes it
    if (!kind.ok()) return kind.error();
    HP_ASSIGN(const bool writes,
              may_any(ask.client, who, {"patch", "update", "create", "delete", "deletecollection"},
                      {"", owner.group, kind->resource, "",
                       kind->namespaced ? target.namespace_ : "", owner.name},
                      ask.deadline));
    if (writes) return owner.kind + " " + owner.name;
  }
  // What Flux or Argo CD writes is what its object says.
  if (spec.origin.has_value() && follows_origin(spec)) {
    const kube::ResourcePath origin = path_of(*spec.origin);
    if (!origin.resource.empty()) {
      HP_ASSIGN(const bool writes,
                may_any(ask.client, who, {"patch", "update"},
                        {"", origin.group, origin.resource, "", origin.namespace_, origin.name},
                        ask.deadline));
      if (writes) return std::string(to_string(spec.origin->kind)) + " " + spec.origin->name;
    }
  }
  if (robot != kControllerManager && !robot.starts_with(kControllers)) return std::string();
  if (spec.operation == Operation::Create) return std::string();
  // Who writes an object makes anything its owner, has its time run out, or a Deployment rolled
  // back (by an annotation that its controller still obeys).
  HP_ASSIGN(const bool writes,
            may_any(ask.client, who, {"patch", "update"},
                    {"", target.group, target.resource, "", target.namespace_, target.name},
                    ask.deadline));
  return writes ? target.kind + " " + target.name : std::string();
}

}  // namespace

Result<bool> may_any(const kube::Client& client, const Identity& who,
                     std::initializer_list<const char*> verbs, kube::Client::Attributes what,
                     Deadline deadline) {
  for (const char* verb : verbs) {
    what.verb = verb;
    HP_ASSIGN(const bool granted, client.may(who, what, deadline));
    if (granted) return true;
  }
  return false;
}

std::optional<ServiceAccount> service_account(const std::string& username) {
  const std::vector<std::string> parts = split(username, ':');
  if (parts.size() != 4 || parts[0] != "system" || parts[1] != "serviceaccount")
    return std::nullopt;
  return ServiceAccount{parts[2], parts[3]};
}

Result<std::string> barred(const Asking& ask, const Identity& who, const ApprovalRequest& request,
                           const ApprovalPolicy* policy) {
  if (const auto account = service_account(who.username); account.has_value()) {
    bool gated = account->namespace_ == request.metadata.namespace_;
    if (!gated && policy != nullptr) {
      const auto space =
          ask.client.get({"", "v1", "namespaces", "", account->namespace_, ""}, ask.deadline);
      if (!space.ok() && space.error().kind != ErrorKind::NotFound) return space.error();
      gated = !space.ok() || matches(policy->spec.match.namespace_selector, labels_of(*space));
    }
    if (gated)
      return std::string(
          "a service account of a gated namespace cannot approve: whoever deploys there can act as "
          "it");
  }
  const Identity& requester = request.spec.requester;
  if (same_person(who, requester)) return std::string();  // told so by the rules themselves
  HP_ASSIGN(const bool as_requester, may_act_as(ask, who, requester.username));
  if (as_requester)
    return "whoever may act as " + requester.username +
           ", which asked for this, counts as the requester";
  const bool robot = service_account(requester.username).has_value();
  if (robot || requester.username == kControllerManager) {
    HP_ASSIGN(const std::string what, steered(ask, who, request));
    if (!what.empty())
      return "whoever may write " + what + " has " + requester.username +
             " ask for this, and counts as the requester";
  }
  // Robots may act as each other wherever one of them administers the cluster; people are asked for
  // to keep them apart.
  if (robot) return std::string();
  HP_ASSIGN(const bool requester_as, may_act_as(ask, requester, who.username));
  if (requester_as)
    return "whoever asked for this (" + requester.username + ") may act as " + who.username +
           ", so its approval would be their own";
  return std::string();
}

}  // namespace holdpoint
