// The Kubernetes API as a handful of calls: read, write, watch, ask who may.
//
// One client for all: it knows paths, Status errors and content types, never a kind of ours. Errors
// carry the API server's words: 404 NotFound; 409 Conflict (cause "Conflict" or "AlreadyExists");
// 410 Conflict with cause "Expired"; 401/403 Forbidden; 400, 405, 413, 415, 422 Invalid; 429, 5xx
// and broken connections Unavailable (504 too). `cause` holds the Status' reason. Names that would
// lead to another path are Invalid. Nothing is tried again behind the caller's back. Blocking;
// thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::kube {

// Where a resource lives on the API.
struct ResourcePath {
  std::string group;  // empty: core
  std::string version;
  std::string resource;    // plural
  std::string namespace_;  // empty: cluster scope, or all namespaces for a list
  std::string name;        // empty: the collection
  std::string subresource;
  [[nodiscard]] std::string text() const;  // "/apis/apps/v1/namespaces/a/deployments/b"
};

using Query = std::map<std::string, std::string>;

enum class PatchType {
  Json,
  Merge,
  Apply
};  // RFC 6902, RFC 7386, server-side apply (YAML as JSON)

struct WriteOptions {
  bool dry_run = false;
  bool force = false;  // Apply only
  std::string field_manager = "holdpoint";
};

struct ListResult {
  std::vector<Json> items;
  std::string resource_version;
};

// An object as `kubectl get` shows it.
struct Row {
  std::string namespace_, name;
  std::map<std::string, std::string> cells;  // by the name of the column; text and numbers alone
};

enum class WatchEventType { Added, Modified, Deleted, Bookmark };
struct WatchEvent {
  WatchEventType type;
  Json object;
};

// How to reach one API server; read by kube/config.
struct ApiConfig {
  std::string server;  // https://host:port
  std::string ca_pem;
  std::string client_cert_pem;
  std::string client_key_pem;
  std::string token;
  std::string token_file;  // read again when it changes (bound tokens rotate); wins over token
};

// Warnings that the API server sent with an answer ("Warning:" headers), in order.
struct Answer {
  Json object;
  std::vector<std::string> warnings;
};

class Client {
 public:
  explicit Client(ApiConfig config, std::string user_agent);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Reads the latest (no resourceVersion: a quorum read).
  [[nodiscard]] Result<Json> get(const ResourcePath& path, Deadline deadline) const;
  // All items, in pages of 500, consistent (a quorum read unless the query has resourceVersion).
  // Each item tells its apiVersion and kind, also where the API server leaves them to the list. A
  // requested `stop` ends it within some ms, with Unavailable.
  [[nodiscard]] Result<ListResult> list(const ResourcePath& path, const Query& query,
                                        Deadline deadline, const std::stop_token& stop = {}) const;
  // Their metadata alone: what else they hold does not leave the API server.
  // (PartialObjectMetadata)
  [[nodiscard]] Result<ListResult> list_metadata(const ResourcePath& path, const Query& query,
                                                 Deadline deadline) const;
  // All items by their columns alone (meta.k8s.io/v1 Table), for what is too large to be read
  // whole.
  [[nodiscard]] Result<std::vector<Row>> table(const ResourcePath& path, const Query& query,
                                               Deadline deadline) const;
  [[nodiscard]] Result<Json> create(const ResourcePath& path, const Json& object,
                                    const WriteOptions& options, Deadline deadline) const;
  // PUT; the object carries resourceVersion where the caller means compare-and-swap.
  [[nodiscard]] Result<Json> update(const ResourcePath& path, const Json& object,
                                    const WriteOptions& options, Deadline deadline) const;
  [[nodiscard]] Result<Json> patch(const ResourcePath& path, PatchType type, const Json& patch,
                                   const WriteOptions& options, Deadline deadline) const;
  // With `uid` (may be empty) as precondition. Background propagation.
  [[nodiscard]] Result<Done> remove(const ResourcePath& path, const std::string& uid,
                                    Deadline deadline) const;
  // create() that also tells the warnings; used by the probe.
  [[nodiscard]] Result<Answer> create_with_warnings(const ResourcePath& path, const Json& object,
                                                    const WriteOptions& options,
                                                    Deadline deadline) const;
  // Any GET below the API server, such as "/version" or "/apis/apps".
  [[nodiscard]] Result<Json> get_raw(const std::string& target, Deadline deadline) const;

  // Watches from `resource_version` until the stream ends (ok), `on_event` returns false (ok), stop
  // (ok) or an error (Conflict "Expired" when the version is gone; Unavailable for a silence longer
  // than the API server's bookmarks allow). Bookmarks are asked for. `timeout` goes to the server
  // as timeoutSeconds.
  [[nodiscard]] Result<Done> watch(const ResourcePath& path, Query query,
                                   const std::string& resource_version, Duration timeout,
                                   const std::stop_token& stop,
                                   const std::function<bool(const WatchEvent&)>& on_event) const;

  // SubjectAccessReview (authorization.k8s.io/v1) for somebody else, with the groups given here.
  struct Attributes {
    std::string verb, group, resource, subresource, namespace_, name;
  };
  [[nodiscard]] Result<bool> may(const Identity& who, const Attributes& what,
                                 Deadline deadline) const;
  // SelfSubjectAccessReview.
  [[nodiscard]] Result<bool> may_i(const Attributes& what, Deadline deadline) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdpoint::kube
