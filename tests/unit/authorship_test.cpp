#include "webhook/authorship.hpp"

#include <doctest/doctest.h>

#include "core/approval/hold.hpp"

namespace holdpoint::webhook {
namespace {

RawObject a_policy(std::int64_t generation, const std::string& mode, const std::string& stamp) {
  RawObject policy{{"metadata", {{"name", "prod"}, {"generation", generation}}},
                   {"spec", {{"mode", mode}}}};
  if (!stamp.empty()) policy["metadata"]["annotations"] = {{kChangedByAnnotation, stamp}};
  return policy;
}

std::string stamped(const RawObject& before, const RawObject& after) {
  Write write;
  write.operation = before.is_null() ? Operation::Create : Operation::Update;
  write.user = {"bob", "", {}};
  write.old_object = before;
  write.object = after;
  const Answer answer = stamp_author(write);
  CHECK(answer.allowed);
  return string_at(after.patch(answer.patch), {"metadata", "annotations", kChangedByAnnotation});
}

TEST_CASE("a policy tells who wrote its spec, whatever is typed") {
  CHECK(stamped(nullptr, a_policy(1, "Enforce", "")) == "1 bob");
  CHECK(stamped(nullptr, a_policy(1, "Enforce", "1 alice")) == "1 bob");
  const RawObject by_alice = a_policy(4, "Enforce", "4 alice");
  for (const char* typed : {"", "4 alice", "5 alice", "5 bob", "4 bob"}) {
    CAPTURE(std::string(typed));
    CHECK(stamped(by_alice, a_policy(4, "Off", typed)) == "5 bob");
    CHECK(stamped(by_alice, a_policy(4, "Enforce", typed)) == "4 alice");
    CHECK(stamped(a_policy(4, "Enforce", ""), a_policy(4, "Enforce", typed)).empty());
  }
}

}  // namespace
}  // namespace holdpoint::webhook
