#include "kube/token.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/log.hpp"

namespace holdpoint::kube {
namespace {

constexpr std::size_t kMaxTokenBytes = 64 * 1024;

// Follows links: a projected volume swaps the folder behind a link.
std::string stamp_of(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return {};
  return std::to_string(found.st_mtim.tv_sec) + "." + std::to_string(found.st_mtim.tv_nsec) + "/" +
         std::to_string(found.st_ino);
}

std::string read_token(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  char byte = 0;
  while (text.size() < kMaxTokenBytes && stream.get(byte)) text += byte;
  const auto last = text.find_last_not_of(" \t\r\n");
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text;
}

}  // namespace

TokenSource::TokenSource(std::string token, std::string file)
    : file_(std::move(file)),
      token_(std::move(token)),
      fresh_until_(Deadline::in(Duration::zero())) {}

std::string TokenSource::current() {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return token_;
  const std::string stamp = stamp_of(file_);
  if (stamp == stamp_ && !fresh_until_.over()) return token_;
  stamp_ = stamp;
  fresh_until_ = Deadline::in(kTokenAge);
  if (std::string read = read_token(file_); !read.empty()) {
    token_ = std::move(read);
  } else {
    log::warn("the token file has no token; the last one stays in use", {{"file", file_}});
  }
  return token_;
}

}  // namespace holdpoint::kube
