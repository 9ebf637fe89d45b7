#include "cli/home.hpp"

#include "base/text.hpp"
#include "cli/names.hpp"

namespace holdpoint::cli {
namespace {

constexpr const char* kUsual = "holdpoint-system";
// The chart has the same name, in whatever namespace.
constexpr const char* kOperator = "holdpoint-operator";

}  // namespace

std::string home_told_by(const Json& configurations) {
  const Json* const items = member_at(configurations, {"items"});
  if (items == nullptr || !items->is_array()) return {};
  for (const Json& item : *items) {
    const Json* const webhooks = member_at(item, {"webhooks"});
    if (webhooks == nullptr || !webhooks->is_array()) continue;
    for (const Json& entry : *webhooks) {
      std::string name = string_at(entry, {"clientConfig", "service", "namespace"});
      if (name.empty() && string_at(entry, {"name"}).starts_with("probe."))
        name =
            string_at(entry, {"namespaceSelector", "matchLabels", "kubernetes.io/metadata.name"});
      if (is_name(name)) return name;
    }
  }
  return {};
}

Result<std::string> find_home(const Kubectl& kubectl, const std::string& given) {
  if (!given.empty()) {
    HP_TRY(check_name("namespace", given));
    return given;
  }
  const auto binding =
      kubectl.json({"get", std::string("clusterrolebindings/") + kOperator, "-o", "json"});
  if (binding.ok())
    if (const Json* const subjects = member_at(*binding, {"subjects"});
        subjects != nullptr && subjects->is_array())
      for (const Json& subject : *subjects)
        if (std::string name = string_at(subject, {"namespace"});
            string_at(subject, {"name"}) == kOperator && is_name(name))
          return name;
  const auto configurations =
      kubectl.json({"get", "validatingwebhookconfigurations", "-l", kOwnLabel, "-o", "json"});
  std::string told = configurations.ok() ? home_told_by(*configurations) : "";
  return told.empty() ? kUsual : told;
}

}  // namespace holdpoint::cli
