// Names of images, as container runtimes read them. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>

namespace holdpoint {

// [registry/]repository[:tag][@digest], completed: nginx is index.docker.io, library/nginx, latest.
struct ImageName {
  std::string registry;    // host[:port]
  std::string repository;  // without the registry
  std::string tag;         // "latest" where neither tag nor digest is given; may be empty else
  std::string digest;      // "sha256:..."; empty: the tag alone
};

// nullopt: no image can have this name (distribution/reference, without its rarer forms).
[[nodiscard]] std::optional<ImageName> parse_image(const std::string& image);

}  // namespace holdpoint
