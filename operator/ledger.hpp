// The audit trail's writer: each fact once, chained, before the status that it explains.
//
// The name of a record is its number, so creating it is the lock: whoever is late reads the new
// head and goes on from there. A fact has an id, the same on every leader and after every restart;
// one that is on the trail is not written again. Each record also goes to stdout as one JSON line.
// Where the end of the trail is no longer there, the storage went back in time: what was used may
// be there unused, so all approvals are voided before anything else is written. A file outlives
// this process and tells the next one where the end was. Blocking; thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "core/audit/chain.hpp"
#include "kube/client.hpp"

namespace holdpoint::operator_ {

class Ledger {
 public:
  // `checkpoint_file` empty: none is kept.
  Ledger(const kube::Client& client, const Clock& clock, Metrics& metrics, std::string home,
         std::string checkpoint_file)
      : client_(client),
        clock_(clock),
        metrics_(metrics),
        namespace_(std::move(home)),
        checkpoint_file_(std::move(checkpoint_file)) {}

  // Appends what is not there yet, in this order. Fills in time, sequence and hashes. When it fails
  // nothing that depends on the facts may be written.
  // Without facts: only looks whether the end of the trail is where it was left.
  [[nodiscard]] Result<Done> append(std::vector<AuditRecordSpec> facts, Deadline deadline);

 private:
  // These need mutex_.
  [[nodiscard]] Result<Done> catch_up(Deadline deadline);
  [[nodiscard]] Result<Done> check_head(Deadline deadline);
  void read_checkpoint();
  void keep_checkpoint() const;
  [[nodiscard]] Result<Done> append_one(AuditRecordSpec fact, Deadline deadline);

  const kube::Client& client_;
  const Clock& clock_;
  Metrics& metrics_;
  const std::string namespace_;
  const std::string checkpoint_file_;
  std::mutex mutex_;  // held over a whole append: there is one head
  bool read_ = false;
  std::int64_t head_ = 0;
  std::string head_hash_{kGenesisHash};
  std::set<std::string, std::less<>> known_;
};

}  // namespace holdpoint::operator_
