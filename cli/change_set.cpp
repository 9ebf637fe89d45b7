#include "cli/change_set.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "cli/card.hpp"
#include "core/approval/checks.hpp"
#include "core/approval/standing.hpp"
#include "core/approval/wording.hpp"
#include "core/change/moved_on.hpp"
#include "core/change/origin.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t kColumns = 160;
constexpr std::size_t kMostSets = 10;
constexpr std::size_t kMostLines = 4;
constexpr std::size_t kDigestDigits = 12;

int stretch_of(const ApprovalRequest& request) {
  const std::string hook = request.spec.origin.has_value() ? request.spec.origin->hook : "";
  if (hook.starts_with("pre-") || hook.find("PreSync") != std::string::npos) return 0;
  if (hook.starts_with("post-") || hook.starts_with("test") ||
      hook.find("PostSync") != std::string::npos || hook.find("SyncFail") != std::string::npos)
    return 2;
  return 1;
}

int rank_of(const ApprovalRequest& request) {
  if (request.spec.operation == Operation::Delete) return 4;
  const std::string& kind = request.spec.target.kind;
  if (kind == "Job") return 0;
  if (kind == "ConfigMap" || kind == "Secret") return 1;
  return request.spec.target.group.ends_with("rbac.authorization.k8s.io") ? 2 : 3;
}

// Named by people, not made from where it comes.
bool is_typed(const ApprovalRequestSpec& spec) {
  return !spec.origin.has_value() || spec.change_set != change_set_of(*spec.origin);
}

std::string listed(std::vector<std::string> names) {
  const std::size_t more = names.size() > kMostSets ? names.size() - kMostSets : 0;
  names.resize(names.size() - more);
  return join(names, ", ") + (more == 0 ? "" : " and " + count_of(more, "other"));
}

}  // namespace

std::vector<ApprovalRequest> in_order(std::vector<ApprovalRequest> requests) {
  const auto key = [](const ApprovalRequest& request) {
    return std::tuple(stretch_of(request),
                      request.spec.origin.has_value() ? request.spec.origin->wave : 0,
                      rank_of(request), request.metadata.creation_timestamp,
                      request.metadata.namespace_, request.metadata.name);
  };
  std::sort(requests.begin(), requests.end(),
            [&](const ApprovalRequest& a, const ApprovalRequest& b) { return key(a) < key(b); });
  return requests;
}

Error no_set(const std::string& what, const std::vector<ApprovalRequest>& all,
             const std::string& change_set) {
  std::map<std::string, std::size_t> others;
  for (const ApprovalRequest& request : all)
    if (!request.spec.change_set.empty()) ++others[request.spec.change_set];
  std::vector<std::string> names;
  for (const auto& [name, count] : others)
    names.push_back(visible_cut(name, 80) + " (" + std::to_string(count) + ")");
  return Error{ErrorKind::NotFound,
               what + " change set " + visible_cut(change_set, 120) + "; there are " +
                   (names.empty() ? "none here" : listed(names)) +
                   "\n  next:  look in all namespaces\nkubectl holdpoint list -A",
               {}};
}

Result<std::vector<ApprovalRequest>> set_of(const std::vector<ApprovalRequest>& all,
                                            const std::string& change_set) {
  std::vector<ApprovalRequest> found;
  for (const ApprovalRequest& request : all)
    if (request.spec.change_set == change_set) found.push_back(request);
  if (found.empty()) return no_set("nothing waits in", all, change_set);
  std::set<std::string> spaces;
  for (const ApprovalRequest& request : found)
    if (is_typed(request.spec)) spaces.insert(request.metadata.namespace_);
  if (spaces.size() > 1)
    return invalid("people named a change set " + visible_cut(change_set, 120) + " in " +
                   listed({spaces.begin(), spaces.end()}) +
                   ", and whether they are one nobody can tell\n  next:  take one namespace at a "
                   "time\nkubectl holdpoint show --change-set " +
                   shell_word(change_set) + " -n " + visible(*spaces.begin()));
  return in_order(std::move(found));
}

std::vector<ApprovalRequest> pending_of(std::vector<ApprovalRequest> requests) {
  std::erase_if(requests, [](const ApprovalRequest& request) {
    return request.status.phase != RequestPhase::Pending;
  });
  return requests;
}

std::string set_digest(const std::vector<ApprovalRequest>& requests) {
  std::set<std::pair<std::string, std::string>> shown;
  for (const ApprovalRequest& request : requests)
    shown.emplace(request.metadata.uid, request.spec.binding_digest);
  FramedHash hash("holdpoint-change-set/1");
  for (const auto& [uid, binding] : shown) hash.field(uid).field(binding);
  return hash.hex().substr(0, kDigestDigits);
}

std::string objection_to_digest(const std::string& text) {
  const bool fits = text.size() == kDigestDigits &&
                    text.find_first_not_of("0123456789abcdef") == std::string::npos;
  return fits ? ""
              : "'" + visible_cut(text, 60) +
                    "' is not what `show --change-set` ends with, 12 digits such as 3f9a0c17be52";
}

std::string approve_set_command(const std::vector<ApprovalRequest>& requests, Namespaces which) {
  const ApprovalRequest& first = requests.front();
  return "kubectl holdpoint approve --change-set " + shell_word(first.spec.change_set) +
         (which == Namespaces::All ? " -A" : " -n " + visible(first.metadata.namespace_)) +
         " --seen " + set_digest(requests);
}

std::string set_card(const std::vector<ApprovalRequest>& requests, Instant now, Colour colour) {
  const ApprovalRequestSpec& first = requests.front().spec;
  std::string text = "Change set " + visible_cut(first.change_set, kColumns) + ": " +
                     count_of(requests.size(), "change") +
                     ", in the order in which they should run";
  std::set<std::string> askers, authors;
  for (const ApprovalRequest& request : requests) {
    askers.insert(person(request.spec.requester.username));
    for (const std::string& author : request.spec.authors) authors.insert(person(author));
  }
  const auto line = [&](const char* label, const std::string& value) {
    text += "\n" + labelled(label, value);
  };
  text += "\n";
  for (const std::string& told : told_of_origin(requests.front())) line("from", told);
  if (!authors.empty())
    line("committed", "by " + visible_cut(join({authors.begin(), authors.end()}, ", "), kColumns) +
                          " (as an annotation says; they may not approve)");
  line("asked", "by " + visible_cut(join({askers.begin(), askers.end()}, ", "), kColumns));
  if (askers.size() > 1)
    line("", "by " + count_of(askers.size(), "account") + ": see below who asked for what");
  std::size_t number = 0;
  for (const ApprovalRequest& request : requests) {
    const ApprovalRequestSpec& spec = request.spec;
    const std::string hook = spec.origin.has_value() && !spec.origin->hook.empty()
                                 ? ", hook " + visible_cut(spec.origin->hook, 60)
                                 : "";
    text += "\n\n" + std::to_string(++number) + ". " + painted(request.status.phase, colour) +
            "  " + describe_target(spec.target) + "  (" + std::string(to_string(spec.operation)) +
            hook + ")  risk " + std::string(to_string(spec.risk.level));
    for (std::size_t i = 0; i < std::min(spec.summary.size(), kMostLines); ++i)
      text += "\n   " + visible_cut(spec.summary[i], kColumns);
    if (spec.summary.size() > kMostLines)
      text += "\n   and " + std::to_string(spec.summary.size() - kMostLines) + " more";
    for (std::size_t i = 0; i < std::min(spec.risk.hits.size(), kMostLines); ++i)
      text += "\n   risk " + std::string(to_string(spec.risk.hits[i].level)) + ": " +
              visible_cut(spec.risk.hits[i].what, kColumns);
    if (spec.risk.hits.size() > kMostLines)
      text += "\n   and " + count_of(spec.risk.hits.size() - kMostLines, "lesser risk");
    for (const CheckState& check : check_states(request, nullptr, now))
      text += "\n   check " + visible_cut(describe_check(check, now), kColumns);
    if (askers.size() > 1) text += "\n   asked by " + person(spec.requester.username);
    const auto asked = parse_rfc3339(request.metadata.creation_timestamp);
    const std::string age =
        asked.ok() ? humanize(std::chrono::duration_cast<Duration>(now - *asked)) + " ago" : "";
    text += "\n   " + visible(request.metadata.name) + " -n " +
            visible(request.metadata.namespace_) + (age.empty() ? "" : ", " + age) +
            (request.status.approvals.empty()
                 ? ""
                 : ", " + visible_cut(request.status.approvals, 20) + " approvals") +
            (spec.reason.empty() ? "" : ": \"" + visible_cut(spec.reason, kColumns) + "\"");
  }
  return text;
}

std::string shell_word(const std::string& text) {
  const std::string shown = visible(text);
  const bool plain = !shown.empty() && std::all_of(shown.begin(), shown.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
  if (plain) return shown;
  std::string quoted = "'";
  for (const char c : shown) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string> told_of_origin(const ApprovalRequest& request) {
  std::vector<std::string> lines;
  const auto& origin = request.spec.origin;
  if (!origin.has_value()) return lines;
  std::string line = describe(*origin);
  if (!origin->revision.empty())
    line += (origin->kind == OriginKind::Release ? ", chart " : ", going to ") +
            visible_cut(origin->revision, kColumns);
  if (!origin->hook.empty()) line += ", hook " + visible_cut(origin->hook, 60);
  lines.push_back(line + " (as the object says)");
  for (const Condition& condition : request.status.conditions)
    if (condition.type == "OriginSeen" && condition.status != "True" &&
        !is_end(request.status.phase))
      lines.push_back(visible_cut(condition.message, 2 * kColumns));
  return lines;
}

}  // namespace holdpoint::cli
