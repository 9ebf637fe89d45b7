#include "operator/certificates.hpp"

#include <doctest/doctest.h>

#include <set>

#include "base/certificate.hpp"
#include "net/certificates.hpp"

namespace holdpoint::operator_ {
namespace {

using namespace std::chrono_literals;

const Instant kStart = *parse_rfc3339("2026-01-01T00:00:00Z");

CertificateSettings short_lived() {
  CertificateSettings settings;
  settings.home = "holdpoint-system";
  settings.secret = "tls";
  settings.dns_names = {"webhook.holdpoint-system.svc", "webhook.holdpoint-system"};
  settings.authority_life = 6min;
  settings.leaf_life = 2min;
  return settings;
}

CertificatePlan planned(const CertificatePlan& stored, Instant now) {
  auto plan = plan_certificates(stored, short_lived(), now);
  REQUIRE(plan.ok());
  return *plan;
}

net::KeyPair leaf_of(const CertificatePlan& plan) {
  return {plan.serving.at("tls.crt"), plan.serving.at("tls.key")};
}

// The certificates of a bundle, one by one.
std::vector<std::string> parts_of(const std::string& bundle) {
  std::vector<std::string> parts;
  const std::string end = "-----END CERTIFICATE-----\n";
  for (std::size_t at = 0; at < bundle.size();) {
    const auto next = bundle.find(end, at) + end.size();
    parts.push_back(bundle.substr(at, next - at));
    at = next;
  }
  return parts;
}

bool trusts(const std::string& bundle, const net::KeyPair& leaf) {
  for (const std::string& part : parts_of(bundle))
    if (net::is_leaf_of(leaf, part, short_lived().dns_names)) return true;
  return false;
}

TEST_CASE("the first plan makes an authority and a leaf for all names of the Service") {
  const CertificatePlan plan = planned({}, kStart);
  CHECK(trusts(plan.serving.at("ca.crt"), leaf_of(plan)));
  CHECK(parts_of(plan.serving.at("ca.crt")).size() == 1);
  const auto validity = validity_of(plan.serving.at("tls.crt"));
  REQUIRE(validity.ok());
  CHECK(validity->until == kStart + 2min);
  CHECK(validity->from == kStart - net::kBackdated);
  CHECK_FALSE(net::is_leaf_of(leaf_of(plan), plan.serving.at("ca.crt"), {"elsewhere.svc"}));
}

TEST_CASE("nothing is written anew while there is nothing to do") {
  const CertificatePlan plan = planned({}, kStart);
  const CertificatePlan again = planned(plan, kStart + 30s);
  CHECK(again.serving == plan.serving);
  CHECK(again.authority == plan.authority);
}

TEST_CASE("N11: over many lives, who is a minute late still trusts, and is trusted") {
  const Duration late = 25s;  // less than the time that an authority waits in the bundle
  std::vector<std::pair<Instant, CertificatePlan>> history;
  CertificatePlan plan;
  std::set<std::string> leaves, authorities;
  for (Instant now = kStart; now < kStart + 1h; now += 5s) {
    plan = planned(plan, now);
    history.emplace_back(now, plan);
    leaves.insert(plan.serving.at("tls.crt"));
    authorities.insert(plan.authority.at("ca.crt"));
    const net::KeyPair leaf = leaf_of(plan);
    const auto validity = validity_of(leaf.cert_pem);
    REQUIRE(validity.ok());
    CHECK(validity->until > now + late);
    CHECK(parts_of(plan.serving.at("ca.crt")).size() <= 3);
    for (const auto& [then, older] : history)
      if (now - then <= late) {
        CHECK(trusts(older.serving.at("ca.crt"), leaf));           // an API server that is late
        CHECK(trusts(plan.serving.at("ca.crt"), leaf_of(older)));  // a webhook that is late
      }
  }
  CHECK(leaves.size() > 30);
  CHECK(authorities.size() > 8);
}

TEST_CASE("what cannot be read, is over, or belongs to somebody else is made anew") {
  const CertificatePlan good = planned({}, kStart);
  CertificatePlan stored = good;
  SUBCASE("a torn certificate") { stored.serving["tls.crt"] = "-----BEGIN CERTIFICATE-----\nx"; }
  SUBCASE("another key") { stored.serving["tls.key"] = planned({}, kStart).serving.at("tls.key"); }
  SUBCASE("another authority") { stored.authority = planned({}, kStart).authority; }
  SUBCASE("an empty Secret") { stored.serving.clear(); }
  SUBCASE("no authority") { stored.authority.clear(); }
  const CertificatePlan plan = planned(stored, kStart + 10s);
  CHECK(trusts(plan.serving.at("ca.crt"), leaf_of(plan)));
  CHECK(plan.serving.at("tls.crt") != good.serving.at("tls.crt"));
  // After a year without us.
  const CertificatePlan later = planned(good, kStart + 24h * 365);
  CHECK(trusts(later.serving.at("ca.crt"), leaf_of(later)));
  CHECK(parts_of(later.serving.at("ca.crt")).size() == 1);
}

}  // namespace
}  // namespace holdpoint::operator_
