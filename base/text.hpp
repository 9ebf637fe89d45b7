// Text made safe to show, and the few string tools every room needs. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdpoint {

// Shows hostile text: control characters (C0, C1, DEL), bidi controls (RLO...), zero-width
// characters, line and paragraph separators and ill-formed UTF-8 become a visible "\u{202e}"-style
// mark. Nothing else changes: printable text of any script stays.
[[nodiscard]] std::string visible(std::string_view text);

// visible(), cut to at most `columns` code points, ending in "…" where it was cut.
[[nodiscard]] std::string visible_cut(std::string_view text, std::size_t columns);

// A JSON string literal with its quotes; ill-formed UTF-8 becomes U+FFFD (RFC 8259).
[[nodiscard]] std::string json_quote(std::string_view text);

// Whether two identities may look alike to a person although their bytes differ: true when `text`
// mixes letters of more than one script (Latin, Greek, Cyrillic).
[[nodiscard]] bool mixes_scripts(std::string_view text);

// A DNS subdomain (RFC 1123), as names of Kubernetes objects are: nothing else gets into a path or
// to kubectl as a name.
[[nodiscard]] bool is_name(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);

// "1 approval", "2 approvals".
[[nodiscard]] std::string count_of(std::size_t count, std::string_view singular);

}  // namespace holdpoint
