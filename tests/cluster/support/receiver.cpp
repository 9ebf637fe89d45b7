#include "tests/cluster/support/receiver.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

namespace holdpoint::cluster {
namespace {

constexpr const char* kHome = "holdpoint-system";

}  // namespace

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

Receiver::Receiver() : folder_(std::filesystem::temp_directory_path() / unique("receiver")) {
  std::filesystem::create_directories(folder_);
  const auto started =
      run({"python3", HOLDPOINT_SOURCE_DIR "/tests/cluster/support/receiver.py", folder_.string()});
  REQUIRE_MESSAGE(started.ok(), started.text());
}

Receiver::~Receiver() { std::filesystem::remove_all(folder_); }

std::string Receiver::url(const std::string& path) const {
  return "http://127.0.0.1:" + content_of(folder_ / "port") + path;
}

void Receiver::answer(const std::string& how) const {
  // Never seen half written.
  std::ofstream(folder_ / "answer.new") << how;
  std::filesystem::rename(folder_ / "answer.new", folder_ / "answer");
}

std::vector<Json> Receiver::posts(const std::string& path) const {
  std::vector<Json> found;
  std::ifstream log(folder_ / "requests");
  for (std::string line; std::getline(log, line);) {
    Json post = json_of(line);
    if (string_at(post, {"path"}) == path) found.push_back(std::move(post));
  }
  return found;
}

std::vector<std::string> Receiver::events(const std::string& path) const {
  std::vector<std::string> types;
  for (const Json& post : posts(path))
    types.push_back(string_at(json_of(string_at(post, {"body"})), {"type"})
                        .substr(std::string("dev.holdpoint.request.").size()));
  return types;
}

Secret::Secret(const std::string& url, Json data) : name_(unique("receiver")) {
  data["url"] = url;
  must(client_as("admin").create(path_of("v1", "secrets", kHome),
                                 {{"apiVersion", "v1"},
                                  {"kind", "Secret"},
                                  {"metadata", {{"name", name_}}},
                                  {"stringData", data}},
                                 {}, soon()));
}

Secret::~Secret() {
  (void)client_as("admin").remove(path_of("v1", "secrets", kHome, name_), "", soon());
}

}  // namespace holdpoint::cluster
