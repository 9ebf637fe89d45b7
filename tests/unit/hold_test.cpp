#include "core/approval/hold.hpp"

#include <doctest/doctest.h>

namespace holdpoint {
namespace {

RawObject deployment() {
  return Json{{"metadata", {{"name", "web"}, {"namespace", "production"}}},
              {"spec", {{"replicas", 3}}}};
}

Marks held_by_alice() {
  Marks marks;
  marks.held = {{"prod", "web-0123456789-1"}};
  marks.held_by = {"alice"};
  marks.paused = true;
  return marks;
}

RawObject patched(RawObject object, Pausable how, const Marks& wanted) {
  return object.patch(marks_patch(object, how, wanted));
}

TEST_CASE("marks that are put on an object are read back as they were") {
  const RawObject held = patched(deployment(), Pausable::Deployment, held_by_alice());
  CHECK(held["spec"]["paused"] == true);
  CHECK(held["metadata"]["annotations"]["holdpoint.dev/held"] == "prod/web-0123456789-1");
  CHECK(read_marks(held, Pausable::Deployment) == held_by_alice());
  CHECK(marks_patch(held, Pausable::Deployment, held_by_alice()).empty());
}

TEST_CASE("taking all marks away leaves the object as the user wrote it") {
  Marks none;
  SUBCASE("running") {}
  SUBCASE("paused by the user") { none.paused = true; }
  RawObject original = deployment();
  if (none.paused) original["spec"]["paused"] = true;
  Marks hold = held_by_alice();
  hold.user_paused = none.paused;
  const RawObject held = patched(original, Pausable::Deployment, hold);
  RawObject released = patched(held, Pausable::Deployment, none);
  released["metadata"].erase("annotations");  // an empty map may stay
  CHECK(released == original);
}

TEST_CASE("annotations of others survive the hold and its end") {
  RawObject object = deployment();
  object["metadata"]["annotations"] = {{"team", "shop"}, {"a/b~c", "x"}};
  const RawObject held = patched(object, Pausable::Deployment, held_by_alice());
  CHECK(held["metadata"]["annotations"]["a/b~c"] == "x");
  CHECK(patched(held, Pausable::Deployment, Marks{}) == object);
}

TEST_CASE("a held Job is suspended, and its field stays when it is resumed") {
  RawObject job = deployment();
  job["spec"] = {{"suspend", false}};
  const RawObject held = patched(job, Pausable::Job, held_by_alice());
  CHECK(held["spec"]["suspend"] == true);
  CHECK(patched(held, Pausable::Job, Marks{})["spec"]["suspend"] == false);
}

TEST_CASE("a mark on an object that is not paused holds nothing") {
  RawObject object = deployment();
  object["metadata"]["annotations"] = {{"holdpoint.dev/held", "prod/web-1"}};
  CHECK_FALSE(read_marks(object, Pausable::Deployment).holds());
  object["spec"]["paused"] = true;
  CHECK(read_marks(object, Pausable::Deployment).holds());
}

TEST_CASE("marks that nobody can read are no marks") {
  RawObject object = deployment();
  object["spec"]["paused"] = true;
  for (const char* text : {"", "x", "/", "prod/", "/web", ",,"}) {
    object["metadata"]["annotations"] = {{"holdpoint.dev/held", text},
                                         {"holdpoint.dev/held-by", "not json"}};
    CAPTURE(text);
    CHECK_FALSE(read_marks(object, Pausable::Deployment).holds());
    CHECK(read_marks(object, Pausable::Deployment).held_by.empty());
  }
}

TEST_CASE("a generated object adds its uid to the name that its mark stands for") {
  RawObject job = deployment();
  Marks marks = held_by_alice();
  CHECK(held_request(marks, "prod", job) == "web-0123456789-1");
  job["metadata"]["generateName"] = "web-";
  CHECK(held_request(marks, "prod", job) == "web-0123456789-1");  // no uid yet
  job["metadata"]["uid"] = "aabbccdd-1111";
  CHECK(held_request(marks, "prod", job) == "web-0123456789-1-aabbccdd");
  CHECK(held_request(marks, "other", job).empty());
}

TEST_CASE("the mode is picked by object and client as the table says") {
  struct Row {
    const char* sentence;
    HoldMode mode;
    Pausable how;
    Operation operation;
    bool old_is_held, started;
    ClientKind client;
    RequestHold want;
  };
  using enum RequestHold;
  const Row rows[] = {
      {"a Deployment by kubectl is stored held", HoldMode::Auto, Pausable::Deployment,
       Operation::Create, false, false, ClientKind::Plain, Suspend},
      {"its update too", HoldMode::Auto, Pausable::Deployment, Operation::Update, false, false,
       ClientKind::Plain, Suspend},
      {"a Deployment by Flux is refused", HoldMode::Auto, Pausable::Deployment, Operation::Update,
       false, false, ClientKind::Flux, Deny},
      {"a Deployment by Helm is refused", HoldMode::Auto, Pausable::Deployment, Operation::Create,
       false, false, ClientKind::Helm, Deny},
      {"a new Job by kubectl is stored held", HoldMode::Auto, Pausable::Job, Operation::Create,
       false, false, ClientKind::Plain, Suspend},
      {"a new Job by Helm is refused", HoldMode::Auto, Pausable::Job, Operation::Create, false,
       false, ClientKind::Helm, Deny},
      {"a running Job is never suspended", HoldMode::Suspend, Pausable::Job, Operation::Update,
       false, true, ClientKind::Plain, Deny},
      {"a held Job stays held", HoldMode::Auto, Pausable::Job, Operation::Update, true, false,
       ClientKind::Plain, Suspend},
      {"a started Job is not suspended even where marks say held", HoldMode::Auto, Pausable::Job,
       Operation::Update, true, true, ClientKind::Plain, Deny},
      {"a ConfigMap cannot wait", HoldMode::Auto, Pausable::No, Operation::Create, false, false,
       ClientKind::Plain, Deny},
      {"a deletion cannot wait", HoldMode::Suspend, Pausable::Deployment, Operation::Delete, false,
       false, ClientKind::Plain, Deny},
      {"Retry is Retry", HoldMode::Retry, Pausable::Deployment, Operation::Create, false, false,
       ClientKind::Plain, Retry},
      {"Deny is Deny", HoldMode::Deny, Pausable::Deployment, Operation::Create, false, false,
       ClientKind::Plain, Deny},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sentence);
    CHECK(resolve_hold(row.mode, row.how, row.operation, row.old_is_held, row.started,
                       row.client) == row.want);
  }
}

TEST_CASE("clients are told apart by field manager and by the labels of the object's owner") {
  RawObject object = deployment();
  CHECK(client_kind("kubectl-client-side-apply", object) == ClientKind::Plain);
  CHECK(client_kind("helm", object) == ClientKind::Helm);
  CHECK(client_kind("kustomize-controller", object) == ClientKind::Flux);
  CHECK(client_kind("argocd-controller", object) == ClientKind::Plain);
  object["metadata"]["labels"] = {{"app.kubernetes.io/managed-by", "Helm"}};
  CHECK(client_kind("argocd-controller", object) == ClientKind::Plain);
  object["metadata"]["labels"] = {{"kustomize.toolkit.fluxcd.io/name", "apps"}};
  CHECK(client_kind("manager", object) == ClientKind::Flux);
  object["metadata"]["annotations"] = {{"meta.helm.sh/release-name", "shop"}};
  CHECK(client_kind("manager", object) == ClientKind::Helm);
}

}  // namespace
}  // namespace holdpoint
