#include "operator/arming.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kColumns = 500;

kube::ResourcePath path_of(const std::string& home) {
  return {"", "v1", "configmaps", home, kArming, ""};
}

}  // namespace

Result<std::optional<Disarmed>> read_arming(const kube::Client& client, const std::string& home,
                                            Deadline deadline) {
  const auto found = client.get(path_of(home), deadline);
  if (!found.ok()) {
    if (found.error().kind == ErrorKind::NotFound) return std::optional<Disarmed>();
    return found.error();
  }
  const std::string text = string_at(*found, {"data", "disarmed"});
  if (text.empty()) return std::optional<Disarmed>();
  const auto parsed = parse_json(text);
  Disarmed disarmed;
  if (parsed.ok()) {
    disarmed.by = visible_cut(string_at(*parsed, {"by"}), kColumns);
    disarmed.reason = visible_cut(string_at(*parsed, {"reason"}), kColumns);
    disarmed.at = visible_cut(string_at(*parsed, {"at"}), 40);
  }
  if (disarmed.by.empty() || disarmed.reason.empty()) {
    log::warn("the gate stays up: its ConfigMap cannot be read",
              {{"configmap", home + "/" + kArming}, {"key", "disarmed"}});
    return std::optional<Disarmed>();
  }
  disarmed.version = string_at(*found, {"metadata", "resourceVersion"});
  return std::optional(std::move(disarmed));
}

Result<Done> disarm(const kube::Client& client, const std::string& home, const std::string& by,
                    const std::string& reason, Instant at, Deadline deadline) {
  HP_ASSIGN(const auto already, read_arming(client, home, deadline));
  if (already.has_value()) return Done{};
  const Json object{
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata", {{"name", kArming}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
      {"data",
       {{"disarmed", dump_json({{"by", by}, {"reason", reason}, {"at", to_rfc3339(at)}})}}}};
  const auto patched =
      client.patch(path_of(home), kube::PatchType::Merge, {{"data", object["data"]}}, {}, deadline);
  if (patched.ok()) return Done{};
  if (patched.error().kind != ErrorKind::NotFound) return patched.error();
  HP_TRY(client.create({"", "v1", "configmaps", home, "", ""}, object, {}, deadline));
  return Done{};
}

}  // namespace holdpoint::operator_
