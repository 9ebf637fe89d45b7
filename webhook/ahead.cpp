#include "webhook/ahead.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "core/approval/digest.hpp"
#include "core/approval/selector.hpp"
#include "core/approval/wording.hpp"
#include "crds/codec.hpp"
#include "docket/duties.hpp"

namespace holdpoint::webhook {
namespace {

// It is kept in the request, beside what is known of it.
constexpr std::size_t kMaxProposed = 256 * 1024;
constexpr std::size_t kMaxReason = 500;

Error refusal(std::string message) { return Error{ErrorKind::Forbidden, std::move(message), ""}; }

// Of an apiVersion: nothing that could lead elsewhere in a path.
bool is_path_segment(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos &&
         text.find("..") == std::string::npos;
}

// An owner would take the request along when it goes, a finalizer would keep it.
constexpr std::array kNotTheirs{"ownerReferences", "finalizers"};

}  // namespace

// What the object would be written as: an update of what is there, or a creation.
Result<Write> Ahead::proposed_write(const Write& write, const RawObject& proposed,
                                    Deadline deadline) const {
  Write made;
  const std::string api_version = string_at(proposed, {"apiVersion"});
  const auto slash = api_version.find('/');
  made.group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  made.version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  made.kind = string_at(proposed, {"kind"});
  made.name = string_at(proposed, {"metadata", "name"});
  made.namespace_ = string_at(proposed, {"metadata", "namespace"});
  made.user = write.user;
  made.field_manager = "kubectl-holdpoint";
  made.object = proposed;
  if (made.kind.empty() || made.version.empty() || made.name.empty())
    return refusal(
        "spec.proposed needs apiVersion, kind and metadata.name; objects with "
        "generateName cannot be asked for ahead");
  if (made.group.empty() && made.kind == "Secret")
    return refusal(
        "a Secret cannot be asked for ahead: its values would lie in the request\n"
        "  next:  send the change itself");
  if (dump_json(proposed).size() > kMaxProposed)
    return refusal("spec.proposed is larger than 256 KiB\n  next:  send the change itself");
  if (namespace_of_requests(made.namespace_) != write.namespace_)
    return refusal("a request lives beside its object: make it in namespace " +
                   visible(namespace_of_requests(made.namespace_)));
  const std::string list =
      made.group.empty() ? "/api/" + made.version : "/apis/" + made.group + "/" + made.version;
  if (!is_path_segment(made.group) || !is_path_segment(made.version))
    return refusal("spec.proposed.apiVersion is none");
  HP_ASSIGN(const Json resources, client_.get_raw(list, deadline));
  const Json* found = member_at(resources, {"resources"});
  if (found != nullptr && found->is_array())
    for (const Json& resource : *found)
      if (string_at(resource, {"kind"}) == made.kind &&
          string_at(resource, {"name"}).find('/') == std::string::npos)
        made.resource = string_at(resource, {"name"});
  if (made.resource.empty())
    return refusal("the API server knows no kind " + visible(made.kind) + " of " +
                   visible(api_version));
  // What is shown of the object, and ended by a newer request, is for those who could write it.
  HP_ASSIGN(const bool may_write,
            may_any(client_, made.user, {"create", "update", "patch"},
                    {"", made.group, made.resource, "", made.namespace_, made.name}, deadline));
  if (!may_write)
    return refusal(visible(write.user.username) + " may neither create nor change " +
                   visible(made.resource) + " here, so there is nothing to ask for");
  const auto live = client_.get(
      {made.group, made.version, made.resource, made.namespace_, made.name, ""}, deadline);
  if (!live.ok() && live.error().kind != ErrorKind::NotFound) return live.error();
  made.operation = live.ok() ? Operation::Update : Operation::Create;
  if (live.ok()) made.old_object = *live;
  return made;
}

// Why the policy does not reach this object; empty where it does.
Result<std::string> Ahead::out_of_scope(const Write& proposed, const ApprovalPolicy& policy,
                                        Deadline deadline) const {
  const Match& match = policy.spec.match;
  if (policy.spec.mode != PolicyMode::Enforce) return std::string("its mode is not Enforce");
  if (!proposed.namespace_.empty()) {
    HP_ASSIGN(const Json space,
              client_.get({"", "v1", "namespaces", "", proposed.namespace_, ""}, deadline));
    if (!matches(match.namespace_selector, labels_of(space)))
      return "namespace " + proposed.namespace_ + " is not among its namespaces";
  }
  if (!matches(match.object_selector, labels_of(proposed.object)) &&
      !matches(match.object_selector, labels_of(proposed.old_object)))
    return std::string("the object's labels are not those that it selects");
  return std::string();
}

// By the policy that is named; else by the first of all that gates this and has no request for it.
Result<ApprovalRequest> Ahead::wanted(const Write& write, Deadline deadline) const {
  const Json* given = member_at(write.object, {"spec", "proposed"});
  if (given == nullptr || !given->is_object())
    return refusal(
        "a request that is made by hand says spec.proposed, the object as a dry run gives it\n"
        "  next:  let the plugin do it\nkubectl holdpoint request -f FILE --reason '...'");
  HP_ASSIGN(const Write proposed, proposed_write(write, RawObject(*given), deadline));
  std::vector<std::string> names{string_at(write.object, {"spec", "policy", "name"})};
  const bool named = !names.front().empty();
  if (!named) {
    HP_ASSIGN(names, policy_names(deadline));
  }
  std::string there, why = "no policy gates this";
  for (const std::string& name : names) {
    HP_ASSIGN(const Judgement judgement, gate_.judge(proposed, name, Phase::Companion, deadline));
    HP_ASSIGN(const std::string outside, out_of_scope(proposed, judgement.policy, deadline));
    if (!outside.empty() || !judgement.gated.has_value()) {
      if (named)
        why = "policy " + name + " does not gate this: " +
              (outside.empty() ? "nothing that it covers changes" : outside);
      continue;
    }
    if (const ApprovalRequest* found = judgement.attempt.request; found != nullptr) {
      there = found->metadata.name + ", " +
              std::string(to_string(judgement.attempt.standing.phase)) +
              "\n  next:  look at it\nkubectl holdpoint show " + found->metadata.name + " -n " +
              found->metadata.namespace_;
      continue;
    }
    // It never holds an object: what it says of the base is not to be relied on for that.
    Gated gated = *judgement.gated;
    gated.hold = RequestHold::Deny;
    ApprovalRequest made = make_request(gated, proposed, judgement.policy, judgement.reference,
                                        judgement.attempt.number, gate_.now());
    made.spec.proposed = *given;
    if (const std::string reason = string_at(write.object, {"spec", "reason"}); !reason.empty())
      made.spec.reason = visible_cut(reason, kMaxReason);
    return made;
  }
  if (!there.empty()) return refusal("this change has a request already: " + there);
  return refusal(why + "\n  next:  send the change itself; it needs no approval");
}

Result<std::vector<std::string>> Ahead::policy_names(Deadline deadline) const {
  HP_ASSIGN(const kube::ListResult list,
            client_.list({kGroup, kVersion, kind_info<ApprovalPolicy>().plural, "", "", ""}, {},
                         deadline));
  std::vector<std::string> names;
  for (const Json& item : list.items) names.push_back(string_at(item, {"metadata", "name"}));
  return names;
}

Answer Ahead::stamp(const Write& write, Deadline deadline) const {
  const auto made = wanted(write, deadline);
  if (!made.ok()) return not_judged(made.error());
  const Json stamped = encode(*made);
  Answer answer = allowed("stamped");
  answer.request = made->metadata.name;
  answer.patch =
      Json::array({{{"op", "add"}, {"path", "/spec"}, {"value", stamped.at("spec")}},
                   {{"op", "add"}, {"path", "/metadata/labels"}, {"value", made->metadata.labels}},
                   {{"op", "add"}, {"path", "/metadata/name"}, {"value", made->metadata.name}}});
  for (const char* key : {"generateName", kNotTheirs[0], kNotTheirs[1]})
    if (member_at(write.object, {"metadata", key}) != nullptr)
      answer.patch.push_back({{"op", "remove"}, {"path", "/metadata/" + std::string(key)}});
  return answer;
}

Answer Ahead::check(const Write& write, Deadline deadline) const {
  const auto made = wanted(write, deadline);
  if (!made.ok()) return not_judged(made.error());
  Json should = encode(*made), is = write.object;
  for (Json* one : {&should, &is}) {
    // Two looks at the clock.
    if (member_at(*one, {"spec", "askedAt"}) != nullptr) (*one)["spec"].erase("askedAt");
  }
  const auto read = decode<ApprovalRequest>(is);
  const bool owned = std::any_of(kNotTheirs.begin(), kNotTheirs.end(), [&](const char* key) {
    return member_at(write.object, {"metadata", key}) != nullptr;
  });
  const bool same = read.ok() && !owned && encode(*read).at("spec") == should.at("spec") &&
                    read->metadata.name == made->metadata.name &&
                    read->metadata.labels == made->metadata.labels;
  if (!same)
    return refused({403,
                    "this ApprovalRequest is not what Holdpoint makes of it: something changed it, "
                    "or the object that it is about moved meanwhile; ask again",
                    0});
  if (const auto room = gate_.check_limits(*made, deadline); !room.ok())
    return not_judged(room.error());
  Answer answer = allowed("accepted");
  answer.request = made->metadata.name;
  return answer;
}

}  // namespace holdpoint::webhook
