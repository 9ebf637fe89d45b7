#include "cli/doctor.hpp"

#include <doctest/doctest.h>

#include "base/digest.hpp"
#include "cli/home.hpp"
#include "net/certificates.hpp"

namespace holdpoint::cli {
namespace {

Json role(const char* name, const char* group, const char* resource, const char* verb,
          const char* namespace_ = "") {
  Json object{
      {"metadata", {{"name", name}}},
      {"rules",
       Json::array({{{"apiGroups", {group}}, {"resources", {resource}}, {"verbs", {verb}}}})}};
  if (*namespace_ != '\0') object["metadata"]["namespace"] = namespace_;
  return object;
}

Json binding(const char* name, const char* kind, const char* role_name, Json subject,
             const char* namespace_ = "") {
  Json object{{"metadata", {{"name", name}}},
              {"roleRef", {{"kind", kind}, {"name", role_name}}},
              {"subjects", Json::array({std::move(subject)})}};
  if (*namespace_ != '\0') object["metadata"]["namespace"] = namespace_;
  return object;
}

Json list_of(Json items) { return {{"items", std::move(items)}}; }

Json group(const char* name) { return {{"kind", "Group"}, {"name", name}}; }

TEST_CASE("A7: who may impersonate is found through roles, bindings and wildcards") {
  AccessRules rules;
  rules.cluster_roles =
      list_of(Json::array({role("all", "*", "*", "*"), role("actors", "", "users", "impersonate"),
                           role("readers", "", "users", "get")}));
  rules.roles = list_of(Json::array({role("local", "", "serviceaccounts", "impersonate", "prod"),
                                     role("local", "", "pods", "get", "dev")}));
  rules.cluster_role_bindings =
      list_of(Json::array({binding("admins", "ClusterRole", "all", group("admins")),
                           binding("nobody", "ClusterRole", "readers", group("everybody"))}));
  rules.role_bindings = list_of(Json::array(
      {binding("a", "ClusterRole", "actors", {{"kind", "User"}, {"name", "eve"}}, "prod"),
       binding("b", "Role", "local",
               {{"kind", "ServiceAccount"}, {"namespace", "ci"}, {"name", "bot"}}, "prod"),
       binding("c", "Role", "local", group("other-namespace"), "dev")}));
  const auto found = holders_of(rules, "", {"users", "groups", "serviceaccounts"}, {"impersonate"});
  std::vector<std::string> subjects;
  for (const Holder& holder : found) subjects.push_back(holder.subject + "@" + holder.where);
  CHECK(subjects ==
        std::vector<std::string>{"group admins@", "user eve@prod", "service account ci/bot@prod"});
}

TEST_CASE("hostile names are shown, not obeyed") {
  AccessRules rules;
  rules.cluster_roles = list_of(Json::array({role("x", "*", "*", "*")}));
  rules.cluster_role_bindings =
      list_of(Json::array({binding("y\x1b[2J", "ClusterRole", "x", group("z\n\u202e"))}));
  const auto found = holders_of(rules, "", {"users"}, {"impersonate"});
  REQUIRE(found.size() == 1);
  CHECK(found[0].subject.find('\n') == std::string::npos);
  CHECK(found[0].through.find('\x1b') == std::string::npos);
  // Nothing that is no list of objects is an end of the program.
  rules.cluster_roles = "text";
  rules.role_bindings = list_of({{"rules", 3}});
  CHECK(holders_of(rules, "", {"users"}, {"impersonate"}).empty());
}

TEST_CASE("a policy is judged by its condition, its generation, and whether it selects anything") {
  ApprovalPolicy policy;
  policy.metadata.name = "prod";
  policy.metadata.generation = policy.status.observed_generation = 2;
  const Json production =
      list_of(Json::array({{{"metadata", {{"labels", {{"env", "production"}}}}}}}));
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Bad);
  policy.status.conditions = {{"Ready", "True", "Enforced", "", "", 2}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Good);
  policy.spec.match.namespace_selector.match_labels = {{"env", "staging"}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Warning);
  policy.metadata.generation = 3;
  CHECK(judge_policy(policy, production).text.find("latest edit") != std::string::npos);
  policy.status.conditions = {{"Ready", "False", "Disarmed", "by x", "", 2}};
  CHECK(judge_policy(policy, production).kind == Finding::Kind::Bad);
}

TEST_CASE("a clock is judged by more than what rounding and the call itself explain") {
  const Instant now = *parse_rfc3339("2026-01-01T10:00:00Z");
  const auto after = now + std::chrono::seconds(1);
  CHECK(judge_clock(now, now, after).kind == Finding::Kind::Good);
  CHECK(judge_clock(now - std::chrono::seconds(5), now, after).kind == Finding::Kind::Good);
  CHECK(judge_clock(now - std::chrono::seconds(9), now, after).kind == Finding::Kind::Warning);
  CHECK(judge_clock(now + std::chrono::seconds(9), now, after).kind == Finding::Kind::Warning);
}

Json configuration(const char* name, Json webhooks) {
  return {{"metadata", {{"name", name}}}, {"webhooks", std::move(webhooks)}};
}

Json probe_entry(const char* shard, const char* hash) {
  return {{"name", "probe.holdpoint.dev"},
          {"failurePolicy", "Fail"},
          {"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", "hp"}}}}},
          {"objectSelector", {{"matchLabels", {{"holdpoint.dev/probe", shard}}}}},
          {"clientConfig", {{"url", std::string("https://h:1/token/probe/") + hash}}}};
}

TEST_CASE("entries fail closed, but those of policies that only watch") {
  const Json list = list_of(Json::array(
      {configuration("holdpoint-gate-0",
                     Json::array({{{"name", "a.b.gate.holdpoint.dev"}, {"failurePolicy", "Ignore"}},
                                  probe_entry("holdpoint-gate-0", "1")}))}));
  CHECK(judge_configurations(list, {"a.b"}).kind == Finding::Kind::Good);
  const Finding open = judge_configurations(list, {"b"});
  CHECK(open.kind == Finding::Kind::Bad);
  CHECK(open.more.at(0).find("a.b.gate") != std::string::npos);
  CHECK(judge_configurations(list_of(Json::array()), {}).kind == Finding::Kind::Bad);
}

TEST_CASE("a webhook is well only where each configuration's own probe is answered") {
  const Json list = list_of(Json::array(
      {configuration("holdpoint-gate-0", Json::array({probe_entry("holdpoint-gate-0", "aa")})),
       configuration("holdpoint-hold-0", Json::array({probe_entry("holdpoint-hold-0", "bb")}))}));
  const auto probes = probes_in(list, "hp");
  REQUIRE(probes.size() == 2);
  CHECK(probes[1].object.at("metadata").at("labels").at("holdpoint.dev/probe") ==
        "holdpoint-hold-0");
  const std::string one =
      "admission webhook \"probe.holdpoint.dev\" denied the request: holdpoint-probe ";
  CHECK(judge_probes(probes, one + "aa\n" + one + "bb\n").kind == Finding::Kind::Good);
  const Finding half = judge_probes(probes, one + "aa\nconfigmap/holdpoint-probe created\n");
  CHECK(half.kind == Finding::Kind::Bad);
  CHECK(half.more.at(0).find("holdpoint-hold-0") != std::string::npos);
  const Finding down = judge_probes(
      probes,
      "Error from server (InternalError): Internal error occurred: failed calling webhook "
      "\"probe.holdpoint.dev\": failed to call webhook: Post "
      "\"https://h:1/token/probe/aa?timeout=10s\": "
      "dial tcp 127.0.0.1:1: connect: connection refused\n");
  CHECK(down.kind == Finding::Kind::Bad);
  CHECK(down.more == std::vector<std::string>{"dial tcp 127.0.0.1:1: connect: connection refused"});
  const Finding unknown = judge_probes(
      probes, "Error from server (Forbidden): configmaps is forbidden: User \"x\" cannot create\n");
  CHECK(unknown.kind == Finding::Kind::Warning);
  CHECK(unknown.text.find("unknown") != std::string::npos);
}

TEST_CASE("where Holdpoint is installed is told by its configurations") {
  Json probe = list_of(Json::array({configuration("x", Json::array({probe_entry("x", "1")}))}));
  CHECK(home_told_by(probe) == "hp");
  const Json service = list_of(Json::array({configuration(
      "x", Json::array({{{"clientConfig", {{"service", {{"namespace", "elsewhere"}}}}}}}))}));
  CHECK(home_told_by(service) == "elsewhere");
  probe["items"][0]["webhooks"][0]["namespaceSelector"]["matchLabels"]
       ["kubernetes.io/metadata.name"] = "--all";
  CHECK(home_told_by(probe).empty());
  CHECK(home_told_by(Json("x")).empty());
}

TEST_CASE("certificates are told with the time that is left to them") {
  const Instant now = *parse_rfc3339("2026-01-01T10:00:00Z");
  const auto bundle = [&](std::vector<std::chrono::hours> lives) {
    std::string pem;
    for (const auto life : lives) pem += net::make_authority("holdpoint", now, life)->cert_pem;
    return list_of(Json::array(
        {configuration("x", Json::array({{{"clientConfig", {{"caBundle", base64(pem)}}}}}))}));
  };
  using std::chrono::hours;
  CHECK(judge_authority(bundle({hours(24 * 100)}), now).kind == Finding::Kind::Good);
  CHECK(judge_authority(bundle({hours(24 * 100)}), now).text.find("good for 100d") !=
        std::string::npos);
  CHECK(judge_authority(bundle({hours(24 * 3)}), now).kind == Finding::Kind::Warning);
  CHECK(judge_authority(bundle({hours(24 * 3), hours(24 * 100)}), now).kind == Finding::Kind::Good);
  CHECK(judge_authority(bundle({hours(1)}), now + hours(3)).kind == Finding::Kind::Bad);
  CHECK(judge_authority(list_of(Json::array()), now).kind == Finding::Kind::Warning);
  CHECK(judge_leaf("no certificate", now).kind == Finding::Kind::Warning);
}

TEST_CASE("an operator lives while its lease is renewed") {
  const Instant now = *parse_rfc3339("2026-01-01T10:00:00Z");
  const auto lease = [](const char* holder, const char* renewed) {
    return Json{{"spec", {{"holderIdentity", holder}, {"renewTime", renewed}}}};
  };
  CHECK(judge_lease(lease("pod-1", "2026-01-01T09:59:57.000000Z"), now).kind ==
        Finding::Kind::Good);
  CHECK(judge_lease(lease("pod-1", "2026-01-01T09:58:57.000000Z"), now).kind == Finding::Kind::Bad);
  CHECK(judge_lease(lease("", "2026-01-01T09:59:57.000000Z"), now).kind == Finding::Kind::Bad);
  CHECK(judge_lease(Json::object(), now).kind == Finding::Kind::Bad);
}

TEST_CASE("who may call the webhook is told by how it runs") {
  const auto webhook = [](std::vector<std::string> args) {
    return list_of(Json::array(
        {{{"spec",
           {{"template", {{"spec", {{"containers", Json::array({{{"args", args}}})}}}}}}}}}));
  };
  CHECK(judge_callers(webhook({"--tls-cert=x", "--client-ca=y", "--path-token-file=z"}))
            .text.find("certificate") != std::string::npos);
  CHECK(judge_callers(webhook({"--tls-cert=x", "--path-token-file=z"})).text.find("path") !=
        std::string::npos);
  CHECK(judge_callers(webhook({"--tls-cert=x"})).kind == Finding::Kind::Bad);
  CHECK(judge_callers(webhook({"--something"})).kind == Finding::Kind::Warning);
}

TEST_CASE("a gate that people took down and reviews that are owed are told") {
  const Instant now = *parse_rfc3339("2026-01-01T10:00:00Z");
  const auto gate = [](const char* state) {
    return Json{{"data",
                 {{"gate", dump_json({{"state", state},
                                      {"by", "eve\x1b[2J"},
                                      {"reason", "drill"},
                                      {"at", "2026-01-01T09:00:00Z"}})}}}};
  };
  CHECK_FALSE(judge_arming(gate("armed"), now));
  CHECK_FALSE(judge_arming(Json::object(), now));
  const auto down = judge_arming(gate("disarmed"), now);
  REQUIRE(down);
  CHECK(down->text == "the gate was taken down 1h ago by eve\\u{1b}[2J: \"drill\"");

  ApprovalRequest request;
  request.metadata.name = "web-1", request.metadata.namespace_ = "prod";
  CHECK_FALSE(judge_reviews({request}, now));
  request.status.review = ReviewDebt{"bob", "2026-01-01T09:00:00Z", ""};
  const auto owed = judge_reviews({request}, now);
  REQUIRE(owed);
  CHECK(owed->text == "1 review is owed");
  CHECK(owed->more.at(0) ==
        "bob broke the glass, and the review is late: kubectl holdpoint review web-1 -n prod");
}

TEST_CASE("what ended requests left held is counted, and so is what was not looked at") {
  CHECK_FALSE(judge_leftovers({}));
  ApprovalRequest request;
  request.metadata.name = "web-1", request.metadata.namespace_ = "prod";
  request.spec.target.kind = "Deployment", request.spec.target.name = "web";
  request.spec.operation = Operation::Update;
  request.status.phase = RequestPhase::Expired;
  const auto one = judge_leftovers({{request}, 0, ""});
  REQUIRE(one);
  CHECK(one->kind == Finding::Kind::Warning);
  CHECK(one->text == "1 object is still held although the request ended");
  CHECK(one->more ==
        std::vector<std::string>{"Expired: kubectl holdpoint abandon deployment/web -n prod"});
  const auto many = judge_leftovers({std::vector<ApprovalRequest>(20, request), 3, "forbidden\nx"});
  REQUIRE(many);
  REQUIRE(many->more.size() == 15);
  CHECK(many->more[12] == "and 8 more");
  CHECK(many->more[13] == "3 targets of older requests not looked at");
  CHECK(many->more[14] == "not all can be looked at as this user: forbidden");
}

TEST_CASE("powers in everybody's hands stand out") {
  CHECK(is_everybody({"group system:authenticated", "", ""}));
  CHECK_FALSE(is_everybody({"group system:masters", "", ""}));
}

}  // namespace
}  // namespace holdpoint::cli
