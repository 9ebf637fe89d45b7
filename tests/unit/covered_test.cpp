#include "core/change/covered.hpp"

#include <doctest/doctest.h>

#include "base/digest.hpp"
#include "core/approval/digest.hpp"

namespace holdpoint {
namespace {

const std::string kKey = "a key of the install";

std::string digest(const Json& object, const std::string& group, const std::string& resource,
                   const std::vector<std::string>& changes = {}, const std::string& key = kKey) {
  return *content_digest(
      covered_part(object, group, resource, covered_pointers(changes, group, resource), key));
}

Json a_job() {
  return Json::parse(
      R"({"metadata": {"name": "m", "uid": "1"}, "spec": {"parallelism": 1, "suspend": false,
    "template": {"metadata": {"labels": {"app": "m"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}})");
}

TEST_CASE(
    "what the Job controller generates is never covered, so both admission phases see one digest") {
  const Json before = a_job();
  Json after = before;
  after["spec"]["selector"] = {{"matchLabels", {{"batch.kubernetes.io/controller-uid", "1"}}}};
  for (const char* label : {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid",
                            "batch.kubernetes.io/job-name"})
    after["spec"]["template"]["metadata"]["labels"][label] = "1";
  after["spec"]["suspend"] = true;
  CHECK(digest(before, "batch", "jobs") == digest(after, "batch", "jobs"));
  after["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  CHECK(digest(before, "batch", "jobs") != digest(after, "batch", "jobs"));
}

TEST_CASE("a Job without labels of its own has one digest in both phases") {
  Json before = a_job();
  before["spec"]["template"].erase("metadata");
  Json after = before;
  after["spec"]["template"]["metadata"] = {{"labels", {{"job-name", "m"}}}};
  CHECK(digest(before, "batch", "jobs") == digest(after, "batch", "jobs"));
}

TEST_CASE("a selector that the user manages is covered") {
  Json job = a_job();
  job["spec"]["manualSelector"] = true;
  job["spec"]["selector"] = {{"matchLabels", {{"a", "b"}}}};
  Json other = job;
  other["spec"]["selector"]["matchLabels"]["a"] = "c";
  CHECK(digest(job, "batch", "jobs") != digest(other, "batch", "jobs"));
}

TEST_CASE("what holds an object is never covered, whatever a policy names") {
  const Json plain = {{"spec", {{"replicas", 2}, {"template", {{"x", 1}}}}}};
  Json held = plain;
  held["spec"]["paused"] = true;
  for (const std::vector<std::string>& changes :
       {std::vector<std::string>{}, {"/spec"}, {""}, {"/spec/paused"}})
    CHECK(digest(plain, "apps", "deployments", changes) ==
          digest(held, "apps", "deployments", changes));
}

TEST_CASE("B16: bookkeeping of the server, of clients and of ours changes nothing") {
  const Json plain = {
      {"metadata", {{"name", "a"}, {"labels", {{"l", "1"}}}, {"annotations", {{"team", "x"}}}}},
      {"spec", {{"a", 1}}}};
  Json busy = plain;
  for (const char* key :
       {"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp"})
    busy["metadata"][key] = "changes";
  busy["metadata"]["annotations"]["holdpoint.dev/held"] = "p/r";
  busy["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}";
  busy["status"] = {{"phase", "x"}};
  CHECK(digest(plain, "example.com", "things", {""}) ==
        digest(busy, "example.com", "things", {""}));
  busy["metadata"]["annotations"]["team"] = "y";
  CHECK(digest(plain, "example.com", "things", {""}) !=
        digest(busy, "example.com", "things", {""}));
}

Json a_secret(const char* form, const std::string& value, const std::string& name = "db") {
  return {{"metadata", {{"name", name}, {"namespace", "n"}}},
          {"type", "Opaque"},
          {form, {{"password", value}}}};
}

TEST_CASE(
    "B10: data and stringData of one value have one digest, and flipping immutable changes it") {
  const Json data = a_secret("data", base64("hunter2"));
  CHECK(digest(data, "", "secrets") == digest(a_secret("stringData", "hunter2"), "", "secrets"));
  CHECK(digest(data, "", "secrets") != digest(a_secret("stringData", "hunter3"), "", "secrets"));
  Json fixed = data;
  fixed["immutable"] = true;
  CHECK(digest(data, "", "secrets") != digest(fixed, "", "secrets"));
}

TEST_CASE(
    "A13: a Secret's covered part holds no value, and its digest cannot be tried without the key") {
  for (const std::vector<std::string>& changes :
       {std::vector<std::string>{}, {""}, {"/data/password"}, {"/data"}}) {
    const Json covered = covered_part(a_secret("data", base64("canary")), "", "secrets",
                                      covered_pointers(changes, "", "secrets"), kKey);
    CHECK(dump_json(covered).find("canary") == std::string::npos);
    CHECK(dump_json(covered).find(base64("canary")) == std::string::npos);
  }
  CHECK(digest(a_secret("data", base64("x")), "", "secrets") !=
        digest(a_secret("data", base64("x")), "", "secrets", {}, "another key"));
  const auto size = [](const std::string& value) {
    return covered_part(a_secret("stringData", value), "", "secrets", {"/data"},
                        kKey)["/data"]["password"]["size"]
        .get<int>();
  };
  for (const char* value : {"", "a", "ab", "abc", "abcd"})
    CHECK(size(value) == static_cast<int>(std::string(value).size()));
}

TEST_CASE("a pointer that is not there is left out, and a list is reached by index") {
  const Json object = {{"spec", {{"list", {1, 2, 3}}, {"a/b", {{"~", 5}}}}}};
  const auto covered = covered_part(
      object, "g", "r", {"/spec/list/1", "/spec/none", "/spec/a~1b/~0", "/spec/list/01"}, kKey);
  CHECK(covered == Json{{"/spec/list/1", 2}, {"/spec/a~1b/~0", 5}});
  CHECK(covered_part(nullptr, "g", "r", {"/spec"}, kKey).is_null());
}

TEST_CASE("a recorded covered part is put back whole") {
  const Json before = {{"data", {{"a", "1"}}}, {"immutable", true}};
  const Json after = {{"data", {{"b", "2"}}}, {"binaryData", {{"c", "3"}}}};
  const auto pointers = default_changes("", "configmaps");
  const auto put =
      with_covered_part(after, covered_part(before, "", "configmaps", pointers, kKey), pointers);
  REQUIRE(put.ok());
  CHECK(*put == before);
  CHECK_FALSE(with_covered_part(after, Json::object(), {""}).ok());
}

TEST_CASE("M7: a replacement character is found wherever it hides") {
  CHECK(has_replacement_character(Json{{"a", {1, {{"b", "x\xef\xbf\xbdy"}}}}}));
  CHECK(has_replacement_character(Json{{"\xef\xbf\xbd", 1}}));
  CHECK_FALSE(has_replacement_character(Json{{"a", {"é", "漢"}}}));
}

}  // namespace
}  // namespace holdpoint
