#include "core/approval/digest.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "base/digest.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

Json vectors() {
  std::ifstream in(std::string(HOLDPOINT_SOURCE_DIR) + "/tests/unit/vectors/digest.json");
  REQUIRE(in);
  return *parse_json(
      std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>()));
}

TEST_CASE("the canonical form and its digest are those of the vectors") {
  const Json all = vectors();
  for (const Json& vector : all.at("canonical")) {
    CAPTURE(vector.at("json").get<std::string>());
    const auto value = parse_json(vector.at("json").get<std::string>());
    REQUIRE(value.ok());
    CHECK(*canonical_json(*value) == vector.at("canonical"));
    CHECK("sha256:" + sha256_hex(*canonical_json(*value)) == vector.at("digest"));
  }
}

TEST_CASE("the binding digest is that of the vectors") {
  const Json all = vectors();
  for (const Json& vector : all.at("binding")) {
    const Json& f = vector.at("fields");
    Binding binding{f[0],  f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], Operation::Create,
                    f[10], f[11]};
    binding.operation = f[9] == "UPDATE"   ? Operation::Update
                        : f[9] == "DELETE" ? Operation::Delete
                                           : Operation::Create;
    CHECK(binding_digest(binding) == vector.at("digest"));
  }
}

Json random_value(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3:
      return static_cast<double>(random()) / 7;
    case 4:
      return std::string(random() % 4, static_cast<char>('a' + random() % 26)) +
             (random() % 3 == 0 ? "\n\xc3\xa9" : "");
    case 5: {
      Json list = Json::array();
      for (auto i = random() % 4; i > 0; --i) list.push_back(random_value(random, depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (auto i = random() % 4; i > 0; --i)
        object[std::string(1, static_cast<char>('a' + random() % 5))] =
            random_value(random, depth - 1);
      return object;
    }
  }
}

TEST_CASE("equal documents have one digest and different ones have different digests") {
  std::mt19937 random(42);
  std::map<std::string, Json> seen;
  for (int i = 0; i < 3000; ++i) {
    const Json value = random_value(random, 4);
    const std::string digest = *content_digest(value);
    // Printed and read again, members in another order, it is the same.
    CHECK(*content_digest(*parse_json(value.dump(1))) == digest);
    const auto [at, added] = seen.emplace(digest, value);
    if (!added) CHECK(*canonical_json(at->second) == *canonical_json(value));
  }
}

TEST_CASE("what has no canonical form has no digest") {
  CHECK_FALSE(canonical_json(Json(std::numeric_limits<double>::infinity())).ok());
  CHECK_FALSE(canonical_json(Json(std::nan(""))).ok());
  CHECK_FALSE(canonical_json(Json("\xff")).ok());
  CHECK_FALSE(canonical_json(Json{{"\xff", 1}}).ok());
}

TEST_CASE("no object is absent, and an empty one is not") {
  CHECK(*content_digest(nullptr) == kAbsent);
  CHECK(*content_digest(Json::object()) != kAbsent);
}

TEST_CASE(
    "each field of the binding changes the digest, and the key leaves out what policies ask for") {
  const Binding binding{"c", "p", "h", "g", "k", "ns", "n", "gen", "u", Operation::Update,
                        "b", "x"};
  std::set<std::string> digests{binding_digest(binding)};
  const auto with = [&](auto change) {
    Binding other = binding;
    change(other);
    CHECK(digests.insert(binding_digest(other)).second);
    return other;
  };
  with([](Binding& b) { b.cluster_id = "d"; });
  with([](Binding& b) { b.policy_uid = "q"; });
  with([](Binding& b) { b.group = "gk", b.kind = ""; });
  with([](Binding& b) { b.namespace_ = "nsn", b.name = ""; });
  with([](Binding& b) { b.generate_name = "other"; });
  with([](Binding& b) { b.object_uid = "v"; });
  with([](Binding& b) { b.operation = Operation::Create; });
  with([](Binding& b) { b.base_digest = "c"; });
  with([](Binding& b) { b.content_digest = "y"; });
  CHECK(request_key(with([](Binding& b) { b.policy_hash = "i"; })) == request_key(binding));
}

TEST_CASE("a policy's hash tells what it covers and how it judges risk, and nothing else") {
  ApprovalPolicySpec spec;
  spec.stages = {{"leads", {{"leads"}, {}, {}}, 1}};
  const std::string hash = policy_hash(spec);
  // Who must approve, and for how long, is compared itself: then and now must both be met.
  ApprovalPolicySpec other = spec;
  other.hold.mode = HoldMode::Retry;
  other.mode = PolicyMode::Warn;
  other.match.namespace_selector.match_labels = {{"a", "b"}};
  other.stages[0].required = 2;
  other.expiry.approved = "2h";
  other.separation_of_duties.requester_may_approve = true;
  CHECK(policy_hash(other) == hash);
  other = spec, other.match.changes = {"/spec"};
  CHECK(policy_hash(other) != hash);
  other = spec, other.risk_rules = {{RiskFactor::UnpinnedImage, RiskLevel::Low}};
  CHECK(policy_hash(other) != hash);
}

TEST_CASE("a request's name is a DNS subdomain whatever the object is called") {
  Binding binding;
  for (const std::string& name : {std::string("web"), std::string("System:Node"),
                                  std::string(300, 'x'), std::string("-._"), std::string()}) {
    binding.name = name;
    const std::string made = request_name(binding, 7);
    CAPTURE(made);
    CHECK(made.size() <= 200);
    CHECK(made.ends_with("-7"));
    CHECK(made.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
    CHECK(made.front() != '-');
  }
}

}  // namespace
}  // namespace holdpoint
