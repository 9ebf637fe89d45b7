#include "core/change/change_text.hpp"

#include <algorithm>
#include <dtl/dtl.hpp>

#include "base/text.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kLineColumns = 110;
constexpr std::size_t kDigestDigits = 12;
// dtl keeps a point per step: within this many lines its memory stays below some 10 MB, whatever is
// compared.
constexpr std::size_t kMaxComparedLines = 1000;

// Start of the code point that `at` is in.
std::size_t code_point_start(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

struct Image {
  std::string repository, tag, digest;
};

// [registry[:port]/]path[:tag][@digest]
Image parse_image(const std::string& reference) {
  Image image;
  std::string rest = reference;
  if (const auto at = rest.find('@'); at != std::string::npos) {
    image.digest = rest.substr(at + 1);
    rest.resize(at);
  }
  const auto colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find('/', colon) == std::string::npos) {
    image.tag = rest.substr(colon + 1);
    rest.resize(colon);
  }
  image.repository = rest;
  return image;
}

std::string short_digest(const std::string& digest) {
  const auto colon = digest.find(':');
  const std::size_t keep = (colon == std::string::npos ? 0 : colon + 1) + kDigestDigits;
  return digest.size() <= keep ? digest : digest.substr(0, keep);
}

std::string version_of(const Image& image, bool whole_digest) {
  const std::string digest =
      image.digest.empty() ? "" : "@" + (whole_digest ? image.digest : short_digest(image.digest));
  return image.tag.empty() && digest.empty() ? "(no tag)" : image.tag + digest;
}

std::string whole(const Image& image, bool whole_digest) {
  return image.repository + (image.tag.empty() ? "" : ":" + image.tag) +
         (image.digest.empty() ? ""
                               : "@" + (whole_digest ? image.digest : short_digest(image.digest)));
}

}  // namespace

std::pair<std::string, std::string> excerpt(std::string_view from, std::string_view to,
                                            std::size_t columns) {
  static constexpr std::size_t kBefore = 12;
  const std::string a = visible(from), b = visible(to);
  std::string cut_a = visible_cut(a, columns), cut_b = visible_cut(b, columns);
  if (cut_a != cut_b || a == b) return {std::move(cut_a), std::move(cut_b)};
  const auto differs = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const std::size_t start = code_point_start(a, differs < kBefore ? 0 : differs - kBefore);
  return {visible_cut("…" + a.substr(start), columns), visible_cut("…" + b.substr(start), columns)};
}

std::pair<std::string, std::string> shorten_images(const std::string& from, const std::string& to) {
  if (from.empty() || to.empty())
    return {whole(parse_image(from), false), whole(parse_image(to), false)};
  const Image a = parse_image(from), b = parse_image(to);
  const auto print = a.repository == b.repository ? version_of : whole;
  std::pair<std::string, std::string> shown{print(a, false), print(b, false)};
  if (shown.first == shown.second) shown = {print(a, true), print(b, true)};
  return shown;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines = split(text, '\n');
  if (lines.back().empty()) {
    lines.pop_back();
  } else {
    lines.back() += " (no line feed at the end)";
  }
  return lines;
}

LineDiff diff_lines(const std::vector<std::string>& from, const std::vector<std::string>& to,
                    const std::string& path) {
  // What is the same at both ends needs no search.
  std::size_t head = 0, tail = 0;
  const std::size_t shorter = std::min(from.size(), to.size());
  while (head < shorter && from[head] == to[head]) ++head;
  while (tail < shorter - head && from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) ++tail;
  const auto middle = [&](const std::vector<std::string>& all) {
    return std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(head),
                                    all.end() - static_cast<std::ptrdiff_t>(tail));
  };
  const std::vector<std::string> a = middle(from), b = middle(to);

  LineDiff result;
  std::size_t line = head;              // of `to`, from 0
  std::vector<std::string> gone, came;  // at this place
  const auto end_place = [&] {
    if (gone.empty() && came.empty()) return;
    result.lines.push_back("@ " + path + " line " + std::to_string(line + 1));
    const bool one_for_one = gone.size() == 1 && came.size() == 1;
    const auto [was, is] = one_for_one ? excerpt(gone[0], came[0], kLineColumns)
                                       : std::pair<std::string, std::string>();
    for (const std::string& text : gone)
      result.lines.push_back("-" + (one_for_one ? was : visible_cut(text, kLineColumns)));
    for (const std::string& text : came)
      result.lines.push_back("+" + (one_for_one ? is : visible_cut(text, kLineColumns)));
    result.removed += gone.size();
    result.added += came.size();
    line += came.size();
    gone.clear();
    came.clear();
  };
  if (a.size() + b.size() > kMaxComparedLines) {
    gone = a;
    came = b;
  } else {
    dtl::Diff<std::string> diff(a, b, true);
    diff.compose();
    for (const auto& [text, info] : diff.getSes().getSequence()) {
      if (info.type == dtl::SES_COMMON) {
        end_place();
        ++line;
      } else {
        (info.type == dtl::SES_DELETE ? gone : came).push_back(text);
      }
    }
  }
  end_place();
  return result;
}

}  // namespace holdpoint
