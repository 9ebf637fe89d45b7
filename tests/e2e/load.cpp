// Writes through the API server at a steady rate, and tells which writes failed, when and why.
//
// Every write gives a new value to the annotation holdpoint.dev/reason of one of the targets, which
// no policy covers and every policy wants to see: the write is judged by the webhook, and allowed.
// One object has one write at a time, so that writes do not overtake each other. The rate is kept
// whatever the answers take: a write for which no object is free is sent as soon as one is, and how
// late is told.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "kube/client.hpp"
#include "kube/config.hpp"
#include "net/http_client.hpp"

namespace {

using namespace holdpoint;
using Timer = std::chrono::steady_clock;

constexpr std::size_t kMostTold = 60;  // failures with their words
constexpr Duration kPatience{30'000};  // for one write: longer than the API server's own

volatile std::sig_atomic_t asked_to_end = 0;

struct Options {
  std::string kubeconfig, context = "developer", namespace_ = "production";
  std::vector<std::string> targets;
  int rate = 100;  // per second
  int total = 0;   // 0: until SIGTERM
};

kube::ResourcePath path_of(const std::string& target, const std::string& namespace_) {
  const auto slash = target.find('/');
  if (slash == std::string::npos)
    throw std::runtime_error("a target is RESOURCE/NAME, not " + target);
  const std::string resource = target.substr(0, slash), name = target.substr(slash + 1);
  const bool apps = resource == "deployments";
  return {apps ? "apps" : "", "v1", resource, namespace_, name, ""};
}

// What all writers share.
class Load {
 public:
  Load(const kube::Client& client, const Options& options) : client_(client), options_(options) {}

  void write_until_end(const kube::ResourcePath& path) {
    while (const int number = next()) {
      const auto due = start_ + std::chrono::microseconds(std::int64_t{1'000'000} * (number - 1) /
                                                          options_.rate);
      std::this_thread::sleep_until(due);
      const auto sent = Timer::now();
      const Json patch{
          {"metadata",
           {{"annotations", {{"holdpoint.dev/reason", "load, write " + std::to_string(number)}}}}}};
      const auto done =
          client_.patch(path, kube::PatchType::Merge, patch, {}, Deadline::in(kPatience));
      note(number, sent - due, Timer::now() - sent,
           done.ok() ? "" : path.resource + "/" + path.name + ": " + describe(done.error()));
    }
  }

  // Returns how many failed.
  std::size_t report() {
    const double seconds = std::chrono::duration<double>(Timer::now() - start_).count();
    std::sort(times_.begin(), times_.end());
    const auto at = [&](double share) {
      return times_.empty()
                 ? 0.0
                 : times_[std::min(
                       times_.size() - 1,
                       static_cast<std::size_t>(share * static_cast<double>(times_.size())))];
    };
    std::printf(
        "%zu writes in %.1f s, %zu failed; p50 %.0f ms, p99 %.0f ms, longest %.0f ms, sent at most "
        "%.0f ms late\n",
        times_.size(), seconds, failed_, at(0.5), at(0.99), at(1), latest_);
    return failed_;
  }

 private:
  int next() {
    const int number = ++last_;
    return asked_to_end || (options_.total > 0 && number > options_.total) ? 0 : number;
  }

  static double ms(Timer::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  }

  void note(int number, Timer::duration late, Timer::duration took, const std::string& failure) {
    const std::lock_guard lock(mutex_);
    times_.push_back(ms(took));
    latest_ = std::max(latest_, ms(late));
    if (failure.empty() || ++failed_ > kMostTold) return;
    // When it ended, as `date +%s.%N` tells it.
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::printf("failed at %.3f after %.0f ms: write %d, %s\n", now, ms(took), number,
                failure.c_str());
    std::fflush(stdout);
  }

  const kube::Client& client_;
  const Options& options_;
  const Timer::time_point start_ = Timer::now();
  std::atomic<int> last_ = 0;
  std::mutex mutex_;  // guards the rest
  std::vector<double> times_;
  std::size_t failed_ = 0;
  double latest_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  net::initialize_http(8);
  Options options;
  CLI::App app(
      "writes at a steady rate what the webhook judges and allows; exits 1 when a write failed");
  app.add_option("--kubeconfig", options.kubeconfig)->required();
  app.add_option("--context", options.context, "who writes")->capture_default_str();
  app.add_option("--namespace", options.namespace_)->capture_default_str();
  app.add_option("--rate", options.rate, "writes per second")->capture_default_str();
  app.add_option("--total", options.total, "end after so many; without it, at SIGTERM");
  app.add_option("targets", options.targets, "RESOURCE/NAME of each object to write")->required();
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGTERM, [](int) { asked_to_end = 1; });
  std::signal(SIGPIPE, SIG_IGN);
  try {
    auto config = kube::load_kubeconfig(options.kubeconfig, options.context);
    if (!config.ok()) throw std::runtime_error(describe(config.error()));
    const kube::Client client(std::move(config).value(), "holdpoint-load");
    Load load(client, options);
    {
      std::vector<std::jthread> writers;
      for (const std::string& target : options.targets)
        writers.emplace_back(
            [&load, path = path_of(target, options.namespace_)] { load.write_until_end(path); });
    }
    return load.report() == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdpoint-load: %s\n", error.what());
    return 2;
  }
}
