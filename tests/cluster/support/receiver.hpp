// A real HTTP receiver, and the Secret in Holdpoint's own namespace that leads there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cluster/support/cluster.hpp"

namespace holdpoint::cluster {

[[nodiscard]] std::string content_of(const std::filesystem::path& file);

// receiver.py on loopback; ends with the object.
class Receiver {
 public:
  Receiver();
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  [[nodiscard]] std::string url(const std::string& path) const;
  // What receiver.py's own text says: "500", "hang", a JSON object...
  void answer(const std::string& how) const;
  // What came to this path, oldest first.
  [[nodiscard]] std::vector<Json> posts(const std::string& path) const;
  // The types of the CloudEvents that came to it, without what all begin with.
  [[nodiscard]] std::vector<std::string> events(const std::string& path) const;

 private:
  std::filesystem::path folder_;
};

// With a key url, and what `data` says besides; gone with the object.
class Secret {
 public:
  explicit Secret(const std::string& url, Json data = Json::object());
  ~Secret();
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

}  // namespace holdpoint::cluster
