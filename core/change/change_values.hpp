// How one value of an object reads, and which values are dangerous or the API server's defaults.
//
// Inside of core/change; not a door. Pure; thread-safe.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "crds/json.hpp"

namespace holdpoint::values {

// Null where `object` is none or has no such member.
[[nodiscard]] const Json* member(const Json* object, const std::string& key);
// Those of both sides; a side may be null.
[[nodiscard]] std::set<std::string> keys_of(const Json* a, const Json* b);
// spec.containers[web].env, and data["a b"] for keys that would blur the path.
[[nodiscard]] std::string path_to(const std::string& path, const std::string& key);

[[nodiscard]] bool is_text_block(const Json* value);
[[nodiscard]] bool is_list_of_words(const Json* value);
// Found out without printing a long value: a new subtree asks this on every level.
[[nodiscard]] bool fits_on_a_line(const Json& value);

// A string as it stands, everything else as JSON.
[[nodiscard]] std::string text_of(const Json& value);
// Words of a command line; those that hold blanks or quotes are quoted.
[[nodiscard]] std::string command_line(const Json& words);
[[nodiscard]] std::vector<std::string> words_by_line(const Json* words);
// Where the shape is not one that there are words for, these are JSON.
[[nodiscard]] std::string env_text(const Json& item);
[[nodiscard]] std::string env_from_text(const Json& item);
[[nodiscard]] std::string volume_text(const Json& volume);
[[nodiscard]] std::string mount_text(const Json& mount);
[[nodiscard]] std::string port_key(const Json& port);
[[nodiscard]] std::string port_text(const Json& port);
[[nodiscard]] std::string rule_text(const Json& rule);
[[nodiscard]] std::string subject_text(const Json& subject);
[[nodiscard]] std::string role_text(const Json& role);

// An RBAC rule by which one becomes more than one is.
[[nodiscard]] bool is_dangerous_rule(const Json& rule);
// Settings by which a container reaches out of its box; `key` is the last step of the path.
[[nodiscard]] bool is_dangerous_setting(const std::string& key, const Json* value);
// What the API server fills in by itself. Left out where a whole object is new or goes, and there
// alone.
[[nodiscard]] bool is_default(const std::string& path, const std::string& key, const Json& value);

}  // namespace holdpoint::values
