// The hash chain of audit records, and its proof.
//
// Record n holds the hash of record n-1, and its own hash is over everything in its spec but that
// hash, in canonical form under a domain tag. The name of record n is n, zero-padded, so that
// creating it is the lock: two writers cannot both extend one head. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crds/kinds.hpp"

namespace holdpoint {

inline constexpr std::string_view kGenesisHash =
    "0000000000000000000000000000000000000000000000000000000000000000";

// 12 digits: "000000000001" is the first.
[[nodiscard]] std::string record_name(std::int64_t sequence);

// Lower-case hex SHA-256. Error: Invalid where a string is ill-formed UTF-8.
[[nodiscard]] Result<std::string> record_hash(const AuditRecordSpec& spec);

// `fact` with sequence, previous hash and its own hash filled in, named and ready to be created in
// `namespace_`.
[[nodiscard]] Result<AuditRecord> chained(AuditRecordSpec fact, std::int64_t sequence,
                                          std::string previous_hash, const std::string& namespace_);

// The same fact has the same id, on every leader and after every restart: kind of fact, uid of the
// object that it is about, and what tells two such facts of one object apart (empty where there can
// be only one).
[[nodiscard]] std::string fact_id(Fact fact, std::string_view object_uid,
                                  std::string_view detail = {});

struct ChainFault {
  std::int64_t sequence = 0;  // of the first bad record
  std::string what;           // one line
};

struct ChainReport {
  std::int64_t records = 0;
  std::string head_hash;  // of the last record that is good
  std::vector<ChainFault> faults;
  [[nodiscard]] bool whole() const { return faults.empty(); }
};

// Checks names, sequence, links, hashes and doubled facts, in any order of input. `expected_head`
// and `expected_records` (0, empty: not given) come from a checkpoint kept outside: the chain must
// still contain it.
[[nodiscard]] ChainReport verify_chain(std::vector<AuditRecord> records,
                                       std::int64_t expected_records = 0,
                                       const std::string& expected_head = {});

}  // namespace holdpoint
