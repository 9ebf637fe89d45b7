#include <algorithm>
#include <future>
#include <iterator>
#include <map>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/doctor.hpp"
#include "cli/home.hpp"
#include "cli/screen.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

using Kind = Finding::Kind;
constexpr std::size_t kMostHolders = 12;

void show(const Finding& finding) {
  const char* const mark = finding.kind == Kind::Good      ? "ok    "
                           : finding.kind == Kind::Warning ? "warn  "
                                                           : "bad   ";
  print(mark + finding.text);
  for (const std::string& text : finding.more)
    for (const std::string& line : split(text, '\n')) print("        " + line);
}

Finding unreadable(const std::string& what, const Error& error) {
  return {Kind::Warning,
          what + ": cannot be looked at as this user",
          {error.message.substr(0, error.message.find('\n'))}};
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

Finding judge_deployments(const Json& list, const std::string& home) {
  const Json* const items = member_at(list, {"items"});
  if (items == nullptr || items->empty())
    return {Kind::Good, "no Deployment of Holdpoint in " + home + ": it runs in another way", {}};
  Finding finding{
      Kind::Good, count_of(items->size(), "Deployment") + " of Holdpoint in " + home, {}};
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

// All of them in one call: what the API server answers is on stderr.
Finding look_at_webhook(const Kubectl& kubectl, const Json& configurations,
                        const std::string& home) {
  const std::vector<Probe> probes = probes_in(configurations, home);
  if (probes.empty()) return judge_probes(probes, {});
  Json objects = Json::array();
  for (const Probe& probe : probes) objects.push_back(probe.object);
  const std::string input =
      dump_json({{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(objects)}});
  const auto tried = kubectl.run({"create", "--dry-run=server", "-f", "-"}, &input);
  if (!tried.ok()) return unreadable("webhook", tried.error());
  return judge_probes(probes, tried->shown + tried->err);
}

// Only its public half is asked for.
Finding look_at_leaf(const Kubectl& kubectl, const Json& deployments, const std::string& home) {
  std::string secret;
  if (const Json* const items = member_at(deployments, {"items"}); items != nullptr)
    for (const Json& item : *items)
      if (const Json* const volumes = member_at(item, {"spec", "template", "spec", "volumes"});
          volumes != nullptr && volumes->is_array())
        for (const Json& volume : *volumes)
          if (string_at(volume, {"name"}) == "tls")
            secret = string_at(volume, {"secret", "secretName"});
  const std::string what = "webhook's certificate";
  if (!is_name(secret))
    return {Kind::Good, what + ": in no Secret of " + home + ", so its end is not looked at", {}};
  const auto read = kubectl.run(
      {"get", "secrets/" + secret, "--namespace=" + home, "-o", "jsonpath={.data.tls\\.crt}"});
  if (!read.ok()) return unreadable(what, read.error());
  if (read->exit_code != 0)
    return unreadable(what, {ErrorKind::Unavailable, clean_message(read->err), {}});
  return judge_leaf(decode_base64(read->out).value_or(""), system_clock().now());
}

Finding holders(const AccessRules& rules, const std::string& what, const std::string& group,
                const std::vector<std::string>& resources, const std::vector<std::string>& verbs) {
  // One line for each subject, however many bindings it has.
  std::map<std::string, std::string> subjects;
  bool open = false;
  for (const Holder& holder : holders_of(rules, group, resources, verbs)) {
    // What every cluster has is in nobody's hands.
    if (holder.subject.starts_with("service account kube-system/") ||
        holder.subject.starts_with("user system:kube-") || holder.subject == "group system:nodes")
      continue;
    const std::string where = holder.where.empty() ? "" : " in " + holder.where;
    subjects.emplace((is_everybody(holder) ? "EVERYBODY: " : "") + holder.subject + where,
                     holder.through);
    open = open || is_everybody(holder);
  }
  Finding finding{
      open ? Kind::Bad : Kind::Good, what + ": " + count_of(subjects.size(), "subject"), {}};
  for (const auto& [subject, through] : subjects) {
    if (finding.more.size() == kMostHolders) {
      finding.more.push_back("and " + std::to_string(subjects.size() - kMostHolders) + " more");
      break;
    }
    finding.more.push_back(subject + ", by " + through);
  }
  return finding;
}

struct PoliciesFound {
  std::vector<Finding> findings;
  std::vector<std::string> watching;  // in mode Warn
};
PoliciesFound look_at_policies(const Result<Json>& policies, const Result<Json>& namespaces) {
  if (!policies.ok()) return {{unreadable("policies", policies.error())}, {}};
  const Json* const items = member_at(*policies, {"items"});
  if (items == nullptr || items->empty())
    return {{{Kind::Warning, "there is no policy: nothing is gated", {}}}, {}};
  PoliciesFound found;
  for (const Json& item : *items) {
    const auto policy = decode<ApprovalPolicy>(item);
    if (policy.ok() && policy->spec.mode == PolicyMode::Warn)
      found.watching.push_back(policy->metadata.name);
    found.findings.push_back(
        policy.ok() ? judge_policy(*policy, namespaces.ok() ? *namespaces : Json())
                    : Finding{Kind::Bad,
                              "policy " + visible(string_at(item, {"metadata", "name"})) +
                                  " cannot be understood: " + policy.error().message,
                              {}});
  }
  return found;
}

std::vector<Finding> look_at_requests(const Kubectl& kubectl, const Result<Json>& list) {
  if (!list.ok()) return {unreadable("reviews that are owed, and what is left held", list.error())};
  std::vector<ApprovalRequest> all;
  for (const Json& item : list->at("items"))
    if (auto one = decode<ApprovalRequest>(item); one.ok()) all.push_back(std::move(*one));
  std::vector<Finding> findings;
  if (auto owed = judge_reviews(all, system_clock().now())) findings.push_back(*owed);
  if (auto left = judge_leftovers(read_leftovers(kubectl, all))) findings.push_back(*left);
  return findings;
}

std::vector<Finding> look_at_rights(const AccessRules& rules) {
  const std::string of_policy = kind_info<ApprovalPolicy>().plural;
  std::vector<Finding> findings{
      holders(rules, "may take the gate down (webhook configurations, admission policies)",
              "admissionregistration.k8s.io",
              {"validatingwebhookconfigurations", "mutatingwebhookconfigurations",
               "validatingadmissionpolicies", "validatingadmissionpolicybindings"},
              {"update", "patch", "delete", "deletecollection"}),
      holders(rules, "may change what is asked (policies)", kGroup, {of_policy},
              {"update", "patch", "delete", "deletecollection", "manage"}),
      holders(rules, "may pretend to be somebody else (impersonate)", "",
              {"users", "groups", "serviceaccounts"}, {"impersonate"}),
      holders(rules, "may give themselves any right (escalate, bind)", "rbac.authorization.k8s.io",
              {"clusterroles", "roles"}, {"escalate", "bind"})};
  Finding approvers = holders(rules, "may approve", kGroup, {of_policy}, {"approve"});
  if (approvers.more.empty()) {
    approvers.kind = Kind::Warning;
    approvers.more.push_back("bind the ClusterRole holdpoint-approver where they shall");
  }
  findings.push_back(std::move(approvers));
  findings.push_back(holders(rules, "may break the glass", kGroup, {of_policy}, {"break-glass"}));
  return findings;
}

}  // namespace

Result<Done> doctor(const Kubectl& kubectl, const std::string& given_home) {
  HP_ASSIGN(const std::string home, find_home(kubectl, given_home));
  const auto read = [&](std::vector<std::string> args) {
    return std::async(std::launch::async, [&kubectl, args = std::move(args)] {
      std::vector<std::string> words{"get"};
      words.insert(words.end(), args.begin(), args.end());
      words.insert(words.end(), {"-o", "json"});
      return kubectl.json(words);
    });
  };
  const std::string there = "--namespace=" + home;
  auto deployments = read({"deployments.apps", "-l", kOwnLabel, there});
  auto lease = read({"leases.coordination.k8s.io/holdpoint-operator", there});
  auto arming = read({"configmaps/holdpoint", there});
  auto configurations =
      read({"validatingwebhookconfigurations,mutatingwebhookconfigurations", "-l", kOwnLabel});
  auto policies = read({kind_info<ApprovalPolicy>().plural + "." + kGroup});
  auto namespaces = read({"namespaces"});
  auto requests = read({kind_info<ApprovalRequest>().plural + "." + kGroup, "--all-namespaces"});
  auto cluster_roles = read({"clusterroles"});
  auto roles = read({"roles", "--all-namespaces"});
  auto cluster_bindings = read({"clusterrolebindings"});
  auto bindings = read({"rolebindings", "--all-namespaces"});

  std::vector<Finding> findings;
  const auto add = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  const auto all_deployments = deployments.get();
  findings.push_back(all_deployments.ok()
                         ? judge_deployments(*all_deployments, home)
                         : unreadable("Deployments of Holdpoint", all_deployments.error()));
  if (const auto leads = lease.get(); leads.ok() || leads.error().kind == ErrorKind::NotFound)
    findings.push_back(judge_lease(leads.ok() ? *leads : Json::object(), system_clock().now()));
  else
    findings.push_back(unreadable("operator", leads.error()));
  if (const auto gate = arming.get(); gate.ok()) {
    if (auto down = judge_arming(*gate, system_clock().now())) findings.push_back(*down);
  }

  PoliciesFound of_policies = look_at_policies(policies.get(), namespaces.get());

  if (const auto list = configurations.get(); !list.ok()) {
    findings.push_back(unreadable("webhook configurations", list.error()));
  } else {
    findings.push_back(judge_configurations(*list, of_policies.watching));
    if (!member_at(*list, {"items"})->empty()) {
      findings.push_back(look_at_webhook(kubectl, *list, home));
      findings.push_back(judge_authority(*list, system_clock().now()));
    }
  }
  // Who may not see the Deployments knows of neither; that is told above.
  if (all_deployments.ok()) {
    findings.push_back(look_at_leaf(kubectl, *all_deployments, home));
    findings.push_back(judge_callers(*all_deployments));
  }
  findings.push_back(look_at_clock(kubectl));
  add(std::move(of_policies.findings));
  add(look_at_requests(kubectl, requests.get()));

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
    add(look_at_rights({std::move(*answers[0]), std::move(*answers[1]), std::move(*answers[2]),
                        std::move(*answers[3])}));
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
