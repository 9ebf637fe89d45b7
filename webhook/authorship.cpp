#include "webhook/authorship.hpp"

#include "core/approval/hold.hpp"

namespace holdpoint::webhook {
namespace {

Json spec_of(const RawObject& policy) {
  const Json* spec = member_at(policy, {"spec"});
  return spec == nullptr ? Json() : *spec;
}

}  // namespace

Answer stamp_author(const Write& write) {
  const auto stamp_of = [](const RawObject& policy) {
    return string_at(policy, {"metadata", "annotations", kChangedByAnnotation});
  };
  const bool changed =
      write.old_object.is_null() || spec_of(write.object) != spec_of(write.old_object);
  // The API server counts the generation up after this, with the spec.
  const std::string stamp =
      changed ? std::to_string(integer_at(write.old_object, {"metadata", "generation"}) + 1) + " " +
                    write.user.username
              : stamp_of(write.old_object);
  Answer answer = allowed("stamped");
  if (stamp_of(write.object) == stamp) return answer;
  const Json* annotations = member_at(write.object, {"metadata", "annotations"});
  const std::string path = "/metadata/annotations/" + pointer_token(kChangedByAnnotation);
  answer.patch = Json::array();
  if (annotations == nullptr || !annotations->is_object())
    answer.patch.push_back(
        {{"op", "add"}, {"path", "/metadata/annotations"}, {"value", Json::object()}});
  if (stamp.empty()) {
    answer.patch.push_back({{"op", "remove"}, {"path", path}});
  } else {
    answer.patch.push_back({{"op", "add"}, {"path", path}, {"value", stamp}});
  }
  return answer;
}

}  // namespace holdpoint::webhook
