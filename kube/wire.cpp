#include "kube/wire.hpp"

#include "net/http_client.hpp"

namespace holdpoint::kube {
namespace {

ErrorKind kind_of(int code) {
  switch (code) {
    case 401:
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 409:
    case 410:
      return ErrorKind::Conflict;
    case 408:
    case 429:
      return ErrorKind::Unavailable;
    default:
      return code >= 400 && code < 500 ? ErrorKind::Invalid : ErrorKind::Unavailable;
  }
}

std::string cause_of(int code, const Json& status) {
  if (code == 410) return "Expired";
  if (const Json* causes = member_at(status, {"details", "causes"});
      causes != nullptr && causes->is_array())
    for (const Json& cause : *causes)
      if (string_at(cause, {"reason"}) == "ResourceVersionTooLarge")
        return "ResourceVersionTooLarge";
  std::string reason = string_at(status, {"reason"});
  return reason.empty() ? "HTTP " + std::to_string(code) : reason;
}

// A quoted-string (RFC 7230, section 3.2.6) at the head of `text`, which is moved past it.
bool take_quoted(std::string_view& text, std::string& out) {
  if (!text.starts_with('"')) return false;
  out.clear();
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return true;
    }
    if (text[at] == '\\' && ++at == text.size()) return false;
    out += text[at];
  }
  return false;
}

void skip_spaces(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
}

}  // namespace

std::string ResourcePath::text() const {
  std::string text = group.empty() ? "/api/" : "/apis/" + net::url_escape(group) + "/";
  text += net::url_escape(version);
  if (!namespace_.empty()) text += "/namespaces/" + net::url_escape(namespace_);
  text += "/" + net::url_escape(resource);
  if (!name.empty()) text += "/" + net::url_escape(name);
  if (!subresource.empty()) text += "/" + net::url_escape(subresource);
  return text;
}

Result<Done> check_path(const ResourcePath& path, Names names) {
  if (path.version.empty() || path.resource.empty())
    return invalid("a resource needs a version and a plural name");
  if ((names == Names::One || !path.subresource.empty()) && path.name.empty())
    return invalid("the name of the " + path.resource + " is missing");
  if (names == Names::Collection && !path.name.empty() && path.subresource.empty())
    return invalid("a collection of " + path.resource + " has no name, not '" + path.name + "'");
  for (const std::string* segment : {&path.group, &path.version, &path.namespace_, &path.resource,
                                     &path.name, &path.subresource})
    if (*segment == "." || *segment == ".." || segment->find_first_of("/%") != std::string::npos)
      return invalid("'" + *segment + "' cannot be part of a Kubernetes API path");
  return Done{};
}

std::string query_text(const Query& query) {
  std::string text;
  for (const auto& [key, value] : query) {
    text += text.empty() ? '?' : '&';
    text += net::url_escape(key) + "=" + net::url_escape(value);
  }
  return text;
}

Error error_of_status(int code, const Json& status) {
  std::string message = string_at(status, {"message"});
  if (message.empty()) message = "the API server answered with HTTP " + std::to_string(code);
  return Error{kind_of(code), std::move(message), cause_of(code, status)};
}

Error error_of(int code, std::string_view body) {
  if (const auto parsed = parse_json(body, kMaxAnswerDepth);
      parsed.ok() && string_at(*parsed, {"kind"}) == "Status")
    return error_of_status(code, *parsed);
  return error_of_status(code, Json::object());
}

std::vector<std::string> parse_warnings(std::string_view header) {
  // warning-value = warn-code SP warn-agent SP warn-text [ SP warn-date ]; code and date mean
  // nothing to us.
  std::vector<std::string> texts;
  while (true) {
    while (header.starts_with(',') || header.starts_with(' ') || header.starts_with('\t'))
      header.remove_prefix(1);
    if (header.size() < 4 || header.find_first_not_of("0123456789") != 3 || header[3] != ' ')
      return texts;
    header.remove_prefix(4);
    const auto agent = header.find(' ');
    if (agent == 0 || agent == std::string_view::npos) return texts;
    header.remove_prefix(agent + 1);
    std::string text, date;
    if (!take_quoted(header, text)) return texts;
    texts.push_back(std::move(text));
    skip_spaces(header);
    take_quoted(header, date);
    skip_spaces(header);
    if (!header.starts_with(',')) return texts;
  }
}

Result<WatchEvent> parse_watch_line(std::string_view line) {
  auto parsed = parse_json(line, kMaxAnswerDepth);
  if (!parsed.ok())
    return Error{ErrorKind::Unavailable, "the API server's watch sent what is not an event",
                 describe(parsed.error())};
  const std::string type = string_at(*parsed, {"type"});
  if (!parsed->is_object() || !parsed->contains("object") || !(*parsed)["object"].is_object())
    return Error{ErrorKind::Unavailable, "the API server's watch sent an event without an object",
                 "type " + type};
  Json& object = (*parsed)["object"];
  if (type == "ERROR") {
    const Json* code = member_at(object, {"code"});
    return error_of_status(code != nullptr && code->is_number_integer() ? code->get<int>() : 500,
                           object);
  }
  WatchEvent event{WatchEventType::Added, std::move(object)};
  if (type == "ADDED") {
    event.type = WatchEventType::Added;
  } else if (type == "MODIFIED") {
    event.type = WatchEventType::Modified;
  } else if (type == "DELETED") {
    event.type = WatchEventType::Deleted;
  } else if (type == "BOOKMARK") {
    event.type = WatchEventType::Bookmark;
  } else {
    return invalid("the API server's watch sent an event of an unknown type", "type " + type);
  }
  return event;
}

bool LineSplitter::feed(std::string_view bytes,
                        const std::function<bool(std::string_view)>& on_line) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (pending_.size() + piece.size() > max_line_) {
      too_long_ = true;
      return false;
    }
    if (end == std::string_view::npos) {
      pending_ += piece;
      return true;
    }
    bytes.remove_prefix(end + 1);
    bool go_on = true;
    if (pending_.empty()) {
      if (!piece.empty()) go_on = on_line(piece);
    } else {
      pending_ += piece;
      const std::string line = std::move(pending_);
      pending_ = {};
      go_on = on_line(line);
    }
    if (!go_on) return false;
  }
  return true;
}

}  // namespace holdpoint::kube
