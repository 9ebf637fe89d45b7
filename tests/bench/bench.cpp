// Measures a running Holdpoint from outside: admission over keep-alive TLS connections, and the
// time from an Approval to the resumed object. Started by hack/bench, which prints what it finds.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "kube/client.hpp"
#include "kube/config.hpp"
#include "net/http_client.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Timer = std::chrono::steady_clock;

double ms_since(Timer::time_point start) {
  return std::chrono::duration<double, std::milli>(Timer::now() - start).count();
}

void print(const char* what, std::vector<double> times, double seconds) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[std::min(times.size() - 1,
                          static_cast<std::size_t>(share * static_cast<double>(times.size())))];
  };
  std::printf("%-34s n %6zu   p50 %8.3f ms   p90 %8.3f ms   p99 %8.3f ms   max %8.3f ms", what,
              times.size(), at(0.5), at(0.9), at(0.99), times.back());
  if (seconds > 0) std::printf("   %8.0f per second", static_cast<double>(times.size()) / seconds);
  std::printf("\n");
}

// One keep-alive connection that sends the same review again and again.
std::vector<double> admit(const std::string& host, const std::string& port,
                          const std::string& target, const std::string& body, int requests) {
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_none);  // it is our own process on loopback
  beast::ssl_stream<beast::tcp_stream> stream(io, tls);
  asio::ip::tcp::resolver resolver(io);
  beast::get_lowest_layer(stream).connect(resolver.resolve(host, port));
  beast::get_lowest_layer(stream).socket().set_option(asio::ip::tcp::no_delay(true));
  stream.handshake(asio::ssl::stream_base::client);
  beast::flat_buffer buffer;
  std::vector<double> times;
  for (int i = 0; i < requests; ++i) {
    http::request<http::string_body> request(http::verb::post, target, 11);
    request.set(http::field::host, host);
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
    const auto start = Timer::now();
    http::write(stream, request);
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    times.push_back(ms_since(start));
    if (response.result_int() != 200 ||
        response.body().find("\"allowed\":true") == std::string::npos)
      throw std::runtime_error("not admitted: " + std::to_string(response.result_int()) + " " +
                               response.body());
  }
  return times;
}

int bench_admission(const std::string& host, const std::string& port, const std::string& target,
                    const std::string& file, int connections, int requests) {
  std::ifstream in(file);
  const std::string body((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  admit(host, port, target, body, 200);  // warms caches on both sides
  std::vector<std::vector<double>> times(static_cast<std::size_t>(connections));
  const auto start = Timer::now();
  {
    std::vector<std::jthread> threads;
    for (auto& mine : times)
      threads.emplace_back([&] { mine = admit(host, port, target, body, requests / connections); });
  }
  const double seconds = ms_since(start) / 1000;
  std::vector<double> all;
  for (const auto& mine : times) all.insert(all.end(), mine.begin(), mine.end());
  print(
      ("admission, " + std::to_string(connections) + " connection" + (connections == 1 ? "" : "s"))
          .c_str(),
      all, seconds);
  return 0;
}

// The newest request of a Deployment, once it is there.
std::string request_of(const holdpoint::kube::Client& client, const std::string& namespace_,
                       const std::string& name) {
  for (int tries = 0; tries < 200; ++tries) {
    const auto list =
        client.list({"holdpoint.dev", "v1alpha1", "approvalrequests", namespace_, "", ""}, {},
                    holdpoint::Deadline::in(holdpoint::Duration(5'000)));
    if (list.ok())
      for (const auto& item : list->items)
        if (holdpoint::string_at(item, {"spec", "target", "name"}) == name)
          return holdpoint::string_at(item, {"metadata", "name"});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("no request for " + name);
}

int bench_release(const std::string& kubeconfig, const std::string& namespace_,
                  const std::vector<std::string>& names) {
  using namespace holdpoint;
  const auto config = [&](const char* context) {
    return kube::load_kubeconfig(kubeconfig, context).value();
  };
  const kube::Client admin(config("admin"), "bench");
  const kube::Client lead(config("lead"), "bench");
  std::vector<double> times, accepted;
  for (const std::string& name : names) {
    const kube::ResourcePath path{"apps", "v1", "deployments", namespace_, name, ""};
    const std::string request = request_of(admin, namespace_, name);
    const auto before = admin.get(path, Deadline::in(Duration(5'000)));
    if (!before.ok()) throw std::runtime_error(describe(before.error()));
    const Json approval{
        {"apiVersion", "holdpoint.dev/v1alpha1"},
        {"kind", "Approval"},
        {"metadata", {{"generateName", name + "-"}}},
        {"spec", {{"request", {{"name", request}}}, {"decision", "Approve"}, {"reason", "bench"}}}};
    const auto start = Timer::now();
    const auto created = lead.create({"holdpoint.dev", "v1alpha1", "approvals", namespace_, "", ""},
                                     approval, {}, Deadline::in(Duration(10'000)));
    if (!created.ok()) throw std::runtime_error(describe(created.error()));
    accepted.push_back(ms_since(start));
    bool resumed = false;
    const auto watched = admin.watch({"apps", "v1", "deployments", namespace_, "", ""},
                                     {{"fieldSelector", "metadata.name=" + name}},
                                     string_at(*before, {"metadata", "resourceVersion"}),
                                     Duration(20'000), {}, [&](const kube::WatchEvent& event) {
                                       const Json* spec = member_at(event.object, {"spec"});
                                       resumed = event.type == kube::WatchEventType::Modified &&
                                                 spec != nullptr && !spec->contains("paused");
                                       return !resumed;
                                     });
    if (!resumed)
      throw std::runtime_error(name + " was not resumed" +
                               (watched.ok() ? "" : ": " + describe(watched.error())));
    times.push_back(ms_since(start));
    // People do not approve while the trail of the last one is still being written.
    for (int tries = 0; tries < 200; ++tries) {
      const auto told =
          admin.get({"holdpoint.dev", "v1alpha1", "approvalrequests", namespace_, request, ""},
                    Deadline::in(Duration(5'000)));
      if (told.ok() && string_at(*told, {"status", "phase"}) == "Released") break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  print("Approval accepted", accepted, 0);
  print("Approval to resumed Deployment", times, 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  holdpoint::net::initialize_http(4);
  CLI::App app("measures a running Holdpoint");
  app.require_subcommand(1);
  std::string host = "127.0.0.1", port, target, file, kubeconfig, namespace_ = "production";
  int connections = 1, requests = 5000;
  std::vector<std::string> names;
  auto* admission = app.add_subcommand("admission", "latency and throughput of one review");
  admission->add_option("--host", host);
  admission->add_option("--port", port)->required();
  admission->add_option("--target", target, "path and query")->required();
  admission->add_option("--body", file, "file with the review")->required();
  admission->add_option("--connections", connections);
  admission->add_option("--requests", requests, "all connections together");
  auto* release = app.add_subcommand("release", "from Approval to resumed object");
  release->add_option("--kubeconfig", kubeconfig)->required();
  release->add_option("--namespace", namespace_);
  release->add_option("names", names, "held Deployments")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    return *admission ? bench_admission(host, port, target, file, connections, requests)
                      : bench_release(kubeconfig, namespace_, names);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdpoint-bench: %s\n", error.what());
    return 1;
  }
}
