// Before a change is sent: ask for it ahead, or see what would happen.
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/screen.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

// As the webhook says them.
constexpr std::string_view kNotGated = "no policy gates this";
constexpr std::string_view kThere = "has a request already: ";

// The objects of a manifest as the API server would store them. What Holdpoint warns of then is
// what is about to be asked for.
Result<std::vector<Json>> dry_run(const Kubectl& kubectl, const std::string& file) {
  HP_ASSIGN(const Output output,
            kubectl.run({"apply", "--dry-run=server", "-f", file, "-o", "json"}));
  if (output.exit_code != 0)
    return Error{kind_of_failure(output.err), clean_message(output.err), {}};
  HP_ASSIGN(const Json answer, parse_json(output.out));
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

// Who asks again with another reason has to know that it is dropped.
std::string reason_that_stays(const Kubectl& kubectl, const std::string& space,
                              const std::string& request) {
  const auto found = read_named_request(kubectl, namespace_of_requests(space), request);
  if (!found.ok()) return "; its reason stays as it is";
  return found->spec.reason.empty()
             ? "; it has no reason, and stays so"
             : "; its reason stays: \"" + visible_cut(found->spec.reason, 160) + "\"";
}

}  // namespace

Result<Done> ask_ahead(const Kubectl& kubectl, const std::string& file, const std::string& reason) {
  if (file == "-") return invalid("give a file, not standard input: it is read more than once");
  HP_ASSIGN(const std::vector<Json> objects, dry_run(kubectl, file));
  std::vector<std::string> asked;
  for (const Json& object : objects) {
    const std::string space = string_at(object, {"metadata", "namespace"});
    const std::string input = dump_json(
        {{"apiVersion", kApiVersion},
         {"kind", kind_info<ApprovalRequest>().kind},
         {"metadata", {{"generateName", "ahead-"}, {"namespace", namespace_of_requests(space)}}},
         {"spec", {{"proposed", object}, {"reason", reason}}}});
    // Each call makes the request of one policy, until there is none left to make.
    for (int of_it = 0;; ++of_it) {
      const auto made =
          kubectl.json({"create", "--validate=false", "-f", "-", "-o", "json"}, &input);
      if (!made.ok()) {
        const std::string& why = made.error().message;
        const auto there = why.find(kThere);
        if (there == std::string::npos && why.find(kNotGated) == std::string::npos)
          return made.error();
        if (of_it == 0 && there != std::string::npos) {
          const auto from = there + kThere.size();
          const std::string words = why.substr(from, why.find('\n', from) - from);
          const std::string name = words.substr(0, words.find(','));
          print(title(object) + ": already asked as " + visible_cut(words, 300) +
                (reason.empty() ? "" : reason_that_stays(kubectl, space, name)));
          if (is_name(name) && words.ends_with(", Pending"))
            asked.push_back("kubectl holdpoint approve " + name + " -n " +
                            namespace_of_requests(space));
        }
        if (of_it == 0 && there == std::string::npos)
          print(title(object) + ": nothing of it needs approval");
        break;
      }
      HP_ASSIGN(const ApprovalRequest stored, decode<ApprovalRequest>(*made));
      asked.push_back("kubectl holdpoint approve " + visible(stored.metadata.name) + " -n " +
                      visible(stored.metadata.namespace_));
      print(title(object) + ": asked as " + visible(stored.metadata.name) + ", risk " +
            std::string(to_string(stored.spec.risk.level)));
    }
  }
  if (!asked.empty()) print("\nSend the change when it is approved; pass this on:");
  for (const std::string& command : asked) print(command);
  return Done{};
}

Result<Done> simulate(const Kubectl& kubectl, const std::string& file) {
  HP_ASSIGN(const Output output,
            kubectl.run({"apply", "--dry-run=server", "-f", file, "-o", "name"}));
  int told = 0;
  for (const std::string& line : split(output.shown + output.err, '\n')) {
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
