#include "core/change/change_values.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/text.hpp"
#include "core/change/change_text.hpp"

namespace holdpoint::values {
namespace {

bool fits_within(const Json& value, std::size_t& budget) {
  const std::size_t cost = value.is_string() ? value.get_ref<const std::string&>().size() : 2;
  if (budget < cost) return false;
  budget -= cost;
  if (value.is_object())
    for (const auto& [key, item] : value.get_ref<const Json::object_t&>()) {
      if (budget < key.size()) return false;
      budget -= key.size();
      if (!fits_within(item, budget)) return false;
    }
  if (value.is_array())
    return std::all_of(value.begin(), value.end(),
                       [&](const Json& item) { return fits_within(item, budget); });
  return true;
}

// "secret shop-session key password"; empty where the shape is not one that we have words for.
std::string source_of(const Json& from) {
  if (!from.is_object() || from.size() != 1) return {};
  const auto& [kind, what] = *from.get_ref<const Json::object_t&>().begin();
  const auto optional = [&] {
    return member(&what, "optional") != nullptr && *member(&what, "optional") == true
               ? " (optional)"
               : "";
  };
  if (kind == "secretKeyRef")
    return "from secret " + string_at(what, {"name"}) + " key " + string_at(what, {"key"}) +
           optional();
  if (kind == "configMapKeyRef")
    return "from configmap " + string_at(what, {"name"}) + " key " + string_at(what, {"key"}) +
           optional();
  if (kind == "secretRef") return "secret " + string_at(what, {"name"}) + optional();
  if (kind == "configMapRef") return "configmap " + string_at(what, {"name"}) + optional();
  if (kind == "fieldRef") return "from field " + string_at(what, {"fieldPath"});
  return {};
}

std::string words(const Json* list, std::string_view separator) {
  std::vector<std::string> shown;
  if (list != nullptr && list->is_array())
    for (const Json& item : *list) shown.push_back(item == "" ? "\"\"" : text_of(item));
  return join(shown, separator);
}

}  // namespace

const Json* member(const Json* object, const std::string& key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

bool is_text_block(const Json* value) {
  return value != nullptr && value->is_string() &&
         value->get_ref<const std::string&>().find('\n') != std::string::npos;
}

bool is_list_of_words(const Json* value) {
  return value != nullptr && value->is_array() &&
         std::all_of(value->begin(), value->end(),
                     [](const Json& item) { return !item.is_structured(); });
}

std::set<std::string> keys_of(const Json* a, const Json* b) {
  std::set<std::string> keys;
  for (const Json* side : {a, b})
    if (side != nullptr && side->is_object())
      for (const auto& [key, value] : side->get_ref<const Json::object_t&>()) keys.insert(key);
  return keys;
}

std::string path_to(const std::string& path, const std::string& key) {
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '/' || c == '.';
  });
  if (!plain) return path + "[" + json_quote(key) + "]";
  if (key.find('/') != std::string::npos) return path + "[" + key + "]";
  return path.empty() ? key : path + "." + key;
}

bool fits_on_a_line(const Json& value) {
  std::size_t budget = 48;
  return fits_within(value, budget);
}

std::string command_line(const Json& words) {
  std::vector<std::string> shown;
  for (const Json& word : words) {
    const std::string text = text_of(word);
    const bool plain = !text.empty() && text.find_first_of(" \t\n\"'") == std::string::npos;
    shown.push_back(plain ? text : json_quote(text));
  }
  return join(shown, " ");
}

std::vector<std::string> words_by_line(const Json* words) {
  std::vector<std::string> lines;
  if (words == nullptr) return lines;
  for (const Json& word : *words) {
    if (is_text_block(&word)) {
      for (std::string& line : lines_of(word.get_ref<const std::string&>()))
        lines.push_back(std::move(line));
    } else {
      lines.push_back(text_of(word));
    }
  }
  return lines;
}

std::string env_text(const Json& item) {
  const Json* value = member(&item, "value");
  const Json* from = member(&item, "valueFrom");
  if (from == nullptr && value == nullptr) return "\"\"";
  if (from == nullptr && value->is_string() && item.size() <= 2)
    return value->get_ref<const std::string&>().empty() ? "\"\"" : value->get<std::string>();
  if (from != nullptr && value == nullptr && item.size() <= 2)
    if (std::string source = source_of(*from); !source.empty()) return source;
  Json rest = item;
  rest.erase("name");
  return dump_json(rest);
}

std::string volume_text(const Json& volume) {
  Json rest = volume;
  rest.erase("name");
  if (rest.size() == 1) {
    const auto& [kind, what] = *rest.get_ref<const Json::object_t&>().begin();
    const auto with = [&](const char* key) { return kind + " " + string_at(what, {key}); };
    if (kind == "configMap") return with("name");
    if (kind == "secret") return with("secretName");
    if (kind == "persistentVolumeClaim") return with("claimName");
    if (kind == "hostPath") return with("path");
    if (kind == "emptyDir") return what.contains("sizeLimit") ? with("sizeLimit") : kind;
  }
  return dump_json(rest);
}

std::string rule_text(const Json& rule) {
  std::string text = words(member(&rule, "verbs"), ",") + " on ";
  if (const Json* urls = member(&rule, "nonResourceURLs"); urls != nullptr)
    text += words(urls, ",");
  text += words(member(&rule, "resources"), ",");
  const std::string groups = words(member(&rule, "apiGroups"), ",");
  if (!groups.empty() && groups != "\"\"") text += " in " + groups;
  if (const Json* names = member(&rule, "resourceNames"); names != nullptr)
    text += " named " + words(names, ",");
  return text;
}

bool is_dangerous_rule(const Json& rule) {
  static const std::set<std::string> kVerbs{"*", "bind", "escalate", "impersonate", "approve"};
  static const std::set<std::string> kResources{
      "*", "secrets", "pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token"};
  const auto any_of = [&](const char* key, const std::set<std::string>& bad) {
    const Json* list = member(&rule, key);
    return list != nullptr && list->is_array() &&
           std::any_of(list->begin(), list->end(), [&](const Json& item) {
             return item.is_string() && bad.contains(item.get<std::string>());
           });
  };
  return any_of("verbs", kVerbs) || any_of("resources", kResources);
}

bool is_dangerous_setting(const std::string& key, const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  const bool yes = value->is_boolean() && value->get<bool>();
  if (key == "privileged" || key == "allowPrivilegeEscalation" || key == "hostNetwork" ||
      key == "hostPID" || key == "hostIPC")
    return yes;
  if (key == "runAsNonRoot" || key == "hostUsers") return value->is_boolean() && !yes;
  if (key == "runAsUser") return *value == 0;
  if (key == "procMount") return *value == "Unmasked";
  if (key == "type") return *value == "Unconfined";
  return key == "add";
}

bool is_default(const std::string& path, const std::string& key, const Json& value) {
  static const std::map<std::string, std::vector<Json>> kDefaults{
      {"dnsPolicy", {"ClusterFirst"}},
      {"schedulerName", {"default-scheduler"}},
      {"restartPolicy", {"Always"}},
      {"terminationGracePeriodSeconds", {30}},
      {"terminationMessagePath", {"/dev/termination-log"}},
      {"terminationMessagePolicy", {"File"}},
      {"imagePullPolicy", {"Always", "IfNotPresent"}},
      {"protocol", {"TCP"}},
      {"creationTimestamp", {nullptr}},
      {"failureThreshold", {3}},
      {"successThreshold", {1}},
      {"periodSeconds", {10}},
      {"timeoutSeconds", {1}},
      {"scheme", {"HTTP"}},
      {"defaultMode", {420}},
      {"readOnly", {false}},
      {"completions", {1}},
      {"parallelism", {1}},
      {"backoffLimit", {6}},
      {"completionMode", {"NonIndexed"}},
      {"manualSelector", {false}},
      {"podReplacementPolicy", {"TerminatingOrFailed"}},
      {"progressDeadlineSeconds", {600}},
      {"revisionHistoryLimit", {10}},
      {"concurrencyPolicy", {"Allow"}},
      {"successfulJobsHistoryLimit", {3}},
      {"failedJobsHistoryLimit", {1}},
  };
  if (value.is_object() && value.empty() && (key == "securityContext" || key == "resources"))
    return true;
  const bool ours_to_know = path.starts_with("spec");
  const auto found = kDefaults.find(key);
  return ours_to_know && found != kDefaults.end() &&
         std::find(found->second.begin(), found->second.end(), value) != found->second.end();
}

std::string subject_text(const Json& subject) {
  const std::string space = string_at(subject, {"namespace"});
  return string_at(subject, {"kind"}) + " " + (space.empty() ? "" : space + "/") +
         string_at(subject, {"name"});
}

std::string role_text(const Json& role) {
  return string_at(role, {"kind"}) + " " + string_at(role, {"name"});
}

std::string port_key(const Json& port) {
  const std::string protocol = string_at(port, {"protocol"});
  const Json* number = member(&port, "containerPort");
  return (number == nullptr ? std::string("?") : text_of(*number)) + "/" +
         (protocol.empty() ? "TCP" : protocol);
}

std::string port_text(const Json& port) {
  Json rest = port;
  for (const char* key : {"containerPort", "protocol"}) rest.erase(key);
  if (rest.empty()) return "unnamed";
  return rest.size() == 1 && rest.contains("name") ? text_of(rest["name"]) : dump_json(rest);
}

std::string mount_text(const Json& mount) {
  Json rest = mount;
  rest.erase("mountPath");
  const std::string name = string_at(rest, {"name"});
  if (rest.size() == 1 && !name.empty()) return name;
  if (rest.size() == 2 && rest.contains("readOnly") && rest["readOnly"] == true)
    return name + " (read-only)";
  return dump_json(rest);
}

std::string env_from_text(const Json& item) {
  std::string source = source_of(item);
  return source.empty() ? dump_json(item) : source;
}

}  // namespace holdpoint::values
