// Kubernetes Events about a request and its target, for people who describe them. Best effort: an
// Event that cannot be written is logged and forgotten; the audit trail is what counts. Blocking;
// thread-safe.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "kube/client.hpp"

namespace holdpoint::operator_ {

class Events {
 public:
  Events(const kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  // One Event on the request and one on its target. `uid` is the target's, empty where it is not
  // stored: `kubectl describe` shows an Event only by the uid of its object. `reason` is CamelCase;
  // `warning` for what people should look into.
  void tell(const ApprovalRequest& request, const std::string& uid, const std::string& reason,
            const std::string& message, bool warning) const;
  // On the target alone.
  void tell_target(const ApprovalRequest& request, const std::string& uid,
                   const std::string& reason, const std::string& message, bool warning) const;

  // On the Flux or Argo CD object that it comes from. Labels name that, and anybody may write them:
  // for requests whose requester speaks for it.
  void tell_origin(const ApprovalRequest& request, const std::string& reason,
                   const std::string& message, bool warning) const;

 private:
  void tell_one(const Json& about, const std::string& namespace_, const std::string& reason,
                const std::string& message, bool warning) const;
  const kube::Client& client_;
  const Clock& clock_;
};

}  // namespace holdpoint::operator_
