#include "base/text.hpp"
#include "cli/change_set.hpp"
#include "cli/commands.hpp"
#include "cli/screen.hpp"

namespace holdpoint::cli {

namespace {

void print_leftovers(const Leftovers& left) {
  if (!left.held.empty())
    print("\nStill held, although the request ended:\n" +
          leftover_table(left.held, colour_of_stdout()));
  if (left.not_looked_at > 0)
    print("\nWhether older requests left something held was not looked at: " +
          count_of(left.not_looked_at, "target") + ".");
  if (!left.unknown.empty())
    print("\nWhether requests that ended left something held is not known: " +
          visible_cut(split(left.unknown, '\n').front(), 200));
}

}  // namespace

Result<Done> list(const Kubectl& kubectl, Namespaces which, Ended ended,
                  const std::string& change_set) {
  HP_ASSIGN(std::vector<ApprovalRequest> requests, read_requests(kubectl, which));
  if (!change_set.empty()) {
    const Error none = no_set("there is no", requests, change_set);
    std::erase_if(requests, [&](const ApprovalRequest& request) {
      return request.spec.change_set != change_set;
    });
    if (requests.empty()) return none;
  }
  const std::size_t all = requests.size();
  const Leftovers left = read_leftovers(kubectl, requests);
  if (ended == Ended::Hidden)
    std::erase_if(requests, [](const ApprovalRequest& request) {
      return is_end(request.status.phase) && !is_owed(request.status.review);
    });
  if (requests.empty()) {
    const std::string where =
        (change_set.empty() ? "" : " in change set " + visible_cut(change_set, 120)) +
        (which == Namespaces::All ? "" : " in " + told_namespace(kubectl));
    print("Nothing waits for approval" + where + "." +
          (all == 0 ? ""
                    : " " + count_of(all, "request") + (all == 1 ? " has" : " have") +
                          " ended: --all shows them."));
    print_leftovers(left);
    return Done{};
  }
  std::vector<std::string> owed;
  for (const ApprovalRequest& request : requests)
    if (is_owed(request.status.review)) owed.push_back(review_command(request));
  print(request_table(std::move(requests), system_clock().now(), colour_of_stdout()));
  if (!owed.empty()) print("\nSomebody else than who broke the glass has to look at it:");
  for (const std::string& command : owed) print(command);
  print_leftovers(left);
  return Done{};
}

Result<Done> show(const Kubectl& kubectl, const std::string& request) {
  HP_ASSIGN(ApprovalRequest found, read_request(kubectl, request));
  const Dossier dossier = read_dossier(kubectl, std::move(found));
  const std::string steps = next_steps(dossier);
  print(card(dossier, colour_of_stdout()) + (steps.empty() ? "" : "\n\n" + steps));
  return Done{};
}

Result<Done> show_set(const Kubectl& kubectl, const std::string& change_set, Namespaces which) {
  HP_ASSIGN(std::vector<ApprovalRequest> requests, read_requests(kubectl, which));
  std::erase_if(requests,
                [](const ApprovalRequest& request) { return is_end(request.status.phase); });
  HP_ASSIGN(const std::vector<ApprovalRequest> found, set_of(requests, change_set));
  const std::vector<ApprovalRequest> waiting = pending_of(found);
  print(set_card(found, system_clock().now(), colour_of_stdout()) +
        (waiting.empty() ? "" : "\n\n" + labelled("approve", approve_set_command(waiting, which))));
  return Done{};
}

}  // namespace holdpoint::cli
