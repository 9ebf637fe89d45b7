// What the plugin prints, and where.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "cli/screen.hpp"

namespace holdpoint::cli {
namespace {

TEST_CASE("what was printed stands before the error that follows, where both go to one place") {
  std::FILE* const both = std::tmpfile();
  REQUIRE(both != nullptr);
  std::fflush(stdout);
  const int out = ::dup(STDOUT_FILENO), err = ::dup(STDERR_FILENO);
  ::dup2(::fileno(both), STDOUT_FILENO);
  ::dup2(::fileno(both), STDERR_FILENO);
  print("the card");
  std::fputs("more of it\n", stdout);
  print_error("no");
  std::fflush(stdout);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close(out);
  ::close(err);
  std::rewind(both);
  std::string text(64, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), both));
  std::fclose(both);
  CHECK(text == "the card\nmore of it\nerror: no\n");
}

}  // namespace
}  // namespace holdpoint::cli
