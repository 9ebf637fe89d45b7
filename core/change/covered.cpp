#include "core/change/covered.hpp"

#include <algorithm>

#include "base/digest.hpp"

namespace holdpoint {
namespace {

bool is_ours(const std::string& key) {
  const std::string prefix = key.substr(0, key.find('/'));
  return prefix == "holdpoint.dev" || prefix.ends_with(".holdpoint.dev");
}

bool is_bookkeeping(const std::string& key) {
  return is_ours(key) || key == "kubectl.kubernetes.io/last-applied-configuration" ||
         key == "deployment.kubernetes.io/revision";
}

void erase_keys(Json& map, bool (*unwanted)(const std::string&)) {
  if (!map.is_object()) return;
  auto& members = map.get_ref<Json::object_t&>();
  for (auto at = members.begin(); at != members.end();)
    at = unwanted(at->first) ? members.erase(at) : std::next(at);
}

// The Job controller's labels; the API server adds them after mutating admission.
bool is_generated_label(const std::string& key) {
  return key == "controller-uid" || key == "job-name" ||
         key == "batch.kubernetes.io/controller-uid" || key == "batch.kubernetes.io/job-name";
}

Json* child(Json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() ? nullptr : &*found;
}

// `at` is the value at the pointer made of `path`; takes out of it what is never covered. The parts
// that are never covered are named by their path from the object's root.
class Stripper {
 public:
  Stripper(const std::string& group, const std::string& resource, bool manual_selector)
      : job_(group == "batch" && resource == "jobs"),
        cron_job_(group == "batch" && resource == "cronjobs"),
        deployment_(group == "apps" && resource == "deployments"),
        manual_selector_(manual_selector) {}

  void strip(const std::string& path, Json& value) const {
    if (path.empty()) {
      each(value, "", {"metadata", "spec"});
      value.erase("status");
      value.erase("apiVersion");
      value.erase("kind");
    } else if (path == "/metadata") {
      each(value, path, {"labels", "annotations"});
      for (const char* key :
           {"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp",
            "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"})
        value.erase(key);
    } else if (path == "/metadata/annotations") {
      erase_keys(value, is_bookkeeping);
    } else if (path == "/metadata/labels" && job_) {
      erase_keys(value, is_generated_label);
    } else if (path == "/spec") {
      if (deployment_) value.erase("paused");
      if (job_ || cron_job_) value.erase("suspend");
      if (job_ && !manual_selector_) value.erase("selector");
      if (job_) each(value, path, {"template"});
    } else if (path == "/spec/template" && job_) {
      each(value, path, {"metadata", "spec"});
      if (Json* metadata = child(value, "metadata"); metadata != nullptr && metadata->empty())
        value.erase("metadata");
    } else if (path == "/spec/template/metadata" && job_) {
      each(value, path, {"labels"});
      if (const Json* labels = child(value, "labels"); labels != nullptr && labels->empty())
        value.erase("labels");
      // The API server writes null here, which says nothing.
      if (Json* time = child(value, "creationTimestamp"); time != nullptr && time->is_null())
        value.erase("creationTimestamp");
    } else if (path == "/spec/template/metadata/labels" && job_) {
      erase_keys(value, is_ours);
      if (!manual_selector_) erase_keys(value, is_generated_label);
    } else if (path == "/spec/template/spec" && job_) {
      each(value, path, {"schedulingGates"});
      if (const Json* gates = child(value, "schedulingGates"); gates != nullptr && gates->empty())
        value.erase("schedulingGates");
    } else if (path == "/spec/template/spec/schedulingGates" && job_ && value.is_array()) {
      auto& gates = value.get_ref<Json::array_t&>();
      std::erase_if(gates, [](const Json& gate) { return is_ours(string_at(gate, {"name"})); });
    }
  }

  [[nodiscard]] bool never_covered(const std::string& path) const {
    return (deployment_ && path == "/spec/paused") ||
           ((job_ || cron_job_) && path == "/spec/suspend") ||
           (job_ && !manual_selector_ &&
            (path == "/spec/selector" || path.starts_with("/spec/selector/"))) ||
           path == "/status" || path.starts_with("/status/");
  }

 private:
  void each(Json& value, const std::string& path, std::initializer_list<const char*> keys) const {
    if (!value.is_object()) return;
    for (const char* key : keys)
      if (Json* part = child(value, key)) strip(path + "/" + key, *part);
  }

  const bool job_, cron_job_, deployment_, manual_selector_;
};

// Bytes behind a base64 text (RFC 4648): 3 for 4, less the padding.
std::size_t decoded_size(const std::string& text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  const std::size_t size = text.size() / 4 * 3;
  return size < padding ? 0 : size - padding;
}

Json sealed(const RawObject& secret, const std::string& key, const Json& value, bool plain,
            const std::string& secret_key) {
  const std::string given = value.is_string() ? value.get<std::string>() : dump_json(value);
  const std::string text = plain ? base64(given) : given;
  const std::string seal =
      hmac_sha256_hex(secret_key, FramedHash("holdpoint-secret/1")
                                      .field(string_at(secret, {"metadata", "namespace"}))
                                      .field(string_at(secret, {"metadata", "name"}))
                                      .field(key)
                                      .field(text)
                                      .hex());
  return {{"hmac", seal}, {"size", decoded_size(text)}};
}

// A copy of a Secret with every value sealed; what is plain text in stringData is sealed as what it
// becomes in data.
RawObject sealed_secret(const RawObject& secret, const std::string& secret_key) {
  RawObject out = secret;
  Json data = Json::object();
  for (const char* part : {"data", "stringData"}) {
    const Json* values = member_at(secret, {part});
    if (values != nullptr && values->is_object())
      for (const auto& [key, value] : values->items())
        data[key] = sealed(secret, key, value, std::string(part) == "stringData", secret_key);
    out.erase(part);
  }
  if (!data.empty()) out["data"] = std::move(data);
  if (Json* annotations = member_at(out, {"metadata", "annotations"}) != nullptr
                              ? &out["metadata"]["annotations"]
                              : nullptr)
    erase_keys(*annotations, is_bookkeeping);
  return out;
}

}  // namespace

std::vector<std::string> default_changes(const std::string& group, const std::string& resource) {
  if (group == "apps" && (resource == "deployments" || resource == "statefulsets" ||
                          resource == "daemonsets" || resource == "replicasets"))
    return {"/spec/template"};
  if (group.empty() && resource == "replicationcontrollers") return {"/spec/template"};
  if (group.empty() && resource == "configmaps") return {"/data", "/binaryData", "/immutable"};
  if (group.empty() && resource == "secrets") return {"/data", "/type", "/immutable"};
  if (group == "rbac.authorization.k8s.io") {
    if (resource == "roles" || resource == "clusterroles") return {"/rules", "/aggregationRule"};
    if (resource == "rolebindings" || resource == "clusterrolebindings")
      return {"/roleRef", "/subjects"};
  }
  // Kinds of the core groups that have no spec: all that they say is covered.
  if ((group.empty() && (resource == "serviceaccounts" || resource == "endpoints")) ||
      group == "admissionregistration.k8s.io" || group == "storage.k8s.io" ||
      group == "scheduling.k8s.io")
    return {""};
  return {"/spec"};
}

std::vector<std::string> covered_pointers(const std::vector<std::string>& changes,
                                          const std::string& group, const std::string& resource) {
  return changes.empty() ? default_changes(group, resource) : changes;
}

Json covered_part(const RawObject& object, const std::string& group, const std::string& resource,
                  const std::vector<std::string>& pointers, const std::string& secret_key) {
  if (!object.is_object()) return nullptr;
  const bool secret = group.empty() && resource == "secrets";
  const RawObject sealed_copy = secret ? sealed_secret(object, secret_key) : RawObject();
  const RawObject& source = secret ? sealed_copy : object;
  const Json* manual = member_at(object, {"spec", "manualSelector"});
  const Stripper stripper(group, resource,
                          manual != nullptr && manual->is_boolean() && manual->get<bool>());
  Json covered = Json::object();
  for (const std::string& pointer : pointers) {
    const Json* found = at_pointer(source, pointer);
    if (found == nullptr || stripper.never_covered(pointer)) continue;
    Json part = *found;
    if (part.is_object()) stripper.strip(pointer, part);
    covered[pointer] = std::move(part);
  }
  return covered;
}

Result<RawObject> with_covered_part(RawObject object, const Json& covered,
                                    const std::vector<std::string>& pointers) {
  for (const std::string& pointer : pointers) {
    HP_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(pointer));
    if (tokens.empty())
      return invalid("the whole object is covered: apply the old manifest again instead");
    Json* parent = &object;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (!parent->is_object()) return invalid("there is no object to put " + pointer + " into");
      parent = &(*parent)[tokens[i]];
      if (parent->is_null()) *parent = Json::object();
    }
    if (!parent->is_object()) return invalid("there is no object to put " + pointer + " into");
    const auto found = covered.find(pointer);
    if (found == covered.end()) {
      parent->erase(tokens.back());
    } else {
      (*parent)[tokens.back()] = *found;
    }
  }
  return object;
}

bool has_replacement_character(const Json& value) {
  static constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  if (value.is_string())
    return value.get_ref<const std::string&>().find(kReplacement) != std::string::npos;
  if (value.is_object())
    for (const auto& [key, item] : value.get_ref<const Json::object_t&>())
      if (key.find(kReplacement) != std::string::npos || has_replacement_character(item))
        return true;
  if (value.is_array()) return std::any_of(value.begin(), value.end(), has_replacement_character);
  return false;
}

}  // namespace holdpoint
