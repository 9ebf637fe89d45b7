// The policies as last watched, decoded: good enough to say "nothing covered is touched", never to
// say more. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "crds/kinds.hpp"
#include "kube/watch_cache.hpp"

namespace holdpoint::webhook {

class Policies {
 public:
  explicit Policies(const kube::Client& client);

  [[nodiscard]] bool synced() const { return cache_.synced(); }
  // nullptr where it is unknown (yet), could not be read, or nothing was heard for two minutes.
  [[nodiscard]] std::shared_ptr<const ApprovalPolicy> find(const std::string& name) const;

 private:
  void changed(kube::WatchEventType type, const Json& object);

  mutable std::mutex mutex_;  // guards policies_
  std::map<std::string, std::shared_ptr<const ApprovalPolicy>, std::less<>> policies_;
  kube::WatchCache cache_;  // last: its thread uses what stands above
};

}  // namespace holdpoint::webhook
