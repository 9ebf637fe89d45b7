#include "cli/names.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "core/approval/standing.hpp"

namespace holdpoint::cli {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// The least edits that make `typed` the start of `name` (Levenshtein).
std::size_t edits(const std::string& typed, const std::string& name) {
  std::vector<std::size_t> row(name.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= typed.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= name.size(); ++j) {
      const std::size_t changed = diagonal + (typed[i - 1] == name[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return *std::min_element(row.begin(), row.end());
}

}  // namespace

bool is_of(const Target& target, const std::string& typed) {
  static const std::map<std::string, std::string> kShort{
      {"deploy", "deployments"}, {"sts", "statefulsets"}, {"ds", "daemonsets"},
      {"cj", "cronjobs"},        {"cm", "configmaps"},    {"ns", "namespaces"}};
  const auto slash = typed.find('/');
  if (typed.substr(slash + 1) != target.name || target.name.empty()) return false;
  std::string word = lower(typed.substr(0, slash));
  if (const auto full = kShort.find(word); full != kShort.end()) word = full->second;
  const std::string group = target.group.empty() ? "" : "." + target.group;
  const std::string kind = lower(target.kind);
  // Where the resource is not known, the plural of most kinds.
  return word == kind || word == (target.resource.empty() ? kind + "s" : target.resource) ||
         word == kind + group || word == target.resource + group;
}

Result<Done> check_name(std::string_view what, const std::string& text) {
  if (is_name(text)) return Done{};
  return invalid("'" + visible_cut(text, 100) + "' is no name of a " + std::string(what) +
                 ": names have lower-case letters, digits, '-' and '.'");
}

Result<Done> check_request(const std::string& typed) {
  const auto slash = typed.find('/');
  if (slash == std::string::npos) return check_name("request", typed);
  if (is_name(typed.substr(0, slash)) && is_name(typed.substr(slash + 1))) return Done{};
  return invalid("'" + visible_cut(typed, 100) +
                 "' is neither the name of a request nor KIND/NAME of what it asks about, such as "
                 "deployment/web");
}

Result<const ApprovalRequest*> find_request(const std::vector<ApprovalRequest>& requests,
                                            const std::string& typed) {
  const bool by_target = typed.find('/') != std::string::npos;
  std::vector<const ApprovalRequest*> waiting, all;
  for (const ApprovalRequest& request : requests) {
    if (request.metadata.name == typed) return &request;
    if (by_target ? !is_of(request.spec.target, typed) : !request.metadata.name.starts_with(typed))
      continue;
    all.push_back(&request);
    if (!is_end(request.status.phase)) waiting.push_back(&request);
  }
  if (by_target && waiting.empty() && !all.empty())
    return *std::max_element(all.begin(), all.end(), [](const auto* a, const auto* b) {
      return std::tie(a->metadata.creation_timestamp, a->spec.asked_at) <
             std::tie(b->metadata.creation_timestamp, b->spec.asked_at);
    });
  const auto& fitting = waiting.empty() ? all : waiting;
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    return Error{
        ErrorKind::NotFound,
        (by_target ? "no ApprovalRequest asks about " + visible_cut(typed, 100)
                   : "no ApprovalRequest is called '" + visible_cut(typed, 100) + "' or starts so"),
        {}};
  std::vector<std::string> names;
  for (const ApprovalRequest* request : fitting) names.push_back(visible(request->metadata.name));
  std::sort(names.begin(), names.end());
  const std::size_t more = names.size() > 5 ? names.size() - 5 : 0;
  names.resize(names.size() - more);
  return invalid("'" + visible_cut(typed, 100) + "' could be " + join(names, ", ") +
                 (more == 0 ? "" : " or " + count_of(more, "other")) + "; type " +
                 (by_target ? "the name of the one that you mean" : "more of the name"));
}

std::string did_you_mean(const std::vector<ApprovalRequest>& requests, const std::string& typed) {
  const std::size_t most = std::min<std::size_t>(2, typed.size() / 4);
  const bool by_target = typed.find('/') != std::string::npos;
  std::set<std::pair<std::size_t, std::string>> near;
  for (const ApprovalRequest& request : requests) {
    const Target& target = request.spec.target;
    const std::string name =
        by_target ? lower(target.kind) + "/" + target.name : request.metadata.name;
    if (const std::size_t apart = edits(typed, name); apart <= most) near.emplace(apart, name);
  }
  std::vector<std::string> names;
  for (const auto& [apart, name] : near)
    if (names.size() < 3) names.push_back(visible(name));
  return names.empty() ? "" : "; did you mean " + join(names, " or ") + "?";
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
