#include "operator/notifier.hpp"

#include <algorithm>
#include <optional>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crds/codec.hpp"
#include "net/http_client.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr Duration kCall{10'000};   // of a receiver
constexpr Duration kApi{10'000};    // of the API server, for one step
constexpr Duration kLater{60'000};  // until a Secret is looked at again, or a silent receiver asked

std::string key_of(const ApprovalRequest& request) {
  return request.metadata.namespace_ + "/" + request.metadata.name;
}

std::set<std::string> ids_of(const std::vector<Notice>& notices) {
  std::set<std::string> ids;
  for (const Notice& notice : notices) ids.insert(notice.id);
  return ids;
}

const NotifyTarget* find_target(const ApprovalPolicy& policy, const std::string& name) {
  for (const NotifyTarget& target : policy.spec.notify)
    if (target.name == name) return &target;
  return nullptr;
}

}  // namespace

void Notifier::complain(const std::string& subject, const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(complaints_[subject], what) == what) return;
  }
  log::warn("not notified", {{"subject", subject}, {"why", what}});
}

void Notifier::owe(const ApprovalRequest& request, const ApprovalPolicy& policy,
                   const Standing& standing) {
  for (const Escalation& step : standing.escalations)
    for (const std::string& name : step.what.notify)
      if (find_target(policy, name) == nullptr)
        complain("policy " + policy.metadata.name + " stage " + step.stage,
                 "spec.notify has no target " + visible_cut(name, 80));
  std::set<std::string> ids = ids_of(due_notices(request, policy, standing, clock_.now()));
  const std::string key = key_of(request);
  const std::lock_guard lock(mutex_);
  if (ids.empty()) {
    owed_.erase(key);
    return;
  }
  Owed& owed = owed_[key];
  // What is tried already keeps its back-off.
  if (!std::includes(owed.ids.begin(), owed.ids.end(), ids.begin(), ids.end())) names_.add(key);
  owed = {standing, std::move(ids)};
}

void Notifier::run(const std::stop_token& stop) {
  while (const auto key = names_.next(stop)) {
    switch (work_on(*key, stop)) {
      case Outcome::Done:
        names_.forgive(*key);
        break;
      case Outcome::TryAgain:
        names_.add_failed(*key);
        break;
      case Outcome::TryLater:
        names_.add_after(*key, kLater);
        break;
    }
  }
}

Notifier::Outcome Notifier::work_on(const std::string& key, const std::stop_token& stop) {
  Owed owed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = owed_.find(key);
    if (found == owed_.end()) return Outcome::Done;
    owed = found->second;
  }
  const auto settled = [&] {
    const std::lock_guard lock(mutex_);
    if (const auto found = owed_.find(key); found != owed_.end() && found->second.ids == owed.ids)
      owed_.erase(found);
    return Outcome::Done;
  };
  const auto slash = key.find('/');
  const Deadline deadline = Deadline::in(kApi);
  const auto request = docket_.find_request(key.substr(0, slash), key.substr(slash + 1), deadline);
  if (!request.ok()) return Outcome::TryAgain;
  if (*request == nullptr) return settled();
  const auto policy = docket_.policy((*request)->spec.policy.name, deadline);
  if (!policy.ok())
    return policy.error().kind == ErrorKind::NotFound ? settled() : Outcome::TryAgain;

  Outcome worst = Outcome::Done;
  std::set<std::string> waiting;  // targets: what comes after an undelivered one comes after it
  for (const Notice& notice : due_notices(**request, *policy, owed.standing, clock_.now())) {
    if (stop.stop_requested()) return Outcome::Done;
    if (waiting.contains(notice.target)) continue;
    const std::string taken = notice.uid + "/" + notice.id;
    Outcome outcome = Outcome::Done;
    if (!unrecorded_.contains(taken))
      outcome = deliver(*find_target(*policy, notice.target), notice);
    if (outcome == Outcome::Done) {
      unrecorded_.insert(taken);
      if (record(**request, notice.id).ok()) {
        unrecorded_.erase(taken);
      } else {
        outcome = Outcome::TryAgain;
      }
    }
    if (outcome != Outcome::Done) waiting.insert(notice.target);
    if (outcome == Outcome::TryAgain || worst == Outcome::Done) worst = outcome;
  }
  return worst == Outcome::Done ? settled() : worst;
}

Notifier::Outcome Notifier::deliver(const NotifyTarget& target, const Notice& notice) {
  // Who did not answer once is not waited for each time: others are waiting too.
  if (const auto until = silent_.find(target.secret_ref);
      until != silent_.end() && clock_.now() < until->second)
    return Outcome::TryLater;
  const std::string type(to_string(target.type));
  const auto counted = [&](const char* outcome, Outcome next) {
    metrics_.count("holdpoint_notifications_total", "Notices to receivers, by what became of them.",
                   {{"type", type}, {"outcome", outcome}});
    return next;
  };
  const std::string subject = "Secret " + home_ + "/" + target.secret_ref;
  const auto receiver = find_receiver(client_, home_, target.secret_ref, Deadline::in(kApi));
  if (!receiver.ok()) {
    complain(subject, receiver.error().message);
    return counted("no-receiver", Outcome::TryLater);
  }
  NoticeBody sent = body(target.type, notice, link_of(notice, receiver->link));
  net::HttpRequest post;
  post.method = "POST";
  post.headers = {{"Content-Type", sent.content_type}};
  post.body = std::move(sent.json);
  const auto answer = call(*receiver, std::move(post), Deadline::in(kCall), {});
  if (!answer.ok() || answer->status < 200 || answer->status > 299) {
    if (!answer.ok() && answer.error().kind == ErrorKind::DeadlineExceeded)
      silent_[target.secret_ref] = clock_.now() + kLater;
    complain(subject, answer.ok() ? "its receiver answered " + std::to_string(answer->status) +
                                        " " + visible_cut(answer->body, 100)
                                  : answer.error().message);
    return counted("failed", Outcome::TryAgain);
  }
  {
    const std::lock_guard lock(mutex_);
    complaints_.erase(subject);
  }
  log::info("notified",
            {{"request", notice.request}, {"namespace", notice.namespace_}, {"notice", notice.id}});
  return counted("delivered", Outcome::Done);
}

Result<Done> Notifier::record(const ApprovalRequest& request, const std::string& id) const {
  const Deadline deadline = Deadline::in(kApi);
  while (true) {
    HP_ASSIGN(const auto live,
              docket_.find_request(request.metadata.namespace_, request.metadata.name, deadline));
    if (live == nullptr || live->metadata.uid != request.metadata.uid) return Done{};
    std::vector<std::string> notified = live->status.notified;
    if (std::find(notified.begin(), notified.end(), id) != notified.end()) return Done{};
    notified.push_back(id);
    const auto written =
        client_.patch({kGroup, kVersion, kind_info<ApprovalRequest>().plural,
                       request.metadata.namespace_, request.metadata.name, "status"},
                      kube::PatchType::Merge,
                      {{"metadata", {{"resourceVersion", live->metadata.resource_version}}},
                       {"status", {{"notified", notified}}}},
                      {}, deadline);
    if (written.ok()) return Done{};
    // Somebody else wrote meanwhile: read again.
    if (written.error().kind != ErrorKind::Conflict || deadline.over()) return written.error();
  }
}

}  // namespace holdpoint::operator_
