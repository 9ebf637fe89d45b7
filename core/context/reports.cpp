#include <algorithm>

#include "base/text.hpp"
#include "core/context/checks.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostText = 300, kMostImage = 120;
constexpr Duration kSkew{5 * 60'000};  // a report from further ahead has no time that can be right

struct Severity {
  const char* name;
  const char* count;
  std::optional<std::int64_t> SeverityLimits::*limit;
};
constexpr Severity kSeverities[] = {
    {"critical", "criticalCount", &SeverityLimits::critical},
    {"high", "highCount", &SeverityLimits::high},
    {"medium", "mediumCount", &SeverityLimits::medium},
    {"low", "lowCount", &SeverityLimits::low},
    {"of unknown severity", "unknownCount", &SeverityLimits::unknown},
};

bool is_about(const Json& report, const ImageName& image) {
  const auto of = [&](const char* part, const char* key) {
    return string_at(report, {"report", part, key});
  };
  // The digest is the content, wherever it is kept.
  if (!image.digest.empty()) return of("artifact", "digest") == image.digest;
  const std::string server = of("registry", "server");
  return of("artifact", "repository") == image.repository && of("artifact", "tag") == image.tag &&
         (server == image.registry ||
          (server == "docker.io" && image.registry == "index.docker.io"));
}

// Over which limits it is: "2 critical (at most 0)". Counts that are not there are over all limits.
std::string excess(const SeverityLimits& limits, const Json& report) {
  std::vector<std::string> over;
  for (const Severity& severity : kSeverities) {
    const auto& limit = limits.*severity.limit;
    if (!limit.has_value()) continue;
    const Json* count = member_at(report, {"report", "summary", severity.count});
    const bool readable = count != nullptr && count->is_number_integer();
    if (readable && *count <= *limit) continue;
    over.push_back((readable ? dump_json(*count) : "an unreadable number") + " " + severity.name +
                   " (at most " + std::to_string(*limit) + ")");
  }
  return join(over, ", ");
}

std::string found(const SeverityLimits& limits, const Json& report) {
  std::vector<std::string> counts;
  for (const Severity& severity : kSeverities)
    if ((limits.*severity.limit).has_value())
      if (const Json* count = member_at(report, {"report", "summary", severity.count}))
        counts.push_back(dump_json(*count) + " " + severity.name);
  return join(counts, ", ");
}

}  // namespace

bool may_concern(const std::vector<ContainerImage>& images, const std::string& repository,
                 const std::string& tag) {
  const auto last = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  return std::any_of(images.begin(), images.end(), [&](const ContainerImage& one) {
    const auto image = parse_image(one.image);
    if (!image.has_value()) return false;
    return image->digest.empty() ? image->repository == repository && image->tag == tag
                                 : last(image->repository) == last(repository);
  });
}

Finding judge_reports(const VulnerabilityCheck& check, const std::vector<ContainerImage>& images,
                      const std::vector<Json>& reports, Instant now) {
  const auto oldest_allowed = parse_duration(check.max_report_age);
  if (!oldest_allowed.ok()) return unknown("maxReportAge is no duration");
  if (images.size() > kMostImages)
    return unknown("the change has more than " + std::to_string(kMostImages) +
                   " images, which is more than are looked up");
  if (images.empty()) return {CheckOutcome::Pass, "the change has no images"};
  std::vector<std::string> bad, missing, good;
  for (const ContainerImage& one : images) {
    const std::string called = visible_cut(one.image.empty() ? one.where : one.image, kMostImage);
    const auto image = parse_image(one.image);
    if (!image.has_value())
      return unknown("image " + called + " of " + visible_cut(one.where, 80) + " cannot be read");
    const std::string by = image->digest.empty() ? " (by tag alone, which can move)" : "";
    const Json* youngest = nullptr;
    std::optional<Instant> seen;
    std::string over;
    bool any = false;
    for (const Json& report : reports) {
      if (!is_about(report, *image)) continue;
      any = true;
      const auto at = parse_rfc3339(string_at(report, {"report", "updateTimestamp"}));
      if (!at.ok() || now - *at > *oldest_allowed || *at - now > kSkew) continue;
      // A clean report does not hide another that is not.
      if (over.empty()) over = excess(check.at_most, report);
      if (!seen.has_value() || *seen < *at) {
        seen = *at;
        youngest = &report;
      }
    }
    const auto age = [&] {
      return " " +
             humanize(std::max(Duration(0), std::chrono::duration_cast<Duration>(now - *seen))) +
             " ago";
    };
    if (youngest == nullptr)
      missing.push_back(called +
                        (any ? ": no report of the last " + visible_cut(check.max_report_age, 20)
                             : ": no report") +
                        by);
    else if (!over.empty())
      bad.push_back(called + ": " + over + by);
    else
      good.push_back(called + ": " + found(check.at_most, *youngest) + by + ", scanned" + age());
  }
  const bool fails = !bad.empty() || (!missing.empty() && check.missing == WhenMissing::Fail);
  std::vector<std::string> lines = bad;
  lines.insert(lines.end(), missing.begin(), missing.end());
  if (!fails) lines.insert(lines.end(), good.begin(), good.end());
  return {fails ? CheckOutcome::Fail : CheckOutcome::Pass,
          visible_cut(join(lines, "; "), kMostText)};
}

}  // namespace holdpoint
