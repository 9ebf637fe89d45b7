// What people type: names of requests, cut short or whole, and kind/name of objects. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "core/approval/hold.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::cli {

[[nodiscard]] Result<Done> check_name(std::string_view what, const std::string& text);

// A request as people type it: its name, or the first letters of it, or KIND/NAME of its target.
[[nodiscard]] Result<Done> check_request(const std::string& typed);

// Whether "deployment/web", "deploy/web" or "deployments.apps/web" names this object, as kubectl
// takes it: kind or resource, with or without the group, or a usual short form.
[[nodiscard]] bool is_of(const Target& target, const std::string& typed);

// Which request is meant: this very name, or the only one that starts so, or that asks about this
// target. Requests that wait come before those that ended, and of a target's ended ones the newest
// is meant. Error: NotFound, or Invalid with the candidates where it could be several.
[[nodiscard]] Result<const ApprovalRequest*> find_request(
    const std::vector<ApprovalRequest>& requests, const std::string& typed);

// "; did you mean web-1?": names, or targets where one was typed, that begin almost so. Empty where
// there are none.
[[nodiscard]] std::string did_you_mean(const std::vector<ApprovalRequest>& requests,
                                       const std::string& typed);

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
