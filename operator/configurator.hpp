// Keeps the webhook configurations at the API server what the policies ask for, and everything of
// ours unharmed.
//
// One pass looks at all policies: what an entry needs is resolved and tried alone by dry run, the
// shards are written by update, a probe through the API server proves that it uses them, then the
// policies' status tells. An entry goes away only after a live read says that its policy is gone
// while the CRD is there. What somebody edits or deletes is put back and recorded. One thread calls
// this; accessors are thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "kube/client.hpp"
#include "kube/discovery.hpp"
#include "operator/arming.hpp"
#include "operator/checks.hpp"
#include "operator/configurations.hpp"
#include "operator/ledger.hpp"

namespace holdpoint::operator_ {

// How the API server knows the operator that runs in this namespace.
[[nodiscard]] std::string operator_user(const std::string& home);

struct ConfiguratorSettings {
  WebhookAddress address;             // but for whom to trust
  std::string home;                   // Holdpoint's own namespace
  std::vector<std::string> excluded;  // other namespaces that are never gated
};

class Configurator {
 public:
  Configurator(const kube::Client& client, const Clock& clock, Ledger& ledger, Checks& checks,
               ConfiguratorSettings settings);

  // Whom configurations tell API servers to trust, from the next pass on. Whether that is news.
  bool trust(std::string ca_pem);
  // Looks at all policies. Not ok: try again.
  [[nodiscard]] Result<Done> pass(const std::stop_token& stop);
  // Looks at one of our own configuration objects, or (with the group's suffix in its name) at one
  // of our CRDs.
  [[nodiscard]] Result<Done> guard_configuration(bool mutating, const std::string& name);
  [[nodiscard]] Result<Done> guard_crd(const std::string& name);

  // Whether a webhook configuration of ours is at the API server.
  [[nodiscard]] Result<bool> is_up(Deadline deadline) const;

  // The static configurations exist and a first pass is done.
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  // What became of one policy in this pass.
  struct Outcome {
    ApprovalPolicy policy;
    Entries entries;
    std::string status = "False", reason, message;
  };
  struct Written {
    Json webhooks;           // as written last
    std::string kept;        // policies whose entries outlive them
    std::string probe_hash;  // of it
    bool proven = false;     // the API server was seen to use it
  };
  using Key = std::pair<bool, std::string>;  // mutating, name

  // Takes everything down; policies tell so.
  [[nodiscard]] Result<Done> take_down(const Arming& arming, Deadline deadline);
  // On the trail, once: who armed or disarmed the gate, and why.
  [[nodiscard]] Result<Done> record_arming(const Arming& arming, Deadline deadline);
  // Likewise who voided approvals, and why; looks at the end of the trail.
  [[nodiscard]] Result<Done> record_voiding(Deadline deadline);
  [[nodiscard]] AuditRecordSpec said(Fact which, const std::string& version, const std::string& by,
                                     const std::string& reason) const;
  [[nodiscard]] Result<bool> policies_are_served(Deadline deadline) const;
  [[nodiscard]] Result<Done> adopt(Deadline deadline);
  void resolve(Outcome& outcome, Deadline deadline);
  [[nodiscard]] Result<Done> try_alone(const Outcome& outcome, Deadline deadline) const;
  void keep_last_good(Outcome& outcome) const;
  void tell_obstacles(Outcome& outcome, Deadline deadline) const;
  [[nodiscard]] Result<Done> write(bool mutating, const Json& object, const std::string& probe_hash,
                                   Deadline deadline);
  [[nodiscard]] Result<Done> prove(const Key& key, Deadline deadline, const std::stop_token& stop);
  [[nodiscard]] Result<Done> put_status(const Outcome& outcome, Deadline deadline) const;
  [[nodiscard]] Result<Done> record_policies(const std::vector<Outcome>& outcomes,
                                             Deadline deadline);
  void owe(Fact fact, const std::string& group, const std::string& kind, const std::string& name,
           const std::string& message);
  [[nodiscard]] Result<Done> settle(Deadline deadline);

  const kube::Client& client_;
  const Clock& clock_;
  Ledger& ledger_;
  Checks& checks_;
  ConfiguratorSettings settings_;
  const std::vector<std::string> own_namespaces_;
  kube::Discovery discovery_;
  bool adopted_ = false;
  std::map<Key, Written> written_;
  std::vector<AuditRecordSpec>
      owed_;                     // facts that are not on the trail yet: putting back comes first
  std::set<std::string> tried_;  // hashes of entries that the API server took alone
  std::set<std::string> kept_;   // policies that went with their CRD: their entries stay
  std::map<std::string, std::string> uids_;  // policies seen, for their end
  std::map<std::string, Json> specs_;        // by uid: what they said, to tell what changes
  std::atomic<bool> ready_{false};
};

}  // namespace holdpoint::operator_
