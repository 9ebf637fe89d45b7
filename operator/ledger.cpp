#include "operator/ledger.hpp"

#include "base/log.hpp"
#include "crds/codec.hpp"
#include "docket/voiding.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr int kTries = 20;  // somebody else extends the head at the same time

}  // namespace

Result<Done> Ledger::append(std::vector<AuditRecordSpec> facts, Deadline deadline) {
  const std::lock_guard lock(mutex_);
  if (read_) HP_TRY(check_head(deadline));
  if (!read_) HP_TRY(catch_up(deadline));
  for (AuditRecordSpec& fact : facts) HP_TRY(append_one(std::move(fact), deadline));
  return Done{};
}

Result<Done> Ledger::check_head(Deadline deadline) {
  if (head_ == 0) return Done{};
  const auto found = client_.get(
      {kGroup, kVersion, kind_info<AuditRecord>().plural, namespace_, record_name(head_), ""},
      deadline);
  if (!found.ok() && found.error().kind != ErrorKind::NotFound) return found.error();
  if (found.ok() && string_at(*found, {"spec", "hash"}) == head_hash_) return Done{};
  const std::int64_t had = head_;
  read_ = false;
  head_ = 0;
  head_hash_ = kGenesisHash;
  known_.clear();
  HP_TRY(catch_up(deadline));
  const std::string reason = "the trail went back from record " + std::to_string(had) + " to " +
                             std::to_string(head_) +
                             ": its storage was restored from a backup, or records were removed";
  log::error("all approvals are voided", {{"reason", reason}});
  const auto done =
      void_approvals(client_, namespace_, "holdpoint-operator", reason, clock_.now(), deadline);
  // Found again the next time, and nothing is written meanwhile.
  if (!done.ok()) {
    read_ = true;
    head_ = had;
    head_hash_.clear();
    return done.error();
  }
  return Done{};
}

Result<Done> Ledger::catch_up(Deadline deadline) {
  const kube::ResourcePath path{kGroup,     kVersion, kind_info<AuditRecord>().plural,
                                namespace_, "",       ""};
  if (!read_) {
    HP_ASSIGN(const kube::ListResult list, client_.list(path, {}, deadline));
    for (const Json& item : list.items) {
      HP_ASSIGN(const AuditRecord record, decode<AuditRecord>(item));
      known_.insert(record.spec.fact_id);
      if (record.spec.sequence <= head_) continue;
      head_ = record.spec.sequence;
      head_hash_ = record.spec.hash;
    }
    read_ = true;
    return Done{};
  }
  // Another leader went ahead: the records after ours, one by one.
  while (true) {
    kube::ResourcePath next = path;
    next.name = record_name(head_ + 1);
    const auto found = client_.get(next, deadline);
    if (!found.ok())
      return found.error().kind == ErrorKind::NotFound ? Result<Done>(Done{}) : found.error();
    HP_ASSIGN(const AuditRecord record, decode<AuditRecord>(*found));
    known_.insert(record.spec.fact_id);
    head_ = record.spec.sequence;
    head_hash_ = record.spec.hash;
  }
}

Result<Done> Ledger::append_one(AuditRecordSpec fact, Deadline deadline) {
  for (int i = 0; i < kTries; ++i) {
    if (known_.contains(fact.fact_id)) return Done{};
    fact.time = to_rfc3339_micro(clock_.now());
    HP_ASSIGN(const AuditRecord record, chained(fact, head_ + 1, head_hash_, namespace_));
    const Json body = encode(record);
    const auto created =
        client_.create({kGroup, kVersion, kind_info<AuditRecord>().plural, namespace_, "", ""},
                       body, {}, deadline);
    if (created.ok()) {
      head_ = record.spec.sequence;
      head_hash_ = record.spec.hash;
      known_.insert(record.spec.fact_id);
      log::stdout_line(dump_json(body.at("spec")));
      metrics_.count("holdpoint_audit_records_total", "Facts written to the audit trail.",
                     {{"fact", std::string(to_string(record.spec.fact))}});
      return Done{};
    }
    // A lost answer may hide a success: what is there now tells.
    if (created.error().kind != ErrorKind::Conflict &&
        created.error().kind != ErrorKind::Unavailable &&
        created.error().kind != ErrorKind::DeadlineExceeded)
      return created.error();
    HP_TRY(catch_up(deadline));
  }
  return Error{ErrorKind::Unavailable, "the audit trail grows faster than it can be extended", ""};
}

}  // namespace holdpoint::operator_
