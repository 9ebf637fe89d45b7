#include "core/approval/slots.hpp"

namespace holdpoint {
namespace {

// Looks for a person for `slot`, moving others to other slots where that helps (Kuhn's algorithm).
bool place(std::size_t slot, const std::vector<std::vector<std::size_t>>& eligible,
           std::vector<int>& slot_of, std::vector<bool>& tried) {
  for (const std::size_t person : eligible[slot]) {
    if (person >= slot_of.size() || tried[person]) continue;
    tried[person] = true;
    if (slot_of[person] < 0 ||
        place(static_cast<std::size_t>(slot_of[person]), eligible, slot_of, tried)) {
      slot_of[person] = static_cast<int>(slot);
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<int> fill_slots(const std::vector<std::vector<std::size_t>>& eligible,
                            std::size_t people) {
  std::vector<int> slot_of(people, -1);
  for (std::size_t slot = 0; slot < eligible.size(); ++slot) {
    std::vector<bool> tried(people, false);
    (void)place(slot, eligible, slot_of, tried);
  }
  std::vector<int> filled(eligible.size(), -1);
  for (std::size_t person = 0; person < people; ++person)
    if (slot_of[person] >= 0)
      filled[static_cast<std::size_t>(slot_of[person])] = static_cast<int>(person);
  return filled;
}

}  // namespace holdpoint
