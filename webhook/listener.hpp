// From an HTTP request to the part of the webhook that answers it, and back.
//
// Routes below the random path: hold/<policy> (companion), gate/<policy>, scale/<policy>,
// scope/<policy>, guard/<policy>, approvals/ and requests/ with stamp or check, probe/<hash>.
// Answers on the I/O thread where no I/O is needed, else on a worker; every answer leaves before
// the API server's own time-out. Thread-safe.
#pragma once

#include <string>

#include "base/metrics.hpp"
#include "net/http_server.hpp"
#include "webhook/ahead.hpp"
#include "webhook/approvals.hpp"
#include "webhook/companion.hpp"
#include "webhook/gate.hpp"
#include "webhook/policies.hpp"
#include "webhook/review.hpp"
#include "webhook/workers.hpp"

namespace holdpoint::webhook {

class Listener {
 public:
  Listener(std::string path_token, const Policies& policies, const Gate& gate,
           const Companion& companion, const Approvals& approvals, const Ahead& ahead,
           Metrics& metrics, Workers& workers);

  // The handler of the TLS server.
  void handle(net::ServerRequest request, net::Reply reply);

 private:
  struct Route {
    std::string action;   // hold, gate, scale, guard, scope, approvals, requests, probe
    std::string subject;  // policy, stamp or check, hash
  };

  void review(const Route& route, const std::string& body, Deadline deadline,
              const net::Reply& reply);
  void answer_later(const Route& route, Review review, Deadline deadline, const net::Reply& reply);
  [[nodiscard]] Answer judge(const Route& route, const Review& review, Deadline deadline) const;
  void send(const Route& route, const Answer& answer, const std::string& uid,
            const net::Reply& reply);

  const std::string path_token_;
  const Policies& policies_;
  const Gate& gate_;
  const Companion& companion_;
  const Approvals& approvals_;
  const Ahead& ahead_;
  Metrics& metrics_;
  Workers& workers_;
};

}  // namespace holdpoint::webhook
