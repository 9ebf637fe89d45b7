// A list+watch of one collection, kept in memory as immutable snapshots.
//
// Follows client-go's rules: list, then watch with bookmarks from there; on "Expired" list again;
// back off with jitter from 0.2 s to 8 s on errors. Objects are kept without their managedFields.
// Never decides anything: whoever needs the truth reads it live. One thread of its own; accessors
// are thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/client.hpp"

namespace holdpoint::kube {

using ObjectPtr = std::shared_ptr<const Json>;

class WatchCache {
 public:
  // Called on the watch's thread, under no lock, after the snapshot holds the change; `object` is
  // the last state known, also for a deletion. Also called for what the first list brings, and
  // after a relist for each difference (an object deleted and made anew: Deleted, then Added).
  // Never with Bookmark.
  using OnChange = std::function<void(WatchEventType type, const ObjectPtr& object)>;

  // `on_change` may be empty. Starts at once. `client` must outlive this.
  WatchCache(const Client& client, ResourcePath collection, Query query, OnChange on_change);
  ~WatchCache();  // within some ms, after a callback under way; not to be called from one
  WatchCache(const WatchCache&) = delete;
  WatchCache& operator=(const WatchCache&) = delete;

  // True once the first list is in and `on_change` has been told of it.
  [[nodiscard]] bool synced() const;
  // How long ago the stream last proved to be alive (event, bookmark or list).
  [[nodiscard]] Duration silence() const;
  [[nodiscard]] ObjectPtr find(const std::string& namespace_, const std::string& name) const;
  [[nodiscard]] std::vector<ObjectPtr> all() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdpoint::kube
