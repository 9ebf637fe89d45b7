#include "core/audit/chain.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/digest.hpp"
#include "core/approval/digest.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::string_view kDomain = "holdpoint-audit/1";
constexpr std::size_t kNameDigits = 12;

}  // namespace

std::string record_name(std::int64_t sequence) {
  const std::string digits = std::to_string(sequence);
  return digits.size() < kNameDigits ? std::string(kNameDigits - digits.size(), '0') + digits
                                     : digits;
}

Result<std::string> record_hash(const AuditRecordSpec& spec) {
  Json body = encode_part(spec);
  body.erase("hash");
  HP_ASSIGN(const std::string text, canonical_json(body));
  return FramedHash(kDomain).field(text).hex();
}

Result<AuditRecord> chained(AuditRecordSpec fact, std::int64_t sequence, std::string previous_hash,
                            const std::string& namespace_) {
  AuditRecord record;
  record.spec = std::move(fact);
  record.spec.sequence = sequence;
  record.spec.previous_hash = std::move(previous_hash);
  HP_ASSIGN(record.spec.hash, record_hash(record.spec));
  record.metadata.name = record_name(sequence);
  record.metadata.namespace_ = namespace_;
  return record;
}

std::string fact_id(Fact fact, std::string_view object_uid, std::string_view detail) {
  return FramedHash("holdpoint-fact/1")
      .field(to_string(fact))
      .field(object_uid)
      .field(detail)
      .hex()
      .substr(0, 40);
}

ChainReport verify_chain(std::vector<AuditRecord> records, std::int64_t expected_records,
                         const std::string& expected_head) {
  std::sort(records.begin(), records.end(), [](const AuditRecord& a, const AuditRecord& b) {
    return a.spec.sequence < b.spec.sequence;
  });
  ChainReport report;
  report.head_hash = kGenesisHash;
  std::set<std::string> facts;
  std::string head_before = report.head_hash;  // of the record before the last good one
  bool checkpoint_seen = expected_records == 0 && expected_head.empty();
  for (const AuditRecord& record : records) {
    const std::int64_t sequence = record.spec.sequence, wanted = report.records + 1;
    const auto fault = [&](std::int64_t at, std::string what) {
      report.faults.push_back({at, std::move(what)});
    };
    if (sequence < wanted) {
      fault(sequence, sequence < 1 ? "no record has this number" : "it is there twice");
      // Which of the two is the true one cannot be told, so neither counts.
      if (sequence >= 1) report.records -= 1, report.head_hash = head_before;
    } else if (sequence > wanted) {
      fault(wanted, sequence == wanted + 1
                        ? "it is missing"
                        : "it is missing, like all up to " + std::to_string(sequence - 1));
    }
    if (!report.faults.empty()) return report;
    if (record.metadata.name != record_name(wanted))
      fault(wanted, "its name is " + record.metadata.name);
    if (record.spec.previous_hash != report.head_hash)
      fault(wanted, "it does not follow the record before it");
    const auto hash = record_hash(record.spec);
    if (!hash.ok() || *hash != record.spec.hash)
      fault(wanted, "its content is not what was hashed");
    if (!facts.insert(record.spec.fact_id).second)
      fault(wanted, "the same fact is recorded before");
    if (!report.faults.empty()) return report;
    report.records = wanted;
    head_before = std::exchange(report.head_hash, record.spec.hash);
    if (wanted == expected_records ||
        (expected_records == 0 && record.spec.hash == expected_head)) {
      checkpoint_seen = true;
      if (!expected_head.empty() && record.spec.hash != expected_head)
        fault(wanted, "it is not the record that the checkpoint saw: the chain was written anew");
    }
  }
  if (!checkpoint_seen)
    report.faults.push_back(
        {report.records + 1, expected_records == 0
                                 ? "no record has the hash that the checkpoint saw"
                                 : "the checkpoint saw " + std::to_string(expected_records) +
                                       " records, but only " + std::to_string(report.records) +
                                       " are left"});
  return report;
}

}  // namespace holdpoint
