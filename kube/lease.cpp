#include "kube/lease.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "kube/backoff.hpp"

namespace holdpoint::kube {
namespace {

using Point = Deadline::Point;

constexpr Duration kOneTry{
    4'000};  // well below the time given to renew, so that there is a second try
constexpr Duration kReleaseDeadline{3'000};

Point monotonic_now() { return Deadline::in(Duration::zero()).point(); }

std::int64_t whole_seconds(Duration duration) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

// What we know of the Lease. Whether somebody else's has run out is told by our own monotonic
// clock, from when we last saw it change: the times written in it come from another machine.
//
//   holder empty            free: whoever writes first has it
//   holder is somebody      theirs until nothing changed for leaseDurationSeconds
//   holder is us            ours until renew_deadline after the last renewal *began*; then it is
//   lost, even if
//                           a late renewal succeeds
class Seat {
 public:
  Seat(const Client& client, const LeaseOptions& options) : client_(client), options_(options) {
    path_.group = "coordination.k8s.io";
    path_.version = "v1";
    path_.resource = "leases";
    path_.namespace_ = options.namespace_;
    path_.name = options.name;
    write_.field_manager = "holdpoint-lease";
  }

  // Takes the lease, or renews it: true when it is ours from `began` on.
  Result<bool> take_or_renew(Deadline deadline) {
    const Point began = monotonic_now();
    if (ours()) {
      // The usual way takes one write. A Conflict tells that our last write was stored after all,
      // or that the lease is lost; NotFound that somebody deleted it.
      const auto renewed = put(claim_of(lease_), deadline);
      if (renewed.ok()) return held_from(began);
      if (renewed.error().kind != ErrorKind::Conflict &&
          renewed.error().kind != ErrorKind::NotFound)
        return renewed.error();
    }
    auto read = client_.get(path_, deadline);
    if (!read.ok()) {
      if (read.error().kind != ErrorKind::NotFound) return read.error();
      lease_ = Json();
      return settle(create(deadline), began);
    }
    observe(std::move(*read));
    if (const std::string holder = holder_of(lease_);
        !holder.empty() && holder != options_.identity && theirs_for() > Duration::zero())
      return false;
    return settle(put(claim_of(lease_), deadline), began);
  }

  [[nodiscard]] Point renewed_at() const { return renewed_at_; }

  // How long whoever holds it has left, as far as we know.
  [[nodiscard]] Duration theirs_for() const {
    const auto ends = changed_at_ + their_time();
    return std::chrono::ceil<Duration>(std::max(ends - monotonic_now(), Point::duration::zero()));
  }

  // Whoever comes next need not wait. client-go's form: no holder, one second.
  Result<Done> give_back(Deadline deadline) {
    Json released = lease_;
    Json& spec = released["spec"];
    spec.erase("holderIdentity");
    spec["leaseDurationSeconds"] = 1;
    spec["renewTime"] = to_rfc3339_micro(system_clock().now());
    spec["acquireTime"] = spec["renewTime"];
    return put(std::move(released), deadline);
  }

 private:
  static std::string holder_of(const Json& lease) {
    return string_at(lease, {"spec", "holderIdentity"});
  }
  [[nodiscard]] bool ours() const {
    return lease_.is_object() && holder_of(lease_) == options_.identity;
  }

  [[nodiscard]] std::chrono::seconds their_time() const {
    return std::chrono::seconds(
        std::max<std::int64_t>(1, integer_at(lease_, {"spec", "leaseDurationSeconds"})));
  }

  Result<bool> held_from(Point began) {
    renewed_at_ = began;
    return true;
  }

  // Somebody faster is no failure.
  Result<bool> settle(const Result<Done>& written, Point began) {
    if (written.ok()) return held_from(began);
    if (written.error().kind == ErrorKind::Conflict) return false;
    return written.error();
  }

  void observe(Json read) {
    const auto version = [](const Json& lease) {
      return string_at(lease, {"metadata", "resourceVersion"});
    };
    if (!lease_.is_object() || version(read) != version(lease_)) changed_at_ = monotonic_now();
    lease_ = std::move(read);
  }

  [[nodiscard]] Json claim_of(Json lease) const {
    const bool renewing = holder_of(lease) == options_.identity;
    const std::int64_t transitions = integer_at(lease, {"spec", "leaseTransitions"});
    Json& spec = lease["spec"];
    if (!spec.is_object()) spec = Json::object();
    spec["holderIdentity"] = options_.identity;
    spec["leaseDurationSeconds"] = whole_seconds(options_.duration);
    spec["renewTime"] = to_rfc3339_micro(system_clock().now());
    if (!renewing || !spec.contains("acquireTime")) spec["acquireTime"] = spec["renewTime"];
    spec["leaseTransitions"] = renewing ? transitions : transitions + 1;
    return lease;
  }

  Result<Done> put(Json lease, Deadline deadline) {
    HP_ASSIGN(auto stored, client_.update(path_, lease, write_, deadline));
    observe(std::move(stored));
    return Done{};
  }

  Result<Done> create(Deadline deadline) {
    Json lease{{"apiVersion", "coordination.k8s.io/v1"},
               {"kind", "Lease"},
               {"metadata", {{"name", options_.name}, {"namespace", options_.namespace_}}},
               {"spec", Json::object()}};
    lease = claim_of(std::move(lease));
    lease["spec"]["leaseTransitions"] = 0;
    ResourcePath collection = path_;
    collection.name.clear();
    HP_ASSIGN(auto stored, client_.create(collection, lease, write_, deadline));
    observe(std::move(stored));
    return Done{};
  }

  const Client& client_;
  const LeaseOptions& options_;
  ResourcePath path_;
  WriteOptions write_;
  Json lease_;          // as last seen; null: not there
  Point changed_at_{};  // when we saw that state first
  Point renewed_at_{};
};

// True when the lease is ours; false when `stop` came first.
bool wait_for_seat(Seat& seat, const LeaseOptions& options, const std::stop_token& stop) {
  std::string last_problem;
  while (!stop.stop_requested()) {
    const auto taken = seat.take_or_renew(Deadline::in(kOneTry));
    if (taken.ok() && *taken) return true;
    if (!taken.ok() && describe(taken.error()) != last_problem) {
      last_problem = describe(taken.error());
      log::warn("the lease cannot be read or taken; trying on",
                {{"lease", options.name}, {"error", last_problem}});
    }
    // Twice as often as it is renewed, as its time runs from when we see it renewed; and at once
    // when that is over.
    const Duration turn = jittered(options.retry / 2, 0.8, 1.2);
    const Duration theirs = seat.theirs_for();
    wait_for(theirs > Duration::zero() ? std::min(turn, theirs) : turn, stop);
  }
  return false;
}

// Renews until `stop`; returns why the lease is lost, or nothing when it was ours to the end.
std::optional<Error> keep_seat(Seat& seat, const LeaseOptions& options,
                               const std::stop_token& stop) {
  std::string problem = "no answer";
  const auto lost = [&](const std::string& why) {
    return Error{ErrorKind::Unavailable, "the lease " + options.name + " is lost", why};
  };
  while (true) {
    const Deadline last_moment = Deadline::at(seat.renewed_at() + options.renew_deadline);
    if (last_moment.over()) return lost("not renewed in time: " + problem);
    if (!wait_for(std::min(options.retry, last_moment.left()), stop)) return std::nullopt;
    // After a pause of the whole process the moment may be over: renewing now would hide that
    // somebody else could have led meanwhile.
    if (last_moment.over()) return lost("not renewed in time: " + problem);
    const auto renewed = seat.take_or_renew(last_moment.at_most(kOneTry));
    if (renewed.ok() && !*renewed) return lost("somebody else holds it");
    if (!renewed.ok()) problem = describe(renewed.error());
  }
}

}  // namespace

Result<Done> lead_while_elected(const Client& client, const LeaseOptions& options,
                                const std::stop_token& stop,
                                const std::function<void(std::stop_token)>& lead) {
  Seat seat(client, options);
  if (!wait_for_seat(seat, options, stop)) return Done{};
  log::info("leading", {{"lease", options.name}, {"identity", options.identity}});

  std::optional<Error> lost;  // written by the keeper, read when it has ended
  std::stop_source leading;
  const std::stop_callback pass_on(stop, [&] { leading.request_stop(); });
  {
    const std::jthread keeper([&](const std::stop_token& ended) {
      lost = keep_seat(seat, options, ended);
      if (lost) leading.request_stop();
    });
    lead(leading.get_token());
  }
  if (lost) {
    log::warn("no longer leading", {{"lease", options.name}, {"error", describe(*lost)}});
    return *lost;
  }
  if (const auto given = seat.give_back(Deadline::in(kReleaseDeadline)); !given.ok())
    log::warn("the lease could not be given back and runs out by itself",
              {{"lease", options.name}, {"error", describe(given.error())}});
  return Done{};
}

}  // namespace holdpoint::kube
