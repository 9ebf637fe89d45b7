// Approvals at admission: stamped with what the API server authenticated, and accepted only where
// they can count.
//
// Blocking; thread-safe.
#pragma once

#include "docket/docket.hpp"
#include "webhook/answer.hpp"

namespace holdpoint::webhook {

class Approvals {
 public:
  Approvals(const Docket& docket, std::string secret_key)
      : docket_(docket), secret_key_(std::move(secret_key)) {}

  // Mutating, on CREATE: author, policy, uid and digest of the request, owner and label. What was
  // typed there is overwritten, but a uid or digest of another request is refused: that approval
  // was meant for something else.
  [[nodiscard]] Answer stamp(const Write& write, Deadline deadline) const;
  // Validating, on CREATE and DELETE.
  [[nodiscard]] Answer check(const Write& write, Deadline deadline) const;

 private:
  [[nodiscard]] Result<Answer> check_created(const Write& write, Deadline deadline) const;
  [[nodiscard]] Result<Answer> check_deleted(const Write& write, Deadline deadline) const;

  const Docket& docket_;
  const std::string secret_key_;
};

}  // namespace holdpoint::webhook
