#include "operator/certificates.hpp"

#include <algorithm>

#include "base/certificate.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "net/certificates.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kCall{10'000};

kube::ResourcePath path_of(const std::string& home, const std::string& name) {
  return {"", "v1", "secrets", home, name, ""};
}

Result<SecretData> data_of(const Json& secret) {
  SecretData data;
  const Json* const stored = member_at(secret, {"data"});
  if (stored == nullptr || !stored->is_object()) return data;
  for (const auto& [key, value] : stored->items()) {
    const auto decoded = decode_base64(value.is_string() ? value.get<std::string>() : "");
    if (!decoded.has_value()) return invalid("the Secret's key " + key + " is not base64");
    data[key] = *decoded;
  }
  return data;
}

Json secret_of(const std::string& home, const std::string& name, const SecretData& data) {
  Json encoded = Json::object();
  for (const auto& [key, value] : data) encoded[key] = base64(value);
  // The serving pair has the type that other tools know.
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"type", data.contains("tls.crt") ? "kubernetes.io/tls" : "Opaque"},
          {"metadata",
           {{"name", name},
            {"namespace", home},
            {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
          {"data", std::move(encoded)}};
}

std::string value_of(const SecretData& data, const std::string& key) {
  const auto found = data.find(key);
  return found == data.end() ? std::string() : found->second;
}

// nullopt: none, or unreadable, or over.
std::optional<Validity> alive(const std::string& cert_pem, Instant now) {
  if (cert_pem.empty()) return std::nullopt;
  const auto validity = validity_of(cert_pem);
  if (!validity.ok() || validity->until <= now) return std::nullopt;
  return *validity;
}

struct Stored {
  Json object;  // null: not there
  SecretData data;
};

Result<Stored> read(const kube::Client& client, const std::string& home, const std::string& name) {
  auto found = client.get(path_of(home, name), Deadline::in(kCall));
  if (!found.ok()) {
    if (found.error().kind == ErrorKind::NotFound) return Stored{};
    return found.error();
  }
  HP_ASSIGN(SecretData data, data_of(*found));
  return Stored{std::move(*found), std::move(data)};
}

Result<Done> write(const kube::Client& client, const std::string& home, const std::string& name,
                   const Stored& stored, const SecretData& data) {
  if (stored.data == data && !stored.object.is_null()) return Done{};
  Json next = secret_of(home, name, data);
  if (stored.object.is_null()) {
    const auto made =
        client.create({"", "v1", "secrets", home, "", ""}, next, {}, Deadline::in(kCall));
    if (!made.ok()) return made.error();
  } else {
    next["type"] = stored.object.value("type", "Opaque");  // never changes
    next["metadata"]["resourceVersion"] = string_at(stored.object, {"metadata", "resourceVersion"});
    const auto updated = client.update(path_of(home, name), next, {}, Deadline::in(kCall));
    if (!updated.ok()) return updated.error();
  }
  log::info("certificates written", {{"secret", home + "/" + name}});
  return Done{};
}

}  // namespace

Result<CertificatePlan> plan_certificates(const CertificatePlan& stored,
                                          const CertificateSettings& settings, Instant now) {
  net::KeyPair current{value_of(stored.authority, "ca.crt"), value_of(stored.authority, "ca.key")};
  net::KeyPair next{value_of(stored.authority, "next.crt"), value_of(stored.authority, "next.key")};
  std::string previous = value_of(stored.authority, "previous.crt");
  const Duration grace = settings.authority_life / 12;  // from joining the bundle to signing

  auto validity = alive(current.cert_pem, now);
  const auto successor = alive(next.cert_pem, now);
  if (successor.has_value() &&
      (!validity.has_value() || now >= successor->from + net::kBackdated + grace)) {
    previous = current.cert_pem;
    current = std::exchange(next, {});
    validity = successor;
  } else if (!validity.has_value()) {
    HP_ASSIGN(current, net::make_authority("holdpoint", now, settings.authority_life));
    HP_ASSIGN(validity, validity_of(current.cert_pem));
    next = {};
  }
  if (next.cert_pem.empty() && validity->until - now < settings.authority_life / 3) {
    HP_ASSIGN(next, net::make_authority("holdpoint", now, settings.authority_life));
  }
  if (!alive(previous, now).has_value()) previous.clear();

  net::KeyPair leaf{value_of(stored.serving, "tls.crt"), value_of(stored.serving, "tls.key")};
  const auto leaf_validity = alive(leaf.cert_pem, now);
  if (!leaf_validity.has_value() || leaf_validity->until - now < settings.leaf_life / 2 ||
      !net::is_leaf_of(leaf, current.cert_pem, settings.dns_names)) {
    HP_ASSIGN(leaf, net::issue_leaf(current, settings.dns_names, now, settings.leaf_life));
  }

  CertificatePlan plan;
  plan.authority = {{"ca.crt", current.cert_pem}, {"ca.key", current.key_pem}};
  if (!next.cert_pem.empty()) {
    plan.authority["next.crt"] = next.cert_pem;
    plan.authority["next.key"] = next.key_pem;
  }
  if (!previous.empty()) plan.authority["previous.crt"] = previous;
  plan.serving = {{"tls.crt", leaf.cert_pem},
                  {"tls.key", leaf.key_pem},
                  {"ca.crt", current.cert_pem + next.cert_pem + previous}};
  return plan;
}

Duration look_every(const CertificateSettings& settings) {
  return std::clamp(std::min(settings.leaf_life, settings.authority_life) / 24, Duration(1'000),
                    Duration(60'000));
}

Result<std::string> Certificates::keep() const {
  const std::string authority_name = settings_.secret + "-ca";
  HP_ASSIGN(const Stored authority, read(client_, settings_.home, authority_name));
  HP_ASSIGN(const Stored serving, read(client_, settings_.home, settings_.secret));
  HP_ASSIGN(const CertificatePlan plan,
            plan_certificates({authority.data, serving.data}, settings_, clock_.now()));
  // The key before what it signed: a leaf whose authority is lost would be of no use.
  HP_TRY(write(client_, settings_.home, authority_name, authority, plan.authority));
  HP_TRY(write(client_, settings_.home, settings_.secret, serving, plan.serving));
  return plan.serving.at("ca.crt");
}

Result<SecretData> read_or_make_secret(const kube::Client& client, const std::string& home,
                                       const std::string& name, const SecretData& fresh) {
  while (true) {
    HP_ASSIGN(const Stored stored, read(client, home, name));
    if (!stored.object.is_null()) return stored.data;
    const auto made = write(client, home, name, stored, fresh);
    if (made.ok()) return fresh;
    if (made.error().kind != ErrorKind::Conflict) return made.error();
  }
}

}  // namespace holdpoint::operator_
