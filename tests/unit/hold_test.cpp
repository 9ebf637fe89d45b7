#include "core/approval/hold.hpp"

#include <doctest/doctest.h>

#include "core/change/covered.hpp"

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
  marks.held["prod"] = "web-0123456789-1-*";
  CHECK(held_request(marks, "prod", job) == "web-0123456789-1");  // no uid yet
  job["metadata"]["uid"] = "aabbccdd-1111";
  CHECK(held_request(marks, "prod", job) == "web-0123456789-1-aabbccdd");
  CHECK(held_request(marks, "other", job).empty());
}

TEST_CASE("B9: the name under which an object was generated tells nothing of what holds it") {
  RawObject object = deployment();
  object["metadata"]["uid"] = "aabbccdd-1111";
  Marks marks = held_by_alice();
  for (const char* mark : {"web-0123456789-1", "web-0123456789-1-*"}) {
    marks.held["prod"] = mark;
    object["metadata"].erase("generateName");
    const std::string name = held_request(marks, "prod", object);
    object["metadata"]["generateName"] = "other-";
    CHECK(held_request(marks, "prod", object) == name);
  }
}

TEST_CASE("the mode is picked by object and client as the table says") {
  struct Row {
    const char* sentence;
    HoldMode mode;
    Pausable how;
    Operation operation;
    const Marks* held;
    bool started;
    ClientKind client;
    RequestHold want;
  };
  using enum RequestHold;
  Marks suspended, gated;
  suspended.held = gated.held = {{"prod", "job-0123456789-1"}};
  suspended.paused = gated.gated = true;
  const Marks* const no = nullptr;
  const Row rows[] = {
      {"a Deployment by kubectl is stored held", HoldMode::Auto, Pausable::Deployment,
       Operation::Create, no, false, ClientKind::Plain, Suspend},
      {"its update too", HoldMode::Auto, Pausable::Deployment, Operation::Update, no, false,
       ClientKind::Plain, Suspend},
      {"a Deployment by Flux is refused", HoldMode::Auto, Pausable::Deployment, Operation::Update,
       no, false, ClientKind::Flux, Deny},
      {"a Deployment by Helm is refused", HoldMode::Auto, Pausable::Deployment, Operation::Create,
       no, false, ClientKind::Helm, Deny},
      {"a new Job by kubectl is stored held", HoldMode::Auto, Pausable::Job, Operation::Create, no,
       false, ClientKind::Plain, Suspend},
      {"a new Job by Helm waits by a gate", HoldMode::Auto, Pausable::Job, Operation::Create, no,
       false, ClientKind::Helm, Gate},
      {"and by Flux", HoldMode::Auto, Pausable::Job, Operation::Create, no, false, ClientKind::Flux,
       Gate},
      {"and by Argo CD", HoldMode::Auto, Pausable::Job, Operation::Create, no, false,
       ClientKind::ArgoCd, Gate},
      {"whose Deployment is stored held", HoldMode::Auto, Pausable::Deployment, Operation::Update,
       no, false, ClientKind::ArgoCd, Suspend},
      {"and by anybody where the policy says so", HoldMode::Gate, Pausable::Job, Operation::Create,
       no, false, ClientKind::Plain, Gate},
      {"a Job that waits by a gate has started, and waits on", HoldMode::Auto, Pausable::Job,
       Operation::Update, &gated, true, ClientKind::Plain, Gate},
      {"a held Job stays held whoever writes it", HoldMode::Auto, Pausable::Job, Operation::Update,
       &suspended, false, ClientKind::Flux, Suspend},
      {"a Job that runs gets no gate", HoldMode::Gate, Pausable::Job, Operation::Update, no, true,
       ClientKind::Helm, Deny},
      {"a Deployment has no gate", HoldMode::Gate, Pausable::Deployment, Operation::Create, no,
       false, ClientKind::Plain, Deny},
      {"a running Job is never suspended", HoldMode::Suspend, Pausable::Job, Operation::Update, no,
       true, ClientKind::Plain, Deny},
      {"a held Job stays held", HoldMode::Auto, Pausable::Job, Operation::Update, &suspended, false,
       ClientKind::Plain, Suspend},
      {"a started Job is not suspended even where marks say held", HoldMode::Auto, Pausable::Job,
       Operation::Update, &suspended, true, ClientKind::Plain, Deny},
      {"a ConfigMap cannot wait", HoldMode::Auto, Pausable::No, Operation::Create, no, false,
       ClientKind::Plain, Deny},
      {"a deletion cannot wait", HoldMode::Suspend, Pausable::Deployment, Operation::Delete, no,
       false, ClientKind::Plain, Deny},
      {"Retry is Retry", HoldMode::Retry, Pausable::Deployment, Operation::Create, no, false,
       ClientKind::Plain, Retry},
      {"Deny is Deny", HoldMode::Deny, Pausable::Deployment, Operation::Create, no, false,
       ClientKind::Plain, Deny},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sentence);
    CHECK(resolve_hold(row.mode, row.how, row.operation, row.held, row.started, row.client) ==
          row.want);
  }
}

TEST_CASE(
    "a scheduling gate is put into a Job's template, whatever is there, and is never taken out") {
  Marks wanted;
  wanted.held = {{"prod", "job-0123456789-1"}};
  wanted.held_by = {"alice"};
  wanted.gated = true;
  Json pod{{"containers", Json::array()}};
  Json job{{"metadata", {{"name", "migrate"}}}, {"spec", {{"template", {{"spec", pod}}}}}};
  SUBCASE("no metadata") {}
  SUBCASE("metadata without labels") {
    job["spec"]["template"]["metadata"] = {{"creationTimestamp", nullptr}};
  }
  SUBCASE("labels and gates of others") {
    job["spec"]["template"]["metadata"]["labels"] = {{"app", "shop"}};
    job["spec"]["template"]["spec"]["schedulingGates"] = Json::array({{{"name", "other/gate"}}});
  }
  const Json before = job;
  job = job.patch(marks_patch(job, Pausable::Job, wanted));
  CHECK(read_marks(job, Pausable::Job) == wanted);
  CHECK(job["spec"]["template"]["metadata"]["labels"][kGatedLabel] == "true");
  CHECK(holds_as(wanted, RequestHold::Gate));
  CHECK_FALSE(holds_as(wanted, RequestHold::Suspend));
  CHECK(marks_patch(job, Pausable::Job, wanted).empty());
  // What is covered is what it was: the gate is no change, and typing it is none either.
  const auto covered = [](const Json& object) {
    return covered_part(object, "batch", "jobs", {"/spec"}, "");
  };
  CHECK(covered(job) == covered(before));
  Marks released;
  released.gated = true;
  job = job.patch(marks_patch(job, Pausable::Job, released));
  CHECK(read_marks(job, Pausable::Job) == released);
  CHECK_FALSE(released.holds());

  Json gated{{"metadata", {{"resourceVersion", "7"}}}, {"spec", job["spec"]["template"]["spec"]}};
  Json steps = ungate_patch(gated);
  gated = gated.patch(steps);
  CHECK_FALSE(has_gate(&gated["spec"]));
  CHECK(gated["spec"]["schedulingGates"].size() ==
        (before["spec"]["template"]["spec"].contains("schedulingGates") ? 1U : 0U));
}

TEST_CASE("clients are told apart by field manager and by the labels of the object's owner") {
  RawObject object = deployment();
  CHECK(client_kind("kubectl-client-side-apply", object) == ClientKind::Plain);
  CHECK(client_kind("helm", object) == ClientKind::Helm);
  CHECK(client_kind("kustomize-controller", object) == ClientKind::Flux);
  CHECK(client_kind("argocd-controller", object) == ClientKind::ArgoCd);
  // A chart that Argo CD renders carries what Helm reads.
  object["metadata"]["labels"] = {{"app.kubernetes.io/managed-by", "Helm"}};
  CHECK(client_kind("kubectl-edit", object) == ClientKind::Plain);
  object["metadata"]["annotations"] = {{"helm.sh/hook", "pre-install"}};
  CHECK(client_kind("argocd-controller", object) == ClientKind::ArgoCd);
  CHECK(client_kind("kubectl-edit", object) == ClientKind::Helm);
  object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:batch/Job:a/b";
  CHECK(client_kind("kubectl-edit", object) == ClientKind::ArgoCd);
  CHECK(client_kind("helm", object) == ClientKind::Helm);
  object["metadata"].erase("annotations");
  object["metadata"]["labels"] = {{"kustomize.toolkit.fluxcd.io/name", "apps"}};
  CHECK(client_kind("manager", object) == ClientKind::Flux);
  object["metadata"]["annotations"] = {{"meta.helm.sh/release-name", "shop"}};
  CHECK(client_kind("manager", object) == ClientKind::Helm);
}

}  // namespace
}  // namespace holdpoint
