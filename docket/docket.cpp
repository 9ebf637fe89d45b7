#include "docket/docket.hpp"

#include <optional>
#include <tuple>

#include "core/approval/digest.hpp"
#include "crds/codec.hpp"
#include "docket/duties.hpp"
#include "docket/voiding.hpp"

namespace holdpoint {
namespace {

template <class T>
kube::ResourcePath path_of(const std::string& namespace_, const std::string& name) {
  return {kGroup, kVersion, kind_info<T>().plural, namespace_, name, ""};
}

template <class T>
Result<T> get(const kube::Client& client, const std::string& namespace_, const std::string& name,
              Deadline deadline) {
  HP_ASSIGN(const Json object, client.get(path_of<T>(namespace_, name), deadline));
  return decode<T>(object);
}

// Empty: it was made since. The API server's time stamps have whole seconds.
std::string voided(const Approval& approval, const Voiding& voiding) {
  const auto made = parse_rfc3339(approval.metadata.creation_timestamp);
  if (made.ok() && *made > voiding.at) return "";
  return "all approvals until " + to_rfc3339(voiding.at) + " were voided by " + voiding.by + ": " +
         voiding.reason;
}

}  // namespace

Result<ApprovalPolicy> Docket::policy(const std::string& name, Deadline deadline) const {
  return get<ApprovalPolicy>(client_, "", name, deadline);
}

Result<ApprovalRequest> Docket::request(const std::string& namespace_, const std::string& name,
                                        Deadline deadline) const {
  return get<ApprovalRequest>(client_, namespace_, name, deadline);
}

Result<std::shared_ptr<const ApprovalRequest>> Docket::find_request(const std::string& namespace_,
                                                                    const std::string& name,
                                                                    Deadline deadline) const {
  if (name.empty()) return std::shared_ptr<const ApprovalRequest>();
  auto found = request(namespace_, name, deadline);
  if (found.ok()) return std::make_shared<const ApprovalRequest>(std::move(*found));
  if (found.error().kind == ErrorKind::NotFound) return std::shared_ptr<const ApprovalRequest>();
  return found.error();
}

Result<std::vector<std::shared_ptr<const ApprovalRequest>>> Docket::siblings(
    const std::string& namespace_, const std::string& target_key, Deadline deadline) const {
  HP_ASSIGN(
      const kube::ListResult list,
      client_.list(path_of<ApprovalRequest>(namespace_, ""),
                   {{"labelSelector", std::string(kTargetLabel) + "=" + target_key}}, deadline));
  std::vector<std::shared_ptr<const ApprovalRequest>> requests;
  for (const Json& item : list.items) {
    HP_ASSIGN(ApprovalRequest request, decode<ApprovalRequest>(item));
    requests.push_back(std::make_shared<const ApprovalRequest>(std::move(request)));
  }
  return requests;
}

Result<std::vector<ApprovalRequest>> Docket::open_or_undecided(const std::string& namespace_,
                                                               Deadline deadline) const {
  std::string ended;
  using enum RequestPhase;
  for (const RequestPhase phase : {Released, Denied, Expired})
    ended += (ended.empty() ? "status.phase!=" : ",status.phase!=") + std::string(to_string(phase));
  HP_ASSIGN(const kube::ListResult list, client_.list(path_of<ApprovalRequest>(namespace_, ""),
                                                      {{"fieldSelector", ended}}, deadline));
  std::vector<ApprovalRequest> requests;
  for (const Json& item : list.items) {
    HP_ASSIGN(ApprovalRequest request, decode<ApprovalRequest>(item));
    requests.push_back(std::move(request));
  }
  return requests;
}

Result<std::vector<Ballot>> Docket::ballots(const ApprovalRequest& request,
                                            const ApprovalPolicy* policy, Deadline deadline) const {
  HP_ASSIGN(
      const kube::ListResult list,
      client_.list(path_of<Approval>(request.metadata.namespace_, ""),
                   {{"labelSelector", std::string(kRequestLabel) + "=" + request.metadata.uid}},
                   deadline));
  std::vector<Ballot> ballots;
  std::optional<Voiding> voiding;
  if (!list.items.empty()) {
    HP_ASSIGN(voiding, read_voiding(client_, home_, deadline));
  }
  for (const Json& item : list.items) {
    HP_ASSIGN(Approval approval, decode<Approval>(item));
    HP_ASSIGN(Ballot one, ballot(std::move(approval), request, policy, deadline));
    one.voided = voiding.has_value() ? voided(one.approval, *voiding) : "";
    ballots.push_back(std::move(one));
  }
  return ballots;
}

Result<Ballot> Docket::ballot(Approval approval, const ApprovalRequest& request,
                              const ApprovalPolicy* policy, Deadline deadline) const {
  Ballot ballot;
  const Identity& author = approval.spec.author;
  const Decision decision = approval.spec.decision;
  const bool helps = decision == Decision::Approve || decision == Decision::Review;
  if (helps) {
    HP_ASSIGN(ballot.barred, barred({client_, discovery_, deadline}, author, request, policy));
  }
  if (helps || decision == Decision::Deny) {
    HP_ASSIGN(ballot.authorized, may(author, "approve", request, deadline));
  }
  if (decision == Decision::BreakGlass) {
    HP_ASSIGN(ballot.may_break_glass, may(author, "break-glass", request, deadline));
  }
  ballot.approval = std::move(approval);
  return ballot;
}

Result<bool> Docket::speaks_for(const Identity& who, const Origin& origin,
                                Deadline deadline) const {
  const kube::ResourcePath path = holdpoint::path_of(origin);
  if (path.resource.empty()) return false;
  HP_ASSIGN(const bool may_change,
            client_.may(who, {"patch", path.group, path.resource, "", path.namespace_, path.name},
                        deadline));
  if (may_change) return true;
  const auto account = service_account(who.username);
  if (!account.has_value() || account->namespace_ != origin.namespace_) return false;
  const auto live = client_.get(path, deadline);
  if (!live.ok() && live.error().kind != ErrorKind::NotFound &&
      live.error().kind != ErrorKind::Forbidden)
    return live.error();
  return live.ok() && string_at(*live, {"spec", "serviceAccountName"}) == account->name;
}

Result<std::optional<std::string>> Docket::unpaid_review(const Identity& who,
                                                         Deadline deadline) const {
  HP_ASSIGN(
      const kube::ListResult list,
      client_.list(path_of<Approval>("", ""),
                   {{"labelSelector", std::string(kDecisionLabel) + "=BreakGlass"}}, deadline));
  for (const Json& item : list.items) {
    HP_ASSIGN(const Approval approval, decode<Approval>(item));
    if (!same_person(approval.spec.author, who)) continue;
    HP_ASSIGN(const auto request,
              find_request(approval.metadata.namespace_, approval.spec.request.name, deadline));
    if (request == nullptr || request->metadata.uid != approval.spec.request.uid) continue;
    const auto& debt = request->status.review;
    // What ended otherwise, and left no debt, was not passed by it.
    const bool unused =
        is_end(request->status.phase) && request->status.phase != RequestPhase::Released;
    if (is_owed(debt) || (!debt.has_value() && !unused))
      return std::optional(request->metadata.namespace_ + "/" + request->metadata.name);
  }
  return std::optional<std::string>();
}

Result<StandingInput> Docket::standing_input(
    const ApprovalRequest& request, const ApprovalPolicy* policy,
    const std::set<std::string>& writers,
    const std::vector<std::shared_ptr<const ApprovalRequest>>& siblings, Deadline deadline) const {
  StandingInput input;
  input.request = &request;
  input.policy = policy;
  if (!is_end(request.status.phase) || is_owed(request.status.review)) {
    HP_ASSIGN(input.ballots, ballots(request, policy, deadline));
  }
  for (const std::string& writer : writers) input.writers.push_back(Identity{writer, "", {}});
  HP_ASSIGN(const Instant created, parse_rfc3339(request.metadata.creation_timestamp));
  for (const auto& sibling : siblings) {
    if (sibling->metadata.uid == request.metadata.uid) continue;
    HP_ASSIGN(const Instant other, parse_rfc3339(sibling->metadata.creation_timestamp));
    // The server's time stamps have whole seconds: within one, the webhook's clock tells.
    const auto order = [](Instant at, const ApprovalRequest& of) {
      return std::tuple(at, of.spec.asked_at, of.spec.attempt, of.metadata.name);
    };
    if (order(other, *sibling) > order(created, request))
      input.newer.push_back({sibling->metadata.name, other});
  }
  HP_ASSIGN(input.origin, origin(request, deadline));
  input.now = clock_.now();
  return input;
}

Result<OriginState> Docket::origin(const ApprovalRequest& request, Deadline deadline) const {
  if (is_end(request.status.phase)) return OriginState{};
  return origin_state(client_, request, records_, deadline);
}

Result<bool> Docket::may(const Identity& who, const char* verb, const ApprovalRequest& request,
                         Deadline deadline) const {
  return client_.may(who,
                     {verb, kGroup, kind_info<ApprovalPolicy>().plural, "",
                      request.metadata.namespace_, request.spec.policy.name},
                     deadline);
}

Result<RawObject> Docket::target(const Target& target, Deadline deadline) const {
  auto object = client_.get(
      {target.group, target.version, target.resource, target.namespace_, target.name, ""},
      deadline);
  if (!object.ok() && object.error().kind == ErrorKind::NotFound) return RawObject();
  return object;
}

}  // namespace holdpoint
