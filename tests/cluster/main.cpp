// The cluster tests: one program, one running cluster, found through KUBECONFIG.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "net/http_client.hpp"
#include "tests/cluster/support/cluster.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  holdpoint::net::initialize_http(8);
  doctest::Context context(argc, argv);
  if (!context.shouldExit() && std::getenv("KUBECONFIG") == nullptr) {
    std::fputs("KUBECONFIG is not set: run the cluster tests by ctest, or by tests/cluster/run.\n",
               stderr);
    return 2;
  }
  const int failed = context.run();
  holdpoint::cluster::close_clients();
  return failed;
}
