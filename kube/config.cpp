#include "kube/config.hpp"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/digest.hpp"

namespace holdpoint::kube {
namespace {

// Far beyond any kubeconfig; bounds what YAML aliases and the parser can cost.
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr const char* kAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

Result<std::string> read_file(const std::string& file, const std::string& what) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0)
    return Error{ErrorKind::NotFound, "there is no " + what + " at " + file, {}};
  if (!S_ISREG(found.st_mode)) return invalid("the " + what + " at " + file + " is not a file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return Error{ErrorKind::Forbidden, "the " + what + " at " + file + " cannot be read", {}};
  std::string text;
  std::array<char, 16384> piece;
  while (stream.read(piece.data(), piece.size()), stream.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMaxConfigBytes)
      return invalid("the " + what + " at " + file + " is larger than 1 MiB");
  }
  return text;
}

// One kubeconfig while it is read. yaml-cpp's exceptions end in load_kubeconfig().
class Kubeconfig {
 public:
  Kubeconfig(const std::string& file, YAML::Node root) : file_(file), root_(std::move(root)) {}

  Result<ApiConfig> context(std::string name) const {
    if (!root_.IsMap()) return wrong("is not a mapping");
    if (name.empty()) {
      HP_ASSIGN(name, text(root_, "current-context", "the file"));
      if (name.empty())
        return Error{ErrorKind::NotFound,
                     "the kubeconfig " + file_ + " has no current-context; name a context",
                     {}};
    }
    const YAML::Node entry = entry_of("contexts", name);
    if (!entry)
      return Error{
          ErrorKind::NotFound, "the kubeconfig " + file_ + " has no context '" + name + "'", {}};
    const YAML::Node context = child(entry, "context");
    HP_ASSIGN(const auto cluster_name, text(context, "cluster", "context " + name));
    HP_ASSIGN(const auto user_name, text(context, "user", "context " + name));

    ApiConfig config;
    HP_TRY(read_cluster(cluster_name, config));
    HP_TRY(read_user(user_name, config));
    return config;
  }

 private:
  [[nodiscard]] Error wrong(const std::string& what) const {
    return invalid("the kubeconfig " + file_ + " " + what);
  }

  static YAML::Node child(const YAML::Node& map, const std::string& key) {
    return map && map.IsMap() ? map[key] : YAML::Node(YAML::NodeType::Undefined);
  }

  static bool present(const YAML::Node& map, const std::string& key) {
    const YAML::Node found = child(map, key);
    return found && !found.IsNull();
  }

  [[nodiscard]] Result<std::string> text(const YAML::Node& map, const std::string& key,
                                         const std::string& where) const {
    const YAML::Node found = child(map, key);
    if (!found || found.IsNull()) return std::string();
    if (!found.IsScalar()) return wrong("has a " + key + " that is not text (" + where + ")");
    return found.Scalar();
  }

  // The first one of that name, as kubectl takes it.
  [[nodiscard]] YAML::Node entry_of(const std::string& list, const std::string& name) const {
    const YAML::Node entries = child(root_, list);
    if (entries && entries.IsSequence())
      for (const YAML::Node& entry : entries)
        if (const YAML::Node found = child(entry, "name");
            found && found.IsScalar() && found.Scalar() == name)
          return entry;
    return YAML::Node(YAML::NodeType::Undefined);
  }

  // `key`-data in base64, else the file that `key` names, relative to the kubeconfig.
  [[nodiscard]] Result<std::string> pem(const YAML::Node& map, const std::string& key,
                                        const std::string& where) const {
    HP_ASSIGN(const auto data, text(map, key + "-data", where));
    if (!data.empty()) {
      auto decoded = decode_base64(data);
      if (!decoded) return wrong("has a " + key + "-data that is not base64 (" + where + ")");
      return std::move(*decoded);
    }
    HP_ASSIGN(const auto path, file_path(map, key, where));
    if (path.empty()) return std::string();
    return read_file(path, key);
  }

  [[nodiscard]] Result<std::string> file_path(const YAML::Node& map, const std::string& key,
                                              const std::string& where) const {
    HP_ASSIGN(auto path, text(map, key, where));
    if (!path.empty() && !path.starts_with('/'))
      path = (std::filesystem::path(file_).parent_path() / path).string();
    return path;
  }

  Result<Done> read_cluster(const std::string& name, ApiConfig& config) const {
    const YAML::Node entry = entry_of("clusters", name);
    if (!entry) return wrong("has no cluster '" + name + "', which the context names");
    const YAML::Node cluster = child(entry, "cluster");
    const std::string where = "cluster " + name;
    HP_ASSIGN(config.server, text(cluster, "server", where));
    while (config.server.ends_with('/')) config.server.pop_back();
    constexpr std::string_view kScheme = "https://";
    if (!config.server.starts_with(kScheme) || config.server.size() == kScheme.size() ||
        config.server.find_first_of("/?#@", kScheme.size()) != std::string::npos)
      return wrong("has a server that is not https://host:port (" + where + ")");
    HP_ASSIGN(const auto insecure, text(cluster, "insecure-skip-tls-verify", where));
    if (!insecure.empty() && insecure != "false")
      return wrong("asks for insecure-skip-tls-verify (" + where +
                   "); give its certificate-authority instead");
    for (const char* key : {"proxy-url", "tls-server-name"})
      if (present(cluster, key))
        return wrong("uses " + std::string(key) + ", which is not supported (" + where + ")");
    HP_ASSIGN(config.ca_pem, pem(cluster, "certificate-authority", where));
    return Done{};
  }

  Result<Done> read_user(const std::string& name, ApiConfig& config) const {
    if (name.empty()) return Done{};  // anonymous, as kubectl takes it
    const YAML::Node entry = entry_of("users", name);
    if (!entry) return wrong("has no user '" + name + "', which the context names");
    const YAML::Node user = child(entry, "user");
    const std::string where = "user " + name;
    // Left out silently, each of these would make us somebody else than the file says.
    for (const char* key : {"exec", "auth-provider", "username", "password", "as", "as-uid",
                            "as-groups", "as-user-extra"})
      if (present(user, key))
        return wrong("uses " + std::string(key) + " (" + where +
                     "), which is not supported; use a token, a tokenFile or a client certificate");
    HP_ASSIGN(config.client_cert_pem, pem(user, "client-certificate", where));
    HP_ASSIGN(config.client_key_pem, pem(user, "client-key", where));
    if (config.client_cert_pem.empty() != config.client_key_pem.empty())
      return wrong("has a client certificate without its key, or a key without its certificate (" +
                   where + ")");
    HP_ASSIGN(config.token, text(user, "token", where));
    HP_ASSIGN(config.token_file, file_path(user, "tokenFile", where));
    return Done{};
  }

  const std::string& file_;
  const YAML::Node root_;
};

}  // namespace

Result<ApiConfig> load_kubeconfig(const std::string& file, const std::string& context) {
  HP_ASSIGN(const auto text, read_file(file, "kubeconfig"));
  try {
    return Kubeconfig(file, YAML::Load(text)).context(context);
  } catch (const YAML::Exception& problem) {
    return invalid("the kubeconfig " + file + " is not YAML", problem.what());
  }
}

Result<ApiConfig> in_cluster_config() {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr || *host == '\0' || *port == '\0')
    return Error{ErrorKind::NotFound,
                 "this is not a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
                 "set; give a kubeconfig",
                 {}};
  const std::string name = std::string_view(host).find(':') == std::string_view::npos
                               ? host
                               : "[" + std::string(host) + "]";
  ApiConfig config;
  config.server = "https://" + name + ":" + port;
  config.token_file = std::string(kAccountFolder) + "/token";
  HP_ASSIGN(config.ca_pem,
            read_file(std::string(kAccountFolder) + "/ca.crt", "certificate authority"));
  HP_TRY(read_file(config.token_file, "service account token"));
  return config;
}

Result<ApiConfig> config_of(const std::string& kubeconfig) {
  return kubeconfig.empty() ? in_cluster_config() : load_kubeconfig(kubeconfig);
}

}  // namespace holdpoint::kube
