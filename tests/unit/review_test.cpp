#include "webhook/review.hpp"

#include <doctest/doctest.h>

#include "webhook/answer.hpp"

namespace holdpoint::webhook {
namespace {

Json a_review() {
  return Json::parse(
      R"({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
    "uid": "u-1", "operation": "UPDATE", "name": "web", "namespace": "production",
    "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
    "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
    "userInfo": {"username": "alice", "uid": "7", "groups": ["developers", "system:authenticated"]},
    "options": {"fieldManager": "kubectl"}, "dryRun": true,
    "object": {"metadata": {"name": "web"}, "spec": {"replicas": 2}},
    "oldObject": {"metadata": {"name": "web"}, "spec": {"replicas": 1}}}})");
}

TEST_CASE("a review becomes a write") {
  const auto review = parse_review(a_review().dump());
  REQUIRE(review.ok());
  CHECK(review->uid == "u-1");
  CHECK(review->write.operation == Operation::Update);
  CHECK(review->write.resource == "deployments");
  CHECK(review->write.user.username == "alice");
  CHECK(review->write.user.groups.size() == 2);
  CHECK(review->write.field_manager == "kubectl");
  CHECK(review->write.dry_run);
  CHECK(review->write.object["spec"]["replicas"] == 2);
  CHECK(review->write.old_object["spec"]["replicas"] == 1);
}

TEST_CASE("a generated name is taken from the object") {
  Json review = a_review();
  review["request"]["operation"] = "CREATE";
  review["request"].erase("oldObject");
  review["request"].erase("name");
  review["request"]["object"]["metadata"]["name"] = "web-x7";
  CHECK(parse_review(review.dump())->write.name == "web-x7");
}

TEST_CASE("what is no review of ours is refused, never guessed") {
  Json review = a_review();
  Json& request = review["request"];
  SUBCASE("no request") { review.erase("request"); }
  SUBCASE("request is a list") { request = Json::array(); }
  SUBCASE("another kind") { review["kind"] = "Pod"; }
  SUBCASE("another version") { review["apiVersion"] = "admission.k8s.io/v1beta1"; }
  SUBCASE("no uid") { request.erase("uid"); }
  SUBCASE("uid is a number") { request["uid"] = 5; }
  SUBCASE("unknown operation") { request["operation"] = "MERGE"; }
  SUBCASE("CONNECT") { request["operation"] = "CONNECT"; }
  SUBCASE("no user") { request.erase("userInfo"); }
  SUBCASE("no resource") { request.erase("resource"); }
  SUBCASE("update without oldObject") { request["oldObject"] = nullptr; }
  SUBCASE("update without object") { request.erase("object"); }
  SUBCASE("creation with oldObject") { request["operation"] = "CREATE"; }
  SUBCASE("deletion with object") { request["operation"] = "DELETE"; }
  SUBCASE("object is a string") { request["object"] = "x"; }
  const auto parsed = parse_review(review.dump());
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().kind == ErrorKind::Invalid);
}

TEST_CASE("bytes that are no strict JSON are refused") {
  const std::string good = a_review().dump();
  for (const std::string& bad :
       {std::string(), std::string("{"), good + "x", "\xef\xbb\xbf" + good, std::string("[1,2]"),
        std::string("null"), std::string(R"({"kind":"AdmissionReview","kind":"AdmissionReview"})"),
        std::string("\xff\xfe"), std::string(100000, '[')})
    CHECK_FALSE(parse_review(bad).ok());
}

TEST_CASE("a refusal is 403 or 429, and only 429 asks to wait") {
  using enum ErrorKind;
  for (const ErrorKind kind :
       {Invalid, NotFound, Conflict, Unavailable, DeadlineExceeded, Forbidden, Internal}) {
    const Answer answer = not_judged(Error{kind, "because", ""});
    CHECK_FALSE(answer.allowed);
    CHECK((answer.code == 403 || answer.code == 429));
    CHECK((answer.code == 429) == (answer.retry_after_seconds > 0));
  }
}

TEST_CASE("an answer is an AdmissionReview of the same uid") {
  Answer answer = allowed("held");
  answer.warnings = {"careful"};
  answer.patch = Json::array({{{"op", "add"}, {"path", "/a"}, {"value", 1}}});
  answer.request = "web-1";
  const Json response = Json::parse(encode(answer, "u-1")).at("response");
  CHECK(response.at("uid") == "u-1");
  CHECK(response.at("allowed") == true);
  CHECK(response.at("warnings").at(0) == "careful");
  CHECK(response.at("patchType") == "JSONPatch");
  CHECK(response.at("auditAnnotations").at("request") == "web-1");

  const Json refusal = Json::parse(encode(refused({429, "wait", 5}), "u-2")).at("response");
  CHECK(refusal.at("allowed") == false);
  CHECK(refusal.at("status").at("code") == 429);
  CHECK(refusal.at("status").at("details").at("retryAfterSeconds") == 5);
}

}  // namespace
}  // namespace holdpoint::webhook
