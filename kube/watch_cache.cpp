#include "kube/watch_cache.hpp"

#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "kube/backoff.hpp"

namespace holdpoint::kube {
namespace {

constexpr Duration kListDeadline{60'000};
// A watch ends by itself after a random time, so that the load of many moves to an API server that
// came back.
constexpr Duration kShortestWatch{5 * 60'000};
// A watch that went on for so long was no failure, whatever ended it.
constexpr Duration kHealthyWatch{10'000};
// A watch without event and bookmark for so long: the peer is dead, or the version is from a future
// that a restored etcd does not know, for which the API server waits without a word.
constexpr Duration kLongSilence{80'000};

std::chrono::steady_clock::time_point monotonic_now() {
  return Deadline::in(Duration::zero()).point();
}

std::string key_of(const std::string& namespace_, const std::string& name) {
  return namespace_ + "/" + name;
}
std::string key_of(const Json& object) {
  return key_of(string_at(object, {"metadata", "namespace"}),
                string_at(object, {"metadata", "name"}));
}

std::string version_of(const Json& object) {
  return string_at(object, {"metadata", "resourceVersion"});
}

// Resource versions grow within a collection and are decimal numbers (KEP-5504). What is not one is
// never called older.
bool is_older(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) -> std::uint64_t {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : 0;
  };
  const auto first = number(a), second = number(b);
  return first != 0 && second != 0 && first < second;
}

// managedFields are often half of an object, and nobody reads them from a cache.
ObjectPtr cached(Json object) {
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object())
    metadata->erase("managedFields");
  return std::make_shared<const Json>(std::move(object));
}

}  // namespace

struct WatchCache::Impl {
  using Objects = std::map<std::string, ObjectPtr>;
  struct Change {
    WatchEventType type;
    ObjectPtr object;
  };

  Impl(const Client& used, ResourcePath path, Query selection, OnChange changed)
      : client(used),
        collection(std::move(path)),
        query(std::move(selection)),
        on_change(std::move(changed)) {
    prove_alive();
  }

  void prove_alive() { alive_at = monotonic_now(); }

  void tell(const std::vector<Change>& changes, const std::stop_token& stop) const {
    if (!on_change) return;
    for (const Change& change : changes) {
      if (stop.stop_requested()) return;
      on_change(change.type, change.object);
    }
  }

  // Lists, swaps the snapshot, and tells the differences.
  Result<Done> relist(const std::stop_token& stop) {
    HP_ASSIGN(auto listed, client.list(collection, query, Deadline::in(kListDeadline), stop));
    Objects fresh;
    for (Json& item : listed.items) {
      std::string key = key_of(item);
      fresh.insert_or_assign(std::move(key), cached(std::move(item)));
    }
    std::vector<Change> changes;
    {
      const std::lock_guard lock(mutex);
      for (auto& [key, object] : fresh) {
        const auto known = objects.find(key);
        if (known == objects.end()) {
          changes.push_back({WatchEventType::Added, object});
        } else if (string_at(*known->second, {"metadata", "uid"}) !=
                   string_at(*object, {"metadata", "uid"})) {
          // Deleted and made anew while we did not look.
          changes.push_back({WatchEventType::Deleted, known->second});
          changes.push_back({WatchEventType::Added, object});
        } else if (version_of(*known->second) != version_of(*object)) {
          changes.push_back({WatchEventType::Modified, object});
        } else {
          object = known->second;
        }
      }
      for (const auto& [key, object] : objects)
        if (!fresh.contains(key)) changes.push_back({WatchEventType::Deleted, object});
      objects = std::move(fresh);
    }
    version = listed.resource_version;
    prove_alive();
    tell(changes, stop);
    is_synced = true;
    return Done{};
  }

  // False when the event cannot follow what we have seen, and only a list can tell what is true.
  bool take(const WatchEvent& event, const std::stop_token& stop) {
    prove_alive();
    const std::string seen = version_of(event.object);
    if (seen.empty() || is_older(seen, version)) return false;
    version = seen;
    if (event.type == WatchEventType::Bookmark) return true;
    const std::string key = key_of(event.object);
    Change change{event.type, cached(event.object)};
    {
      const std::lock_guard lock(mutex);
      const auto known = objects.find(key);
      if (event.type == WatchEventType::Deleted) {
        if (known == objects.end()) return true;
        objects.erase(known);
      } else if (known == objects.end()) {
        change.type = WatchEventType::Added;
        objects.emplace(key, change.object);
      } else {
        if (version_of(*known->second) == seen) return true;  // told twice
        change.type = WatchEventType::Modified;
        known->second = change.object;
      }
    }
    tell({change}, stop);
    return true;
  }

  void run(const std::stop_token& stop) {
    // The cap keeps a watch less than 10 s behind an API server that came back.
    Backoff backoff(Duration(200), Duration(8'000));
    while (!stop.stop_requested()) {
      const bool listed_just_now = version.empty();
      if (listed_just_now) {
        if (const auto listed = relist(stop); !listed.ok()) {
          if (stop.stop_requested()) return;
          const Duration wait = backoff.next();
          log::warn("a list failed and is tried again",
                    {{"path", collection.text()},
                     {"error", describe(listed.error())},
                     {"in", std::to_string(wait.count()) + "ms"}});
          wait_for(wait, stop);
          continue;
        }
      }
      const auto started = monotonic_now();
      bool lost_track = false, heard = false;
      const auto watched =
          client.watch(collection, query, version, jittered(kShortestWatch, 1.0, 2.0), stop,
                       [&](const WatchEvent& event) {
                         heard = true;
                         lost_track = !take(event, stop);
                         return !lost_track;
                       });
      if (stop.stop_requested()) return;
      const auto lasted = monotonic_now() - started;
      const std::string why = watched.ok() ? std::string() : watched.error().cause;
      // "Expired" is the answer of a healthy API server, unless it says so to what it has just
      // listed.
      if (lasted >= kHealthyWatch || (why == "Expired" && !listed_just_now)) backoff.reset();
      if (lost_track || why == "Expired" || why == "ResourceVersionTooLarge" ||
          (!heard && lasted >= kLongSilence))
        version.clear();
      const Duration wait = backoff.next();
      if (lost_track)
        log::warn("a watch told events out of order; listing again", {{"path", collection.text()}});
      else if (!watched.ok())
        log::info("a watch ended and is taken up again",
                  {{"path", collection.text()},
                   {"error", describe(watched.error())},
                   {"in", std::to_string(wait.count()) + "ms"}});
      wait_for(wait, stop);
    }
  }

  const Client& client;
  const ResourcePath collection;
  const Query query;
  const OnChange on_change;

  std::string version;  // the watch's thread only; empty: a list is needed

  std::atomic<bool> is_synced{false};
  std::atomic<std::chrono::steady_clock::time_point> alive_at;

  mutable std::mutex mutex;  // guards objects
  Objects objects;

  std::jthread thread;
};

WatchCache::WatchCache(const Client& client, ResourcePath collection, Query query,
                       OnChange on_change)
    : impl_(std::make_unique<Impl>(client, std::move(collection), std::move(query),
                                   std::move(on_change))) {
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

WatchCache::~WatchCache() {
  impl_->thread.request_stop();
  impl_->thread.join();  // here, so that a callback under way still finds a whole cache
}

bool WatchCache::synced() const { return impl_->is_synced; }

Duration WatchCache::silence() const {
  return std::chrono::duration_cast<Duration>(monotonic_now() - impl_->alive_at.load());
}

ObjectPtr WatchCache::find(const std::string& namespace_, const std::string& name) const {
  const std::string key = key_of(namespace_, name);
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->objects.find(key);
  return found == impl_->objects.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> WatchCache::all() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<ObjectPtr> objects;
  objects.reserve(impl_->objects.size());
  for (const auto& [key, object] : impl_->objects) objects.push_back(object);
  return objects;
}

}  // namespace holdpoint::kube
