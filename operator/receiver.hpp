// Whom to call by HTTP, as a Secret of Holdpoint's own namespace tells: for notices and for checks.
//
// Policies name Secrets, never addresses; what stands in one appears in no log and no error. The
// service account's own token never goes there. Blocking; thread-safe.
#pragma once

#include <string>

#include "kube/client.hpp"
#include "net/http_client.hpp"

namespace holdpoint::operator_ {

struct Receiver {
  std::string endpoint;  // http(s)://host:port
  std::string target;    // path and query
  std::string token;     // may be empty, as what follows
  std::string ca_pem;    // whom to trust; empty: the system's roots
  std::string link;      // a page about requests, with {namespace} and {request} in it
};

// Reads the keys url, token, ca.crt and link. Error: Invalid, in words that do not repeat what the
// Secret holds.
[[nodiscard]] Result<Receiver> receiver_of(const Json& secret);

// The Secret `name` in the namespace `home`, read live. Errors name it.
[[nodiscard]] Result<Receiver> find_receiver(const kube::Client& client, const std::string& home,
                                             const std::string& name, Deadline deadline);

// Sends `request`, all but target, token and user agent, and reads at most 64 KiB. Errors as
// HttpClient::call, in words without the address.
[[nodiscard]] Result<net::HttpResponse> call(const Receiver& receiver, net::HttpRequest request,
                                             Deadline deadline, const std::stop_token& stop);

}  // namespace holdpoint::operator_
