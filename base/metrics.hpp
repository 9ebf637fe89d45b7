// Counters and gauges in the Prometheus text format, behind a narrow door
// (prometheus-cpp core).
//
// A Metrics belongs to one process and is passed by reference. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdpoint {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Names follow Prometheus' conventions (holdpoint_..._total, ..._seconds). The help text is taken
  // from the first call of a name. Label values must come from bounded sets.
  void count(std::string_view name, std::string_view help, const Labels& labels = {},
             double by = 1);
  void set(std::string_view name, std::string_view help, double value, const Labels& labels = {});

  // The exposition text (text/plain; version=0.0.4), process_resident_memory_bytes among it.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdpoint
