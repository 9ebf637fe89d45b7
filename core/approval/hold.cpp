#include "core/approval/hold.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace holdpoint {
namespace {

const char* pause_field(Pausable how) { return how == Pausable::Job ? "suspend" : "paused"; }

std::map<std::string, std::string> parse_held(const std::string& text) {
  std::map<std::string, std::string> held;
  for (const std::string& entry : split(text, ',')) {
    const auto slash = entry.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == entry.size()) continue;
    held[entry.substr(0, slash)] = entry.substr(slash + 1);
  }
  return held;
}

std::string print_held(const std::map<std::string, std::string>& held) {
  std::vector<std::string> entries;
  for (const auto& [policy, request] : held) entries.push_back(policy + "/" + request);
  return join(entries, ",");
}

std::set<std::string> parse_writers(const std::string& text) {
  const auto parsed = parse_json(text);
  std::set<std::string> writers;
  if (!parsed.ok() || !parsed->is_array()) return writers;
  for (const Json& writer : *parsed)
    if (writer.is_string()) writers.insert(writer.get<std::string>());
  return writers;
}

std::string annotation(const RawObject& object, const char* key) {
  return string_at(object, {"metadata", "annotations", key});
}

void put(Json& patch, const std::string& path, Json value) {
  patch.push_back({{"op", "add"}, {"path", path}, {"value", std::move(value)}});
}

// What is missing or null on the way is made.
void add_gate(Json& patch, const RawObject& job) {
  const Json gate{{"name", kSchedulingGate}};
  const Json* gates = member_at(job, {"spec", "template", "spec", "schedulingGates"});
  const std::string at = "/spec/template/spec/schedulingGates";
  if (gates != nullptr && gates->is_array()) {
    put(patch, at + "/-", gate);
  } else {
    put(patch, at, Json::array({gate}));
  }
  const Json label{{kGatedLabel, "true"}};
  const Json* metadata = member_at(job, {"spec", "template", "metadata"});
  const Json* labels = member_at(job, {"spec", "template", "metadata", "labels"});
  if (labels != nullptr && labels->is_object()) {
    put(patch, "/spec/template/metadata/labels/" + pointer_token(kGatedLabel), "true");
  } else if (metadata != nullptr && metadata->is_object()) {
    put(patch, "/spec/template/metadata/labels", label);
  } else {
    put(patch, "/spec/template/metadata", {{"labels", label}});
  }
}

}  // namespace

std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

Json if_unchanged(const RawObject& object) {
  return {{"op", "test"},
          {"path", "/metadata/resourceVersion"},
          {"value", string_at(object, {"metadata", "resourceVersion"})}};
}

bool has_gate(const Json* pod_spec) {
  const Json* gates = pod_spec == nullptr ? nullptr : member_at(*pod_spec, {"schedulingGates"});
  return gates != nullptr && gates->is_array() &&
         std::any_of(gates->begin(), gates->end(),
                     [](const Json& gate) { return string_at(gate, {"name"}) == kSchedulingGate; });
}

Json ungate_patch(const RawObject& pod) {
  Json patch = Json::array({if_unchanged(pod)});
  const Json* gates = member_at(pod, {"spec", "schedulingGates"});
  for (std::size_t i = 0; gates != nullptr && i < gates->size(); ++i)
    if (string_at((*gates)[i], {"name"}) == kSchedulingGate)
      patch.push_back({{"op", "remove"}, {"path", "/spec/schedulingGates/" + std::to_string(i)}});
  return patch;
}

std::string gated_pods_of(const RawObject& job) {
  return "batch.kubernetes.io/controller-uid=" + string_at(job, {"metadata", "uid"}) + "," +
         kGatedLabel + "=true";
}

Json controller_of(const RawObject& object) {
  const Json* owners = member_at(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return {};
  for (const Json& owner : *owners)
    if (const Json* controls = member_at(owner, {"controller"});
        controls != nullptr && controls->is_boolean() && controls->get<bool>())
      return owner;
  return {};
}

Pausable pausable(const std::string& group, const std::string& resource) {
  if (group == "apps" && resource == "deployments") return Pausable::Deployment;
  if (group == "batch" && resource == "jobs") return Pausable::Job;
  return Pausable::No;
}

Marks read_marks(const RawObject& object, Pausable how) {
  Marks marks;
  if (!object.is_object() || how == Pausable::No) return marks;
  marks.held = parse_held(annotation(object, kHeldAnnotation));
  marks.held_by = parse_writers(annotation(object, kHeldByAnnotation));
  marks.user_paused = annotation(object, kUserPausedAnnotation) == "true";
  const Json* paused = member_at(object, {"spec", pause_field(how)});
  marks.paused = paused != nullptr && paused->is_boolean() && paused->get<bool>();
  marks.gated = how == Pausable::Job && has_gate(member_at(object, {"spec", "template", "spec"}));
  return marks;
}

Marks without_hold(Marks marks, const std::string& policy) {
  marks.held.erase(policy);
  if (marks.held.empty()) {
    marks.paused = marks.user_paused;
    marks.user_paused = false;
    marks.held_by.clear();
  }
  return marks;
}

std::string held_request_name(const std::string& mark, const RawObject& object) {
  if (!mark.ends_with(kUidToCome)) return mark;
  const std::string stem = mark.substr(0, mark.size() - std::string_view(kUidToCome).size());
  const std::string uid = string_at(object, {"metadata", "uid"}).substr(0, 8);
  return uid.empty() ? stem : stem + "-" + uid;
}

std::string held_request(const Marks& marks, const std::string& policy, const RawObject& object) {
  const auto found = marks.held.find(policy);
  return found == marks.held.end() ? std::string() : held_request_name(found->second, object);
}

Json marks_patch(const RawObject& object, Pausable how, const Marks& wanted) {
  Json patch = Json::array();
  if (how == Pausable::No || read_marks(object, how) == wanted) return patch;
  const Json* annotations = member_at(object, {"metadata", "annotations"});
  const bool has_annotations = annotations != nullptr && annotations->is_object();
  if (!has_annotations && !wanted.held.empty()) put(patch, "/metadata/annotations", Json::object());
  const auto set = [&](const char* key, const std::string& value) {
    const std::string path = "/metadata/annotations/" + pointer_token(key);
    const bool there = has_annotations && annotations->contains(key);
    if (!value.empty()) {
      if (!there || annotations->at(key) != value) put(patch, path, value);
    } else if (there) {
      patch.push_back({{"op", "remove"}, {"path", path}});
    }
  };
  set(kHeldAnnotation, print_held(wanted.held));
  set(kHeldByAnnotation, wanted.held.empty() ? "" : dump_json(Json(wanted.held_by)));
  set(kUserPausedAnnotation, !wanted.held.empty() && wanted.user_paused ? "true" : "");
  if (read_marks(object, how).paused != wanted.paused) {
    const std::string path = std::string("/spec/") + pause_field(how);
    // A Deployment that is not paused has no such field; a Job's `suspend` is always there.
    if (wanted.paused || how == Pausable::Job) {
      put(patch, path, wanted.paused);
    } else {
      patch.push_back({{"op", "remove"}, {"path", path}});
    }
  }
  if (wanted.gated && !read_marks(object, how).gated) add_gate(patch, object);
  return patch;
}

ClientKind client_kind(const std::string& field_manager, const RawObject& object) {
  const auto has = [&](const char* where, const char* key) {
    return member_at(object, {"metadata", where, key}) != nullptr;
  };
  // Who writes tells more than what stands on the object: charts are rendered by Argo CD too, with
  // Helm's labels and hooks, and what Helm installed can have moved to Argo CD.
  if (field_manager == "helm" || field_manager == "helm-controller") return ClientKind::Helm;
  if (field_manager == "argocd-controller") return ClientKind::ArgoCd;
  if (field_manager == "kustomize-controller") return ClientKind::Flux;
  if (has("annotations", "argocd.argoproj.io/tracking-id") ||
      has("annotations", "argocd.argoproj.io/hook") || has("labels", "argocd.argoproj.io/instance"))
    return ClientKind::ArgoCd;
  if (has("annotations", "meta.helm.sh/release-name") ||
      has("labels", "helm.toolkit.fluxcd.io/name") || has("annotations", "helm.sh/hook"))
    return ClientKind::Helm;
  if (has("labels", "kustomize.toolkit.fluxcd.io/name")) return ClientKind::Flux;
  return ClientKind::Plain;
}

RequestHold resolve_hold(HoldMode mode, Pausable how, Operation review_operation, const Marks* held,
                         bool started, ClientKind client) {
  if (mode == HoldMode::Retry) return RequestHold::Retry;
  if (mode == HoldMode::Deny || review_operation == Operation::Delete) return RequestHold::Deny;
  const auto suspends = [&](bool is_seen) {
    return mode == HoldMode::Suspend || (mode == HoldMode::Auto && is_seen);
  };
  switch (how) {
    case Pausable::No:
      return RequestHold::Deny;
    case Pausable::Deployment:
      return suspends(client == ClientKind::Plain || client == ClientKind::ArgoCd)
                 ? RequestHold::Suspend
                 : RequestHold::Deny;
    case Pausable::Job:
      break;
  }
  if (held != nullptr) {  // however it came, it stays held as it is
    if (held->gated) return RequestHold::Gate;
    return started ? RequestHold::Deny : RequestHold::Suspend;
  }
  if (review_operation != Operation::Create) return RequestHold::Deny;
  return suspends(client == ClientKind::Plain) ? RequestHold::Suspend : RequestHold::Gate;
}

bool holds_as(const Marks& marks, RequestHold hold) {
  return !marks.held.empty() && (hold == RequestHold::Gate ? marks.gated : marks.paused);
}

}  // namespace holdpoint
