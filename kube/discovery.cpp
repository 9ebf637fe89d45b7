#include "kube/discovery.hpp"

#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "kube/wire.hpp"
#include "net/http_client.hpp"

namespace holdpoint::kube {
namespace {

// The versions of a group, the preferred one first.
Result<std::vector<std::string>> versions_of(const Client& client, const std::string& group,
                                             Deadline deadline) {
  if (group.empty()) return std::vector<std::string>{"v1"};
  HP_ASSIGN(const auto document, client.get_raw("/apis/" + net::url_escape(group), deadline));
  std::vector<std::string> versions;
  if (auto preferred = string_at(document, {"preferredVersion", "version"}); !preferred.empty())
    versions.push_back(std::move(preferred));
  if (const Json* all = member_at(document, {"versions"}); all != nullptr && all->is_array())
    for (const Json& entry : *all)
      if (auto version = string_at(entry, {"version"});
          !version.empty() && (versions.empty() || version != versions.front()))
        versions.push_back(std::move(version));
  return versions;
}

}  // namespace

struct Discovery::Impl {
  struct Found {
    ApiResource resource;
    Deadline fresh_until;
  };

  Result<ApiResource> look_up(const std::string& group, By by, const std::string& wanted,
                              Deadline deadline) const {
    const Error missing{
        ErrorKind::NotFound,
        "the API server serves no '" + wanted + "' in the API group '" + group + "'",
        {}};
    // Neither may lead to another path; a kind is in none.
    ResourcePath path;
    path.group = group;
    path.version = "v1";
    path.resource = by == By::Resource ? wanted : "any";
    HP_TRY(check_path(path, Names::Collection));
    const auto versions = versions_of(client, group, deadline);
    if (!versions.ok())
      return versions.error().kind == ErrorKind::NotFound ? missing : versions.error();
    for (const std::string& version : *versions) {
      const std::string root = group.empty() ? "/api/" : "/apis/" + net::url_escape(group) + "/";
      const auto document = client.get_raw(root + net::url_escape(version), deadline);
      if (!document.ok()) {
        if (document.error().kind == ErrorKind::NotFound) continue;  // withdrawn meanwhile
        return document.error();
      }
      const Json* resources = member_at(*document, {"resources"});
      if (resources == nullptr || !resources->is_array()) continue;
      for (const Json& entry : *resources) {
        const std::string resource = string_at(entry, {"name"});
        if (resource.find('/') != std::string::npos) continue;
        if ((by == By::Resource ? resource : string_at(entry, {"kind"})) != wanted) continue;
        const Json* namespaced = member_at(entry, {"namespaced"});
        if (namespaced == nullptr || !namespaced->is_boolean())
          return Error{ErrorKind::Unavailable,
                       "the API server does not tell the scope of '" + resource + "'",
                       {}};
        return ApiResource{group, version, string_at(entry, {"kind"}), resource,
                           namespaced->get<bool>()};
      }
    }
    return missing;
  }

  explicit Impl(const Client& used) : client(used) {}

  const Client& client;
  std::mutex mutex;  // guards known
  std::map<std::tuple<std::string, By, std::string>, Found> known;
};

Discovery::Discovery(const Client& client) : impl_(std::make_unique<Impl>(client)) {}
Discovery::~Discovery() = default;

Result<ApiResource> Discovery::find(const std::string& group, const std::string& resource,
                                    Deadline deadline) const {
  return find(group, By::Resource, resource, deadline);
}

Result<ApiResource> Discovery::find_kind(const std::string& group, const std::string& kind,
                                         Deadline deadline) const {
  return find(group, By::Kind, kind, deadline);
}

Result<ApiResource> Discovery::find(const std::string& group, By by, const std::string& name,
                                    Deadline deadline) const {
  const std::tuple key{group, by, name};
  {
    const std::lock_guard lock(impl_->mutex);
    if (const auto found = impl_->known.find(key); found != impl_->known.end()) {
      if (!found->second.fresh_until.over()) return found->second.resource;
      impl_->known.erase(found);
    }
  }
  auto looked_up = impl_->look_up(group, by, name, deadline);
  if (looked_up.ok()) {
    const std::lock_guard lock(impl_->mutex);
    impl_->known.insert_or_assign(key, Impl::Found{*looked_up, Deadline::in(kDiscoveryAge)});
  }
  return looked_up;
}

}  // namespace holdpoint::kube
