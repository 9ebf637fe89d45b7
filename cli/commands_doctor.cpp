#include <algorithm>
#include <future>
#include <map>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/doctor.hpp"
#include "cli/screen.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

using Kind = Finding::Kind;
constexpr const char* kHome = "holdpoint-system";
constexpr std::size_t kMostHolders = 12;

void show(const Finding& finding) {
  const char* const mark = finding.kind == Kind::Good      ? "ok    "
                           : finding.kind == Kind::Warning ? "warn  "
                                                           : "bad   ";
  print(mark + finding.text);
  for (const std::string& line : finding.more) print("        " + line);
}

Finding unreadable(const std::string& what, const Error& error) {
  return {Kind::Warning, what + ": cannot be looked at as this user", {error.message}};
}

// Every configuration of ours is there and closed.
Finding judge_configurations(const Result<Json>& list) {
  if (!list.ok()) return unreadable("webhook configurations", list.error());
  const Json* const items = member_at(*list, {"items"});
  if (items == nullptr || items->empty())
    return {Kind::Bad,
            "no webhook configuration of Holdpoint is there: nothing is gated",
            {"kubectl holdpoint arm, where the gate was disarmed; else see whether the operator "
             "runs"}};
  std::size_t entries = 0;
  std::vector<std::string> open;
  for (const Json& item : *items)
    if (const Json* const webhooks = member_at(item, {"webhooks"}); webhooks != nullptr)
      for (const Json& entry : *webhooks) {
        ++entries;
        // Who wrote a policy is told where it can be; nothing is judged by it.
        if (string_at(entry, {"failurePolicy"}) != "Fail" &&
            string_at(entry, {"name"}) != "stamp.policies.holdpoint.dev")
          open.push_back(visible(string_at(entry, {"name"})) + " lets pass what it cannot judge");
      }
  return {open.empty() ? Kind::Good : Kind::Bad,
          count_of(items->size(), "webhook configuration") + " with " + std::to_string(entries) +
              " entries" + (open.empty() ? ", all fail closed" : ""),
          open};
}

// Made by dry run: the API server stamps it, and nothing stays.
Finding look_at_clock(const Kubectl& kubectl) {
  const Instant before = system_clock().now();
  const auto stamped = kubectl.json({"create", "configmap", "holdpoint-doctor-" + random_hex(4),
                                     "--namespace=default", "--dry-run=server", "-o", "json"});
  const Instant after = system_clock().now();
  if (!stamped.ok()) return unreadable("clock", stamped.error());
  const auto server = parse_rfc3339(string_at(*stamped, {"metadata", "creationTimestamp"}));
  if (!server.ok()) return {Kind::Warning, "clock: the API server stamped no time", {}};
  return judge_clock(*server, before, after);
}

Finding look_at_pods(const Kubectl& kubectl) {
  const auto list =
      kubectl.json({"get", "deployments.apps", "-o", "json", "-l",
                    "app.kubernetes.io/part-of=holdpoint", std::string("--namespace=") + kHome});
  if (!list.ok()) return unreadable("Deployments of Holdpoint", list.error());
  const Json* const items = member_at(*list, {"items"});
  if (items == nullptr || items->empty())
    return {Kind::Warning,
            std::string("no Deployment of Holdpoint in ") + kHome + ": it runs in another way",
            {}};
  Finding finding{Kind::Good, count_of(items->size(), "Deployment") + " of Holdpoint", {}};
  for (const Json& item : *items) {
    const Json* const wanted = member_at(item, {"spec", "replicas"});
    const Json* const ready = member_at(item, {"status", "readyReplicas"});
    const auto want = wanted == nullptr ? 1 : wanted->get<std::int64_t>();
    const auto have = ready == nullptr ? 0 : ready->get<std::int64_t>();
    const std::string version =
        string_at(item, {"metadata", "labels", "app.kubernetes.io/version"});
    if (have == 0) finding.kind = Kind::Bad;
    if (have < want && finding.kind == Kind::Good) finding.kind = Kind::Warning;
    if (version != HOLDPOINT_VERSION && finding.kind == Kind::Good) finding.kind = Kind::Warning;
    finding.more.push_back(
        visible(string_at(item, {"metadata", "name"})) + ": " + std::to_string(have) + " of " +
        std::to_string(want) + " ready, version " +
        (version.empty() ? "unknown" : visible(version)) +
        (version == HOLDPOINT_VERSION ? "" : ", this program is " HOLDPOINT_VERSION));
  }
  return finding;
}

Finding holders(const AccessRules& rules, const std::string& what, const std::string& group,
                const std::vector<std::string>& resources, const std::vector<std::string>& verbs) {
  // One line for each subject, however many bindings it has.
  std::map<std::string, std::string> subjects;
  for (const Holder& holder : holders_of(rules, group, resources, verbs)) {
    // What every cluster has is in nobody's hands.
    if (holder.subject.starts_with("service account kube-system/") ||
        holder.subject.starts_with("user system:kube-") || holder.subject == "group system:nodes")
      continue;
    subjects.emplace(holder.subject + (holder.where.empty() ? "" : " in " + holder.where),
                     holder.through);
  }
  Finding finding{Kind::Good, what + ": " + count_of(subjects.size(), "subject"), {}};
  for (const auto& [subject, through] : subjects) {
    if (finding.more.size() == kMostHolders) {
      finding.more.push_back("and " + std::to_string(subjects.size() - kMostHolders) + " more");
      break;
    }
    finding.more.push_back(subject + ", by " + through);
  }
  return finding;
}

}  // namespace

Result<Done> doctor(const Kubectl& kubectl) {
  const auto read = [&](std::vector<std::string> args) {
    return std::async(std::launch::async, [&kubectl, args = std::move(args)] {
      std::vector<std::string> words{"get"};
      words.insert(words.end(), args.begin(), args.end());
      words.insert(words.end(), {"-o", "json"});
      return kubectl.json(words);
    });
  };
  auto configurations = read({"validatingwebhookconfigurations,mutatingwebhookconfigurations", "-l",
                              "app.kubernetes.io/part-of=holdpoint"});
  auto policies = read({kind_info<ApprovalPolicy>().plural + "." + kGroup});
  auto namespaces = read({"namespaces"});
  auto cluster_roles = read({"clusterroles"});
  auto roles = read({"roles", "--all-namespaces"});
  auto cluster_bindings = read({"clusterrolebindings"});
  auto bindings = read({"rolebindings", "--all-namespaces"});

  std::vector<Finding> findings{look_at_pods(kubectl), judge_configurations(configurations.get()),
                                look_at_clock(kubectl)};
  const auto all_policies = policies.get();
  const auto all_namespaces = namespaces.get();
  if (!all_policies.ok()) {
    findings.push_back(unreadable("policies", all_policies.error()));
  } else if (const Json* const items = member_at(*all_policies, {"items"});
             items == nullptr || items->empty()) {
    findings.push_back({Kind::Warning, "there is no policy: nothing is gated", {}});
  } else {
    for (const Json& item : *items) {
      const auto policy = decode<ApprovalPolicy>(item);
      findings.push_back(
          policy.ok()
              ? judge_policy(*policy, all_namespaces.ok() ? *all_namespaces : Json::object())
              : Finding{Kind::Bad,
                        "policy " + visible(string_at(item, {"metadata", "name"})) +
                            " cannot be understood: " + policy.error().message,
                        {}});
    }
  }

  Result<Json> answers[] = {cluster_roles.get(), roles.get(), cluster_bindings.get(),
                            bindings.get()};
  const bool may_read = std::all_of(std::begin(answers), std::end(answers),
                                    [](const Result<Json>& answer) { return answer.ok(); });
  if (!may_read) {
    findings.push_back({Kind::Warning,
                        "who could go around the gate: cannot be looked at as this "
                        "user; ask somebody who may read roles",
                        {}});
  } else {
    const AccessRules rules{std::move(*answers[0]), std::move(*answers[1]), std::move(*answers[2]),
                            std::move(*answers[3])};
    findings.push_back(holders(rules, "may take the gate down (webhook configurations)",
                               "admissionregistration.k8s.io", {"validatingwebhookconfigurations"},
                               {"update", "patch", "delete", "deletecollection"}));
    findings.push_back(holders(rules, "may change what is asked (policies)", kGroup,
                               {kind_info<ApprovalPolicy>().plural},
                               {"update", "patch", "delete", "deletecollection", "manage"}));
    findings.push_back(holders(rules, "may pretend to be somebody else (impersonate)", "",
                               {"users", "groups", "serviceaccounts"}, {"impersonate"}));
    findings.push_back(
        holders(rules, "may approve", kGroup, {kind_info<ApprovalPolicy>().plural}, {"approve"}));
    findings.push_back(holders(rules, "may break the glass", kGroup,
                               {kind_info<ApprovalPolicy>().plural}, {"break-glass"}));
  }

  bool broken = false;
  for (const Finding& finding : findings) {
    show(finding);
    broken = broken || finding.kind == Kind::Bad;
  }
  if (broken)
    return Error{
        ErrorKind::Unavailable, "the gate does not stand as it should: see the lines with bad", {}};
  return Done{};
}

}  // namespace holdpoint::cli
