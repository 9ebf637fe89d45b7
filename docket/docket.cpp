#include "docket/docket.hpp"

#include "core/approval/digest.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

template <class T>
kube::ResourcePath path_of(const std::string& namespace_, const std::string& name) {
  return {kGroup, kVersion, kind_info<T>().plural, namespace_, name, ""};
}

template <class T>
Result<T> get(const kube::Client& client, const std::string& namespace_, const std::string& name, Deadline deadline) {
  HP_ASSIGN(const Json object, client.get(path_of<T>(namespace_, name), deadline));
  return decode<T>(object);
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

Result<std::vector<std::shared_ptr<const ApprovalRequest>>> Docket::siblings(const std::string& namespace_,
                                                                             const std::string& target_key,
                                                                             Deadline deadline) const {
  HP_ASSIGN(const kube::ListResult list,
            client_.list(path_of<ApprovalRequest>(namespace_, ""),
                         {{"labelSelector", std::string(kTargetLabel) + "=" + target_key}}, deadline));
  std::vector<std::shared_ptr<const ApprovalRequest>> requests;
  for (const Json& item : list.items) {
    HP_ASSIGN(ApprovalRequest request, decode<ApprovalRequest>(item));
    requests.push_back(std::make_shared<const ApprovalRequest>(std::move(request)));
  }
  return requests;
}

Result<std::vector<Ballot>> Docket::ballots(const ApprovalRequest& request, Deadline deadline) const {
  HP_ASSIGN(const kube::ListResult list,
            client_.list(path_of<Approval>(request.metadata.namespace_, ""),
                         {{"labelSelector", std::string(kRequestLabel) + "=" + request.metadata.uid}}, deadline));
  std::vector<Ballot> ballots;
  for (const Json& item : list.items) {
    Ballot ballot;
    HP_ASSIGN(ballot.approval, decode<Approval>(item));
    HP_ASSIGN(ballot.authorized, may_approve(ballot.approval.spec.author, request.spec.policy.name,
                                             request.metadata.namespace_, deadline));
    ballots.push_back(std::move(ballot));
  }
  return ballots;
}

Result<StandingInput> Docket::standing_input(const ApprovalRequest& request, const ApprovalPolicy* policy,
                                             const std::set<std::string>& writers,
                                             const std::vector<std::shared_ptr<const ApprovalRequest>>& siblings,
                                             Deadline deadline) const {
  StandingInput input;
  input.request = &request;
  input.policy = policy;
  if (!is_end(request.status.phase)) {
    HP_ASSIGN(input.ballots, ballots(request, deadline));
  }
  for (const std::string& writer : writers) input.writers.push_back(Identity{writer, "", {}});
  HP_ASSIGN(const Instant created, parse_rfc3339(request.metadata.creation_timestamp));
  for (const auto& sibling : siblings) {
    if (sibling->metadata.uid == request.metadata.uid) continue;
    HP_ASSIGN(const Instant other, parse_rfc3339(sibling->metadata.creation_timestamp));
    // Time stamps have whole seconds: within one, the attempt number tells the newer one of the same change.
    const bool newer = other > created || (other == created && sibling->spec.attempt > request.spec.attempt);
    if (newer) input.newer.push_back({sibling->metadata.name, other});
  }
  input.now = clock_.now();
  return input;
}

Result<bool> Docket::may_approve(const Identity& who, const std::string& policy, const std::string& namespace_,
                                 Deadline deadline) const {
  return client_.may(who, {"approve", kGroup, kind_info<ApprovalPolicy>().plural, "", namespace_, policy}, deadline);
}

Result<RawObject> Docket::target(const Target& target, Deadline deadline) const {
  auto object = client_.get({target.group, target.version, target.resource, target.namespace_, target.name, ""}, deadline);
  if (!object.ok() && object.error().kind == ErrorKind::NotFound) return RawObject();
  return object;
}

}  // namespace holdpoint
