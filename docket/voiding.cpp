#include "docket/voiding.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/text.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kColumns = 500;
constexpr const char* kKey = "voided";

kube::ResourcePath path_in(const std::string& home, const std::string& name) {
  return {"", "v1", "configmaps", home, name, ""};
}

// When the API server stored it, by its own clock: a caller's clock may be behind.
std::optional<Instant> stored_at(const Json& config_map) {
  std::optional<Instant> last;
  const Json* managers = member_at(config_map, {"metadata", "managedFields"});
  if (managers == nullptr || !managers->is_array()) return last;
  const std::string field = std::string("f:") + kKey;
  for (const Json& manager : *managers) {
    if (member_at(manager, {"fieldsV1", "f:data", field.c_str()}) == nullptr) continue;
    const auto time = parse_rfc3339(string_at(manager, {"time"}));
    if (time.ok() && (!last.has_value() || *last < *time)) last = *time;
  }
  return last;
}

}  // namespace

Result<std::optional<Voiding>> read_voiding(const kube::Client& client, const std::string& home,
                                            Deadline deadline) {
  const auto found = client.get(path_in(home, kOwnConfigMap), deadline);
  if (!found.ok()) {
    if (found.error().kind == ErrorKind::NotFound) return std::optional<Voiding>();
    return found.error();
  }
  const std::string text = string_at(*found, {"data", kKey});
  if (member_at(*found, {"data", kKey}) == nullptr) return std::optional<Voiding>();
  const auto unreadable = [&](const std::string& why) {
    return invalid("which approvals are void cannot be read from the ConfigMap " + home + "/" +
                   kOwnConfigMap + ", key " + kKey + ": " + why +
                   "\n  next:  void them anew\nkubectl holdpoint void --reason \"...\"");
  };
  const auto parsed = parse_json(text);
  if (!parsed.ok()) return unreadable(parsed.error().message);
  const auto at = parse_rfc3339(string_at(*parsed, {"at"}));
  if (!at.ok()) return unreadable(at.error().message);
  Voiding voiding;
  voiding.at = *at;
  if (const auto stored = stored_at(*found)) voiding.at = std::max(voiding.at, *stored);
  voiding.by = visible_cut(string_at(*parsed, {"by"}), kColumns);
  voiding.reason = visible_cut(string_at(*parsed, {"reason"}), kColumns);
  voiding.version = sha256_hex(text);
  return std::optional(std::move(voiding));
}

Result<Done> void_approvals(const kube::Client& client, const std::string& home,
                            const std::string& by, const std::string& reason, Instant at,
                            Deadline deadline) {
  const Json data{{kKey, dump_json({{"by", by}, {"reason", reason}, {"at", to_rfc3339(at)}})}};
  const auto patched = client.patch(path_in(home, kOwnConfigMap), kube::PatchType::Merge,
                                    {{"data", data}}, {}, deadline);
  if (patched.ok()) return Done{};
  if (patched.error().kind != ErrorKind::NotFound) return patched.error();
  HP_TRY(client.create(
      path_in(home, ""),
      {{"apiVersion", "v1"},
       {"kind", "ConfigMap"},
       {"metadata",
        {{"name", kOwnConfigMap}, {"labels", {{"app.kubernetes.io/part-of", "holdpoint"}}}}},
       {"data", data}},
      {}, deadline));
  return Done{};
}

}  // namespace holdpoint
