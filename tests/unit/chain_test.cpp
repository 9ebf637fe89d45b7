#include "core/audit/chain.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace holdpoint {
namespace {

AuditRecordSpec fact(int n) {
  AuditRecordSpec spec;
  spec.fact = Fact::Approved;
  spec.fact_id = fact_id(Fact::Approved, "uid-" + std::to_string(n));
  spec.time = "2026-01-02T03:04:05.000006Z";
  spec.actor.username = "anna";
  spec.actor.groups = {"leads"};
  spec.subject.request = "web-1";
  spec.content_digest = "sha256:" + std::string(64, 'a');
  spec.reason = "tested";
  return spec;
}

// The chain that these facts make.
std::vector<AuditRecord> chain_of(std::vector<AuditRecordSpec> facts) {
  std::vector<AuditRecord> records;
  std::string head(kGenesisHash);
  for (AuditRecordSpec& spec : facts) {
    auto record = chained(std::move(spec), static_cast<std::int64_t>(records.size()) + 1, head,
                          "holdpoint-system");
    REQUIRE(record.ok());
    head = record->spec.hash;
    records.push_back(*record);
  }
  return records;
}
std::vector<AuditRecord> chain(int length) {
  std::vector<AuditRecordSpec> facts;
  for (int n = 1; n <= length; ++n) facts.push_back(fact(n));
  return chain_of(std::move(facts));
}

std::int64_t first_fault(const ChainReport& report) {
  return report.faults.empty() ? 0 : report.faults.front().sequence;
}

}  // namespace

TEST_CASE("a whole chain is proven, in whatever order it is read") {
  auto records = chain(12);
  CHECK(records[0].metadata.name == "000000000001");
  CHECK(records[11].metadata.name == "000000000012");
  CHECK(records[0].spec.previous_hash == std::string(64, '0'));
  const std::string head = records[11].spec.hash;
  std::reverse(records.begin(), records.end());
  const ChainReport report = verify_chain(records, 12, head);
  CHECK(report.whole());
  CHECK(report.records == 12);
  CHECK(report.head_hash == head);
  CHECK(verify_chain({}).whole());
  CHECK(verify_chain({}).head_hash == kGenesisHash);
}

TEST_CASE("the hash is over every field but the hash itself") {
  const AuditRecordSpec spec = fact(1);
  const std::string hash = *record_hash(spec);
  CHECK(hash.size() == 64);
  const auto differs = [&](auto edit) {
    AuditRecordSpec edited = spec;
    edit(edited);
    return *record_hash(edited) != hash;
  };
  CHECK(differs([](AuditRecordSpec& s) { s.sequence = 2; }));
  CHECK(differs([](AuditRecordSpec& s) { s.previous_hash = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.fact_id = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.time = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.occurred_at = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.fact = Fact::Denied; }));
  CHECK(differs([](AuditRecordSpec& s) { s.actor.username = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.actor.uid = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.actor.groups = {"leads", "x"}; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.request = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.request_uid = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.policy = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.group = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.kind = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.namespace_ = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.subject.name = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.content_digest = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.binding_digest = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.reason = "x"; }));
  CHECK(differs([](AuditRecordSpec& s) { s.message = "x"; }));
  CHECK_FALSE(differs([](AuditRecordSpec& s) { s.hash = "x"; }));
}

TEST_CASE("G9: the first bad record is named, whatever was done to the chain") {
  auto records = chain(10);
  SUBCASE("a field is flipped") {
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto flipped = records;
      flipped[i].spec.reason = "tasted";
      CHECK(first_fault(verify_chain(flipped)) == static_cast<std::int64_t>(i) + 1);
      CHECK(verify_chain(flipped).records == static_cast<std::int64_t>(i));
    }
  }
  SUBCASE("a field is flipped and its record hashed anew") {
    records[4].spec.reason = "tasted";
    records[4].spec.hash = *record_hash(records[4].spec);
    CHECK(first_fault(verify_chain(records)) == 6);
  }
  SUBCASE("a record is dropped") {
    records.erase(records.begin() + 3);
    CHECK(first_fault(verify_chain(records)) == 4);
  }
  SUBCASE("the first records are dropped") {
    records.erase(records.begin(), records.begin() + 3);
    CHECK(first_fault(verify_chain(records)) == 1);
  }
  SUBCASE("two records change places") {
    std::swap(records[3].spec.sequence, records[4].spec.sequence);
    std::swap(records[3].metadata.name, records[4].metadata.name);
    CHECK(first_fault(verify_chain(records)) == 4);
  }
  SUBCASE("a record is there under another name") {
    records[6].metadata.name = "000000000070";
    CHECK(first_fault(verify_chain(records)) == 7);
  }
  SUBCASE("a record is added that follows nothing") {
    AuditRecordSpec spec = fact(11);
    records.push_back(*chained(std::move(spec), 11, std::string(64, 'f'), "holdpoint-system"));
    CHECK(first_fault(verify_chain(records)) == 11);
  }
  SUBCASE("a fork: two records have one number") {
    AuditRecordSpec spec = fact(99);
    records.push_back(*chained(std::move(spec), 5, records[3].spec.hash, "holdpoint-system"));
    // Only one of the two is followed by the sixth; which of the two is read first is left to
    // chance.
    const std::int64_t at = first_fault(verify_chain(records));
    CHECK(at == 5);
  }
  SUBCASE("the same fact is recorded twice") {
    AuditRecordSpec again = fact(3);
    records.push_back(*chained(std::move(again), 11, records[9].spec.hash, "holdpoint-system"));
    CHECK(first_fault(verify_chain(records)) == 11);
  }
}

TEST_CASE("G9: what an old checkpoint saw is still there, or it is told") {
  const auto records = chain(10);
  const std::string seen = records[6].spec.hash;
  SUBCASE("the chain has grown since") { CHECK(verify_chain(records, 7, seen).whole()); }
  SUBCASE("the chain is cut to before the checkpoint") {
    auto cut = records;
    cut.resize(5);
    CHECK(verify_chain(cut).whole());  // without a checkpoint nobody can tell
    CHECK(first_fault(verify_chain(cut, 7, seen)) == 6);
  }
  SUBCASE("all records are deleted") { CHECK(first_fault(verify_chain({}, 7, seen)) == 1); }
  SUBCASE("the whole chain is written anew") {
    std::vector<AuditRecordSpec> facts;
    for (int n = 1; n <= 10; ++n) facts.push_back(fact(n));
    facts[2].actor.username = "mallory";
    const auto forged = chain_of(std::move(facts));
    CHECK(verify_chain(forged).whole());
    CHECK(first_fault(verify_chain(forged, 7, seen)) == 7);
    CHECK_FALSE(verify_chain(forged, 0, seen).whole());  // the hash alone is enough to tell
  }
}

TEST_CASE("a fact has one id, and no other fact has it") {
  CHECK(fact_id(Fact::Approved, "a", "b") == fact_id(Fact::Approved, "a", "b"));
  CHECK(fact_id(Fact::Approved, "ab", "") != fact_id(Fact::Approved, "a", "b"));
  CHECK(fact_id(Fact::Approved, "a") != fact_id(Fact::Denied, "a"));
}

}  // namespace holdpoint
