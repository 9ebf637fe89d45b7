#include "core/change/last_write.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace holdpoint {
namespace {

Json entry(const char* manager, const char* time, const char* subresource = "") {
  Json one{{"manager", manager}, {"time", time}};
  if (*subresource != 0) one["subresource"] = subresource;
  return one;
}

Json written_by(Json managers) { return {{"metadata", {{"managedFields", std::move(managers)}}}}; }

TEST_CASE("the last write of an object is no write of its status") {
  Json object = written_by(Json::array(
      {entry("helm", "2026-01-02T03:00:00Z"), entry("kubectl-edit", "2026-01-02T04:00:00Z"),
       entry("kubectl-apply", "2026-01-02T03:30:00Z"),
       entry("kube-apiserver", "2026-01-02T05:00:00Z", "status")}));
  CHECK(last_write(object).manager == "kubectl-edit");
  CHECK(last_write(object).time == "2026-01-02T04:00:00Z");
  // Of two in one second the later entry.
  object["metadata"]["managedFields"].push_back(entry("k9s", "2026-01-02T04:00:00Z"));
  CHECK(last_write(object).manager == "k9s");
}

TEST_CASE("an object that does not tell who wrote it was written by nobody known") {
  for (const Json& object :
       {Json(), Json::object(), written_by("x"), written_by(Json::array({"x", 1})),
        written_by(Json::array({entry("kubelet", "2026-01-02T05:00:00Z", "status")}))}) {
    CHECK(last_write(object).manager.empty());
    CHECK(last_write(object).time.empty());
  }
}

}  // namespace
}  // namespace holdpoint
