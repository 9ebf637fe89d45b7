#include "core/change/sync_again.hpp"

#include <doctest/doctest.h>

namespace holdpoint {
namespace {

using Is = SyncAgain::Is;

// As Argo CD leaves it after a sync that failed for good.
Json failed() {
  return Json::parse(R"({
    "metadata": {"name": "shop", "resourceVersion": "7"},
    "status": {"operationState": {
      "phase": "Failed", "finishedAt": "2026-01-02T10:00:00Z",
      "operation": {"initiatedBy": {"automated": true}, "retry": {"limit": 2},
                    "sync": {"revision": "main", "prune": true, "syncOptions": ["ServerSideApply=true"]}},
      "syncResult": {"revision": "abc123", "resources": [{"kind": "ConfigMap", "status": "SyncFailed"}]}}}})");
}

TEST_CASE("what failed is repeated as it was, to the revision that it went to, from the start") {
  const SyncAgain again = sync_again(failed(), "token");
  REQUIRE(again.is == Is::Failed);
  CHECK(again.patch["metadata"]["resourceVersion"] == "7");
  const Json& next = again.patch["operation"];
  CHECK(next["sync"] == Json::parse(R"({"revision": "abc123", "prune": true,
                                        "syncOptions": ["ServerSideApply=true"]})"));
  CHECK(next["retry"]["limit"] == 2);
  CHECK(next["initiatedBy"]["username"] == "holdpoint");
  CHECK(next["info"][0]["value"] == "token");
  REQUIRE(again.patch["status"].contains("operationState"));
  CHECK(again.patch["status"]["operationState"].is_null());
}

TEST_CASE("an operation that waits for its next try gets it at once, and goes on as it is") {
  Json application = failed();
  application["operation"] = {{"sync", {{"prune", true}}}};
  application["status"]["operationState"]["phase"] = "Running";
  const SyncAgain again = sync_again(application, "token");
  REQUIRE(again.is == Is::Failed);
  CHECK_FALSE(again.patch.contains("operation"));
  CHECK(again.patch["status"]["operationState"]["finishedAt"] == "1970-01-01T00:00:00Z");
}

TEST_CASE("an operation that runs, or was asked for, is worth another look") {
  Json application = failed();
  application["operation"] = {{"sync", {{"prune", true}}}};
  SUBCASE("running") {
    application["status"]["operationState"]["phase"] = "Running";
    application["status"]["operationState"].erase("finishedAt");
  }
  SUBCASE("not begun") { application["status"].erase("operationState"); }
  CHECK(sync_again(application, "token").is == Is::Busy);
}

TEST_CASE("nothing is repeated that did not fail, or whose revision is not known") {
  Json application = failed();
  Json& state = application["status"]["operationState"];
  SUBCASE("succeeded") { state["phase"] = "Succeeded"; }
  SUBCASE("terminated meanwhile") {
    application["operation"] = {{"sync", Json::object()}};
    state["phase"] = "Terminating";
  }
  SUBCASE("no result") { state.erase("syncResult"); }
  SUBCASE("an empty revision") { state["syncResult"]["revision"] = ""; }
  SUBCASE("no sync") { state["operation"].erase("sync"); }
  SUBCASE("a sync of another shape") { state["operation"]["sync"] = "all"; }
  SUBCASE("never one") { application["status"].erase("operationState"); }
  SUBCASE("on its way out") {
    application["metadata"]["deletionTimestamp"] = "2026-01-02T10:00:00Z";
  }
  CHECK(sync_again(application, "token").is == Is::None);
}

TEST_CASE("several sources have a revision each") {
  Json application = failed();
  application["status"]["operationState"]["syncResult"] = {{"revisions", {"abc", "def"}}};
  const SyncAgain again = sync_again(application, "token");
  REQUIRE(again.is == Is::Failed);
  CHECK(again.patch["operation"]["sync"]["revisions"] == Json({"abc", "def"}));
  CHECK_FALSE(again.patch["operation"]["sync"].contains("revision"));
}

TEST_CASE("hooks that ran are told by their type") {
  Json application = failed();
  CHECK_FALSE(ran_hooks(application));
  application["status"]["operationState"]["syncResult"]["resources"].push_back(
      {{"kind", "Job"}, {"hookType", "PreSync"}});
  CHECK(ran_hooks(application));
  CHECK_FALSE(ran_hooks(Json::object()));
}

}  // namespace
}  // namespace holdpoint
