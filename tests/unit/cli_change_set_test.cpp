#include <doctest/doctest.h>

#include <set>

#include "cli/change_set.hpp"
#include "core/change/origin.hpp"

namespace holdpoint::cli {
namespace {

constexpr const char* kSet = "helm/shop/web";

ApprovalRequest a_request(const std::string& kind, const std::string& name,
                          const std::string& hook = "", std::int64_t wave = 0) {
  ApprovalRequest request;
  request.metadata.name = name;
  request.metadata.namespace_ = "shop";
  request.metadata.creation_timestamp = "2026-01-02T03:00:00Z";
  request.spec.target = {"", "v1", kind, "", "shop", name, "", ""};
  request.spec.requester.username = "deployer";
  request.spec.origin = Origin{OriginKind::Release, "shop", "web", "web-2.0.0", hook, wave};
  request.spec.change_set = kSet;
  return request;
}

std::vector<std::string> names(const std::vector<ApprovalRequest>& requests) {
  std::vector<std::string> all;
  for (const ApprovalRequest& request : requests) all.push_back(request.metadata.name);
  return all;
}

TEST_CASE("a migration comes before what it is for, and hooks where their deployer runs them") {
  ApprovalRequest gone = a_request("ConfigMap", "gone");
  gone.spec.operation = Operation::Delete;
  const auto ordered =
      in_order({a_request("Deployment", "web"), a_request("Job", "smoke", "post-upgrade"), gone,
                a_request("Secret", "keys"), a_request("Job", "seed"),
                a_request("Job", "migrate", "pre-upgrade"),
                a_request("ConfigMap", "dump-settings", "pre-upgrade", -5)});
  CHECK(names(ordered) == std::vector<std::string>{"dump-settings", "migrate", "seed", "keys",
                                                   "web", "gone", "smoke"});
  // Waves of Argo CD come before kinds.
  const auto waves =
      in_order({a_request("Job", "later", "", 2), a_request("Deployment", "first", "", -1),
                a_request("Deployment", "second"), a_request("Job", "presync", "PreSync")});
  CHECK(names(waves) == std::vector<std::string>{"presync", "first", "second", "later"});
}

TEST_CASE("one card tells who committed, who asked and what comes first") {
  ApprovalRequest web = a_request("Deployment", "web");
  web.spec.summary = {"image web 1.4.1 -> 1.5.0"};
  web.spec.authors = {"carol"};
  web.spec.reason = "Release 2.4\x1b";
  web.spec.risk = {
      RiskLevel::High,
      {{RiskFactor::NewImageRepository, RiskLevel::High, "image web: not used before"}}};
  web.spec.checks.emplace_back().name = "scan";
  ApprovalRequest job = a_request("Job", "migrate", "pre-upgrade");
  const Instant now = *parse_rfc3339("2026-01-02T03:30:00Z");
  const auto found = set_of({web, job, a_request("Job", "other")}, kSet);
  REQUIRE(found.ok());
  const std::string card = set_card(*found, now, Colour::No);
  CHECK(card.find("Change set helm/shop/web: 3 changes") == 0);
  CHECK(card.find("Helm release shop/web, chart web-2.0.0") != std::string::npos);
  CHECK(card.find("by carol (as an annotation says") != std::string::npos);
  CHECK(card.find("1. Pending  Job shop/migrate  (CREATE, hook pre-upgrade)") != std::string::npos);
  CHECK(card.find("3. Pending  Deployment shop/web") != std::string::npos);
  CHECK(card.find("image web 1.4.1 -> 1.5.0") != std::string::npos);
  CHECK(card.find("\n   risk High: image web: not used before\n   check scan Unknown") !=
        std::string::npos);
  CHECK(card.find("web -n shop, 30m ago: \"Release 2.4\\u{1b}\"") != std::string::npos);
  CHECK(card.find("see below who asked") == std::string::npos);
  // Somebody else's change in it stands out.
  job.spec.requester.username = "mallory\x1b[2J";
  const std::string mixed = set_card({job, web}, now, Colour::No);
  CHECK(mixed.find("by 2 accounts: see below who asked for what") != std::string::npos);
  CHECK(mixed.find("asked by mallory") != std::string::npos);
  CHECK(mixed.find('\x1b') == std::string::npos);
}

TEST_CASE("a set that is not there names those that are") {
  ApprovalRequest typed = a_request("Job", "a");
  typed.spec.change_set = "release 7";
  const auto found = set_of({typed, a_request("Job", "b"), a_request("Job", "c")}, "nope");
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().kind == ErrorKind::NotFound);
  CHECK(found.error().message.find("there are helm/shop/web (2), release 7 (1)") !=
        std::string::npos);
  CHECK(set_of({}, "nope").error().message.find("there are none here") != std::string::npos);
  std::vector<ApprovalRequest> many;
  for (char name = 'a'; name <= 'l'; ++name) {
    many.push_back(typed);
    many.back().spec.change_set = name;
  }
  const std::string told = no_set("there is no", many, "nope").message;
  CHECK(told.find("there is no change set nope; there are a (1), b (1)") == 0);
  CHECK(told.find("j (1) and 2 others") != std::string::npos);
}

TEST_CASE("what was shown of a set is told from any other set, in whatever order it is read") {
  ApprovalRequest web = a_request("Deployment", "web"), job = a_request("Job", "migrate");
  web.metadata.uid = "uid-web", web.spec.binding_digest = "sha256:aa";
  job.metadata.uid = "uid-job", job.spec.binding_digest = "sha256:bb";
  const std::string shown = set_digest({web, job});
  CHECK(objection_to_digest(shown).empty());
  CHECK(set_digest({job, web}) == shown);
  // What people do with a request, and what it says beside its digest, is none of it.
  ApprovalRequest looked_at = web;
  looked_at.status.approvals = "1 of 2";
  CHECK(set_digest({job, looked_at}) == shown);

  ApprovalRequest joins = a_request("ConfigMap", "settings");
  joins.metadata.uid = "uid-settings", joins.spec.binding_digest = "sha256:cc";
  ApprovalRequest other = web, again = web, shifted = web;
  other.spec.binding_digest = "sha256:ab";
  again.metadata.uid = "uid-web-2";
  shifted.metadata.uid = "uid-websha256", shifted.spec.binding_digest = ":aa";
  CHECK(std::set<std::string>{shown, set_digest({web}), set_digest({web, job, joins}),
                              set_digest({joins, job}), set_digest({other, job}),
                              set_digest({again, job}), set_digest({shifted, job})}
            .size() == 7);
  for (const char* wrong : {"", "3f9a", "3f9a0c17be5", "3f9a0c17be521", "3F9A0C17BE52",
                            "3f9a0c17be5 ", "3f9a0c17be5\x1b"})
    CHECK_FALSE_MESSAGE(objection_to_digest(wrong).empty(), wrong);
  CHECK(objection_to_digest("\x1b[2J").find('\x1b') == std::string::npos);
}

TEST_CASE("the command that approves a set is for what was shown, and for what waits of it") {
  ApprovalRequest web = a_request("Deployment", "web"), job = a_request("Job", "migrate");
  web.metadata.uid = "uid-web", job.metadata.uid = "uid-job";
  job.status.phase = RequestPhase::Approved;
  const auto waiting = pending_of({job, web});
  CHECK(names(waiting) == std::vector<std::string>{"web"});
  CHECK(approve_set_command(waiting, Namespaces::One) ==
        "kubectl holdpoint approve --change-set helm/shop/web -n shop --seen " + set_digest({web}));
  web.spec.change_set = "release 7; reboot";
  CHECK(approve_set_command({web}, Namespaces::All) ==
        "kubectl holdpoint approve --change-set 'release 7; reboot' -A --seen " +
            set_digest({web}));
}

TEST_CASE("sets of two namespaces that people named alike are not one") {
  ApprovalRequest one = a_request("Job", "a"), two = a_request("Job", "b");
  one.spec.change_set = two.spec.change_set = "release 7";
  two.metadata.namespace_ = "other";
  const auto mixed = set_of({one, two}, "release 7");
  REQUIRE_FALSE(mixed.ok());
  CHECK(mixed.error().kind == ErrorKind::Invalid);
  CHECK(mixed.error().message.find("other, shop") != std::string::npos);
  CHECK(mixed.error().message.find("show --change-set 'release 7' -n other") != std::string::npos);
  two.metadata.namespace_ = "shop";
  CHECK(set_of({one, two}, "release 7").ok());
  // One release may well reach into several.
  ApprovalRequest far = a_request("Job", "b");
  far.metadata.namespace_ = "other";
  CHECK(set_of({a_request("Job", "a"), far}, kSet).ok());
}

TEST_CASE("nobody types his way into the set of an origin") {
  const auto annotated = [](const std::string& set) {
    return Json{
        {"metadata",
         {{"name", "x"}, {"namespace", "shop"}, {"annotations", {{kChangeSetAnnotation, set}}}}}};
  };
  CHECK(change_set_of(annotated("release-7")) == "release-7");
  CHECK(change_set_of(annotated("helm/shop/web")).empty());
  Json own = annotated("argocd/other");
  own["metadata"]["annotations"]["meta.helm.sh/release-name"] = "web";
  own["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = "shop";
  CHECK(change_set_of(own) == "helm/shop/web");
}

TEST_CASE("what is to be copied into a shell is one word there") {
  CHECK(shell_word("argocd/team-a_shop") == "argocd/team-a_shop");
  CHECK(shell_word("release 7; reboot") == "'release 7; reboot'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
}

}  // namespace
}  // namespace holdpoint::cli
