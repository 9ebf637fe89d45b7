#include "cli/reads.hpp"

#include <future>

#include "base/text.hpp"
#include "cli/names.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kMostTargets = 200;

template <class T>
std::string plural() {
  return kind_info<T>().plural + "." + kGroup;
}

template <class T>
Result<std::vector<T>> read_list(const Kubectl& kubectl, std::vector<std::string> flags) {
  std::vector<std::string> args{"get", plural<T>(), "-o", "json"};
  args.insert(args.end(), flags.begin(), flags.end());
  HP_ASSIGN(const Json list, kubectl.json(args));
  std::vector<T> items;
  const Json* found = member_at(list, {"items"});
  if (found == nullptr || !found->is_array())
    return invalid("kubectl printed no list of " + kind_info<T>().kind);
  for (const Json& item : *found) {
    auto decoded = decode<T>(item);
    if (decoded.ok()) {
      items.push_back(std::move(*decoded));
    } else {
      print_error(visible(string_at(item, {"metadata", "name"})) +
                  " is left out: " + visible(decoded.error().message) +
                  "; a newer kubectl-holdpoint may understand it");
    }
  }
  return items;
}

template <class T>
Result<T> read_one(const Kubectl& kubectl, const std::string& namespace_, const std::string& name) {
  std::vector<std::string> args{"get", plural<T>() + "/" + name, "-o", "json"};
  if (!namespace_.empty()) args.push_back("--namespace=" + namespace_);
  HP_ASSIGN(const Json object, kubectl.json(args));
  return decode<T>(object);
}

// Objects of several kinds and namespaces as they are now, by one kubectl; those that are gone are
// left out.
struct Found {
  std::vector<Json> objects;
  std::string unknown;  // why some could not be read
};
Found read_all(const Kubectl& kubectl, Json wanted) {
  const std::string input =
      dump_json({{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(wanted)}});
  const auto output = kubectl.run(
      {"get", "-f", "-", "--all-namespaces", "--ignore-not-found", "-o", "json"}, &input);
  if (!output.ok()) return {{}, output.error().message};
  Found found;
  if (output->exit_code != 0) found.unknown = clean_message(output->err);
  const auto list = parse_json(output->out);
  const Json* items = list.ok() ? member_at(*list, {"items"}) : nullptr;
  if (items != nullptr && items->is_array()) found.objects.assign(items->begin(), items->end());
  return found;
}

Json reference(const std::string& api_version, const std::string& kind,
               const std::string& namespace_, const std::string& name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"namespace", namespace_}, {"name", name}}}};
}

Result<bool> read_may(const Kubectl& kubectl, const std::string& verb, const std::string& what,
                      const std::string& where) {
  HP_ASSIGN(const Output output, kubectl.run({"auth", "can-i", verb, what, where}));
  const std::string answer = output.out.substr(0, output.out.find_first_of(" \n"));
  if (answer == "yes") return true;
  if (answer == "no") return false;
  return Error{ErrorKind::Unavailable, clean_message(output.err), {}};
}

// The object as it is now. Never a Secret's, whoever may read it.
Live read_object(const Kubectl& kubectl, const ApprovalRequest& request) {
  const Target& target = request.spec.target;
  Live live;
  live.at = system_clock().now();
  if (target.group.empty() && target.resource == "secrets") {
    live.why = "Secrets are not read here";
    return live;
  }
  if (!is_name(target.name)) {
    live.why = "its name is made when it is stored";
    return live;
  }
  std::vector<std::string> args{
      "get", target.resource + (target.group.empty() ? "" : "." + target.group) + "/" + target.name,
      "-o", "json", "--show-managed-fields"};
  if (!target.namespace_.empty()) args.push_back("--namespace=" + target.namespace_);
  auto object = kubectl.json(args);
  live.at = system_clock().now();
  if (object.ok()) {
    live.is = Live::Is::Read;
    live.object = std::move(*object);
  } else if (object.error().kind == ErrorKind::NotFound) {
    live.is = Live::Is::Absent;
  } else {
    live.why = object.error().kind == ErrorKind::Forbidden
                   ? "you may not read " + visible(target.resource) + " here"
                   : visible_cut(object.error().message, 160);
  }
  return live;
}

std::set<std::string> writers_of(const ApprovalRequest& request, const RawObject& object) {
  const Target& target = request.spec.target;
  const Pausable how = pausable(target.group, target.resource);
  if (!is_stored_held(request.spec.hold) || how == Pausable::No || object.is_null()) return {};
  const Marks marks = read_marks(object, how);
  return held_request(marks, request.spec.policy.name, object) == request.metadata.name
             ? marks.held_by
             : std::set<std::string>();
}

}  // namespace

Result<Identity> read_me(const Kubectl& kubectl) {
  HP_ASSIGN(const Json review, kubectl.json({"auth", "whoami", "-o", "json"}));
  const Json* info = member_at(review, {"status", "userInfo"});
  if (info == nullptr) return invalid("kubectl auth whoami told of no user");
  return decode_part<Identity>(*info);
}

Result<std::vector<ApprovalRequest>> read_requests(const Kubectl& kubectl, Namespaces which) {
  return read_list<ApprovalRequest>(kubectl, which == Namespaces::All
                                                 ? std::vector<std::string>{"--all-namespaces"}
                                                 : std::vector<std::string>());
}

Result<ApprovalRequest> read_request(const Kubectl& kubectl, const std::string& typed) {
  HP_TRY(check_request(typed));
  if (is_name(typed)) {
    auto request = read_one<ApprovalRequest>(kubectl, {}, typed);
    if (request.ok() || request.error().kind != ErrorKind::NotFound) return request;
  }
  HP_ASSIGN(const std::vector<ApprovalRequest> all, read_requests(kubectl, Namespaces::One));
  const auto found = find_request(all, typed);
  if (found.ok()) return **found;
  if (found.error().kind != ErrorKind::NotFound) return found.error();
  return Error{ErrorKind::NotFound,
               found.error().message + " in " + told_namespace(kubectl) + did_you_mean(all, typed) +
                   "\n  next:  look for it in all namespaces\nkubectl holdpoint list -A --all",
               {}};
}

Result<ApprovalRequest> read_named_request(const Kubectl& kubectl, const std::string& namespace_,
                                           const std::string& name) {
  HP_TRY(check_name("request", name));
  return read_one<ApprovalRequest>(kubectl, namespace_, name);
}

std::vector<ApprovalRequest> read_again(const Kubectl& kubectl,
                                        std::vector<ApprovalRequest> requests) {
  Json wanted = Json::array();
  for (const ApprovalRequest& request : requests)
    wanted.push_back(reference(kApiVersion, kind_info<ApprovalRequest>().kind,
                               request.metadata.namespace_, request.metadata.name));
  const Found found = read_all(kubectl, std::move(wanted));
  for (const Json& object : found.objects) {
    auto now = decode<ApprovalRequest>(object);
    if (!now.ok()) continue;
    for (ApprovalRequest& request : requests)
      if (request.metadata.uid == now->metadata.uid) request = *now;
  }
  return requests;
}

Leftovers read_leftovers(const Kubectl& kubectl, const std::vector<ApprovalRequest>& requests) {
  Leftovers left;
  std::vector<Target> targets = may_be_left_held(requests);
  if (targets.empty()) return left;
  if (targets.size() > kMostTargets) {
    left.not_looked_at = targets.size() - kMostTargets;
    targets.resize(kMostTargets);
  }
  Json wanted = Json::array();
  for (const Target& target : targets)
    wanted.push_back(reference(target.group + "/" + target.version, target.kind, target.namespace_,
                               target.name));
  Found found = read_all(kubectl, std::move(wanted));
  left.held = left_held(requests, found.objects);
  left.unknown = std::move(found.unknown);
  return left;
}

std::string told_namespace(const Kubectl& kubectl) {
  std::string name = kubectl.given_namespace();
  if (name.empty()) {
    const auto context = kubectl.run(
        {"config", "view", "--minify", "-o", "jsonpath={.contexts[0].context.namespace}"});
    if (!context.ok() || context->exit_code != 0) return "this namespace";
    name = context->out.empty() ? "default" : context->out;
  }
  return "namespace " + visible_cut(name, 63);
}

Dossier read_dossier(const Kubectl& kubectl, ApprovalRequest request) {
  Dossier dossier;
  dossier.request = std::move(request);
  const ApprovalRequest& about = dossier.request;
  // A kubectl takes some 100 ms each: all of them at once.
  auto approvals = std::async(std::launch::async, [&] {
    return read_list<Approval>(
        kubectl, {"--namespace=" + about.metadata.namespace_,
                  "--selector=" + std::string(kRequestLabel) + "=" + about.metadata.uid});
  });
  auto policy = std::async(std::launch::async, [&] {
    return read_one<ApprovalPolicy>(kubectl, {}, about.spec.policy.name);
  });
  auto me = std::async(std::launch::async, [&] { return read_me(kubectl); });
  auto authorized = std::async(std::launch::async, [&] {
    return read_may(kubectl, "approve", plural<ApprovalPolicy>() + "/" + about.spec.policy.name,
                    "--namespace=" + about.metadata.namespace_);
  });
  auto trail = std::async(std::launch::async, [&] {
    return read_may(kubectl, "list", plural<AuditRecord>(), "--all-namespaces");
  });
  const auto label = about.metadata.labels.find(kTargetLabel);
  auto siblings = std::async(std::launch::async, [&]() -> Result<std::vector<ApprovalRequest>> {
    if (label == about.metadata.labels.end()) return std::vector<ApprovalRequest>{about};
    return read_list<ApprovalRequest>(
        kubectl, {"--namespace=" + about.metadata.namespace_,
                  "--selector=" + std::string(kTargetLabel) + "=" + label->second});
  });
  dossier.live = read_object(kubectl, about);
  dossier.writers = writers_of(about, dossier.live.object);
  if (auto read = siblings.get(); read.ok()) dossier.live.requests = std::move(*read);
  if (auto read = approvals.get(); read.ok()) {
    dossier.approvals = std::move(*read);
  } else {
    dossier.approvals_unknown = read.error().message;
  }
  if (auto read = policy.get(); read.ok()) {
    dossier.policy = std::move(*read);
    dossier.policy_is = Dossier::PolicyIs::Read;
  } else if (read.error().kind == ErrorKind::NotFound) {
    dossier.policy_is = Dossier::PolicyIs::Gone;
  }
  if (auto read = me.get(); read.ok()) dossier.me = std::move(*read);
  if (auto read = authorized.get(); read.ok()) dossier.authorized = *read;
  if (auto read = trail.get(); read.ok()) dossier.reads_trail = *read;
  dossier.now = system_clock().now();
  return dossier;
}

}  // namespace holdpoint::cli
