#include "cli/app.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "cli/change_set.hpp"
#include "cli/commands.hpp"
#include "cli/names.hpp"
#include "cli/screen.hpp"

namespace holdpoint::cli {
namespace {

constexpr int kDone = 0, kFailed = 1, kUsage = 2;

// kubectl's own flags that say which cluster, and as whom. They are handed on as they are.
struct ConnectionFlag {
  const char* names;
  const char* forward;
  const char* help;
};
constexpr ConnectionFlag kConnectionFlags[] = {
    {"--context", "--context", "Context of the kubeconfig"},
    {"--kubeconfig", "--kubeconfig", "Path of the kubeconfig"},
    {"--cluster", "--cluster", "Cluster of the kubeconfig"},
    {"--user", "--user", "User of the kubeconfig"},
    {"--as", "--as", "User to impersonate"},
    {"--as-uid", "--as-uid", "Uid to impersonate"},
    {"-s,--server", "--server", "Address of the API server"},
    {"--token", "--token", "Bearer token"},
    {"--certificate-authority", "--certificate-authority", "File of the API server's CA"},
    {"--tls-server-name", "--tls-server-name",
     "Name that the API server's certificate has to have"},
    {"--request-timeout", "--request-timeout", "How long a call may take, such as 30s"},
};

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a kubectl that ends early is an error to tell, not the end
  CLI::App app{
      "Approve, deny and look at changes that Holdpoint holds.\n"
      "A REQUEST is the name of one, the first letters of it, or KIND/NAME of what it asks about, "
      "such as deployment/web."};
  app.name("kubectl holdpoint");
  app.require_subcommand(0, 1);  // none: told below, in words that fit
  app.fallthrough();
  app.set_help_flag("-h,--help", "Show this");
  app.footer(
      "\nA usual day:\n"
      "  kubectl holdpoint list -A\n"
      "  kubectl holdpoint show deployment/web -n production\n"
      "  kubectl holdpoint approve deployment/web -n production --reason 'tests are green'\n"
      "\n'kubectl holdpoint COMMAND --help' tells more of each, with an example.\n"
      "Exit codes: 0 it is done; 1 it is not, and stderr says why and what to do next; 2 the "
      "command was not understood.");
  app.get_formatter()->column_width(34);

  std::vector<std::string> connection(std::size(kConnectionFlags));
  for (std::size_t i = 0; i < connection.size(); ++i)
    app.add_option(kConnectionFlags[i].names, connection[i], kConnectionFlags[i].help)
        ->group("Connection, as for kubectl");
  std::vector<std::string> groups;
  app.add_option("--as-group", groups, "Group to impersonate; may be repeated")
      ->group("Connection, as for kubectl")
      ->expected(1)
      ->take_all();
  bool insecure = false;
  app.add_flag("--insecure-skip-tls-verify", insecure, "Do not check the API server's certificate")
      ->group("Connection, as for kubectl");
  std::string name_space;
  app.add_option("-n,--namespace", name_space, "Namespace; the context's without it")
      ->group("Connection, as for kubectl");

  std::string home;
  app.add_option("--holdpoint-namespace", home,
                 "Where Holdpoint itself is installed; found by itself without it")
      ->group("Connection, as for kubectl");

  std::function<Result<Done>(const Kubectl&)> command;
  std::string request, reason, not_before, change_set, seen, file, object, expected_head;
  std::string deciding = "holdpoint-approver";  // the ClusterRole for the decision that is typed
  std::int64_t expected_records = 0;
  bool all_namespaces = false, all = false;
  const auto add = [&app](const char* name, const char* help, const char* example) {
    auto* sub = app.add_subcommand(name, help);
    sub->footer(
        std::string("\nExample:\n  kubectl holdpoint ") + example +
        "\n\nWhich cluster, namespace and user: flags as for kubectl, see kubectl holdpoint "
        "--help.");
    return sub;
  };

  auto* list_command = add(
      "list", "What waits for approval, reviews that are owed, and what is left held", "list -A");
  list_command->add_flag("-A,--all-namespaces", all_namespaces, "In all namespaces");
  list_command->add_flag("--all", all, "Also what has ended");
  list_command->add_option("--change-set", change_set, "Only what belongs to it");
  list_command->callback([&] {
    command = [&](const Kubectl& kubectl) {
      return list(kubectl, all_namespaces ? Namespaces::All : Namespaces::One,
                  all ? Ended::Shown : Ended::Hidden, change_set);
    };
  });
  auto* show_command =
      add("show", "One request: what changes, what runs now, who asked, who may approve",
          "show deployment/web -n production");
  auto* shown = show_command->add_option("REQUEST", request, "The request");
  auto* shown_set =
      show_command->add_option("--change-set", change_set, "All that waits of this change set");
  shown_set->excludes(shown);
  show_command
      ->add_flag("-A,--all-namespaces", all_namespaces, "Of the change set in all namespaces")
      ->needs(shown_set);
  show_command->callback([&] {
    command = [&](const Kubectl& kubectl) -> Result<Done> {
      if (!change_set.empty())
        return show_set(kubectl, change_set, all_namespaces ? Namespaces::All : Namespaces::One);
      if (request.empty())
        return invalid("say which request\n  next:  see what waits\nkubectl holdpoint list");
      return show(kubectl, request);
    };
  });

  const auto add_decision = [&](const char* name, const char* help, const char* example,
                                Decision decision, bool needs_reason) {
    auto* sub = add(name, help, example);
    const bool approves = decision == Decision::Approve;
    auto* named = sub->add_option("REQUEST", request, "The request")->required(!approves);
    sub->add_option("--reason", reason, "Why; it goes to the audit trail")->required(needs_reason);
    if (approves) {
      sub->add_option("--not-before", not_before,
                      "It may run from then on, such as 2026-11-23T22:00:00Z");
      auto* set = sub->add_option("--change-set", change_set, "All that waits of this change set");
      set->excludes(named);
      sub->add_option("--seen", seen,
                      "Only if the change set is as it was shown: what `show --change-set` ends "
                      "with")
          ->check(objection_to_digest)
          ->needs(set);
      sub->add_flag("-A,--all-namespaces", all_namespaces, "Of the change set in all namespaces")
          ->needs(set);
    }
    sub->callback([&, decision] {
      if (decision == Decision::BreakGlass) deciding = "holdpoint-break-glass";
      if (decision == Decision::Withdraw) deciding = "holdpoint-requester";
      command = [&, decision](const Kubectl& kubectl) -> Result<Done> {
        if (!change_set.empty())
          return approve_set(kubectl, change_set,
                             all_namespaces ? Namespaces::All : Namespaces::One, seen, reason,
                             not_before);
        if (request.empty())
          return invalid("say which request\n  next:  see what waits\nkubectl holdpoint list");
        return decide(kubectl, request, decision, reason, not_before);
      };
    });
  };
  add_decision("approve", "Approve a request",
               "approve deployment/web -n production --reason 'tests are green'", Decision::Approve,
               false);
  add_decision("deny", "Deny a request, which ends it",
               "deny web-0123456789-1 -n production --reason 'not on a Friday'", Decision::Deny,
               true);
  add_decision("break-glass", "Pass a request alone in an emergency; somebody must review it",
               "break-glass web-0123456789-1 -n production --reason 'outage 4711'",
               Decision::BreakGlass, true);
  add_decision("review", "Say that you have looked at what break-glass let pass",
               "review web-0123456789-1 -n production --reason 'it was right'", Decision::Review,
               true);
  add_decision("withdraw", "Take back a request of your own",
               "withdraw web-0123456789-1 -n production", Decision::Withdraw, false);

  auto* request_command =
      add("request", "Ask for a change before it is sent, so that it flows then",
          "request -f deployment.yaml --reason 'release 2.4, tonight'");
  request_command->add_option("-f,--filename", file, "The manifest")->required();
  request_command->add_option("--reason", reason, "Why; it goes to the audit trail");
  request_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return ask_ahead(kubectl, file, reason); }; });
  auto* simulate_command =
      add("simulate", "What would happen to a manifest: who would be asked, and why it is risky",
          "simulate -f deployment.yaml");
  simulate_command->add_option("-f,--filename", file, "The manifest")->required();
  simulate_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return simulate(kubectl, file); }; });

  const char* const held = "What is held: deployment/NAME or job/NAME, or a request about it";
  auto* resume_command =
      add("resume", "Release an approved object by hand, while Holdpoint's operator is down",
          "resume deployment/web -n production");
  resume_command->add_option("KIND/NAME", object, held)->required();
  resume_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return resume(kubectl, object); }; });
  auto* abandon_command = add("abandon", "Give up a held change: put back what ran before",
                              "abandon deployment/web -n production");
  abandon_command->add_option("KIND/NAME", object, held)->required();
  abandon_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return abandon(kubectl, object); }; });

  auto* audit = add("audit", "The trail: who, what, when, why", "audit list");
  audit->require_subcommand(0, 1);
  audit->fallthrough();
  auto* audit_list_command = audit->add_subcommand("list", "All records");
  audit_list_command->footer(
      "\nExample:\n  kubectl holdpoint audit list --request web-0123456789-1");
  audit_list_command->add_option("--request", request, "Only those of this request");
  audit_list_command->callback([&] {
    command = [&](const Kubectl& kubectl) { return audit_list(kubectl, home, request); };
  });
  auto* verify_command =
      audit->add_subcommand("verify", "Prove that nothing was changed or taken out");
  verify_command->footer(
      "\nExample, with what an earlier run printed:\n"
      "  kubectl holdpoint audit verify --expect-records 812 --expect-head 9f2c...");
  verify_command
      ->add_option("--expect-records", expected_records, "How many there were at a checkpoint")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{999'999'999'999}));
  verify_command->add_option("--expect-head", expected_head,
                             "Hash of the last one at a checkpoint");
  verify_command->callback([&] {
    command = [&](const Kubectl& kubectl) {
      return audit_verify(kubectl, home, expected_records, expected_head);
    };
  });

  auto* doctor_command =
      add("doctor", "Whether the gate stands, and who could go around it",
          "doctor\n\nok is good, warn wants a look, bad is broken: then the exit code is 1.");
  doctor_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return doctor(kubectl, home); }; });
  auto* disarm_command =
      add("disarm", "Take the gate down, on the record", "disarm --reason 'cluster upgrade'");
  disarm_command->add_option("--reason", reason, "Why; it goes to the audit trail")->required();
  disarm_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return disarm(kubectl, home, reason); }; });
  auto* arm_command = add("arm", "Put the gate up again", "arm --reason 'upgrade is done'");
  arm_command->add_option("--reason", reason, "Why; it goes to the audit trail");
  arm_command->callback(
      [&] { command = [&](const Kubectl& kubectl) { return arm(kubectl, home, reason); }; });

  auto* void_command = add("void", "After a restore of etcd: no approval of before counts any more",
                           "void --reason 'etcd restored from the backup of 02:00'");
  void_command->add_option("--reason", reason, "Why; it goes to the audit trail")->required();
  void_command->callback([&] {
    command = [&](const Kubectl& kubectl) { return void_approvals(kubectl, home, reason); };
  });

  bool is_version = false;
  add("version", "The version of this program", "version")->callback([&] { is_version = true; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);  // prints the help that was asked for
  } catch (const CLI::ParseError& wrong) {
    // What belongs to a command is told by its own help.
    std::string of;
    const auto any = [](const CLI::App*) { return true; };
    for (int i = 1; i < argc && of.empty(); ++i)
      for (const CLI::App* sub : app.get_subcommands(any))
        if (sub->get_name() == argv[i]) of = sub->get_name() + " ";
    print_error(visible_cut(wrong.what(), 300) +
                "\n  next:  see how it is used\nkubectl holdpoint " + of + "--help");
    return kUsage;
  }
  if (is_version) {
    print("kubectl-holdpoint " HOLDPOINT_VERSION);
    return kDone;
  }

  if (!command) {
    print_error("say what to do" +
                std::string(audit->parsed() ? " with the trail: audit list, or audit verify"
                                            : ": list, show, approve, deny...") +
                "\n  next:  see how it is used\nkubectl holdpoint --help");
    return kUsage;
  }

  std::vector<std::string> flags;
  for (std::size_t i = 0; i < connection.size(); ++i)
    if (!connection[i].empty())
      flags.push_back(std::string(kConnectionFlags[i].forward) + "=" + connection[i]);
  for (const std::string& group : groups) flags.push_back("--as-group=" + group);
  if (insecure) flags.push_back("--insecure-skip-tls-verify");
  if (!name_space.empty()) {
    if (const auto fine = check_name("namespace", name_space); !fine.ok()) {
      print_error(fine.error());
      return kUsage;
    }
    flags.push_back("--namespace=" + name_space);
  }
  if (!object.empty()) {
    const bool named = object.find('/') == std::string::npos;
    const auto typed = named ? check_name("request", object) : Result<Done>(Done{});
    const auto held_one = named ? Result<Holdable>(Holdable{}) : parse_holdable(object);
    if (!typed.ok() || !held_one.ok()) {
      print_error(typed.ok() ? held_one.error() : typed.error());
      return kUsage;
    }
  }
  if (!request.empty()) {
    if (const auto fine = check_request(request); !fine.ok()) {
      print_error(fine.error());
      return kUsage;
    }
  }
  if (!not_before.empty()) {
    if (const auto time = parse_rfc3339(not_before); !time.ok()) {
      print_error("--not-before '" + visible_cut(not_before, 60) +
                  "' is no time with its zone; type it like 2026-11-23T22:00:00Z or "
                  "2026-11-23T23:00:00+01:00");
      return kUsage;
    }
  }
  const char* chosen = std::getenv("HOLDPOINT_KUBECTL");
  const Kubectl kubectl(chosen != nullptr && *chosen != '\0' ? chosen : "kubectl",
                        std::move(flags));
  const Result<Done> done = command(kubectl);
  if (done.ok()) return kDone;
  print_error(done.error().message + role_step(done.error().message, deciding));
  return kFailed;
}

}  // namespace holdpoint::cli
