#include "core/change/sync_again.hpp"

#include <algorithm>

#include "crds/json.hpp"

namespace holdpoint {
namespace {

constexpr const char* kLongAgo = "1970-01-01T00:00:00Z";

}  // namespace

SyncAgain sync_again(const RawObject& application, const std::string& token) {
  using Is = SyncAgain::Is;
  if (member_at(application, {"metadata", "deletionTimestamp"}) != nullptr) return {};
  const Json version{{"resourceVersion", string_at(application, {"metadata", "resourceVersion"})}};
  const bool runs = member_at(application, {"operation"}) != nullptr;
  const Json* state = member_at(application, {"status", "operationState"});
  if (state == nullptr) return {runs ? Is::Busy : Is::None, {}};  // asked for, not begun
  const std::string phase = string_at(*state, {"phase"});
  if (runs) {
    if (phase != "Running") return {};
    // Running and finished: it waits for its next try, which is so long after this moment.
    if (string_at(*state, {"finishedAt"}).empty()) return {Is::Busy, {}};
    return {Is::Failed,
            {{"metadata", version}, {"status", {{"operationState", {{"finishedAt", kLongAgo}}}}}}};
  }
  const Json* operation = member_at(*state, {"operation"});
  const Json* sync = operation == nullptr ? nullptr : member_at(*operation, {"sync"});
  if (sync == nullptr || !sync->is_object()) return {};
  if (phase != "Failed" && phase != "Error") return {};
  Json next{{"initiatedBy", {{"username", "holdpoint"}, {"automated", true}}},
            {"info", Json::array({{{"name", "approved"}, {"value", token}}})},
            {"sync", *sync}};
  bool has_revision = false;
  for (const char* key : {"revision", "revisions"}) {
    const Json* value = member_at(*state, {"syncResult", key});
    next["sync"].erase(key);
    if (value == nullptr || value->empty() || *value == "") continue;
    next["sync"][key] = *value;
    has_revision = true;
  }
  if (!has_revision) return {};
  if (const Json* retry = member_at(*operation, {"retry"}); retry != nullptr)
    next["retry"] = *retry;
  // As Argo CD's own API does: with the state of the last one still there, the next would take over
  // its results and not try again what they say has failed.
  return {Is::Failed,
          {{"metadata", version},
           {"operation", std::move(next)},
           {"status", {{"operationState", nullptr}}}}};
}

bool ran_hooks(const RawObject& application) {
  const Json* ran = member_at(application, {"status", "operationState", "syncResult", "resources"});
  return ran != nullptr && std::any_of(ran->begin(), ran->end(), [](const Json& one) {
           return !string_at(one, {"hookType"}).empty();
         });
}

}  // namespace holdpoint
