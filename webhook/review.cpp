#include "webhook/review.hpp"

#include "base/text.hpp"

namespace holdpoint::webhook {
namespace {

Result<Operation> parse_operation(const std::string& text) {
  if (text == "CREATE") return Operation::Create;
  if (text == "UPDATE") return Operation::Update;
  if (text == "DELETE") return Operation::Delete;
  return invalid("request.operation '" + visible_cut(text, 20) +
                 "' is not one that Holdpoint judges");
}

Identity parse_user(const Json& request) {
  Identity user;
  user.username = string_at(request, {"userInfo", "username"});
  user.uid = string_at(request, {"userInfo", "uid"});
  const Json* groups = member_at(request, {"userInfo", "groups"});
  if (groups != nullptr && groups->is_array())
    for (const Json& group : *groups)
      if (group.is_string()) user.groups.push_back(group.get<std::string>());
  return user;
}

// Moves the object out of the review; null where there is none.
Result<RawObject> take_object(Json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || found->is_null()) return RawObject();
  if (!found->is_object()) return invalid(std::string("request.") + key + " is not an object");
  return RawObject(std::move(*found));
}

}  // namespace

Result<Review> parse_review(std::string_view bytes) {
  HP_ASSIGN(Json body, parse_json(bytes));
  if (!body.is_object() || string_at(body, {"kind"}) != "AdmissionReview" ||
      string_at(body, {"apiVersion"}) != "admission.k8s.io/v1")
    return invalid("the body is not an AdmissionReview of admission.k8s.io/v1");
  const auto found = body.find("request");
  if (found == body.end() || !found->is_object())
    return invalid("the AdmissionReview has no request");
  Json& request = *found;

  Review review;
  review.uid = string_at(request, {"uid"});
  Write& write = review.write;
  HP_ASSIGN(write.operation, parse_operation(string_at(request, {"operation"})));
  write.group = string_at(request, {"resource", "group"});
  write.version = string_at(request, {"resource", "version"});
  write.resource = string_at(request, {"resource", "resource"});
  write.kind = string_at(request, {"kind", "kind"});
  write.subresource = string_at(request, {"subResource"});
  write.namespace_ = string_at(request, {"namespace"});
  write.name = string_at(request, {"name"});
  write.user = parse_user(request);
  write.field_manager = string_at(request, {"options", "fieldManager"});
  const auto dry_run = request.find("dryRun");
  write.dry_run = dry_run != request.end() && dry_run->is_boolean() && dry_run->get<bool>();
  HP_ASSIGN(write.object, take_object(request, "object"));
  HP_ASSIGN(write.old_object, take_object(request, "oldObject"));

  if (review.uid.empty()) return invalid("the AdmissionReview's request has no uid");
  if (write.resource.empty() || write.version.empty() || write.kind.empty())
    return invalid("the AdmissionReview's request names no resource or kind");
  if (write.user.username.empty()) return invalid("the AdmissionReview's request names no user");
  const bool wants_object = write.operation != Operation::Delete;
  const bool wants_old = write.operation != Operation::Create;
  if (wants_object == write.object.is_null() || wants_old == write.old_object.is_null())
    return invalid("the AdmissionReview's object and oldObject do not fit its operation");
  if (write.name.empty())
    write.name = string_at(wants_object ? write.object : write.old_object, {"metadata", "name"});
  // A cluster-scoped Namespace is reviewed with its own name as namespace.
  if (write.group.empty() && write.resource == "namespaces") write.namespace_.clear();
  return review;
}

}  // namespace holdpoint::webhook
