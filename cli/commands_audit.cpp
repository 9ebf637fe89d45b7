#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/home.hpp"
#include "cli/names.hpp"
#include "cli/screen.hpp"
#include "core/audit/chain.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

// A record that cannot be understood is kept by its name: the chain has to show the fault there.
AuditRecord unreadable(const Json& item) {
  AuditRecord record;
  record.metadata.name = string_at(item, {"metadata", "name"});
  const std::string& name = record.metadata.name;
  std::from_chars(name.data(), name.data() + name.size(), record.spec.sequence);
  record.spec.hash = "unreadable";
  return record;
}

Result<std::vector<AuditRecord>> read_records(const Kubectl& kubectl,
                                              const std::string& given_home) {
  HP_ASSIGN(const std::string home, find_home(kubectl, given_home));
  HP_ASSIGN(const Json list, kubectl.json({"get", kind_info<AuditRecord>().plural + "." + kGroup,
                                           "-o", "json", "--namespace=" + home}));
  const Json* items = member_at(list, {"items"});
  if (items == nullptr || !items->is_array())
    return invalid("kubectl printed no list of AuditRecords");
  std::vector<AuditRecord> records;
  for (const Json& item : *items) {
    auto record = decode<AuditRecord>(item);
    records.push_back(record.ok() ? std::move(*record) : unreadable(item));
  }
  std::sort(records.begin(), records.end(), [](const AuditRecord& a, const AuditRecord& b) {
    return a.spec.sequence < b.spec.sequence;
  });
  return records;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

Result<Done> audit_list(const Kubectl& kubectl, const std::string& home,
                        const std::string& request) {
  if (!request.empty()) HP_TRY(check_request(request));
  HP_ASSIGN(std::vector<AuditRecord> records, read_records(kubectl, home));
  if (!request.empty())
    std::erase_if(records, [&](const AuditRecord& record) {
      const AuditSubject& subject = record.spec.subject;
      const Target target{subject.group, {}, subject.kind, {}, {}, subject.name, {}, {}};
      return request.find('/') == std::string::npos ? !subject.request.starts_with(request)
                                                    : !is_of(target, request);
    });
  if (records.empty()) {
    print(request.empty() ? "Nothing is recorded yet."
                          : "Nothing is recorded about " + visible(request) + ".");
    return Done{};
  }
  // A program reads all of it.
  const auto cut = [whole = !stdout_is_terminal()](const std::string& text, std::size_t columns) {
    return or_dash(whole ? visible(text) : visible_cut(text, columns));
  };
  std::vector<std::vector<Cell>> rows;
  for (const AuditRecord& record : records) {
    const AuditRecordSpec& spec = record.spec;
    const AuditSubject& subject = spec.subject;
    const std::string object =
        subject.kind.empty()
            ? ""
            : subject.kind + " " + (subject.namespace_.empty() ? "" : subject.namespace_ + "/") +
                  subject.name;
    const std::string words = spec.reason.empty() ? spec.message : "\"" + spec.reason + "\"";
    rows.push_back({{std::to_string(spec.sequence), {}},
                    {visible_cut(spec.occurred_at.empty() ? spec.time : spec.occurred_at, 27), {}},
                    {std::string(to_string(spec.fact)), {}},
                    {cut(person(spec.actor.username), 60), {}},
                    {or_dash(visible(subject.request)), {}},
                    {cut(object, 60), {}},
                    {cut(words, 80), {}}});
  }
  print(table({"NO", "TIME", "FACT", "WHO", "REQUEST", "OBJECT", "WHY"}, rows));
  return Done{};
}

Result<Done> audit_verify(const Kubectl& kubectl, const std::string& home,
                          std::int64_t expected_records, const std::string& expected_head) {
  const bool is_hash = expected_head.size() == 64 &&
                       std::all_of(expected_head.begin(), expected_head.end(), [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                       });
  if (!expected_head.empty() && !is_hash)
    return invalid("--expect-head wants the 64 hex digits that an earlier verify printed");
  HP_ASSIGN(std::vector<AuditRecord> records, read_records(kubectl, home));
  const ChainReport report = verify_chain(std::move(records), expected_records, expected_head);
  if (!report.whole()) {
    std::string text = "the trail is not whole, from record " +
                       std::to_string(report.faults.front().sequence) + " on";
    for (const ChainFault& fault : report.faults)
      text += "\n  record " + std::to_string(fault.sequence) + ": " + visible_cut(fault.what, 200);
    const auto before =
        static_cast<std::size_t>(std::max<std::int64_t>(report.faults.front().sequence - 1, 0));
    text += "\n  before it: " + count_of(before, "record") +
            " that fit together\n  next:  compare with the copies outside of the cluster (the "
            "operator's stdout, a checkpoint)\nkubectl holdpoint audit list";
    return Error{ErrorKind::Invalid, std::move(text), {}};
  }
  const std::string count = std::to_string(report.records);
  print(count_of(static_cast<std::size_t>(report.records), "record") +
        ", whole and in order; head " + report.head_hash);
  if (report.records == 0) return Done{};
  print(expected_records == 0 && expected_head.empty()
            ? "Whoever rewrites all of it can only be caught by what is kept outside of the "
              "cluster. Keep this line:"
            : "The checkpoint is part of it. The next one to keep outside of the cluster:");
  print("kubectl holdpoint audit verify --expect-records " + count + " --expect-head " +
        report.head_hash);
  return Done{};
}

}  // namespace holdpoint::cli
