// The operator's work while it leads: watches fill inboxes with names, workers reconcile them.
//
// Requests are never kept waiting by a pass over the policies, by receivers of notices, nor by what
// checks look at: all these have threads of their own. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/metrics.hpp"
#include "kube/client.hpp"
#include "operator/checks.hpp"
#include "operator/configurator.hpp"
#include "operator/inbox.hpp"
#include "operator/notifier.hpp"
#include "operator/requests.hpp"

namespace holdpoint::operator_ {

// Whom API servers are to trust when they call the webhook.
struct Trust {
  std::function<Result<std::string>()> bundle;  // PEM, as it is now
  Duration every;                               // how often it is asked for
};

class Loop {
 public:
  Loop(const kube::Client& client, Configurator& configurator, Requests& requests,
       const Release& release, Notifier& notifier, Checks& checks, Metrics& metrics,
       std::string home, Trust trust)
      : client_(client),
        configurator_(configurator),
        requests_(requests),
        release_(release),
        notifier_(notifier),
        checks_(checks),
        metrics_(metrics),
        home_(std::move(home)),
        trust_(std::move(trust)) {}

  // Returns when asked to stop, with all threads ended.
  void run(const std::stop_token& stop);
  [[nodiscard]] bool synced() const { return synced_; }

 private:
  void work_on_requests(const std::stop_token& stop);
  // When to look again.
  [[nodiscard]] Result<std::optional<Duration>> look_at_request(const std::string& name);
  [[nodiscard]] Result<Done> look_at_trust();
  void work_on_configurations(const std::stop_token& stop);
  void request_changed(const Json& object);
  void approval_changed(kube::WatchEventType type, const Json& object);
  [[nodiscard]] std::vector<std::shared_ptr<const ApprovalRequest>> siblings_of(
      const std::string& key);
  void policies_changed();
  void pod_changed(const Json& object);
  void count(const char* what, bool ok, const Inbox& inbox);

  const kube::Client& client_;
  Configurator& configurator_;
  Requests& requests_;
  const Release& release_;
  Notifier& notifier_;
  Checks& checks_;
  Metrics& metrics_;
  const std::string home_;
  const Trust trust_;
  std::atomic<bool> synced_{false};
  Inbox request_names_;  // "namespace/name", "job:namespace/name" of a Job whose pods may start, or
                         // "revoked:" and the Approval's JSON, or "gone:" and a deleted request's
  Inbox
      configuration_names_;  // "trust", "policies", "validating/NAME", "mutating/NAME", "crd/NAME"
  std::mutex mutex_;         // guards open_
  std::map<std::string, std::shared_ptr<const ApprovalRequest>> open_;  // have not ended, by key
};

}  // namespace holdpoint::operator_
