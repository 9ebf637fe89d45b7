#include "cli/names.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "core/approval/standing.hpp"

namespace holdpoint::cli {

Result<Done> check_name(std::string_view what, const std::string& text) {
  if (is_name(text)) return Done{};
  return invalid("'" + visible_cut(text, 100) + "' is no name of a " + std::string(what) +
                 ": names have lower-case letters, digits, '-' and '.'");
}

Result<const ApprovalRequest*> find_request(const std::vector<ApprovalRequest>& requests,
                                            const std::string& typed) {
  std::vector<const ApprovalRequest*> waiting, all;
  for (const ApprovalRequest& request : requests) {
    if (request.metadata.name == typed) return &request;
    if (!request.metadata.name.starts_with(typed)) continue;
    all.push_back(&request);
    if (!is_end(request.status.phase)) waiting.push_back(&request);
  }
  const auto& fitting = waiting.empty() ? all : waiting;
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    return Error{ErrorKind::NotFound,
                 "no ApprovalRequest is called '" + visible_cut(typed, 100) + "' or starts so",
                 {}};
  std::vector<std::string> names;
  for (const ApprovalRequest* request : fitting) names.push_back(visible(request->metadata.name));
  std::sort(names.begin(), names.end());
  const std::size_t more = names.size() > 5 ? names.size() - 5 : 0;
  names.resize(names.size() - more);
  return invalid("'" + visible_cut(typed, 100) + "' could be " + join(names, ", ") +
                 (more == 0 ? "" : " or " + count_of(more, "other")) + "; type more of the name");
}

std::string Holdable::typed() const {
  return (how == Pausable::Deployment ? "deployment/" : "job/") + name;
}

Result<Holdable> parse_holdable(const std::string& typed) {
  static const std::map<std::string, Pausable> kWords{{"deployment", Pausable::Deployment},
                                                      {"deployments", Pausable::Deployment},
                                                      {"deploy", Pausable::Deployment},
                                                      {"deployment.apps", Pausable::Deployment},
                                                      {"deployments.apps", Pausable::Deployment},
                                                      {"job", Pausable::Job},
                                                      {"jobs", Pausable::Job},
                                                      {"job.batch", Pausable::Job},
                                                      {"jobs.batch", Pausable::Job}};
  const auto slash = typed.find('/');
  const auto word = kWords.find(typed.substr(0, slash));
  if (slash == std::string::npos || word == kWords.end())
    return invalid("'" + visible_cut(typed, 100) +
                   "' is no object that can be held: type deployment/NAME or job/NAME");
  Holdable object;
  object.how = word->second;
  object.name = typed.substr(slash + 1);
  HP_TRY(check_name(object.how == Pausable::Deployment ? "Deployment" : "Job", object.name));
  object.group = object.how == Pausable::Deployment ? "apps" : "batch";
  object.resource = object.how == Pausable::Deployment ? "deployments" : "jobs";
  object.kind = object.how == Pausable::Deployment ? "Deployment" : "Job";
  return object;
}

}  // namespace holdpoint::cli
