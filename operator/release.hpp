// What follows a decision outside of our own objects: held objects go on, gated pods start, Jobs
// that will never run say why, and GitOps controllers try again. The webhook judges each of these
// writes like anybody's.
//
// Thread-safe.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "crds/kinds.hpp"
#include "kube/client.hpp"

namespace holdpoint::operator_ {

class Release {
 public:
  Release(const kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  // Takes the request's hold off `target`, by resourceVersion; what the user had is put back.
  [[nodiscard]] Result<Done> resume(const ApprovalRequest& request, const RawObject& target,
                                    Deadline deadline) const;
  // Takes the scheduling gate from the pods of a Job that is not held; else nothing.
  [[nodiscard]] Result<Done> start_pods(const std::string& namespace_, const std::string& job,
                                        Deadline deadline) const;
  // Tells the Job controller that a gated Job has failed, and why: its pods are never started and
  // its clients see the reason (batch/v1, condition FailureTarget). Nothing for a finished Job.
  [[nodiscard]] Result<Done> fail(const RawObject& job, const std::string& reason,
                                  const std::string& message, Deadline deadline) const;
  enum class Told {
    Yes,
    Busy,  // what it does now may have begun too early to know; worth asking again soon
    No     // there is nothing to try again, or nobody that can be told: NotFound, Forbidden, a Helm
           // CLI
  };
  // Has the controller of `origin` try again what is approved, once for each `token`. Argo CD
  // repeats the operation that failed, as it was, to the revision that it went to.
  [[nodiscard]] Result<Told> retrigger(const Origin& origin, const std::string& token,
                                       Deadline deadline) const;
  // The same for what is denied, so that the controller shows the denial; but an Argo CD that has
  // not given up, or whose hooks would run again for that, is left alone.
  [[nodiscard]] Result<Told> show_denial(const Origin& origin, const std::string& token,
                                         Deadline deadline) const;

 private:
  [[nodiscard]] Result<Told> tell(const Origin& origin, Json patch, Deadline deadline) const;

  const kube::Client& client_;
  const Clock& clock_;
};

}  // namespace holdpoint::operator_
