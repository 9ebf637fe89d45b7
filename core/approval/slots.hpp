// Slots of stages filled by distinct humans: matching, not counting.
//
// A bipartite matching (augmenting paths) decides how many slots can be filled when one person
// fills at most one slot. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <vector>

namespace holdpoint {

// eligible[slot] lists the people (indices below `people`) who can fill the slot. Answers for each
// slot who fills it, or -1; as many slots as possible are filled, earlier people preferred.
[[nodiscard]] std::vector<int> fill_slots(const std::vector<std::vector<std::size_t>>& eligible,
                                          std::size_t people);

}  // namespace holdpoint
