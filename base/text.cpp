#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace holdpoint {
namespace {

// One code point, or an ill-formed byte.
struct Decoded {
  char32_t code_point = 0;
  std::size_t size = 1;  // bytes taken
  bool valid = false;
};

// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
Decoded decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  std::size_t size = 0;
  char32_t value = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2, value = first & 0x1fu;
  } else if ((first & 0xf0) == 0xe0) {
    size = 3, value = first & 0x0fu;
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4, value = first & 0x07u;
  } else {
    return {};
  }
  if (at + size > text.size()) return {};
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(at + i) & 0x3fu);
  }
  const char32_t lowest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  if (value < lowest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, size, true};
}

bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x34f || c == 0x61c ||
         c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 || c == 0x180e ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) ||
         c == 0xfeff || c == 0xffa0 || (c >= 0xfff0 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

std::string mark(char32_t c) {
  char out[16];
  std::snprintf(out, sizeof out, "\\u{%x}", static_cast<unsigned>(c));
  return out;
}

template <class Sink>
void each_code_point(std::string_view text, Sink sink) {
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode(text, at);
    if (!sink(next, text.substr(at, next.size))) return;
    at += next.size;
  }
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_code_point(text, [&](const Decoded& next, std::string_view bytes) {
    if (!next.valid) {
      out += mark(0xfffd);
    } else if (is_hidden(next.code_point)) {
      out += mark(next.code_point);
    } else {
      out += bytes;
    }
    return true;
  });
  return out;
}

std::string visible_cut(std::string_view text, std::size_t columns) {
  const std::string shown = visible(text);
  std::string out;
  std::size_t count = 0;
  each_code_point(shown, [&](const Decoded&, std::string_view bytes) {
    if (count + 1 == columns && out.size() + bytes.size() < shown.size()) {
      out += "…";
      ++count;
      return false;
    }
    if (count == columns) return false;
    out += bytes;
    ++count;
    return true;
  });
  return out;
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  each_code_point(text, [&](const Decoded& next, std::string_view bytes) {
    const char32_t c = next.code_point;
    if (!next.valid) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\', out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || (c < 0x10000 && c >= 0x7f && is_hidden(c))) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += bytes;
    }
    return true;
  });
  return out + "\"";
}

bool mixes_scripts(std::string_view text) {
  bool latin = false, greek = false, cyrillic = false;
  each_code_point(text, [&](const Decoded& next, std::string_view) {
    const char32_t c = next.code_point;
    latin = latin || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0x24f);
    greek = greek || (c >= 0x370 && c <= 0x3ff);
    cyrillic = cyrillic || (c >= 0x400 && c <= 0x52f);
    return true;
  });
  return int{latin} + int{greek} + int{cyrillic} > 1;
}

bool is_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 253 && plain(text.front()) && plain(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

bool is_valid_utf8(std::string_view text) {
  bool valid = true;
  each_code_point(text, [&](const Decoded& next, std::string_view) { return valid = next.valid; });
  return valid;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) text += separator;
    text += parts[i];
  }
  return text;
}

std::string count_of(std::size_t count, std::string_view singular) {
  return std::to_string(count) + " " + std::string(singular) + (count == 1 ? "" : "s");
}

}  // namespace holdpoint
