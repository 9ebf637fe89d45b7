// The small pieces that change.cpp writes with: images, long values cut where they differ, texts by
// line.
//
// Inside of core/change; not a door. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdpoint {

// Both made visible and cut to `columns`; where they differ only behind the cut, both start with
// "…" shortly before the first difference, so that two different values never look alike.
[[nodiscard]] std::pair<std::string, std::string> excerpt(std::string_view from,
                                                          std::string_view to, std::size_t columns);

// Two image references as people compare them: tag and digest alone where the repository is the
// same, whole references otherwise. Digests keep 12 digits, or all where 12 would look the same.
[[nodiscard]] std::pair<std::string, std::string> shorten_images(const std::string& from,
                                                                 const std::string& to);

struct LineDiff {
  std::size_t removed = 0, added = 0;
  std::vector<std::string>
      lines;  // "@ <path> line <n>" before each place, then "-" and "+" lines; visible, cut
};
// `from` and `to` line by line. Texts that are too large to be compared in time are shown as wholly
// replaced.
[[nodiscard]] LineDiff diff_lines(const std::vector<std::string>& from,
                                  const std::vector<std::string>& to, const std::string& path);

// Lines of a text; the last one tells where it does not end in a line feed, as that is a difference
// too.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

}  // namespace holdpoint
