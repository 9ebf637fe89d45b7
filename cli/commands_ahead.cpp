// Before a change is sent: ask for it ahead, or see what would happen.
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/screen.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::string_view kNotGated = "does not gate this";

// The objects of a manifest as the API server would store them.
Result<std::vector<Json>> dry_run(const Kubectl& kubectl, const std::string& file) {
  HP_ASSIGN(const Json answer,
            kubectl.json({"apply", "--dry-run=server", "-f", file, "-o", "json"}));
  const Json* items = member_at(answer, {"items"});
  if (items == nullptr) return std::vector<Json>{answer};
  if (!items->is_array()) return invalid("kubectl printed no list of objects");
  return std::vector<Json>(items->begin(), items->end());
}

std::string title(const Json& object) {
  const std::string space = string_at(object, {"metadata", "namespace"});
  return visible(string_at(object, {"kind"}) + " " + (space.empty() ? "" : space + "/") +
                 string_at(object, {"metadata", "name"}));
}

}  // namespace

Result<Done> ask_ahead(const Kubectl& kubectl, const std::string& file, const std::string& reason) {
  if (file == "-") return invalid("give a file, not standard input: it is read more than once");
  HP_ASSIGN(const std::vector<Json> objects, dry_run(kubectl, file));
  HP_ASSIGN(const std::vector<ApprovalPolicy> policies, read_policies(kubectl));
  int asked = 0;
  for (const Json& object : objects) {
    const std::string space = string_at(object, {"metadata", "namespace"});
    bool gated = false;
    for (const ApprovalPolicy& policy : policies) {
      if (policy.spec.mode != PolicyMode::Enforce) continue;
      Json request{{"apiVersion", kApiVersion},
                   {"kind", kind_info<ApprovalRequest>().kind},
                   {"metadata",
                    {{"generateName", "ahead-"},
                     {"namespace", space.empty() ? "holdpoint-approvals" : space}}},
                   {"spec",
                    {{"policy", {{"name", policy.metadata.name}}},
                     {"proposed", object},
                     {"reason", reason}}}};
      const std::string input = dump_json(request);
      const auto made =
          kubectl.json({"create", "--validate=false", "-f", "-", "-o", "json"}, &input);
      if (!made.ok() && made.error().message.find(kNotGated) != std::string::npos) continue;
      if (!made.ok()) return made.error();
      HP_ASSIGN(const ApprovalRequest stored, decode<ApprovalRequest>(*made));
      gated = true;
      ++asked;
      print(title(object) + ": asked as " + visible(stored.metadata.name) + ", risk " +
            std::string(to_string(stored.spec.risk.level)));
    }
    if (!gated) print(title(object) + ": nothing of it needs approval");
  }
  if (asked > 0) {
    print("\nSend the change when it is approved; pass this on:");
    print("kubectl holdpoint list");
  }
  return Done{};
}

Result<Done> simulate(const Kubectl& kubectl, const std::string& file) {
  HP_ASSIGN(const Output output,
            kubectl.run({"apply", "--dry-run=server", "-f", file, "-o", "name"}));
  int told = 0;
  for (const std::string& line : split(output.err, '\n')) {
    static constexpr std::string_view kOurs = "Warning: holdpoint: ";
    const auto at = line.find(kOurs);
    if (at == std::string::npos) continue;
    const std::string text = visible(line.substr(at + kOurs.size()));
    // What belongs to an object follows it.
    const bool detail = text.starts_with("risk ") || text.starts_with("stages: ");
    print((detail ? "  " : "") + text);
    ++told;
  }
  if (output.exit_code != 0) return Error{ErrorKind::Invalid, clean_message(output.err), {}};
  if (told == 0) print("Nothing of it needs approval.");
  return Done{};
}

}  // namespace holdpoint::cli
