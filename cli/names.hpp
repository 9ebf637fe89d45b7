// What people type: names of requests, cut short or whole, and kind/name of objects. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "core/approval/hold.hpp"

namespace holdpoint::cli {

[[nodiscard]] Result<Done> check_name(std::string_view what, const std::string& text);

// Which request is meant: this very name, or the only one that starts so. Requests that wait come
// before those that ended. Error: NotFound, or Invalid with the candidates where it could be
// several.
[[nodiscard]] Result<const ApprovalRequest*> find_request(
    const std::vector<ApprovalRequest>& requests, const std::string& typed);

// An object that can be stored held.
struct Holdable {
  Pausable how = Pausable::No;
  std::string group, resource;
  std::string kind;  // for people: "Deployment"
  std::string name;
  [[nodiscard]] std::string path() const {
    return resource + "." + group + "/" + name;
  }                                         // as kubectl wants it
  [[nodiscard]] std::string typed() const;  // "deployment/web"
};
// "deployment/web", "deploy/web", "deployments.apps/web", "job/x". Error: Invalid.
[[nodiscard]] Result<Holdable> parse_holdable(const std::string& typed);

}  // namespace holdpoint::cli
