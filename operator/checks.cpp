#include "operator/checks.hpp"

#include <algorithm>
#include <functional>
#include <thread>

#include "base/log.hpp"
#include "base/text.hpp"
#include "core/approval/standing.hpp"
#include "crds/codec.hpp"
#include "net/http_client.hpp"
#include "operator/grants.hpp"
#include "operator/receiver.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kApi{20'000};           // of the API server, for what one check asks
constexpr Duration kSilence{30'000};       // of an endpoint that did not answer
constexpr std::size_t kMostReports = 200;  // that one check reads whole
constexpr const char* kTrivy = "aquasecurity.github.io";
constexpr const char* kReports = "vulnerabilityreports";

std::string key_of(const ApprovalRequest& request) {
  return request.metadata.namespace_ + "/" + request.metadata.name;
}

// How long after it was seen a result is looked up again: in time while it passes; else soon, as
// somebody waits for it, by what looking costs.
Duration interval(const Demanded& demanded, CheckOutcome outcome) {
  const Duration half = demanded.max_age / 2;
  if (outcome == CheckOutcome::Pass) return std::max(half, Duration(1'000));
  const Duration soon(demanded.check.object.has_value() ? 5'000
                      : demanded.check.http.has_value() ? 15'000
                                                        : 30'000);
  return std::clamp(half, Duration(1'000), soon);
}

Duration due_in(const Demanded& demanded, const ApprovalRequest& request, Instant now) {
  for (const CheckResult& result : request.status.checks) {
    if (result.definition != demanded.definition) continue;
    const auto at = parse_rfc3339(result.observed_at);
    if (!at.ok() || *at > now) return Duration(0);
    const auto left =
        std::chrono::duration_cast<Duration>(*at + interval(demanded, result.result) - now);
    return std::max(left, Duration(0));
  }
  return Duration(0);
}

Finding not_looked_up(const Error& error) {
  return unknown("could not be looked up: " + error.message);
}

// In an address of ours, {namespace} and {request} are the request's.
std::string filled_in(std::string target, const ApprovalRequest& request) {
  for (const auto& [mark, value] :
       {std::pair<std::string, std::string>{"{namespace}", request.metadata.namespace_},
        {"{request}", request.metadata.name}})
    for (auto at = target.find(mark); at != std::string::npos; at = target.find(mark, at))
      target.replace(at, mark.size(), net::url_escape(value));
  return target;
}

}  // namespace

Checks::Checks(const kube::Client& client, const Docket& docket, const Clock& clock,
               Metrics& metrics, std::string home)
    : client_(client),
      docket_(docket),
      clock_(clock),
      metrics_(metrics),
      home_(std::move(home)),
      discovery_(client) {}

std::size_t Checks::lane_of(const Check& check) {
  if (!check.http.has_value()) return 0;
  return 1 + std::hash<std::string>()(check.http->secret_ref) %
                 (std::tuple_size_v<decltype(lanes_)> - 1);
}

std::vector<Demanded> Checks::demanded_in(std::size_t lane, const ApprovalRequest& request,
                                          const ApprovalPolicy* policy) const {
  std::vector<Demanded> demanded = demanded_checks(request, policy);
  std::erase_if(demanded, [&](const Demanded& one) { return lane_of(one.check) != lane; });
  return demanded;
}

void Checks::want(const ApprovalRequest& request, const ApprovalPolicy* policy) {
  const Instant now = clock_.now();
  for (const Demanded& one : demanded_checks(request, policy))
    lanes_.at(lane_of(one.check)).names.add_after(key_of(request), due_in(one, request, now));
}

void Checks::run(const std::stop_token& stop) {
  std::vector<std::jthread> workers;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane)
    workers.emplace_back([this, lane, &stop] { work(lane, stop); });
}

void Checks::work(std::size_t lane, const std::stop_token& stop) {
  Inbox& names = lanes_.at(lane).names;
  while (const auto key = names.next(stop)) {
    const auto again = look(lane, *key, stop);
    if (!again.ok()) {
      log::warn("checks not looked up", {{"request", *key}, {"error", describe(again.error())}});
      names.add_failed(*key);
      continue;
    }
    names.forgive(*key);
    if (again->has_value()) names.add_after(*key, **again);
  }
}

Result<std::optional<Duration>> Checks::look(std::size_t lane, const std::string& key,
                                             const std::stop_token& stop) {
  const std::optional<Duration> never;
  const auto slash = key.find('/');
  const Deadline deadline = Deadline::in(kApi);
  HP_ASSIGN(const auto request,
            docket_.find_request(key.substr(0, slash), key.substr(slash + 1), deadline));
  if (request == nullptr || is_end(request->status.phase)) return never;
  std::optional<ApprovalPolicy> policy;
  if (auto live = docket_.policy(request->spec.policy.name, deadline); live.ok()) {
    policy = std::move(*live);
  } else if (live.error().kind != ErrorKind::NotFound) {
    return live.error();
  }
  const ApprovalPolicy* live_policy = policy.has_value() ? &*policy : nullptr;
  const std::vector<Demanded> demanded = demanded_in(lane, *request, live_policy);
  if (demanded.empty()) return never;

  std::vector<CheckResult> results;
  Duration next = Duration::max();
  for (const Demanded& one : demanded) {
    const Instant began = clock_.now();
    const auto known = std::find_if(results.begin(), results.end(), [&](const CheckResult& result) {
      return result.definition == one.definition;
    });
    if (known != results.end()) continue;  // of two names for the same
    if (const Duration left = due_in(one, *request, began); left > Duration(0)) {
      next = std::min(next, left);
      continue;
    }
    const Finding found = find_out(lanes_.at(lane), one.check, *request, stop);
    if (stop.stop_requested()) return never;
    metrics_.count("holdpoint_checks_total", "Checks that were looked up, by what they said.",
                   {{"result", std::string(to_string(found.result))}});
    results.push_back(
        {one.check.name, one.definition, found.result, found.text, to_rfc3339_micro(began)});
    next = std::min(next, interval(one, found.result));
  }
  if (!results.empty()) HP_TRY(record(*request, live_policy, results, Deadline::in(kApi)));
  return std::optional(next);
}

Result<Done> Checks::record(const ApprovalRequest& request, const ApprovalPolicy* policy,
                            const std::vector<CheckResult>& results, Deadline deadline) {
  while (true) {
    HP_ASSIGN(const auto live,
              docket_.find_request(request.metadata.namespace_, request.metadata.name, deadline));
    if (live == nullptr || live->metadata.uid != request.metadata.uid || is_end(live->status.phase))
      return Done{};
    // What nobody asks for any more goes.
    Json checks = Json::array();
    for (const Demanded& one : demanded_checks(*live, policy)) {
      const auto is_it = [&](const CheckResult& result) {
        return result.definition == one.definition;
      };
      auto found = std::find_if(results.begin(), results.end(), is_it);
      if (found == results.end()) {
        found = std::find_if(live->status.checks.begin(), live->status.checks.end(), is_it);
        if (found == live->status.checks.end()) continue;
      }
      const Json written = encode_part(*found);
      if (std::find(checks.begin(), checks.end(), written) == checks.end())
        checks.push_back(written);
    }
    const auto written =
        client_.patch({kGroup, kVersion, kind_info<ApprovalRequest>().plural,
                       request.metadata.namespace_, request.metadata.name, "status"},
                      kube::PatchType::Merge,
                      {{"metadata", {{"resourceVersion", live->metadata.resource_version}}},
                       {"status", {{"checks", std::move(checks)}}}},
                      {}, deadline);
    if (written.ok()) return Done{};
    // Somebody else wrote meanwhile: read again.
    if (written.error().kind != ErrorKind::Conflict || deadline.over()) return written.error();
  }
}

Finding Checks::find_out(Lane& lane, const Check& check, const ApprovalRequest& request,
                         const std::stop_token& stop) {
  if (check.object.has_value()) return look_at_object(*check.object, request, Deadline::in(kApi));
  if (check.vulnerability_reports.has_value())
    return look_at_reports(*check.vulnerability_reports, request, Deadline::in(kApi));
  if (check.http.has_value()) return ask(lane, *check.http, check.name, request, stop);
  return unknown("the check says nothing to look up");
}

Finding Checks::look_at_object(const ObjectCheck& check, const ApprovalRequest& request,
                               Deadline deadline) {
  const Target& target = request.spec.target;
  if (check.api_group.empty() && check.resource == "secrets")
    return unknown("Secrets cannot be checked");
  const auto kind = discovery_.find(check.api_group, check.resource, deadline);
  if (!kind.ok())
    return kind.error().kind == ErrorKind::NotFound
               ? unknown("the API server does not serve " +
                         kind_name(check.api_group, check.resource))
               : not_looked_up(kind.error());
  const std::string space = !kind->namespaced          ? ""
                            : check.namespace_.empty() ? target.namespace_
                                                       : check.namespace_;
  const std::string name = check.name.empty() ? target.name : check.name;
  if (kind->namespaced && space.empty())
    return unknown("the target has no namespace: name one in the policy's check");
  if (name.empty()) return unknown("the target has no name yet: name one in the policy's check");
  const auto object =
      client_.get({kind->group, kind->version, kind->resource, space, name, ""}, deadline);
  if (!object.ok() && object.error().kind == ErrorKind::Forbidden)
    return unknown(grant_to_make("checked-kinds", check.api_group, check.resource, "get"));
  if (!object.ok() && object.error().kind != ErrorKind::NotFound)
    return not_looked_up(object.error());
  return judge_object(check, kind->kind + " " + (space.empty() ? "" : space + "/") + name,
                      object.ok() ? *object : RawObject());
}

Finding Checks::look_at_reports(const VulnerabilityCheck& check, const ApprovalRequest& request,
                                Deadline deadline) const {
  const auto& images = request.spec.images;
  const auto failed = [](const Error& error) {
    if (error.kind == ErrorKind::Forbidden)
      return unknown(grant_to_make("checked-kinds", kTrivy, kReports, "get, list"));
    if (error.kind == ErrorKind::NotFound)
      return unknown("the API server does not serve " + kind_name(kTrivy, kReports) +
                     ": the Trivy operator is not installed");
    return not_looked_up(error);
  };
  std::vector<std::string> spaces = check.namespaces;
  if (spaces.empty()) spaces.emplace_back();
  std::vector<Json> reports;
  for (const std::string& space : spaces) {
    // Reports are large: what they are about is told by their columns.
    const auto rows = client_.table({kTrivy, "v1alpha1", kReports, space, "", ""}, {}, deadline);
    if (!rows.ok()) return failed(rows.error());
    for (const kube::Row& row : *rows) {
      const auto column = [&](const char* name) {
        const auto found = row.cells.find(name);
        return found == row.cells.end() ? std::string() : found->second;
      };
      if (!may_concern(images, column("Repository"), column("Tag"))) continue;
      if (reports.size() == kMostReports)
        return unknown("more than " + std::to_string(kMostReports) +
                       " reports may be about the images: name the namespaces whose reports count");
      auto report =
          client_.get({kTrivy, "v1alpha1", kReports, row.namespace_, row.name, ""}, deadline);
      if (!report.ok() && report.error().kind == ErrorKind::NotFound) continue;
      if (!report.ok()) return failed(report.error());
      // Only what counts is kept: the list of vulnerabilities may have megabytes.
      if (auto part = report->find("report"); part != report->end() && part->is_object())
        part->erase("vulnerabilities");
      reports.push_back(std::move(*report));
    }
  }
  return judge_reports(check, images, reports, clock_.now());
}

Finding Checks::ask(Lane& lane, const HttpCheck& check, const std::string& name,
                    const ApprovalRequest& request, const std::stop_token& stop) const {
  const auto timeout = parse_duration(check.timeout);
  if (!timeout.ok()) return unknown("timeout is no duration");
  const std::string silent = "the endpoint did not answer within " + visible_cut(check.timeout, 20);
  if (const auto until = lane.silent.find(check.secret_ref);
      until != lane.silent.end() && clock_.now() < until->second)
    return unknown(silent + "; it is asked again soon");
  const auto receiver = find_receiver(client_, home_, check.secret_ref, Deadline::in(kApi));
  if (!receiver.ok()) return unknown(receiver.error().message);
  net::HttpRequest question;
  question.target = filled_in(receiver->target, request);
  question.headers = {{"Accept", "application/json"}};
  if (check.method == HttpMethod::Post) {
    question.method = "POST";
    question.headers["Content-Type"] = "application/json";
    question.body = dump_json(question_of(request, name));
  }
  const auto answer = call(*receiver, std::move(question), Deadline::in(*timeout), stop);
  if (answer.ok()) return judge_answer(answer->status, answer->body);
  if (answer.error().kind != ErrorKind::DeadlineExceeded) return unknown(answer.error().message);
  lane.silent[check.secret_ref] = clock_.now() + kSilence;
  return unknown(silent);
}

std::string Checks::obstacle(const Check& check, Deadline deadline) {
  const auto kind = [&](const std::string& group, const std::string& resource,
                        const std::vector<std::string>& verbs) -> std::string {
    const auto found = discovery_.find(group, resource, deadline);
    if (!found.ok())
      return found.error().kind == ErrorKind::NotFound
                 ? "the API server does not serve " + kind_name(group, resource)
                 : describe(found.error());
    for (const std::string& verb : verbs) {
      const auto granted = client_.may_i({verb, group, resource, "", "", ""}, deadline);
      if (!granted.ok()) return describe(granted.error());
      if (!*granted) return grant_to_make("checked-kinds", group, resource, join(verbs, ", "));
    }
    return "";
  };
  if (check.object.has_value())
    return kind(check.object->api_group, check.object->resource, {"get"});
  if (check.vulnerability_reports.has_value()) return kind(kTrivy, kReports, {"get", "list"});
  if (!check.http.has_value()) return "it says nothing to look up";
  const auto receiver = find_receiver(client_, home_, check.http->secret_ref, deadline);
  return receiver.ok() ? "" : receiver.error().message;
}

}  // namespace holdpoint::operator_
