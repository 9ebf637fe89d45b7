#include "webhook/policies.hpp"

#include "base/log.hpp"
#include "crds/codec.hpp"

namespace holdpoint::webhook {
namespace {

constexpr Duration kTrusted{120'000};

}  // namespace

Policies::Policies(const kube::Client& client)
    : cache_(client, {kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "", "", ""}, {},
             [this](kube::WatchEventType type, const kube::ObjectPtr& object) {
               changed(type, *object);
             }) {}

std::shared_ptr<const ApprovalPolicy> Policies::find(const std::string& name) const {
  // Bookmarks come each minute: what is older is no picture of now.
  if (cache_.silence() > kTrusted) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = policies_.find(name);
  return found == policies_.end() ? nullptr : found->second;
}

void Policies::changed(kube::WatchEventType type, const Json& object) {
  const std::string name = string_at(object, {"metadata", "name"});
  std::shared_ptr<const ApprovalPolicy> policy;
  if (type != kube::WatchEventType::Deleted) {
    auto decoded = decode<ApprovalPolicy>(object);
    if (decoded.ok()) {
      policy = std::make_shared<const ApprovalPolicy>(std::move(*decoded));
    } else {
      log::error("policy cannot be read", {{"policy", name}, {"error", describe(decoded.error())}});
    }
  }
  const std::lock_guard lock(mutex_);
  if (policy == nullptr) {
    policies_.erase(name);
  } else {
    policies_[name] = std::move(policy);
  }
}

}  // namespace holdpoint::webhook
