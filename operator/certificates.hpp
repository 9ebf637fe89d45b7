// The webhook's certificates where nobody else provides them: an authority of our own, leaves, and
// both turned over before they end, without a failed call.
//
// An authority is turned over in three steps, each longer than every API server needs to read a
// configuration: the next one joins the bundle; it signs leaves; the old one leaves the bundle when
// it has expired. So whoever still trusts the old bundle or shows the old leaf is understood.
// State is in two Secrets of Holdpoint's own namespace: NAME (tls.crt, tls.key, ca.crt: the bundle)
// and NAME-ca (ca.crt, ca.key; next.crt, next.key; previous.crt).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "kube/client.hpp"

namespace holdpoint::operator_ {

struct CertificateSettings {
  std::string home;                    // Holdpoint's own namespace
  std::string secret;                  // name of the TLS Secret
  std::vector<std::string> dns_names;  // of the webhook's Service
  Duration authority_life{Duration(std::chrono::hours(24 * 365))};
  Duration leaf_life{Duration(std::chrono::hours(24 * 90))};
};

using SecretData = std::map<std::string, std::string>;

// What is to be in the two Secrets by now. Pure but for fresh keys.
struct CertificatePlan {
  SecretData authority, serving;
};
// A leaf is renewed at half of its life, an authority gets its successor at two thirds. What cannot
// be read is made anew. Error: Invalid, when OpenSSL refuses.
[[nodiscard]] Result<CertificatePlan> plan_certificates(const CertificatePlan& stored,
                                                        const CertificateSettings& settings,
                                                        Instant now);

// How often to look: often enough to meet every step of the shortest life.
[[nodiscard]] Duration look_every(const CertificateSettings& settings);

class Certificates {
 public:
  Certificates(const kube::Client& client, const Clock& clock, CertificateSettings settings)
      : client_(client), clock_(clock), settings_(std::move(settings)) {}

  // Brings both Secrets up to date; the bundle that clients are to trust. One leader calls this;
  // what another wrote meanwhile is a Conflict: try again.
  [[nodiscard]] Result<std::string> keep() const;
  [[nodiscard]] Duration every() const { return look_every(settings_); }

 private:
  const kube::Client& client_;
  const Clock& clock_;
  const CertificateSettings settings_;
};

// The data of an own Secret, decoded; made with `fresh` where it is missing. Whoever comes second
// gets what the first made.
[[nodiscard]] Result<SecretData> read_or_make_secret(const kube::Client& client,
                                                     const std::string& home,
                                                     const std::string& name,
                                                     const SecretData& fresh);

}  // namespace holdpoint::operator_
