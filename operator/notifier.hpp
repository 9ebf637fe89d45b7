// Tells people of requests over HTTP, on a thread of its own: reconciling never waits for
// somebody's receiver.
//
// The spool is the request: what is due and not in its status.notified is owed. A notice is
// recorded there after a 2xx, by resourceVersion; whatever happens before that, it is sent again,
// by whoever leads then, so a receiver may rarely see one twice, with the same id. Addresses and
// tokens come from Secrets of Holdpoint's own namespace and appear in no log; the service account's
// token never goes out. owe() is thread-safe; run() is for one thread.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "base/metrics.hpp"
#include "core/notify/notice.hpp"
#include "docket/docket.hpp"
#include "kube/client.hpp"
#include "operator/inbox.hpp"
#include "operator/receiver.hpp"

namespace holdpoint::operator_ {

class Notifier {
 public:
  Notifier(const kube::Client& client, const Docket& docket, const Clock& clock, Metrics& metrics,
           std::string home)
      : client_(client),
        docket_(docket),
        clock_(clock),
        metrics_(metrics),
        home_(std::move(home)) {}

  // Takes over what is due for a request whose status tells of this standing. Never waits.
  void owe(const ApprovalRequest& request, const ApprovalPolicy& policy, const Standing& standing);
  // Delivers until asked to stop; a call under way then ends by its own deadline (10 s).
  void run(const std::stop_token& stop);

 private:
  enum class Outcome { Done, TryAgain, TryLater };
  struct Owed {
    Standing standing;
    std::set<std::string> ids;
  };

  [[nodiscard]] Outcome work_on(const std::string& key, const std::stop_token& stop);
  [[nodiscard]] Outcome deliver(const NotifyTarget& target, const Notice& notice);
  [[nodiscard]] Result<Done> record(const ApprovalRequest& request, const std::string& id) const;
  // Logs `what` of `subject` unless that was the last thing said of it.
  void complain(const std::string& subject, const std::string& what);

  const kube::Client& client_;
  const Docket& docket_;
  const Clock& clock_;
  Metrics& metrics_;
  const std::string home_;
  Inbox names_;                            // "namespace/name"
  std::set<std::string> unrecorded_;       // uid/id: taken by the receiver, not yet in the status
  std::map<std::string, Instant> silent_;  // Secret: its receiver is left alone until then
  std::mutex mutex_;                       // guards owed_ and complaints_
  std::map<std::string, Owed> owed_;       // by key
  std::map<std::string, std::string> complaints_;
};

}  // namespace holdpoint::operator_
