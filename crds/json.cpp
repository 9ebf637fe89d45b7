#include "crds/json.hpp"

#include <algorithm>
#include <cstdint>

#include "base/text.hpp"

template class nlohmann::basic_json<>;

namespace holdpoint {
namespace {

// Builds the value and stops at the first thing that strict JSON forbids; nlohmann's own parser
// would take duplicate keys and any depth.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(Json(value)); }
  bool number_integer(number_integer_t value) override { return put(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos)
      return fail("an integer that does not fit 64 bits");
    return put(Json(value));
  }
  bool string(string_t& value) override { return put(Json(std::move(value))); }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(string_t& value) override {
    auto& object = open_.back()->get_ref<Json::object_t&>();
    const auto [at, added] = object.emplace(std::move(value), Json());
    if (!added) return fail("the key '" + visible_cut(at->first, 40) + "' twice");
    slot_ = &at->second;
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    error_ = plain(error.what());
    return false;
  }

  [[nodiscard]] Json take() { return std::move(root_); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while..."
  // without its preface. It quotes what was read last, which is as long and as hostile as its
  // sender likes.
  static std::string plain(std::string_view what) {
    if (const auto end = what.find("] "); what.starts_with('[') && end != std::string_view::npos)
      what.remove_prefix(end + 2);
    if (const auto colon = what.find(": ");
        what.starts_with("parse error at ") && colon != std::string_view::npos)
      what.remove_prefix(colon + 2);
    return visible_cut(what, 160);
  }
  Json* place(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }
  bool put(Json&& value) {
    place(std::move(value));
    return true;
  }
  bool open(Json&& value) {
    if (open_.size() >= max_depth_)
      return fail("nesting deeper than " + std::to_string(max_depth_));
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool fail(std::string what) {
    error_ = "it holds " + std::move(what);
    return false;
  }

  const std::size_t max_depth_;
  Json root_;
  Json* slot_ = nullptr;
  // An element of an array is not moved while something inside it is open: only the innermost one
  // grows.
  std::vector<Json*> open_;
  std::string error_;
};

// Walks the bytes and leaves behind how far it came: the parser tells only of its own errors where
// they are.
class Steps {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Steps(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  Steps& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  friend bool operator==(const Steps& a, const Steps& b) { return a.at_ == b.at_; }
  friend bool operator!=(const Steps& a, const Steps& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

}  // namespace

Result<Json> parse_json(std::string_view bytes, std::size_t max_depth) {
  if (bytes.starts_with("\xef\xbb\xbf"))
    return invalid("not strict JSON: it begins with a byte order mark");
  StrictBuilder builder(max_depth);
  const char* const begin = bytes.data();
  const char* furthest = begin;
  if (Json::sax_parse(Steps(begin, &furthest), Steps(begin + bytes.size(), &furthest), &builder))
    return builder.take();
  return invalid("not strict JSON at byte " + std::to_string(furthest - begin) + ": " +
                 builder.error());
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string dump_json_pretty(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<std::string>> pointer_tokens(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  const auto bad = [&] {
    return invalid("not a JSON pointer (RFC 6901): '" + std::string(pointer.substr(0, 80)) + "'");
  };
  if (pointer.front() != '/') return bad();
  std::string token;
  for (std::size_t i = 1; i <= pointer.size(); ++i) {
    if (i == pointer.size() || pointer[i] == '/') {
      tokens.push_back(std::move(token));
      token.clear();
    } else if (pointer[i] == '~') {
      ++i;
      if (i == pointer.size() || (pointer[i] != '0' && pointer[i] != '1')) return bad();
      token += pointer[i] == '0' ? '~' : '/';
    } else {
      token += pointer[i];
    }
  }
  return tokens;
}

const Json* at_pointer(const Json& value, std::string_view pointer) {
  const auto tokens = pointer_tokens(pointer);
  if (!tokens.ok()) return nullptr;
  const Json* at = &value;
  for (const std::string& token : *tokens) {
    if (at->is_object()) {
      const auto found = at->find(token);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      const bool digits =
          !token.empty() && token.size() < 10 && (token == "0" || token.front() != '0') &&
          std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!digits || std::stoul(token) >= at->size()) return nullptr;
      at = &(*at)[std::stoul(token)];
    } else {
      return nullptr;
    }
  }
  return at;
}

const Json* member_at(const Json& value, std::initializer_list<std::string_view> keys) {
  const Json* at = &value;
  for (const std::string_view key : keys) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string string_at(const Json& value, std::initializer_list<std::string_view> keys) {
  const Json* found = member_at(value, keys);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t integer_at(const Json& value, std::initializer_list<std::string_view> keys,
                        std::int64_t otherwise) {
  const Json* found = member_at(value, keys);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

}  // namespace holdpoint
