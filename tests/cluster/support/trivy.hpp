// The Trivy operator's kind of reports, as it is released, and reports of the shape that it writes.
#pragma once

#include <string>

#include "tests/cluster/support/cluster.hpp"

namespace holdpoint::cluster {

// Applies the CRD where it is not there yet, and waits until it is served.
void install_trivy_kinds();

struct Scanned {
  std::string registry = "registry.example.com", repository = "shop/web", tag = "2", digest;
  int critical = 0, high = 0;
  std::string updated;  // RFC 3339; empty: now
};
// Writes the report `name` in `namespace_`, or writes it anew.
void report(const std::string& namespace_, const std::string& name, const Scanned& scanned);

}  // namespace holdpoint::cluster
