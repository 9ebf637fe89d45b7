#include "base/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <mutex>

namespace holdpoint {
namespace {

std::map<std::string, std::string> to_map(const Labels& labels) {
  return {labels.begin(), labels.end()};
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long size = 0, resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

struct Metrics::Impl {
  template <class Metric, class Build>
  prometheus::Family<Metric>& family(
      std::map<std::string, prometheus::Family<Metric>*, std::less<>>& known, std::string_view name,
      std::string_view help, Build build) {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(name); found != known.end()) return *found->second;
    auto& made = build().Name(std::string(name)).Help(std::string(help)).Register(registry);
    known.emplace(std::string(name), &made);
    return made;
  }

  prometheus::Registry registry;
  std::mutex mutex;  // guards both maps
  std::map<std::string, prometheus::Family<prometheus::Counter>*, std::less<>> counters;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*, std::less<>> gauges;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::count(std::string_view name, std::string_view help, const Labels& labels, double by) {
  impl_->family(impl_->counters, name, help, [] { return prometheus::BuildCounter(); })
      .Add(to_map(labels))
      .Increment(by);
}

void Metrics::set(std::string_view name, std::string_view help, double value,
                  const Labels& labels) {
  impl_->family(impl_->gauges, name, help, [] { return prometheus::BuildGauge(); })
      .Add(to_map(labels))
      .Set(value);
}

std::string Metrics::text() const {
  impl_
      ->family(impl_->gauges, "process_resident_memory_bytes", "Resident memory size in bytes.",
               [] { return prometheus::BuildGauge(); })
      .Add({})
      .Set(resident_bytes());
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace holdpoint
