#include "webhook/listener.hpp"

#include <memory>
#include <utility>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "webhook/authorship.hpp"

namespace holdpoint::webhook {
namespace {

constexpr std::size_t kInlineBytes = 256 * 1024;  // larger bodies are parsed by a worker
constexpr Duration kDefaultTimeout{10'000};       // the API server's default for webhooks
constexpr Duration kLongestTimeout{30'000};       // and its limit
constexpr Duration kReserve{300};                 // kept back to write the answer

void plain(const net::Reply& reply, int status, const std::string& message) {
  net::ServerResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = message + "\n";
  if (status == 429) response.headers["Retry-After"] = "1";
  reply.send(std::move(response));
}

Deadline deadline_of(const net::ServerRequest& request) {
  Duration timeout = kDefaultTimeout;
  if (const auto found = request.query.find("timeout"); found != request.query.end()) {
    if (const auto parsed = parse_duration(found->second); parsed.ok())
      timeout = std::min(*parsed, kLongestTimeout);
  }
  return Deadline::in(timeout > 2 * kReserve ? timeout - kReserve : timeout / 2);
}

}  // namespace

Listener::Listener(std::string path_token, const Policies& policies, const Gate& gate,
                   const Companion& companion, const Approvals& approvals, const Ahead& ahead,
                   Metrics& metrics, Workers& workers)
    : path_token_(std::move(path_token)),
      policies_(policies),
      gate_(gate),
      companion_(companion),
      approvals_(approvals),
      ahead_(ahead),
      metrics_(metrics),
      workers_(workers) {}

void Listener::handle(net::ServerRequest request, net::Reply reply) {
  // "/<token>/<action>/<subject>"
  const std::vector<std::string> parts = split(request.path, '/');
  if (parts.size() != 4 || !parts[0].empty() || !equal_constant_time(parts[1], path_token_))
    return plain(reply, 404, "no such path");
  Route route{parts[2], parts[3]};
  const bool known = route.action == "hold" || route.action == "gate" || route.action == "scale" ||
                     route.action == "guard" || route.action == "scope" || route.action == "pods" ||
                     route.action == "probe" ||
                     (route.action == "policies" && route.subject == "stamp") ||
                     ((route.action == "approvals" || route.action == "requests") &&
                      (route.subject == "stamp" || route.subject == "check"));
  if (!known || route.subject.empty()) return plain(reply, 404, "no such path");
  if (request.method != "POST") return plain(reply, 405, "an AdmissionReview comes by POST");
  if (!request.content_type.starts_with("application/json"))
    return plain(reply, 415, "an AdmissionReview comes as application/json");
  const Deadline deadline = deadline_of(request);
  if (request.body.size() <= kInlineBytes) return review(route, request.body, deadline, reply);
  auto body = std::make_shared<std::string>(std::move(request.body));
  if (!workers_.post(
          [this, route, body, deadline, reply] { review(route, *body, deadline, reply); }))
    plain(reply, 429, "too many reviews are waiting; try again in a second");
}

void Listener::review(const Route& route, const std::string& body, Deadline deadline,
                      const net::Reply& reply) {
  auto parsed = parse_review(body);
  if (!parsed.ok()) {
    metrics_.count("holdpoint_webhook_bad_requests_total",
                   "Requests that were no readable AdmissionReview.");
    return plain(reply, 400,
                 "not a readable AdmissionReview: " + visible_cut(parsed.error().message, 300));
  }
  if (route.action == "probe") {
    // Never stored: the answer itself shows that this very configuration reached the API server.
    Answer answer = refused({403, "holdpoint-probe " + visible_cut(route.subject, 128), 0});
    answer.verdict = "probe";
    return send(route, answer, parsed->uid, reply);
  }
  if (route.action == "gate" || route.action == "hold") {
    const auto policy = policies_.find(route.subject);
    if (policy != nullptr && gate_.untouched(parsed->write, *policy))
      return send(route, allowed("untouched"), parsed->uid, reply);
  }
  if (route.action == "policies")
    return send(route, stamp_author(parsed->write), parsed->uid, reply);
  answer_later(route, std::move(*parsed), deadline, reply);
}

void Listener::answer_later(const Route& route, Review review, Deadline deadline,
                            const net::Reply& reply) {
  auto kept = std::make_shared<const Review>(std::move(review));
  const bool posted = workers_.post([this, route, kept, deadline, reply] {
    if (deadline.over()) {
      const Error late{ErrorKind::DeadlineExceeded, "it waited too long for its turn; try again",
                       ""};
      return send(route, not_judged(late), kept->uid, reply);
    }
    send(route, judge(route, *kept, deadline), kept->uid, reply);
  });
  if (!posted) plain(reply, 429, "too many reviews are waiting; try again in a second");
}

Answer Listener::judge(const Route& route, const Review& review, Deadline deadline) const {
  const Write& write = review.write;
  if (route.action == "scale") return gate_.answer_scale(write, route.subject, deadline);
  if (route.action == "gate" || route.action == "scope")
    return gate_.answer(write, route.subject, deadline);
  if (route.action == "guard") return gate_.answer_guard(write, route.subject, deadline);
  if (route.action == "pods") return gate_.answer_pod(write, route.subject, deadline);
  if (route.action == "hold") return companion_.answer(write, route.subject, deadline);
  if (route.action == "requests")
    return route.subject == "stamp" ? ahead_.stamp(write, deadline) : ahead_.check(write, deadline);
  return route.subject == "stamp" ? approvals_.stamp(write, deadline)
                                  : approvals_.check(write, deadline);
}

void Listener::send(const Route& route, const Answer& answer, const std::string& uid,
                    const net::Reply& reply) {
  const bool names_policy = route.action != "probe" && route.action != "approvals" &&
                            route.action != "requests" && route.action != "policies";
  // The subject comes from the caller: only names of real policies become labels.
  const std::string policy = !names_policy                              ? ""
                             : policies_.find(route.subject) != nullptr ? route.subject
                                                                        : "unknown";
  metrics_.count("holdpoint_webhook_reviews_total", "Admission reviews answered.",
                 {{"action", route.action}, {"policy", policy}, {"verdict", answer.verdict}});
  net::ServerResponse response;
  response.body = encode(answer, uid);
  reply.send(std::move(response));
}

}  // namespace holdpoint::webhook
