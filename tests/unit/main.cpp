// The unit tests: one program, all rooms, no cluster.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>

#include "net/http_client.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  holdpoint::net::initialize_http(4);
  doctest::Context context(argc, argv);
  return context.run();
}
