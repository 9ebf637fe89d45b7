#include "operator/events.hpp"

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "core/approval/wording.hpp"
#include "crds/codec.hpp"
#include "docket/origin.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kMessageColumns = 1000;  // the API's limit is 1024 bytes for notes
constexpr Duration kCall{5'000};

}  // namespace

void Events::tell(const ApprovalRequest& request, const std::string& uid, const std::string& reason,
                  const std::string& message, bool warning) const {
  tell_one({{"apiVersion", kApiVersion},
            {"kind", kind_info<ApprovalRequest>().kind},
            {"namespace", request.metadata.namespace_},
            {"name", request.metadata.name},
            {"uid", request.metadata.uid}},
           request.metadata.namespace_, reason, message, warning);
  tell_target(request, uid, reason, message, warning);
}

void Events::tell_target(const ApprovalRequest& request, const std::string& uid,
                         const std::string& reason, const std::string& message,
                         bool warning) const {
  const Target& target = request.spec.target;
  if (target.name.empty()) return;
  Json about{
      {"apiVersion", target.group.empty() ? target.version : target.group + "/" + target.version},
      {"kind", target.kind},
      {"name", target.name}};
  if (!target.namespace_.empty()) about["namespace"] = target.namespace_;
  if (const std::string& known = uid.empty() ? target.uid : uid; !known.empty())
    about["uid"] = known;
  tell_one(about, target.namespace_.empty() ? "default" : target.namespace_, reason,
           request.metadata.name + ": " + message, warning);
}

// Who watches Flux or Argo CD looks there; what was refused is not stored and has no Events anybody
// would find.
void Events::tell_origin(const ApprovalRequest& request, const std::string& reason,
                         const std::string& message, bool warning) const {
  if (!request.spec.origin.has_value() || request.spec.origin->kind == OriginKind::Release) return;
  const Origin& origin = *request.spec.origin;
  const kube::ResourcePath path = path_of(origin);
  Json about{{"apiVersion", path.group + "/" + path.version},
             {"kind", std::string(to_string(origin.kind))},
             {"namespace", origin.namespace_},
             {"name", origin.name}};
  // Labels name it: there may be none.
  const auto live = client_.get(path, Deadline::in(kCall));
  if (!live.ok() && live.error().kind == ErrorKind::NotFound) return;
  if (live.ok())
    about["uid"] = string_at(*live, {"metadata", "uid"});  // `kubectl describe` asks by it
  tell_one(about, origin.namespace_, reason,
           describe_target(request.spec.target) + ": " + request.metadata.name + ": " + message,
           warning);
}

void Events::tell_one(const Json& about, const std::string& namespace_, const std::string& reason,
                      const std::string& message, bool warning) const {
  const std::string time = to_rfc3339(clock_.now());
  const Json event{{"apiVersion", "v1"},
                   {"kind", "Event"},
                   {"metadata",
                    {{"name", string_at(about, {"name"}).substr(0, 200) + "." + random_hex(8)},
                     {"namespace", namespace_}}},
                   {"involvedObject", about},
                   {"reason", reason},
                   {"message", visible_cut(message, kMessageColumns)},
                   {"type", warning ? "Warning" : "Normal"},
                   {"source", {{"component", "holdpoint-operator"}}},
                   {"firstTimestamp", time},
                   {"lastTimestamp", time},
                   {"count", 1}};
  const auto told =
      client_.create({"", "v1", "events", namespace_, "", ""}, event, {}, Deadline::in(kCall));
  if (!told.ok())
    log::debug("event not written", {{"reason", reason}, {"error", describe(told.error())}});
}

}  // namespace holdpoint::operator_
