#include "core/context/images.hpp"

#include <algorithm>

namespace holdpoint {
namespace {

constexpr std::size_t kMostRepository = 255, kMostTag = 128;  // distribution/reference
constexpr const char* kHub = "index.docker.io";

bool only(const std::string& text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string::npos;
}

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kPath = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
constexpr std::string_view kWord =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr std::string_view kHost =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]";

bool is_digest(const std::string& text) {
  for (const auto& [algorithm, digits] : {std::pair("sha256:", 64U), std::pair("sha512:", 128U)})
    if (text.starts_with(algorithm))
      return text.size() == 7 + digits &&
             text.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
  return false;
}

bool is_host(const std::string& text) {
  return text == "localhost" || text.find_first_of(".:") != std::string::npos ||
         std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

std::optional<ImageName> parse_image(const std::string& image) {
  ImageName name;
  std::string rest = image;
  if (const auto at = rest.find('@'); at != std::string::npos) {
    name.digest = rest.substr(at + 1);
    rest.resize(at);
    if (!is_digest(name.digest)) return std::nullopt;
  }
  const auto colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find('/', colon) == std::string::npos) {
    name.tag = rest.substr(colon + 1);
    rest.resize(colon);
    if (!only(name.tag, kWord) || name.tag.size() > kMostTag) return std::nullopt;
  }
  if (name.tag.empty() && name.digest.empty()) name.tag = "latest";
  const auto slash = rest.find('/');
  if (slash != std::string::npos && is_host(rest.substr(0, slash))) {
    name.registry = rest.substr(0, slash);
    rest.erase(0, slash + 1);
  }
  if (name.registry.empty() || name.registry == "docker.io" || name.registry == kHub) {
    name.registry = kHub;
    if (rest.find('/') == std::string::npos) rest.insert(0, "library/");
  }
  name.repository = rest;
  const bool whole = only(rest, kPath) && rest.size() <= kMostRepository &&
                     kLower.find(rest.front()) != std::string_view::npos &&
                     kLower.find(rest.back()) != std::string_view::npos &&
                     rest.find("//") == std::string::npos && only(name.registry, kHost) &&
                     name.registry.front() != '.' && name.registry.front() != ':';
  return whole ? std::optional(std::move(name)) : std::nullopt;
}

}  // namespace holdpoint
