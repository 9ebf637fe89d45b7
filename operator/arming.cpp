#include "operator/arming.hpp"

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kColumns = 500;

kube::ResourcePath path_of(const std::string& home) {
  return {"", "v1", "configmaps", home, kOwnConfigMap, ""};
}

}  // namespace

Result<Arming> read_arming(const kube::Client& client, const std::string& home, Deadline deadline) {
  const auto found = client.get(path_of(home), deadline);
  if (!found.ok()) {
    if (found.error().kind == ErrorKind::NotFound) return Arming{};
    return found.error();
  }
  if (member_at(*found, {"data", "gate"}) == nullptr) return Arming{};
  const std::string text = string_at(*found, {"data", "gate"});
  const auto parsed = parse_json(text);
  Arming arming;
  if (parsed.ok()) {
    arming.by = visible_cut(string_at(*parsed, {"by"}), kColumns);
    arming.reason = visible_cut(string_at(*parsed, {"reason"}), kColumns);
    arming.down =
        string_at(*parsed, {"state"}) == "disarmed" && !arming.by.empty() && !arming.reason.empty();
  }
  if (arming.by.empty()) {
    log::warn("the gate stays up: the ConfigMap about it cannot be read",
              {{"configmap", home + "/" + kOwnConfigMap}, {"key", "gate"}});
    return Arming{};
  }
  arming.version = sha256_hex(text);
  return arming;
}

Result<Done> disarm(const kube::Client& client, const std::string& home, const std::string& by,
                    const std::string& reason, Instant at, Deadline deadline) {
  HP_ASSIGN(const Arming already, read_arming(client, home, deadline));
  if (already.down) return Done{};
  const Json object{
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata",
       {{"name", kOwnConfigMap}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
      {"data",
       {{"gate",
         dump_json(
             {{"state", "disarmed"}, {"by", by}, {"reason", reason}, {"at", to_rfc3339(at)}})}}}};
  const auto patched =
      client.patch(path_of(home), kube::PatchType::Merge, {{"data", object["data"]}}, {}, deadline);
  if (patched.ok()) return Done{};
  if (patched.error().kind != ErrorKind::NotFound) return patched.error();
  HP_TRY(client.create({"", "v1", "configmaps", home, "", ""}, object, {}, deadline));
  return Done{};
}

}  // namespace holdpoint::operator_
