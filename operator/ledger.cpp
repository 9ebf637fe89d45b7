#include "operator/ledger.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "crds/codec.hpp"
#include "docket/voiding.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr int kTries = 20;  // somebody else extends the head at the same time

kube::ResourcePath records_in(const std::string& namespace_) {
  return {kGroup, kVersion, kind_info<AuditRecord>().plural, namespace_, "", ""};
}

}  // namespace

Result<Done> Ledger::append(std::vector<AuditRecordSpec> facts, Deadline deadline) {
  const std::lock_guard lock(mutex_);
  // Most looks at a request find nothing new to write: they cost no call.
  const bool writes = std::any_of(facts.begin(), facts.end(), [&](const AuditRecordSpec& fact) {
    return !known_.contains(fact.fact_id);
  });
  if (!read_ || writes || facts.empty()) HP_TRY(check_head(deadline));
  if (!read_) HP_TRY(catch_up(deadline));
  for (AuditRecordSpec& fact : facts) HP_TRY(append_one(std::move(fact), deadline));
  return Done{};
}

// The record that was last seen is still there, or all approvals are voided and the trail is read
// anew. Not ok: found again the next time, and nothing is written meanwhile.
Result<Done> Ledger::check_head(Deadline deadline) {
  if (!read_) read_checkpoint();
  if (head_ == 0) return Done{};
  kube::ResourcePath path = records_in(namespace_);
  path.name = record_name(head_);
  const auto found = client_.get(path, deadline);
  if (!found.ok() && found.error().kind != ErrorKind::NotFound) return found.error();
  if (found.ok() && string_at(*found, {"spec", "hash"}) == head_hash_) return Done{};
  // An API server that does not serve the kind at this moment says NotFound as well.
  HP_TRY(client_.list(records_in(namespace_), {}, deadline));
  const std::string reason = "record " + std::to_string(head_) +
                             " of the trail is gone: its storage was restored from a backup, or "
                             "records were removed";
  HP_TRY(void_approvals(client_, namespace_, "holdpoint-operator", reason, clock_.now(), deadline));
  log::error("all approvals are voided", {{"reason", reason}});
  read_ = false;
  head_ = 0;
  head_hash_ = kGenesisHash;
  known_.clear();
  return catch_up(deadline);
}

void Ledger::read_checkpoint() {
  std::ifstream in(checkpoint_file_);
  std::int64_t sequence = 0;
  std::string hash;
  if (!(in >> sequence >> hash)) return;
  head_ = sequence;
  head_hash_ = hash;
}

// By another name first: whoever reads it finds all of it.
void Ledger::keep_checkpoint() const {
  if (checkpoint_file_.empty()) return;
  const std::string fresh = checkpoint_file_ + ".new";
  std::ofstream(fresh) << head_ << ' ' << head_hash_ << '\n';
  std::error_code failed;
  std::filesystem::rename(fresh, checkpoint_file_, failed);
  if (failed)
    log::warn("where the trail ends is not kept",
              {{"file", checkpoint_file_}, {"error", failed.message()}});
}

Result<Done> Ledger::catch_up(Deadline deadline) {
  const kube::ResourcePath path = records_in(namespace_);
  if (!read_) {
    HP_ASSIGN(const kube::ListResult list, client_.list(path, {}, deadline));
    head_ = 0;  // a checkpoint may have told more than this
    for (const Json& item : list.items) {
      HP_ASSIGN(const AuditRecord record, decode<AuditRecord>(item));
      known_.insert(record.spec.fact_id);
      if (record.spec.sequence <= head_) continue;
      head_ = record.spec.sequence;
      head_hash_ = record.spec.hash;
    }
    read_ = true;
    keep_checkpoint();
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
    const auto created = client_.create(records_in(namespace_), body, {}, deadline);
    if (created.ok()) {
      head_ = record.spec.sequence;
      head_hash_ = record.spec.hash;
      known_.insert(record.spec.fact_id);
      keep_checkpoint();
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
