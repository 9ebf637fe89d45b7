#include "operator/loop.hpp"

#include <thread>

#include "base/log.hpp"
#include "core/approval/hold.hpp"
#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "kube/watch_cache.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr const char* kPolicies = "policies";
constexpr const char* kTrust = "trust";
constexpr const char* kRevoked = "revoked:";
constexpr const char* kGone = "gone:";
constexpr const char* kJob = "job:";
constexpr Duration kStartPods{10'000};
constexpr Duration kPolicyResync{60'000};  // discovery and grants change without an event of ours

bool is_ours(const std::string& name) { return name.starts_with("holdpoint-"); }

std::string key_of(const Json& object) {
  return string_at(object, {"metadata", "namespace"}) + "/" +
         string_at(object, {"metadata", "name"});
}

// The deleted object that a name brings along behind its prefix.
template <class T>
Result<T> carried(const std::string& name, std::string_view prefix) {
  HP_ASSIGN(const Json object, parse_json(name.substr(prefix.size())));
  return decode<T>(object);
}

// Of the same policy and target.
bool is_sibling(const ApprovalRequest& a, const ApprovalRequest& b) {
  const auto target = [](const ApprovalRequest& request) {
    const auto label = request.metadata.labels.find(kTargetLabel);
    return label == request.metadata.labels.end() ? std::string() : label->second;
  };
  return a.metadata.namespace_ == b.metadata.namespace_ && target(a) == target(b);
}

}  // namespace

void Loop::request_changed(const Json& object) {
  const std::string key = key_of(object);
  auto decoded = decode<ApprovalRequest>(object);
  request_names_.add(key);
  if (!decoded.ok()) return;
  const auto request = std::make_shared<const ApprovalRequest>(std::move(*decoded));
  const bool over = is_end(request->status.phase);
  const bool fresh = request->status.observed_generation == 0;
  const std::lock_guard lock(mutex_);
  if (over) {
    open_.erase(key);
  } else {
    open_[key] = request;
  }
  metrics_.set("holdpoint_requests_open", "Requests that have not ended.",
               static_cast<double>(open_.size()));
  if (request->status.phase == RequestPhase::Released && request->spec.hold == RequestHold::Gate)
    request_names_.add(kJob + request->metadata.namespace_ + "/" + request->spec.target.name);
  // A new request may end older ones of the same target; an end may free what waits for the same
  // object.
  if (over || fresh)
    for (const auto& [other, sibling] : open_)
      if (other != key && is_sibling(*request, *sibling)) request_names_.add(other);
}

void Loop::pod_changed(const Json& object) {
  if (has_gate(member_at(object, {"spec"})))
    request_names_.add(kJob + string_at(object, {"metadata", "namespace"}) + "/" +
                       string_at(controller_of(object), {"name"}));
}

std::vector<std::shared_ptr<const ApprovalRequest>> Loop::siblings_of(const std::string& key) {
  std::vector<std::shared_ptr<const ApprovalRequest>> siblings;
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) return siblings;
  for (const auto& [other, sibling] : open_)
    if (other != key && is_sibling(*found->second, *sibling)) siblings.push_back(sibling);
  return siblings;
}

void Loop::approval_changed(kube::WatchEventType type, const Json& object) {
  const std::string request = string_at(object, {"metadata", "namespace"}) + "/" +
                              string_at(object, {"spec", "request", "name"});
  if (type == kube::WatchEventType::Deleted) request_names_.add(kRevoked + dump_json(object));
  request_names_.add(request);
}

void Loop::policies_changed() {
  configuration_names_.add(kPolicies);
  const std::lock_guard lock(mutex_);
  for (const auto& [key, request] : open_) request_names_.add(key);
}

void Loop::count(const char* what, bool ok, const Inbox& inbox) {
  metrics_.count("holdpoint_reconciles_total", "Reconciliations.",
                 {{"what", what}, {"outcome", ok ? "ok" : "error"}});
  metrics_.set("holdpoint_queue_depth", "Names that wait to be looked at, now or later.",
               static_cast<double>(inbox.size()), {{"what", what}});
}

Result<std::optional<Duration>> Loop::look_at_request(const std::string& name) {
  const std::optional<Duration> never;
  if (name.starts_with(kRevoked)) {
    const auto approval = carried<Approval>(name, kRevoked);
    if (approval.ok()) HP_TRY(requests_.revoked(*approval));
    return never;
  }
  if (name.starts_with(kGone)) {
    const auto request = carried<ApprovalRequest>(name, kGone);
    if (request.ok()) HP_TRY(requests_.gone(*request));
    return never;
  }
  const bool job = name.starts_with(kJob);
  const std::string key = job ? name.substr(std::string_view(kJob).size()) : name;
  const auto slash = key.find('/');
  const std::string namespace_ = key.substr(0, slash), own_name = key.substr(slash + 1);
  if (!job) return requests_.reconcile(namespace_, own_name, siblings_of(key));
  HP_TRY(release_.start_pods(namespace_, own_name, Deadline::in(kStartPods)));
  return never;
}

void Loop::work_on_requests(const std::stop_token& stop) {
  while (const auto name = request_names_.next(stop)) {
    const auto again = look_at_request(*name);
    if (again.ok() && again->has_value()) request_names_.add_after(*name, **again);
    count("request", again.ok(), request_names_);
    if (again.ok()) {
      request_names_.forgive(*name);
    } else {
      log::warn("request not reconciled",
                {{"request", name->substr(0, 200)}, {"error", describe(again.error())}});
      request_names_.add_failed(*name);
    }
  }
}

Result<Done> Loop::look_at_trust() {
  HP_ASSIGN(std::string bundle, trust_.bundle());
  if (configurator_.trust(std::move(bundle))) configuration_names_.add(kPolicies);
  return Done{};
}

void Loop::work_on_configurations(const std::stop_token& stop) {
  while (const auto name = configuration_names_.next(stop)) {
    const std::string subject = name->substr(name->find('/') + 1);
    const auto done = *name == kTrust             ? look_at_trust()
                      : *name == kPolicies        ? configurator_.pass(stop)
                      : name->starts_with("crd/") ? configurator_.guard_crd(subject)
                                                  : configurator_.guard_configuration(
                                                        name->starts_with("mutating/"), subject);
    count("configuration", done.ok(), configuration_names_);
    if (done.ok()) {
      configuration_names_.forgive(*name);
      if (*name == kTrust) configuration_names_.add_after(kTrust, trust_.every);
      if (*name == kPolicies) configuration_names_.add_after(kPolicies, kPolicyResync);
      if (name->starts_with("crd/")) configuration_names_.add_after(kPolicies, Duration(100));
    } else {
      log::warn("configuration not reconciled",
                {{"what", *name}, {"error", describe(done.error())}});
      configuration_names_.add_failed(*name);
    }
  }
}

void Loop::run(const std::stop_token& stop) {
  metrics_.set("holdpoint_leader", "1 while this process leads.", 1);
  const auto ours = [](const std::string& plural) {
    return kube::ResourcePath{kGroup, kVersion, plural, "", "", ""};
  };
  const auto configurations = [this](bool mutating) {
    return [this, mutating](kube::WatchEventType, const kube::ObjectPtr& object) {
      const std::string name = string_at(*object, {"metadata", "name"});
      if (is_ours(name)) configuration_names_.add((mutating ? "mutating/" : "validating/") + name);
    };
  };
  // One that was deleted before we came sends no event.
  for (const Json& crd : custom_resource_definitions())
    configuration_names_.add("crd/" + string_at(crd, {"metadata", "name"}));
  configuration_names_.add(kTrust);
  configuration_names_.add(kPolicies);
  {
    const kube::WatchCache crds(
        client_, {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "", "", ""}, {},
        [this](kube::WatchEventType, const kube::ObjectPtr& object) {
          const std::string name = string_at(*object, {"metadata", "name"});
          if (name.ends_with(std::string(".") + kGroup)) configuration_names_.add("crd/" + name);
        });
    const kube::WatchCache policies(
        client_, ours(kind_info<ApprovalPolicy>().plural), {},
        [this](kube::WatchEventType, const kube::ObjectPtr&) { policies_changed(); });
    const kube::WatchCache requests(
        client_, ours(kind_info<ApprovalRequest>().plural), {},
        [this](kube::WatchEventType type, const kube::ObjectPtr& object) {
          if (type != kube::WatchEventType::Deleted) return request_changed(*object);
          request_names_.add(kGone + dump_json(*object));
          const std::lock_guard lock(mutex_);
          open_.erase(key_of(*object));
        });
    const kube::WatchCache approvals(
        client_, ours(kind_info<Approval>().plural), {},
        [this](kube::WatchEventType type, const kube::ObjectPtr& object) {
          approval_changed(type, *object);
        });
    const kube::WatchCache validating(
        client_,
        {"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "", "", ""}, {},
        configurations(false));
    const kube::WatchCache mutating(
        client_,
        {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "", "", ""}, {},
        configurations(true));
    const kube::WatchCache arming(
        client_, {"", "v1", "configmaps", home_, "", ""},
        {{"fieldSelector", std::string("metadata.name=") + kOwnConfigMap}},
        [this](kube::WatchEventType, const kube::ObjectPtr&) {
          policies_changed();  // or approvals were voided
        });
    const kube::WatchCache pods(client_, {"", "v1", "pods", "", "", ""},
                                {{"labelSelector", std::string(kGatedLabel) + "=true"}},
                                [this](kube::WatchEventType type, const kube::ObjectPtr& object) {
                                  if (type != kube::WatchEventType::Deleted) pod_changed(*object);
                                });
    std::jthread notifier([&] { notifier_.run(stop); });
    std::jthread checks([&] { checks_.run(stop); });
    std::jthread request_worker([&] { work_on_requests(stop); });
    std::jthread configuration_worker([&] { work_on_configurations(stop); });
    while (!stop.stop_requested() && !synced_) {
      synced_ = crds.synced() && policies.synced() && requests.synced() && approvals.synced() &&
                validating.synced() && mutating.synced() && arming.synced() && pods.synced();
      if (!wait_for(Duration(20), stop)) break;
    }
    while (wait_for(Duration(3'600'000), stop)) {
    }
  }  // the workers end first, then the watches that feed them
  metrics_.set("holdpoint_leader", "1 while this process leads.", 0);
}

}  // namespace holdpoint::operator_
