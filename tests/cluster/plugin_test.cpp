// What people see through the plugin and kubectl: read by them, so the real programs are run.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "crds/codec.hpp"
#include "tests/cluster/support/rights.hpp"
#include "tests/cluster/support/scene.hpp"

namespace holdpoint::cluster {
namespace {

bool has(const Output& output, const std::string& part) {
  return output.text().find(part) != std::string::npos;
}

Output show(const Scene& scene, const std::string& who, const std::string& what) {
  return as(who).kubectl({"holdpoint", "show", what, "-n", scene.ns()});
}

TEST_CASE("an approver sees what runs now, the last change, and the diff against what runs") {
  const Scene scene;
  scene.running_deployment("web", "registry.example.com/web:1");
  const Json to_two{
      {"spec",
       {{"template",
         {{"spec",
           {{"containers",
             Json::array({{{"name", "main"}, {"image", "registry.example.com/web:2"}}})}}}}}}}};
  must(scene.merge("developer", scene.deployments("web"), to_two));
  const std::string request = scene.open_request("web").metadata.name;
  const Output card = show(scene, "lead", "deployment/web");
  CHECK_MESSAGE(card.ok(), card.text());
  CHECK_MESSAGE(has(card, "image registry.example.com/web:1 (read 0s ago)"), card.text());
  CHECK_MESSAGE(has(card, " ready, "), card.text());
  CHECK_MESSAGE(has(card, "ago by developer, approved by lead"), card.text());
  CHECK_MESSAGE(has(card, "diff against what runs now:"), card.text());
  CHECK(has(card, "+registry.example.com/web:2"));
  CHECK(has(card, "kubectl holdpoint approve " + request));

  // Whoever may see requests alone is not told that nothing is there.
  grant_role(scene.ns(), "holdpoint-approver", user_named("outsider"));
  const Output stranger =
      as("admin").kubectl({"holdpoint", "show", request, "-n", scene.ns(), "--as", "outsider"});
  CHECK_MESSAGE(has(stranger, "unknown: you may not read deployments here"), stranger.text());
  CHECK_FALSE(has(stranger, "not there"));
  CHECK(has(stranger, "what runs now is unknown to you"));
  // The name of the target names the request in a decision as well.
  const Output approved =
      as("lead").kubectl({"holdpoint", "approve", "deploy/web", "-n", scene.ns()});
  CHECK_MESSAGE(approved.ok(), approved.text());
  scene.await_phase(request, RequestPhase::Released);
}

TEST_CASE("a change that is not stored is shown against what runs at that moment") {
  const Scene scene;
  CHECK_FALSE(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")).ok());
  const std::string request = scene.open_request("app").metadata.name;
  const Output before = show(scene, "developer", request);
  CHECK_MESSAGE(has(before, "now       not there yet"), before.text());
  scene.approve("lead", request);
  scene.await_phase(request, RequestPhase::Approved);
  must(scene.create("developer", scene.config_maps(), scene.config_map("app", "1")));
  scene.await_phase(request, RequestPhase::Released);
  CHECK_FALSE(
      scene.merge("developer", scene.config_maps("app"), {{"data", {{"value", "2"}}}}).ok());
  const Output after = show(scene, "developer", "cm/app");
  CHECK_MESSAGE(has(after, "1 key, 1 byte: value (read "), after.text());
  CHECK_MESSAGE(has(after, "diff against what runs now:"), after.text());
}

TEST_CASE("kubectl describe shows that a new object is held") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  Output described;
  const bool shown = eventually([&] {
    described = as("developer").kubectl({"describe", "deployment", "web", "-n", scene.ns()});
    return has(described, "Held");
  });
  CHECK_MESSAGE(shown, described.text());
}

TEST_CASE("a broken glass stays in the list until somebody has reviewed it") {
  PolicyShape shape;
  shape.spec_patch = {{"breakGlass", {{"allowed", true}}}};
  const Scene scene(shape);
  grant_role(scene.ns(), "holdpoint-break-glass", user_named("sre"));
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string request = scene.open_request("web").metadata.name;
  const Output broken = as("sre").kubectl(
      {"holdpoint", "break-glass", "deployment/web", "-n", scene.ns(), "--reason", "outage 4711"});
  CHECK_MESSAGE(broken.ok(), broken.text());
  CHECK_MESSAGE(has(broken, "glass broken ("), broken.text());
  scene.await_phase(request, RequestPhase::Released);
  const std::string review = "kubectl holdpoint review " + request + " -n " + scene.ns();
  CHECK(has(broken, review));
  const auto list = [&] { return as("lead").kubectl({"holdpoint", "list", "-n", scene.ns()}); };
  CHECK_MESSAGE(has(list(), "Released, review owed"), list().text());
  CHECK(has(list(), review));
  CHECK(has(show(scene, "lead", request), review));
  const Output doctor = as("admin").kubectl({"holdpoint", "doctor"});
  CHECK_MESSAGE(has(doctor, "sre broke the glass: " + review), doctor.text());
  const Output reviewed = as("lead").kubectl(
      {"holdpoint", "review", request, "-n", scene.ns(), "--reason", "it was right"});
  CHECK_MESSAGE(reviewed.ok(), reviewed.text());
  CHECK(eventually([&] { return !has(list(), request); }));
}

TEST_CASE("what people type wrongly is told in words with an example") {
  const Scene scene;
  const auto policy = [](const char* pending) {
    return std::string(R"({"apiVersion": "holdpoint.dev/v1alpha1", "kind": "ApprovalPolicy",
      "metadata": {"name": "wrong"}, "spec": {"match": {"resources": [{"apiGroups": [""],
      "resources": ["configmaps"], "operations": ["CREATE"]}]}, "expiry": {"pending": ")") +
           pending + R"("}, "stages": [{"name": "a", "approvers": {"groups": ["x"]}}]}})";
  };
  for (const char* wrong : {"1 day", "soon", "", "0s", "9000h"}) {
    const Output refused = as("admin").apply(policy(wrong), {"--dry-run=server"});
    CHECK_FALSE(refused.ok());
    CHECK_MESSAGE(has(refused, "such as 30m, 24h or 1h30m"), refused.text());
    CHECK_FALSE_MESSAGE(has(refused, "[0-9]"), refused.text());
  }
  for (const char* right : {"90s", "1.5h", "8760h", "1h30m"}) {
    const Output taken = as("admin").apply(policy(right), {"--dry-run=server"});
    CHECK_MESSAGE(taken.ok(), taken.text());
  }
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string request = scene.open_request("web").metadata.name;
  const Output early = as("lead").kubectl(
      {"holdpoint", "approve", request, "-n", scene.ns(), "--not-before", "tonight"});
  CHECK(early.exit_code == 2);
  CHECK_MESSAGE(has(early, "type it like 2026-11-23T22:00:00Z"), early.text());
  const auto typed = scene.decide("lead", request);
  CHECK(typed.ok());
  const Output yaml =
      as("lead").apply(dump_json({{"apiVersion", kApiVersion},
                                  {"kind", "Approval"},
                                  {"metadata", {{"name", "tonight"}, {"namespace", scene.ns()}}},
                                  {"spec",
                                   {{"request", {{"name", request}}},
                                    {"decision", "Approve"},
                                    {"notBefore", "tonight"}}}}),
                       {"--dry-run=server"});
  CHECK_MESSAGE(has(yaml, "such as 2026-11-23T22:00:00Z"), yaml.text());
  CHECK_FALSE(has(yaml, "[0-9]"));
}

TEST_CASE("simulate answers whole sentences") {
  PolicyShape shape;
  shape.approvers = {
      {"groups",
       {"the-long-name-of-people-who-lead-here", "another-long-name-of-people-who-lead"}}};
  const Scene scene(shape);
  const std::string input = dump_json(scene.config_map("settings-of-the-checkout-service", "1"));
  const Output told =
      as("developer").kubectl({"holdpoint", "simulate", "-n", scene.ns(), "-f", "-"}, input);
  CHECK_MESSAGE(told.ok(), told.text());
  CHECK_MESSAGE(has(told, "another-long-name-of-people-who-lead"), told.text());
  CHECK_FALSE_MESSAGE(has(told, "…"), told.text());
}

TEST_CASE(
    "doctor finds where Holdpoint is, tries the webhook, and sees when it or its operator is "
    "down") {
  const Scene scene;
  const auto doctor = [](std::vector<std::string> flags = {}) {
    std::vector<std::string> args{"holdpoint", "doctor"};
    args.insert(args.end(), flags.begin(), flags.end());
    return as("admin").kubectl(args);
  };
  const Output well = doctor();
  CHECK_MESSAGE(well.ok(), well.text());
  CHECK_MESSAGE(has(well, "ok    webhook: answers through the API server"), well.text());
  CHECK_MESSAGE(has(well, "leads, and was seen"), well.text());
  CHECK_MESSAGE(has(well, "authority of the webhook's certificate is good for"), well.text());
  CHECK_MESSAGE(has(well, "policy " + scene.policy() + ": Enforced in 1 namespace"), well.text());
  CHECK(has(doctor({"--holdpoint-namespace", "elsewhere"}), "operator: nobody leads"));

  for (const std::string& webhook : webhook_names())
    REQUIRE(cluster_command("stop", {webhook}).ok());
  const Output down = doctor();
  CHECK(down.exit_code == 1);
  CHECK_MESSAGE(has(down, "bad   webhook: the API server does not reach it"), down.text());
  CHECK_FALSE_MESSAGE(has(down, "/probe/"), down.text());
  for (const std::string& webhook : webhook_names())
    REQUIRE(cluster_command("start", {webhook}).ok());
  CHECK(eventually([&] { return has(doctor(), "ok    webhook: answers"); }));

  // Who may do nothing is told that all of this is unknown, not that it is broken.
  const Output nobody = as("developer").kubectl({"holdpoint", "doctor"});
  CHECK_MESSAGE(nobody.ok(), nobody.text());
  CHECK_MESSAGE(has(nobody, "cannot be looked at as this user"), nobody.text());
}

TEST_CASE("what a denied request left held is listed until somebody puts back what ran") {
  const Scene scene;
  const auto list = [&] { return as("lead").kubectl({"holdpoint", "list", "-n", scene.ns()}); };
  CHECK_MESSAGE(has(list(), "Nothing waits for approval in namespace " + scene.ns() + "."),
                list().text());
  scene.running_deployment("web", "registry.example.com/web:1");
  must(scene.merge(
      "developer", scene.deployments("web"),
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers",
              Json::array({{{"name", "main"}, {"image", "registry.example.com/web:2"}}})}}}}}}}}));
  const std::string request = scene.open_request("web").metadata.name;
  CHECK_FALSE(has(list(), "Still held"));
  const Output denied = as("lead").kubectl(
      {"holdpoint", "deny", request, "-n", scene.ns(), "--reason", "not on Friday"});
  CHECK_MESSAGE(denied.ok(), denied.text());
  scene.await_phase(request, RequestPhase::Denied);
  const std::string command = "kubectl holdpoint abandon deployment/web -n " + scene.ns();
  CHECK_MESSAGE(has(list(), "Still held, although the request ended:"), list().text());
  CHECK_MESSAGE(has(list(), "Denied   " + command), list().text());
  CHECK(has(show(scene, "lead", request), "put back  " + command));
  const Output doctor = as("admin").kubectl({"holdpoint", "doctor"});
  CHECK_MESSAGE(has(doctor, "Denied: " + command), doctor.text());
  const Output back =
      as("developer").kubectl({"holdpoint", "abandon", "deployment/web", "-n", scene.ns()});
  CHECK_MESSAGE(back.ok(), back.text());
  CHECK_MESSAGE(!has(list(), "Still held"), list().text());
  CHECK_FALSE(has(show(scene, "lead", request), "put back"));
}

TEST_CASE("what joined a change set after it was shown is not approved with it") {
  const Scene scene;
  const auto ask = [&](const char* name) {
    Json config = scene.config_map(name, "1");
    config["metadata"]["annotations"]["holdpoint.dev/change-set"] = "release 9";
    REQUIRE_FALSE(scene.create("developer", scene.config_maps(), config).ok());
    return scene.open_request(name).metadata.name;
  };
  const auto plugin = [&](const char* command, std::vector<std::string> flags = {}) {
    std::vector<std::string> words{"holdpoint", command, "--change-set",
                                   "release 9", "-n",    scene.ns()};
    words.insert(words.end(), flags.begin(), flags.end());
    return as("lead").kubectl(words);
  };
  const std::string command =
      "kubectl holdpoint approve --change-set 'release 9' -n " + scene.ns() + " --seen ";
  const auto digest_in = [&](const std::string& text) {
    const auto at = text.find(command);
    REQUIRE_MESSAGE(at != std::string::npos, text);
    return text.substr(at + command.size(), 12);
  };
  std::vector<std::string> requests{ask("one"), ask("two")};
  const Output shown = plugin("show");
  CHECK_MESSAGE(has(shown, "Change set release 9: 2 changes"), shown.text());
  const std::string of_two = digest_in(shown.out);
  CHECK_MESSAGE(shown.out.ends_with("\n\napprove   " + command + of_two + "\n"), shown.out);

  requests.push_back(ask("three"));
  const Output refused = plugin("approve", {"--seen", of_two, "--reason", "it's due",
                                            "--not-before", "2026-01-02T03:04:05Z"});
  CHECK(refused.exit_code == 1);
  CHECK_MESSAGE(has(refused, "Change set release 9: 3 changes"), refused.text());
  CHECK_MESSAGE(refused.err.find("change set release 9 has changed since it was shown, so nothing "
                                 "was approved") != std::string::npos,
                refused.err);
  CHECK(must(client_as("admin").list(scene.approvals(), {}, soon())).items.empty());
  for (const std::string& request : requests)
    CHECK(scene.request(request).status.phase == RequestPhase::Pending);
  const std::string of_three = digest_in(refused.err);
  CHECK(of_three != of_two);
  // What else was typed goes with the command.
  CHECK_MESSAGE(refused.err.ends_with(
                    of_three + " --reason 'it'\\''s due' --not-before '2026-01-02T03:04:05Z'\n"),
                refused.err);
  CHECK(digest_in(plugin("show").out) == of_three);

  // Without --seen a terminal asks, and takes no for an answer.
  const auto at_terminal = [&](const std::string& answer) {
    return run(
        {"script", "-qec",
         "kubectl holdpoint approve --change-set 'release 9' -n " + scene.ns() + " --context=lead",
         "/dev/null"},
        answer + "\n", Duration(60'000));
  };
  for (const char* no : {"n", "", "maybe"}) {
    const Output kept = at_terminal(no);
    CHECK_FALSE(kept.ok());
    CHECK_MESSAGE(has(kept, "Approve these 3 changes? [y/N]"), kept.text());
    CHECK_MESSAGE(has(kept, "nothing was approved"), kept.text());
  }
  CHECK(must(client_as("admin").list(scene.approvals(), {}, soon())).items.empty());

  const Output approved = plugin("approve", {"--seen", of_three, "--reason", "it's due"});
  CHECK_MESSAGE(approved.ok(), approved.text());
  for (const std::string& request : requests) scene.await_phase(request, RequestPhase::Approved);
  // Nothing of it waits any more, so there is nothing to approve.
  const Output after = plugin("show");
  CHECK_MESSAGE(after.ok(), after.text());
  CHECK_FALSE_MESSAGE(has(after, "holdpoint approve"), after.text());

  const Output wrong = plugin("approve", {"--seen", ""});
  CHECK(wrong.exit_code == 2);
  CHECK_MESSAGE(has(wrong, "kubectl holdpoint approve --help"), wrong.text());
}

TEST_CASE("who asks twice, misspells or lacks a right is told what is there, and the next step") {
  const Scene scene;
  const std::string file = unique("/tmp/holdpoint-plugin") + ".json";
  std::ofstream(file) << dump_json(scene.config_map("settings", "1"));
  const auto ask = [&](const char* reason) {
    return as("developer")
        .kubectl({"holdpoint", "request", "-f", file, "-n", scene.ns(), "--reason", reason});
  };
  CHECK(ask("release 7").ok());
  const std::string request = scene.open_request("settings").metadata.name;
  const Output again = ask("another reason");
  CHECK_MESSAGE(again.ok(), again.text());
  CHECK_MESSAGE(has(again, "already asked as " + request +
                               ", Pending; its reason stays: "
                               "\"release 7\""),
                again.text());
  std::remove(file.c_str());

  const Output misspelt = show(scene, "lead", "configmap/setings");
  CHECK(misspelt.exit_code == 1);
  CHECK_MESSAGE(has(misspelt, "in namespace " + scene.ns() + "; did you mean configmap/settings?"),
                misspelt.text());
  const Output nowhere =
      as("lead").kubectl({"holdpoint", "list", "-n", scene.ns(), "--change-set", "nosuch"});
  CHECK(nowhere.exit_code == 1);
  CHECK_MESSAGE(has(nowhere, "there is no change set nosuch"), nowhere.text());

  const Output stranger =
      as("admin").kubectl({"holdpoint", "list", "-n", scene.ns(), "--as", "outsider"});
  CHECK(stranger.exit_code == 1);
  CHECK_MESSAGE(has(stranger,
                    "ask for a RoleBinding to the ClusterRole holdpoint-viewer in "
                    "namespace " +
                        scene.ns()),
                stranger.text());
}

TEST_CASE("the trail is whole where a program reads it, and told to those who may see it") {
  const Scene scene;
  must(scene.create("developer", scene.deployments(), scene.deployment("web")));
  const std::string request = scene.open_request("web").metadata.name;
  const std::string reason(150, 'x');
  const Output approved =
      as("lead").kubectl({"holdpoint", "approve", request, "-n", scene.ns(), "--reason", reason});
  CHECK_MESSAGE(approved.ok(), approved.text());
  scene.await_phase(request, RequestPhase::Released);
  const std::string command = "trail     kubectl holdpoint audit list --request " + request;
  CHECK_MESSAGE(has(show(scene, "auditor", request), command),
                show(scene, "auditor", request).text());
  CHECK_FALSE(has(show(scene, "developer", request), "audit list"));
  const Output trail = as("auditor").kubectl({"holdpoint", "audit", "list", "--request", request});
  CHECK_MESSAGE(has(trail, reason), trail.text());
}

TEST_CASE("each command has help with an example, and exit codes are told") {
  const Output help = as("developer").kubectl({"holdpoint", "--help"});
  CHECK(help.ok());
  CHECK(has(help, "Exit codes: 0 it is done; 1 it is not"));
  for (const char* command :
       {"list", "show", "approve", "deny", "break-glass", "review", "withdraw", "request",
        "simulate", "resume", "abandon", "audit", "doctor", "disarm", "arm"}) {
    const Output told = as("developer").kubectl({"holdpoint", command, "--help"});
    CHECK(told.ok());
    CHECK_MESSAGE(has(told, std::string("kubectl holdpoint ") + command), told.text());
  }
  const Output wrong = as("developer").kubectl({"holdpoint", "deny", "web-1"});
  CHECK(wrong.exit_code == 2);
  CHECK_MESSAGE(has(wrong, "kubectl holdpoint deny --help"), wrong.text());
}

}  // namespace
}  // namespace holdpoint::cluster
