#include "cli/doctor.hpp"

#include <algorithm>
#include <set>

#include "base/certificate.hpp"
#include "base/digest.hpp"
#include "base/text.hpp"
#include "cli/card.hpp"
#include "core/approval/selector.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

using Kind = Finding::Kind;

constexpr Duration kSkew{5'000};          // what the gate allows for
constexpr Duration kLeaseLife{30'000};    // a leader that lives renews it every few seconds
constexpr std::int64_t kDaysToWarn = 14;  // before a certificate ends
constexpr std::size_t kMaxLines = 12;

const Json& items_of(const Json& list) {
  static const Json kNone = Json::array();
  const Json* const items = member_at(list, {"items"});
  return items == nullptr || !items->is_array() ? kNone : *items;
}

bool has_any(const Json& rule, const char* key, const std::vector<std::string>& wanted) {
  const Json* const given = member_at(rule, {key});
  if (given == nullptr || !given->is_array()) return false;
  return std::any_of(given->begin(), given->end(), [&](const Json& value) {
    return value.is_string() &&
           (value == "*" ||
            std::find(wanted.begin(), wanted.end(), value.get<std::string>()) != wanted.end());
  });
}

bool grants(const Json& role, const std::string& group, const std::vector<std::string>& resources,
            const std::vector<std::string>& verbs) {
  const Json* const rules = member_at(role, {"rules"});
  return rules != nullptr && rules->is_array() &&
         std::any_of(rules->begin(), rules->end(), [&](const Json& rule) {
           return has_any(rule, "apiGroups", {group}) && has_any(rule, "resources", resources) &&
                  has_any(rule, "verbs", verbs);
         });
}

std::string subject_of(const Json& subject) {
  const std::string kind = string_at(subject, {"kind"}), name = string_at(subject, {"name"});
  if (kind == "ServiceAccount")
    return "service account " + string_at(subject, {"namespace"}) + "/" + name;
  return (kind == "Group" ? "group " : "user ") + name;
}

}  // namespace

std::vector<Holder> holders_of(const AccessRules& rules, const std::string& group,
                               const std::vector<std::string>& resources,
                               const std::vector<std::string>& verbs) {
  std::set<std::string> powerful;  // "ClusterRole//name", "Role/namespace/name"
  for (const Json& role : items_of(rules.cluster_roles))
    if (grants(role, group, resources, verbs))
      powerful.insert("ClusterRole//" + string_at(role, {"metadata", "name"}));
  for (const Json& role : items_of(rules.roles))
    if (grants(role, group, resources, verbs))
      powerful.insert("Role/" + string_at(role, {"metadata", "namespace"}) + "/" +
                      string_at(role, {"metadata", "name"}));
  std::vector<Holder> holders;
  for (const Json* const bindings : {&rules.cluster_role_bindings, &rules.role_bindings})
    for (const Json& binding : items_of(*bindings)) {
      const std::string where = string_at(binding, {"metadata", "namespace"});
      const std::string kind = string_at(binding, {"roleRef", "kind"});
      const std::string name = string_at(binding, {"roleRef", "name"});
      if (!powerful.contains(kind + "/" + (kind == "Role" ? where : "") + "/" + name)) continue;
      const Json* const subjects = member_at(binding, {"subjects"});
      if (subjects == nullptr || !subjects->is_array()) continue;
      for (const Json& subject : *subjects)
        holders.push_back(
            {visible_cut(subject_of(subject), 200),
             visible_cut((where.empty() ? "ClusterRoleBinding " : "RoleBinding ") +
                             string_at(binding, {"metadata", "name"}) + " to " + kind + " " + name,
                         300),
             where});
    }
  return holders;
}

bool is_everybody(const Holder& holder) {
  return holder.subject == "group system:authenticated" ||
         holder.subject == "group system:unauthenticated" ||
         holder.subject == "group system:serviceaccounts" ||
         holder.subject == "user system:anonymous";
}

Finding judge_policy(const ApprovalPolicy& policy, const Json& namespaces) {
  const std::string name = visible(policy.metadata.name);
  const auto ready =
      std::find_if(policy.status.conditions.begin(), policy.status.conditions.end(),
                   [](const Condition& condition) { return condition.type == "Ready"; });
  if (ready == policy.status.conditions.end())
    return {Kind::Bad, "policy " + name + ": the operator has not looked at it", {}};
  if (ready->status != "True")
    return {
        Kind::Bad,
        "policy " + name + ": " + visible(ready->reason) + ": " + visible_cut(ready->message, 400),
        {}};
  if (policy.status.observed_generation != policy.metadata.generation)
    return {Kind::Warning, "policy " + name + ": its latest edit is not in force yet", {}};
  // Who may not list namespaces does not know.
  if (namespaces.is_null())
    return {Kind::Good,
            "policy " + name + ": " + visible(ready->reason) +
                "; which namespaces it selects cannot be looked at",
            {}};
  const auto& selector = policy.spec.match.namespace_selector;
  const Json& all = items_of(namespaces);
  const auto selected = static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const Json& one) { return matches(selector, labels_of(one)); }));
  if (selected == 0)
    return {Kind::Warning,
            "policy " + name + ": no namespace has the labels that it selects, so it gates nothing",
            {}};
  return {
      Kind::Good,
      "policy " + name + ": " + visible(ready->reason) + " in " + count_of(selected, "namespace"),
      {}};
}

Finding judge_clock(Instant server, Instant before, Instant after) {
  // The API server stamps whole seconds.
  const Duration late = std::chrono::duration_cast<Duration>(before - server) - Duration(1'000);
  const Duration early = std::chrono::duration_cast<Duration>(server - after);
  const Duration apart = std::max({late, early, Duration(0)});
  const std::string text =
      "clock of the API server and of this machine: " + std::to_string(apart.count() / 1'000) +
      " s apart";
  return {apart > kSkew ? Kind::Warning : Kind::Good, text, {}};
}

namespace {

const Json& webhooks_of(const Json& configuration) {
  static const Json kNone = Json::array();
  const Json* const webhooks = member_at(configuration, {"webhooks"});
  return webhooks == nullptr || !webhooks->is_array() ? kNone : *webhooks;
}

// "prod" of "prod.gate.holdpoint.dev": the name of the policy may itself have dots.
std::string policy_of(const std::string& entry) {
  static constexpr std::string_view kDomain = ".holdpoint.dev";
  if (!entry.ends_with(kDomain)) return {};
  const std::string name = entry.substr(0, entry.size() - kDomain.size());
  return name.substr(0, name.rfind('.'));
}

std::string days_left(Instant until, Instant now) {
  return humanize(std::chrono::duration_cast<Duration>(until - now));
}

Finding judge_end(const std::string& what, Instant until, Instant now) {
  if (until <= now)
    return {Kind::Bad,
            what + " ended " + days_left(now, until) + " ago",
            {"the API server trusts the webhook no more: see docs/runbooks.md"}};
  const bool soon = until - now < std::chrono::hours(24 * kDaysToWarn);
  return {soon ? Kind::Warning : Kind::Good, what + " is good for " + days_left(until, now), {}};
}

// Why an API server could not call: without the address, whose path is nobody's business.
std::string reason_of_call(const std::string& text) {
  const auto quote = text.find("\": ");
  const auto call = text.find("failed to call webhook: ");
  if (call == std::string::npos) return visible_cut(text, 200);
  const auto after = text.find("\": ", call);
  return visible_cut(text.substr(after != std::string::npos                   ? after + 3
                                 : quote != std::string::npos && quote > call ? quote + 3
                                                                              : call + 24),
                     200);
}

}  // namespace

Finding judge_configurations(const Json& configurations, const std::vector<std::string>& watching) {
  const Json& items = items_of(configurations);
  if (items.empty())
    return {Kind::Bad,
            "no webhook configuration of Holdpoint is there: nothing is gated",
            {"where the gate was disarmed: kubectl holdpoint arm; else see whether the operator "
             "runs"}};
  std::size_t entries = 0;
  std::vector<std::string> open;
  for (const Json& item : items)
    for (const Json& entry : webhooks_of(item)) {
      ++entries;
      const std::string name = string_at(entry, {"name"});
      const std::string policy = policy_of(name);
      // Who wrote a policy is told where it can be; nothing is judged by it.
      if (string_at(entry, {"failurePolicy"}) != "Fail" && name != "stamp.policies.holdpoint.dev" &&
          std::find(watching.begin(), watching.end(), policy) == watching.end())
        open.push_back(visible_cut(name, 200) + " lets pass what it cannot judge");
    }
  return {open.empty() ? Kind::Good : Kind::Bad,
          count_of(items.size(), "webhook configuration") + " with " + std::to_string(entries) +
              " entries" + (open.empty() ? ", all that gate fail closed" : ""),
          open};
}

std::vector<Probe> probes_in(const Json& configurations, const std::string& home) {
  std::vector<Probe> probes;
  for (const Json& item : items_of(configurations))
    for (const Json& entry : webhooks_of(item)) {
      if (!string_at(entry, {"name"}).starts_with("probe.")) continue;
      std::string path = string_at(entry, {"clientConfig", "service", "path"});
      if (path.empty()) path = string_at(entry, {"clientConfig", "url"});
      const std::string label =
          string_at(entry, {"objectSelector", "matchLabels", "holdpoint.dev/probe"});
      probes.push_back({string_at(item, {"metadata", "name"}),
                        {{"apiVersion", "v1"},
                         {"kind", "ConfigMap"},
                         {"metadata",
                          {{"name", "holdpoint-probe"},
                           {"namespace", home},
                           {"labels", {{"holdpoint.dev/probe", label}}}}}},
                        "holdpoint-probe " + path.substr(path.rfind('/') + 1)});
    }
  return probes;
}

Finding judge_probes(const std::vector<Probe>& probes, const std::string& answers) {
  if (probes.empty()) return {Kind::Warning, "webhook: there is no probe to ask it by", {}};
  std::vector<std::string> silent;
  for (const Probe& probe : probes)
    if (answers.find(probe.words) == std::string::npos) silent.push_back(probe.configuration);
  if (silent.empty())
    return {Kind::Good, "webhook: answers through the API server, for every configuration", {}};
  for (const std::string& line : split(answers, '\n'))
    if (line.find("failed calling webhook") != std::string::npos)
      return {Kind::Bad,
              "webhook: the API server does not reach it, so gated writes are refused",
              {reason_of_call(line)}};
  // Only who may write there can ask; mutating webhooks come before that is looked at.
  for (const std::string& line : split(answers, '\n'))
    if (line.find("forbidden") != std::string::npos ||
        line.find("is closed to you") != std::string::npos)
      return {Kind::Warning,
              silent.size() < probes.size()
                  ? "webhook: answers through the API server; all of it is for holders of the role "
                    "holdpoint-system-writer to try"
                  : "webhook: unknown whether it answers; to try it takes the role "
                    "holdpoint-system-writer",
              {}};
  return {Kind::Bad,
          "webhook: the API server does not ask it where it should",
          {"without an answer: " + visible_cut(join(silent, ", "), 300)}};
}

Finding judge_authority(const Json& configurations, Instant now) {
  std::optional<Instant> first;
  for (const Json& item : items_of(configurations))
    for (const Json& entry : webhooks_of(item)) {
      const auto pem = decode_base64(string_at(entry, {"clientConfig", "caBundle"}));
      if (!pem) continue;
      // While one authority takes over from another both are there: the last to end counts.
      std::optional<Instant> last;
      static constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
      for (auto at = pem->find(kBegin); at != std::string::npos;
           at = pem->find(kBegin, at + kBegin.size()))
        if (const auto validity = validity_of(pem->substr(at)); validity.ok())
          last = std::max(last.value_or(validity->until), validity->until);
      if (last) first = std::min(first.value_or(*last), *last);
    }
  if (!first) return {Kind::Warning, "authority of the webhook's certificate: cannot be read", {}};
  return judge_end("authority of the webhook's certificate", *first, now);
}

Finding judge_leaf(const std::string& cert_pem, Instant now) {
  const auto validity = validity_of(cert_pem);
  if (!validity.ok()) return {Kind::Warning, "webhook's certificate: cannot be read", {}};
  return judge_end("webhook's certificate", validity->until, now);
}

Finding judge_callers(const Json& deployments) {
  for (const Json& item : items_of(deployments)) {
    const Json* const containers = member_at(item, {"spec", "template", "spec", "containers"});
    if (containers == nullptr || !containers->is_array()) continue;
    for (const Json& container : *containers) {
      const Json* const args = member_at(container, {"args"});
      if (args == nullptr || !args->is_array()) continue;
      bool webhook = false, by_certificate = false, by_path = false;
      for (const Json& arg : *args) {
        if (!arg.is_string()) continue;
        const std::string& word = arg.get_ref<const std::string&>();
        webhook = webhook || word.starts_with("--tls-cert=");
        by_certificate = by_certificate || word.starts_with("--client-ca=");
        by_path = by_path || word.starts_with("--path-token-file=");
      }
      if (!webhook) continue;
      if (by_certificate)
        return {Kind::Good, "callers of the webhook: known by their client certificate", {}};
      if (by_path)
        return {Kind::Good,
                "callers of the webhook: known by a random path alone",
                {"the API server shows it in errors; webhook.clientAuth of the chart asks for a "
                 "certificate"}};
      return {Kind::Bad, "callers of the webhook: anybody who reaches it", {}};
    }
  }
  return {Kind::Warning, "callers of the webhook: unknown, it runs in no Deployment here", {}};
}

Finding judge_lease(const Json& lease, Instant now) {
  const std::string holder = visible_cut(string_at(lease, {"spec", "holderIdentity"}), 120);
  const auto renewed = parse_rfc3339(string_at(lease, {"spec", "renewTime"}));
  if (holder.empty() || !renewed.ok())
    return {Kind::Bad, "operator: nobody leads, so nothing is released or recorded", {}};
  const auto age = std::max(Duration(0), std::chrono::duration_cast<Duration>(now - *renewed));
  if (age > kLeaseLife)
    return {Kind::Bad,
            "operator: none runs since " + humanize(age) +
                ", so nothing is released, recorded or put back",
            {"what is approved can be released by hand: kubectl holdpoint resume KIND/NAME"}};
  return {Kind::Good, "operator: " + holder + " leads, and was seen " + humanize(age) + " ago", {}};
}

std::optional<Finding> judge_arming(const Json& config_map, Instant now) {
  const auto gate = parse_json(string_at(config_map, {"data", "gate"}));
  if (!gate.ok() || string_at(*gate, {"state"}) != "disarmed") return std::nullopt;
  const auto at = parse_rfc3339(string_at(*gate, {"at"}));
  return Finding{Kind::Bad,
                 "the gate was taken down " +
                     (at.ok() ? humanize(std::chrono::duration_cast<Duration>(now - *at)) + " ago "
                              : std::string()) +
                     "by " + person(string_at(*gate, {"by"})) + ": \"" +
                     visible_cut(string_at(*gate, {"reason"}), 200) + "\"",
                 {"kubectl holdpoint arm"}};
}

std::optional<Finding> judge_reviews(const std::vector<ApprovalRequest>& requests, Instant now) {
  Finding finding{Kind::Warning, {}, {}};
  std::size_t owed = 0;
  for (const ApprovalRequest& request : requests) {
    if (!is_owed(request.status.review)) continue;
    if (++owed > kMaxLines) continue;
    const auto due = parse_rfc3339(request.status.review->due_at);
    finding.more.push_back(person(request.status.review->by) + " broke the glass" +
                           (due.ok() && *due < now ? ", and the review is late: " : ": ") +
                           review_command(request));
  }
  if (owed == 0) return std::nullopt;
  if (owed > kMaxLines) finding.more.push_back("and " + std::to_string(owed - kMaxLines) + " more");
  finding.text = count_of(owed, "review") + (owed == 1 ? " is owed" : " are owed");
  return finding;
}

std::optional<Finding> judge_leftovers(const Leftovers& left) {
  const std::size_t held = left.held.size();
  if (held == 0 && left.not_looked_at == 0 && left.unknown.empty()) return std::nullopt;
  Finding finding{held == 0 ? Kind::Good : Kind::Warning,
                  count_of(held, "object") + (held == 1 ? " is" : " are") +
                      " still held although the request ended",
                  {}};
  for (std::size_t i = 0; i < std::min(held, kMaxLines); ++i)
    finding.more.push_back(std::string(to_string(left.held[i].status.phase)) + ": " +
                           put_back_command(left.held[i]));
  if (held > kMaxLines) finding.more.push_back("and " + std::to_string(held - kMaxLines) + " more");
  if (left.not_looked_at > 0)
    finding.more.push_back(count_of(left.not_looked_at, "target") +
                           " of older requests not looked at");
  if (!left.unknown.empty())
    finding.more.push_back("not all can be looked at as this user: " +
                           visible_cut(split(left.unknown, '\n').front(), 200));
  return finding;
}

}  // namespace holdpoint::cli
