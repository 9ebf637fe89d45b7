#include "kube/client.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "kube/token.hpp"
#include "kube/wire.hpp"
#include "net/http_client.hpp"

namespace holdpoint::kube {
namespace {

constexpr int kPageSize = 500;
constexpr std::size_t kMaxListPage = std::size_t{256} << 20;
// Bookmarks come about each minute (the API server adds up to a quarter): silence beyond this is a
// dead peer.
constexpr Duration kBookmarkPatience{90'000};
constexpr Duration kIdleMargin{10'000};

const char* content_type(PatchType type) {
  switch (type) {
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
  }
  return "";
}

Query query_of(const WriteOptions& options) {
  Query query;
  if (!options.field_manager.empty()) query["fieldManager"] = options.field_manager;
  if (options.dry_run) query["dryRun"] = "All";
  return query;
}

Error stopped() {
  return Error{ErrorKind::Unavailable, "stopped while waiting for the API server", "Stopped"};
}

// Items of built-in kinds come without apiVersion and kind; the list's own ("apps/v1",
// "DeploymentList") tell.
void name_kind(Json& item, const std::string& api_version, const std::string& list_kind) {
  if (!item.is_object() || item.contains("kind") || !list_kind.ends_with("List")) return;
  item["apiVersion"] = api_version;
  item["kind"] = list_kind.substr(0, list_kind.size() - 4);
}

Result<bool> allowed(const Json& review) {
  const Json* answer = member_at(review, {"status", "allowed"});
  if (answer == nullptr || !answer->is_boolean())
    return Error{ErrorKind::Internal, "the API server's access review has no answer",
                 "status.allowed is missing"};
  return answer->get<bool>();
}

Json attributes_of(const Client::Attributes& what) {
  Json attributes = Json::object();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) attributes[key] = value;
  };
  add("verb", what.verb);
  add("group", what.group);
  add("resource", what.resource);
  add("subresource", what.subresource);
  add("namespace", what.namespace_);
  add("name", what.name);
  return attributes;
}

Json review_of(const char* kind, Json spec) {
  return Json{{"apiVersion", "authorization.k8s.io/v1"}, {"kind", kind}, {"spec", std::move(spec)}};
}

ResourcePath review_path(const char* resource) {
  ResourcePath path;
  path.group = "authorization.k8s.io";
  path.version = "v1";
  path.resource = resource;
  return path;
}

}  // namespace

struct Client::Impl {
  Impl(ApiConfig config, std::string agent)
      : user_agent(std::move(agent)),
        token(std::move(config.token), std::move(config.token_file)),
        http(net::HttpEndpoint{std::move(config.server), std::move(config.ca_pem),
                               std::move(config.client_cert_pem), std::move(config.client_key_pem),
                               [this] { return token.current(); }}) {}

  [[nodiscard]] net::HttpRequest request(const char* method, std::string target) const {
    net::HttpRequest request;
    request.method = method;
    request.target = std::move(target);
    request.headers["Accept"] = "application/json";
    request.headers["User-Agent"] = user_agent;
    return request;
  }

  [[nodiscard]] net::HttpRequest request(const char* method, std::string target, const Json& body,
                                         const char* type = "application/json") const {
    auto made = request(method, std::move(target));
    made.headers["Content-Type"] = type;
    made.body = dump_json(body);
    return made;
  }

  static Result<Json> object_of(const net::HttpResponse& response) {
    if (response.status / 100 != 2) return error_of(response.status, response.body);
    auto parsed = parse_json(response.body, kMaxAnswerDepth);
    if (!parsed.ok())
      return Error{ErrorKind::Unavailable, "the API server's answer is not a JSON object",
                   describe(parsed.error())};
    return parsed;
  }

  [[nodiscard]] Result<Json> call(const net::HttpRequest& request, Deadline deadline) const {
    HP_ASSIGN(const auto response, http.call(request, deadline));
    return object_of(response);
  }

  // A GET that `stop` can end, which call() cannot: the answer comes as a stream.
  [[nodiscard]] Result<Json> call(const net::HttpRequest& request, Deadline deadline,
                                  const std::stop_token& stop) const {
    if (!stop.stop_possible()) return call(request, deadline);
    if (deadline.over())
      return Error{ErrorKind::DeadlineExceeded, "no time was left to ask the API server", {}};
    std::string body;
    HP_ASSIGN(auto response,
              http.stream(request, deadline.left(), stop, [&](std::string_view bytes) {
                body += bytes;
                return body.size() <= kMaxListPage && !deadline.over();
              }));
    if (stop.stop_requested()) return stopped();
    if (response.status == 200) {
      if (deadline.over())
        return Error{ErrorKind::DeadlineExceeded, "the API server's list took too long", {}};
      if (body.size() > kMaxListPage)
        return Error{ErrorKind::Unavailable, "the API server's list is too large", request.target};
      response.body = std::move(body);
    }
    return object_of(response);
  }

  [[nodiscard]] Result<ListResult> list(const ResourcePath& path, const Query& query,
                                        const char* accept, Deadline deadline,
                                        const std::stop_token& stop) const;

  const std::string user_agent;
  mutable TokenSource token;
  const net::HttpClient http;
};

Client::Client(ApiConfig config, std::string user_agent)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(user_agent))) {}
Client::~Client() = default;

Result<Json> Client::get(const ResourcePath& path, Deadline deadline) const {
  HP_TRY(check_path(path, Names::One));
  return impl_->call(impl_->request("GET", path.text()), deadline);
}

Result<ListResult> Client::list(const ResourcePath& path, const Query& query, Deadline deadline,
                                const std::stop_token& stop) const {
  return impl_->list(path, query, "application/json", deadline, stop);
}

Result<ListResult> Client::list_metadata(const ResourcePath& path, const Query& query,
                                         Deadline deadline) const {
  // No other type is accepted: an API server that cannot leave the rest out sends nothing.
  return impl_->list(path, query,
                     "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", deadline,
                     {});
}

Result<ListResult> Client::Impl::list(const ResourcePath& path, const Query& query,
                                      const char* accept, Deadline deadline,
                                      const std::stop_token& stop) const {
  HP_TRY(check_path(path, Names::Collection));
  ListResult result;
  Query page = query;
  page["limit"] = std::to_string(kPageSize);
  while (true) {
    auto wanted = request("GET", path.text() + query_text(page));
    wanted.headers["Accept"] = accept;
    auto answer = call(wanted, deadline, stop);
    if (!answer.ok()) {
      // The rest of the pages is gone when etcd was compacted meanwhile. A list in one piece cannot
      // expire.
      if (answer.error().cause != "Expired" || !page.contains("continue")) return answer.error();
      result = {};
      page = query;
      continue;
    }
    Json& list = *answer;
    const std::string version = string_at(list, {"metadata", "resourceVersion"});
    if (!list.is_object() || version.empty())
      return Error{ErrorKind::Unavailable, "the API server's answer is not a list", path.text()};
    if (result.resource_version.empty()) result.resource_version = version;
    const std::string api_version = string_at(list, {"apiVersion"}),
                      kind = string_at(list, {"kind"});
    if (const auto items = list.find("items"); items != list.end() && items->is_array()) {
      result.items.reserve(result.items.size() + items->size());
      for (Json& item : *items) {
        name_kind(item, api_version, kind);
        result.items.push_back(std::move(item));
      }
    }
    std::string next = string_at(list, {"metadata", "continue"});
    if (next.empty()) return result;
    page["continue"] = std::move(next);
    page.erase("resourceVersion");  // the token has it; both together are refused
    page.erase("resourceVersionMatch");
  }
}

Result<std::vector<Row>> Client::table(const ResourcePath& path, const Query& query,
                                       Deadline deadline) const {
  HP_TRY(check_path(path, Names::Collection));
  std::vector<Row> rows;
  Query page = query;
  page["limit"] = std::to_string(kPageSize);
  while (true) {
    auto request = impl_->request("GET", path.text() + query_text(page));
    request.headers["Accept"] = "application/json;as=Table;v=v1;g=meta.k8s.io";
    HP_ASSIGN(const Json table, impl_->call(request, deadline));
    const Json* columns = member_at(table, {"columnDefinitions"});
    const Json* lines = member_at(table, {"rows"});
    if (columns == nullptr || !columns->is_array())
      return Error{ErrorKind::Unavailable, "the API server's answer is not a table", path.text()};
    if (lines != nullptr && lines->is_array())
      for (const Json& line : *lines) {
        Row row{string_at(line, {"object", "metadata", "namespace"}),
                string_at(line, {"object", "metadata", "name"}),
                {}};
        const Json* cells = member_at(line, {"cells"});
        for (std::size_t i = 0; cells != nullptr && i < columns->size() && i < cells->size(); ++i)
          if (const Json& cell = (*cells)[i]; cell.is_string() || cell.is_number())
            row.cells[string_at((*columns)[i], {"name"})] =
                cell.is_string() ? cell.get<std::string>() : dump_json(cell);
        rows.push_back(std::move(row));
      }
    std::string next = string_at(table, {"metadata", "continue"});
    if (next.empty()) return rows;
    page["continue"] = std::move(next);
  }
}

Result<Answer> Client::create_with_warnings(const ResourcePath& path, const Json& object,
                                            const WriteOptions& options, Deadline deadline) const {
  HP_TRY(check_path(path, Names::Collection));
  HP_ASSIGN(
      const auto response,
      impl_->http.call(impl_->request("POST", path.text() + query_text(query_of(options)), object),
                       deadline));
  HP_ASSIGN(auto made, Impl::object_of(response));
  Answer answer{std::move(made), {}};
  if (const auto header = response.headers.find("warning"); header != response.headers.end())
    answer.warnings = parse_warnings(header->second);
  return answer;
}

Result<Json> Client::create(const ResourcePath& path, const Json& object,
                            const WriteOptions& options, Deadline deadline) const {
  HP_ASSIGN(auto answer, create_with_warnings(path, object, options, deadline));
  return std::move(answer.object);
}

Result<Json> Client::update(const ResourcePath& path, const Json& object,
                            const WriteOptions& options, Deadline deadline) const {
  HP_TRY(check_path(path, Names::One));
  return impl_->call(impl_->request("PUT", path.text() + query_text(query_of(options)), object),
                     deadline);
}

Result<Json> Client::patch(const ResourcePath& path, PatchType type, const Json& patch,
                           const WriteOptions& options, Deadline deadline) const {
  HP_TRY(check_path(path, Names::One));
  Query query = query_of(options);
  if (type == PatchType::Apply && options.force) query["force"] = "true";
  return impl_->call(
      impl_->request("PATCH", path.text() + query_text(query), patch, content_type(type)),
      deadline);
}

Result<Done> Client::remove(const ResourcePath& path, const std::string& uid,
                            Deadline deadline) const {
  HP_TRY(check_path(path, Names::One));
  Json options{
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"] = Json{{"uid", uid}};
  HP_TRY(impl_->call(impl_->request("DELETE", path.text(), options), deadline));
  return Done{};
}

Result<Json> Client::get_raw(const std::string& target, Deadline deadline) const {
  if (!target.starts_with('/')) return invalid("a path on the API server starts with '/'", target);
  return impl_->call(impl_->request("GET", target), deadline);
}

Result<Done> Client::watch(const ResourcePath& path, Query query,
                           const std::string& resource_version, Duration timeout,
                           const std::stop_token& stop,
                           const std::function<bool(const WatchEvent&)>& on_event) const {
  HP_TRY(check_path(path, Names::Collection));
  query["watch"] = "true";
  query["allowWatchBookmarks"] = "true";
  query["resourceVersion"] = resource_version;
  query["timeoutSeconds"] = std::to_string(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(timeout).count()));

  LineSplitter lines;
  std::optional<Error> failure;
  bool ended_by_us = false;
  const auto on_line = [&](std::string_view line) {
    auto event = parse_watch_line(line);
    if (!event.ok()) {
      failure = event.error();
      return false;
    }
    ended_by_us = !on_event(*event);
    return !ended_by_us;
  };
  HP_ASSIGN(const auto response,
            impl_->http.stream(impl_->request("GET", path.text() + query_text(query)),
                               std::min(timeout, kBookmarkPatience) + kIdleMargin, stop,
                               [&](std::string_view bytes) { return lines.feed(bytes, on_line); }));
  if (failure) return *failure;
  if (lines.too_long())
    return Error{ErrorKind::Unavailable, "the API server's watch sent an event of more than 64 MiB",
                 path.text()};
  if (ended_by_us || stop.stop_requested()) return Done{};
  if (response.status != 200) return error_of(response.status, response.body);
  if (lines.unfinished())
    return Error{ErrorKind::Unavailable, "the API server's watch ended in the middle of an event",
                 path.text()};
  return Done{};
}

Result<bool> Client::may(const Identity& who, const Attributes& what, Deadline deadline) const {
  // A review without a user would answer for the groups alone.
  if (who.username.empty()) return invalid("an access review needs a user");
  Json spec{{"user", who.username}, {"resourceAttributes", attributes_of(what)}};
  if (!who.uid.empty()) spec["uid"] = who.uid;
  if (!who.groups.empty()) spec["groups"] = who.groups;
  WriteOptions plain;
  plain.field_manager.clear();
  HP_ASSIGN(const auto review,
            create(review_path("subjectaccessreviews"),
                   review_of("SubjectAccessReview", std::move(spec)), plain, deadline));
  return allowed(review);
}

Result<bool> Client::may_i(const Attributes& what, Deadline deadline) const {
  WriteOptions plain;
  plain.field_manager.clear();
  HP_ASSIGN(const auto review, create(review_path("selfsubjectaccessreviews"),
                                      review_of("SelfSubjectAccessReview",
                                                Json{{"resourceAttributes", attributes_of(what)}}),
                                      plain, deadline));
  return allowed(review);
}

}  // namespace holdpoint::kube
