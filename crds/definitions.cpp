// The CustomResourceDefinitions, from the same field lists as the codec.
#include <type_traits>

#include "base/text.hpp"
#include "crds/codec.hpp"
#include "crds/fields.hpp"

namespace holdpoint {
namespace {

template <class T>
Json schema_of(const Facet& facet);

template <class T>
struct ListItem;
template <class T>
struct ListItem<std::vector<T>> {
  using type = T;
};
template <class T>
struct OptionalItem;
template <class T>
struct OptionalItem<std::optional<T>> {
  using type = T;
};

void bound(Json& schema, const char* key, std::int64_t value) {
  if (value != 0) schema[key] = value;
}

Json string_schema(const Facet& facet) {
  Json schema{{"type", "string"}};
  bound(schema, "minLength", facet.min_length);
  bound(schema, "maxLength", facet.max_length);
  if (!facet.pattern.empty()) schema["pattern"] = facet.pattern;
  return schema;
}

// Facet::rules to x-kubernetes-validations.
Json rules_of(std::string_view rules) {
  Json list = Json::array();
  while (!rules.empty()) {
    const auto end = rules.find("\n\n");
    const std::string_view rule = rules.substr(0, end);
    rules = end == std::string_view::npos ? std::string_view() : rules.substr(end + 2);
    const auto line = rule.find('\n');
    list.push_back({{"rule", rule.substr(0, line)}, {"message", rule.substr(line + 1)}});
  }
  return list;
}

template <class T>
class SchemaBuilder {
 public:
  template <class M>
  void operator()(std::string_view name, M T::*, const Facet& facet) {
    Json schema = schema_of<M>(facet);
    std::string doc(facet.doc);
    if (!facet.default_json.empty()) {
      Json value = Json::parse(facet.default_json);
      // kubectl explain does not show defaults by itself.
      if (!value.is_object())
        doc += " Default: " + (value.is_string() ? value.get<std::string>() : value.dump()) + ".";
      schema["default"] = std::move(value);
    }
    schema["description"] = std::move(doc);
    if (!facet.rules.empty()) schema["x-kubernetes-validations"] = rules_of(facet.rules);
    properties_[std::string(name)] = std::move(schema);
    if (facet.required) required_.push_back(name);
  }
  [[nodiscard]] Json take() {
    Json schema{{"type", "object"}, {"properties", std::move(properties_)}};
    if (!required_.empty()) schema["required"] = std::move(required_);
    return schema;
  }

 private:
  Json properties_ = Json::object();
  Json required_ = Json::array();
};

template <class T>
Json schema_of(const Facet& facet) {
  if constexpr (std::is_same_v<T, std::string>) {
    return string_schema(facet);
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    Json schema{{"type", "integer"}, {"format", "int64"}};
    bound(schema, "minimum", facet.minimum);
    bound(schema, "maximum", facet.maximum);
    return schema;
  } else if constexpr (std::is_same_v<T, Json>) {
    return {{"x-kubernetes-preserve-unknown-fields", true}, {"nullable", true}};
  } else if constexpr (std::is_enum_v<T>) {
    Json names = Json::array();
    for (const auto& [value, name] : Spelling<T>::names) names.push_back(name);
    return {{"type", "string"}, {"enum", std::move(names)}};
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    Json schema{{"type", "object"}, {"additionalProperties", string_schema(facet)}};
    bound(schema, "maxProperties", facet.max_items);
    return schema;
  } else if constexpr (requires { typename ListItem<T>::type; }) {
    Json schema{{"type", "array"}, {"items", schema_of<typename ListItem<T>::type>(facet)}};
    bound(schema, "minItems", facet.min_items);
    bound(schema, "maxItems", facet.max_items);
    if (!facet.list_map_key.empty()) {
      schema["x-kubernetes-list-type"] = "map";
      schema["x-kubernetes-list-map-keys"] = Json::array({facet.list_map_key});
    }
    return schema;
  } else if constexpr (requires { typename OptionalItem<T>::type; }) {
    return schema_of<typename OptionalItem<T>::type>(facet);
  } else {
    SchemaBuilder<T> builder;
    fields(builder, Tag<T>{});
    return builder.take();
  }
}

struct Column {
  const char* name;
  const char* type;
  const char* path;
  int priority = 0;
};

struct Definition {
  KindInfo info;
  const char* singular;
  std::vector<std::string> short_names;
  const char* description;
  Json spec;
  Json status;  // null: no status subresource
  std::vector<Column> columns;
  std::string root_rules;
  bool spec_is_fixed = false;
};

Json definition(Definition d) {
  Json columns = Json::array();
  for (const Column& column : d.columns) {
    Json item{{"name", column.name}, {"type", column.type}, {"jsonPath", column.path}};
    if (column.priority != 0) item["priority"] = column.priority;
    columns.push_back(std::move(item));
  }
  if (d.spec_is_fixed)
    d.spec["x-kubernetes-validations"] =
        Json::array({{{"rule", "self == oldSelf"},
                      {"message", "spec never changes; make a new object instead"}}});
  Json schema{
      {"type", "object"},
      {"description", d.description},
      {"required", {"spec"}},
      {"properties",
       {{"apiVersion",
         {{"type", "string"}, {"description", "API group and version: holdpoint.dev/v1alpha1."}}},
        {"kind", {{"type", "string"}, {"description", "Kind of the object: " + d.info.kind + "."}}},
        {"metadata", {{"type", "object"}}},
        {"spec", std::move(d.spec)}}}};
  if (!d.root_rules.empty()) schema["x-kubernetes-validations"] = rules_of(d.root_rules);
  Json version{{"name", kVersion},
               {"served", true},
               {"storage", true},
               {"additionalPrinterColumns", std::move(columns)}};
  if (!d.status.is_null()) {
    schema["properties"]["status"] = std::move(d.status);
    version["subresources"] = {{"status", Json::object()}};
    // kubectl get approvalrequests --field-selector status.phase=Pending
    if (d.info.kind == kind_info<ApprovalRequest>().kind)
      version["selectableFields"] = Json::array({{{"jsonPath", ".status.phase"}}});
  }
  version["schema"] = {{"openAPIV3Schema", std::move(schema)}};
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata",
           {{"name", d.info.plural + "." + kGroup},
            {"labels",
             {{"app.kubernetes.io/name", "holdpoint"},
              {"app.kubernetes.io/part-of", "holdpoint"},
              {"app.kubernetes.io/version", HOLDPOINT_VERSION}}}}},
          {"spec",
           {{"group", kGroup},
            {"scope", d.info.namespaced ? "Namespaced" : "Cluster"},
            {"names",
             {{"kind", d.info.kind},
              {"listKind", d.info.kind + "List"},
              {"plural", d.info.plural},
              {"singular", d.singular},
              {"shortNames", d.short_names},
              {"categories", {"holdpoint"}}}},
            {"versions", Json::array({std::move(version)})}}}};
}

// `description` goes on the part itself, where a field of another struct would have its doc.
template <class T>
Json part(const char* description, std::string_view rules = {}) {
  Json schema = schema_of<T>({});
  schema["description"] = description;
  if (!rules.empty()) schema["x-kubernetes-validations"] = rules_of(rules);
  return schema;
}

Json policies() {
  Definition d;
  d.info = kind_info<ApprovalPolicy>();
  d.singular = "approvalpolicy";
  d.short_names = {"apol"};
  d.description =
      "What waits for approval before the API server stores or runs it, who must approve it, and "
      "for how long.";
  d.spec = part<ApprovalPolicySpec>("What is gated, who must approve, and how a change waits.",
                                    "self.?hold.?mode.orValue('Auto') != 'Suspend' || "
                                    "self.match.resources.all(r, r.resources.all(n, n in "
                                    "['deployments', 'jobs']) && r.apiGroups.all(g, g in ['apps', "
                                    "'batch']))\nhold.mode Suspend is for Deployments "
                                    "(apps) and Jobs (batch) alone; other kinds cannot be stored "
                                    "and wait: use Auto, Deny or Retry");
  d.status =
      part<ApprovalPolicyStatus>("Whether the policy is in force. Written by the operator alone.");
  d.columns = {{"Mode", "string", ".spec.mode"},
               {"Hold", "string", ".spec.hold.mode"},
               {"Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status"},
               {"Reason", "string", ".status.conditions[?(@.type==\"Ready\")].reason"},
               {"Age", "date", ".metadata.creationTimestamp"}};
  d.root_rules =
      "size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')\nthe name of a policy "
      "has at most 63 "
      "characters and no dots, as it becomes part of webhook names and labels";
  return definition(std::move(d));
}

Json requests() {
  Definition d;
  d.info = kind_info<ApprovalRequest>();
  d.singular = "approvalrequest";
  d.short_names = {"areq"};
  d.description =
      "One change that waits for approval. Made by Holdpoint's webhook when somebody tries to make "
      "the change.";
  d.spec = part<ApprovalRequestSpec>("What was asked. Never changes.");
  d.status = part<ApprovalRequestStatus>("Where the request stands. Written by Holdpoint alone.");
  d.columns = {{"Policy", "string", ".spec.policy.name"},
               {"Kind", "string", ".spec.target.kind"},
               {"Target", "string", ".spec.target.name"},
               {"Phase", "string", ".status.phase"},
               {"Approvals", "string", ".status.approvals"},
               {"Risk", "string", ".spec.risk.level"},
               {"Requester", "string", ".spec.requester.username"},
               {"Expires", "string", ".status.expiresAt", 1},
               {"Message", "string", ".status.message", 1},
               {"Age", "date", ".metadata.creationTimestamp"}};
  d.spec_is_fixed = true;
  return definition(std::move(d));
}

Json approvals() {
  Definition d;
  d.info = kind_info<Approval>();
  d.singular = "approval";
  d.short_names = {"appr"};
  d.description =
      "One person's decision on one ApprovalRequest. Write spec.request.name, spec.decision and "
      "spec.reason; "
      "the rest is filled in at admission.";
  d.spec = part<ApprovalSpec>("The decision. Never changes.");
  d.columns = {{"Request", "string", ".spec.request.name"},
               {"Decision", "string", ".spec.decision"},
               {"Author", "string", ".spec.author.username"},
               {"Reason", "string", ".spec.reason", 1},
               {"Age", "date", ".metadata.creationTimestamp"}};
  d.spec_is_fixed = true;
  return definition(std::move(d));
}

Json records() {
  Definition d;
  d.info = kind_info<AuditRecord>();
  d.singular = "auditrecord";
  d.short_names = {"arec"};
  d.description =
      "One fact on the audit trail: who, what, when, why, and the hash of the record before it. "
      "Written by the "
      "operator alone, never changed. Proven by kubectl holdpoint audit verify.";
  d.spec = part<AuditRecordSpec>("The fact. Never changes.");
  d.columns = {{"Fact", "string", ".spec.fact"},
               {"Actor", "string", ".spec.actor.username"},
               {"Request", "string", ".spec.subject.request"},
               {"Target", "string", ".spec.subject.name"},
               {"Time", "string", ".spec.time"}};
  d.spec_is_fixed = true;
  return definition(std::move(d));
}

}  // namespace

const std::vector<Json>& custom_resource_definitions() {
  static const std::vector<Json> all{policies(), requests(), approvals(), records()};
  return all;
}

}  // namespace holdpoint
