#include "operator/receiver.hpp"

#include <algorithm>
#include <map>

#include "base/digest.hpp"

namespace holdpoint::operator_ {
namespace {

constexpr std::size_t kMostAnswer = std::size_t{64} << 10;

std::string trimmed(std::string text) {
  constexpr const char* kBlank = " \t\r\n";
  text.erase(text.find_last_not_of(kBlank) + 1);
  text.erase(0, text.find_first_not_of(kBlank));
  return text;
}

bool is_web_address(const std::string& text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

}  // namespace

Result<Receiver> receiver_of(const Json& secret) {
  std::map<std::string, std::string> values;
  for (const char* key : {"url", "token", "ca.crt", "link"}) {
    const auto value = decode_base64(string_at(secret, {"data", key}));
    if (!value.has_value()) return invalid("its data is not base64");
    values[key] = trimmed(*value);
  }
  const std::string& url = values["url"];
  if (url.empty()) return invalid("it has no key url");
  if (!is_web_address(url)) return invalid("its url does not begin with https:// or http://");
  if (!values["link"].empty() && !is_web_address(values["link"]))
    return invalid("its link does not begin with https:// or http://");
  const auto host = url.find("://") + 3;
  const auto path = std::min(url.find_first_of("/?#", host), url.size());
  Receiver receiver{url.substr(0, path), url.substr(path, url.find('#') - path), values["token"],
                    values["ca.crt"], values["link"]};
  if (path == host || receiver.endpoint.find('@') != std::string::npos)
    return invalid("its url names no host, or a user: give a token instead");
  if (!receiver.target.starts_with('/')) receiver.target.insert(0, "/");
  return receiver;
}

Result<Receiver> find_receiver(const kube::Client& client, const std::string& home,
                               const std::string& name, Deadline deadline) {
  const auto found = client.get({"", "v1", "secrets", home, name, ""}, deadline);
  auto receiver = found.ok() ? receiver_of(*found) : Result<Receiver>(found.error());
  if (receiver.ok()) return receiver;
  Error error = receiver.error();
  error.message.insert(0, "Secret " + home + "/" + name + ": ");
  return error;
}

Result<net::HttpResponse> call(const Receiver& receiver, net::HttpRequest request,
                               Deadline deadline, const std::stop_token& stop) {
  const net::HttpClient client(
      {receiver.endpoint, receiver.ca_pem, {}, {}, [&] { return receiver.token; }});
  if (request.target.empty()) request.target = receiver.target;
  request.headers["User-Agent"] = "holdpoint-operator/" HOLDPOINT_VERSION;
  auto answer = client.call(request, deadline, kMostAnswer, stop);
  if (answer.ok()) return answer;
  Error error = answer.error();
  for (auto at = error.message.find(receiver.endpoint); at != std::string::npos;
       at = error.message.find(receiver.endpoint))
    error.message.replace(at, receiver.endpoint.size(), "the endpoint");
  return error;
}

}  // namespace holdpoint::operator_
