#include "core/change/change.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/text.hpp"
#include "core/change/change_text.hpp"
#include "core/change/change_values.hpp"

namespace holdpoint {
namespace {

using namespace values;

constexpr std::size_t kMaxSummary = 8, kSummaryColumns = 160;
constexpr std::size_t kMaxLines = 64, kValueColumns = 120, kWhereColumns = 200;
constexpr std::size_t kMaxDiffLines = 30, kMaxDiffBytes = 4096, kDiffColumns = 118;
// An approver sees eight lines: what is kept for later than this could never be shown.
constexpr std::size_t kMaxFindings = 4096;
constexpr std::size_t kMaxDepth = 64;

// What comes first where there is no room for all: nobody hides a privileged container behind ten
// labels.
enum class Weight { Headline, Image, Alarm, Security, Command, Env, Data, Volume, Amount, Field };

struct Finding {
  Weight weight = Weight::Field;
  ChangeLine line;
  std::string sentence;           // empty: made from `line`
  std::vector<std::string> diff;  // empty: made from `line`
  std::string path;
};

const Json kNothing;

std::string joined(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + " " + b;
}

class Differ {
 public:
  // `whole`: the object is new or goes, so what the API server fills in by itself is left out.
  Differ(const std::string& group, const std::string& resource, bool whole)
      : secret_(group.empty() && resource == "secrets"),
        rbac_(group == "rbac.authorization.k8s.io"),
        whole_(whole) {}

  void root(const Json* a, const Json* b) {
    for (const std::string& key : keys_of(a, b)) {
      const Json *was = member(a, key), *is = member(b, key);
      if (secret_ && (key == "data" || key == "stringData")) {
        sealed_map(key, was, is);
      } else if (key == "data" || key == "binaryData") {
        data(key, was, is);
      } else if (rbac_ && key == "rules") {
        set_of("rule", key, was, is, rule_text, [](const Json& rule) {
          return is_dangerous_rule(rule) ? Weight::Alarm : Weight::Security;
        });
      } else if (rbac_ && key == "subjects") {
        set_of("subject", key, was, is, subject_text, [](const Json&) { return Weight::Security; });
      } else if (rbac_ && key == "roleRef") {
        found(Weight::Security, "role", "", key, was, is, role_text);
      } else {
        value(path_to("", key), key, was, is, 0);
      }
    }
  }

  [[nodiscard]] std::vector<Finding> take() {
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.weight < b.weight; });
    return std::move(findings_);
  }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  using Text = std::function<std::string(const Json&)>;

  void add(Finding finding) {
    if (findings_.size() >= kMaxFindings) {
      ++left_out_;
      return;
    }
    findings_.push_back(std::move(finding));
  }

  // One thing that was, is, or is another. Values that read alike although they differ are shown as
  // JSON.
  void found(Weight weight, const std::string& what, const std::string& where,
             const std::string& path, const Json* was, const Json* is, const Text& text = text_of) {
    if (same(was, is)) return;
    const auto shown = [](const Json* side, const Text& print) {
      if (side == nullptr) return std::string();
      const std::string result = print(*side);
      return result.empty() ? std::string("\"\"") : result;
    };
    std::string from = shown(was, text), to = shown(is, text);
    if (visible(from) == visible(to)) from = shown(was, dump_json), to = shown(is, dump_json);
    add(finding_of(weight, what, where, path, from, to));
  }

  static Finding finding_of(Weight weight, const std::string& what, const std::string& where,
                            const std::string& path, const std::string& from,
                            const std::string& to) {
    Finding finding;
    finding.weight = weight;
    finding.path = path;
    auto [a, b] = excerpt(from, to, kValueColumns);
    finding.line = {visible_cut(what, 63), visible_cut(where, kWhereColumns), std::move(a),
                    std::move(b)};
    return finding;
  }

  static bool same(const Json* was, const Json* is) {
    if (was == nullptr || is == nullptr) return was == is;
    return *was == *is;
  }

  void text_block(Weight weight, const std::string& what, const std::string& where,
                  const std::string& path, const std::vector<std::string>& from,
                  const std::vector<std::string>& to, bool was, bool is) {
    LineDiff diff = diff_lines(from, to, visible(path));
    Finding finding;
    finding.weight = weight;
    finding.path = path;
    finding.diff = std::move(diff.lines);
    const std::string counts =
        "(+" + std::to_string(diff.added) + " -" + std::to_string(diff.removed) + ")";
    finding.line = {visible_cut(what, 63), visible_cut(where, kWhereColumns),
                    was ? count_of(from.size(), "line") : "",
                    is ? count_of(to.size(), "line") : ""};
    if (was && is) {
      finding.line.to += " " + counts;
      finding.sentence = joined(finding.line.what, finding.line.where) + ": " +
                         count_of(diff.added + diff.removed, "line") + " changed " + counts;
    }
    add(std::move(finding));
  }

  // A string or another plain value, or a list of them.
  void plain(Weight weight, const std::string& what, const std::string& where,
             const std::string& path, const Json* was, const Json* is) {
    if (same(was, is)) return;
    if ((is_text_block(was) || is_text_block(is)) && (was == nullptr || was->is_string()) &&
        (is == nullptr || is->is_string())) {
      const auto lines = [](const Json* side) {
        return side == nullptr ? std::vector<std::string>()
                               : lines_of(side->get_ref<const std::string&>());
      };
      text_block(weight, what, where, path, lines(was), lines(is), was != nullptr, is != nullptr);
      return;
    }
    const bool lists =
        (was == nullptr || is_list_of_words(was)) && (is == nullptr || is_list_of_words(is));
    if (!lists) return found(weight, what, where, path, was, is);
    found(weight, what, where, path, was, is, command_line);
    const std::vector<std::string> from = words_by_line(was), to = words_by_line(is);
    if (!findings_.empty() && left_out_ == 0 && from.size() + to.size() > 2 && from != to)
      findings_.back().diff = diff_lines(from, to, visible(path)).lines;
  }

  // Anything, anywhere. `key` is the last step of `path`.
  void value(const std::string& path, const std::string& key, const Json* was, const Json* is,
             std::size_t depth) {
    if (same(was, is)) return;
    const Json* side = is != nullptr ? is : was;
    const bool objects = (was == nullptr || was->is_object()) && (is == nullptr || is->is_object());
    const bool arrays = (was == nullptr || was->is_array()) && (is == nullptr || is->is_array());
    if (whole_ && is_default(path, key, *side)) return;
    if (depth > kMaxDepth || (!objects && !arrays)) return leaf(path, key, was, is);
    if (objects) {
      if (is_pod_spec(was) || is_pod_spec(is)) return pod_spec(path, was, is, depth);
      if (path.ends_with("metadata.labels")) return each_as("label", path, was, is);
      if (path.ends_with("metadata.annotations")) return each_as("annotation", path, was, is);
      // Small and new or gone: one line says it. Otherwise by its members.
      const bool one_sided = was == nullptr || is == nullptr;
      if (keys_of(was, is).empty() ||
          (one_sided && path.find('.') != std::string::npos && fits_on_a_line(*side)))
        return leaf(path, key, was, is);
      for (const std::string& name : keys_of(was, is))
        value(path_to(path, name), name, member(was, name), member(is, name), depth + 1);
      return;
    }
    if (is_list_of_words(side) && (was == nullptr || is_list_of_words(was)))
      return leaf(path, key, was, is);
    list(path, was, is, depth);
  }

  void leaf(const std::string& path, const std::string& key, const Json* was, const Json* is) {
    if (path == "spec.replicas") return found(Weight::Amount, "replicas", "", path, was, is);
    plain(is_dangerous_setting(key, is) && key != "add" && key != "type" ? Weight::Alarm
                                                                         : Weight::Field,
          "field", path, path, was, is);
  }

  void each_as(const std::string& what, const std::string& path, const Json* was, const Json* is) {
    for (const std::string& key : keys_of(was, is))
      plain(Weight::Field, what, key, path_to(path, key), member(was, key), member(is, key));
  }

  // A list of objects: by name where they have names, as a set otherwise.
  void list(const std::string& path, const Json* was, const Json* is, std::size_t depth) {
    if (has_key(was, "name") && has_key(is, "name"))
      return keyed(path, was, is, name_key("name"), Weight::Field,
                   [&](const std::string& key, const Json* a, const Json* b) {
                     value(path + "[" + key + "]", "", a, b, depth + 1);
                   });
    const auto [gone, came] = unmatched(was, is);
    if (gone.size() == 1 && came.size() == 1 && gone[0]->is_object() && came[0]->is_object())
      return value(path + "[]", "", gone[0], came[0], depth + 1);
    for (const Json* item : gone)
      found(Weight::Field, "field", path + "[]", path + "[]", item, nullptr);
    for (const Json* item : came)
      found(Weight::Field, "field", path + "[]", path + "[]", nullptr, item);
    if (gone.empty() && came.empty()) found(Weight::Field, "order", path, path, was, is);
  }

  void set_of(const std::string& what, const std::string& path, const Json* was, const Json* is,
              const Text& text, const std::function<Weight(const Json&)>& weight) {
    if ((was != nullptr && !was->is_array()) || (is != nullptr && !is->is_array()))
      return found(Weight::Security, what, "", path, was, is);
    const auto [gone, came] = unmatched(was, is);
    // What reads the same although something else in it differs is shown whole.
    std::set<std::string> texts;
    for (const Json* item : gone) texts.insert(text(*item));
    const bool alike = std::any_of(came.begin(), came.end(),
                                   [&](const Json* item) { return texts.contains(text(*item)); });
    const Text print = alike ? Text(dump_json) : text;
    for (const Json* item : gone) found(Weight::Security, what, "", path, item, nullptr, print);
    for (const Json* item : came) found(weight(*item), what, "", path, nullptr, item, print);
    if (gone.empty() && came.empty() && !same(was, is))
      found(Weight::Field, "order", path, path, was, is);
  }

  static std::pair<std::vector<const Json*>, std::vector<const Json*>> unmatched(const Json* was,
                                                                                 const Json* is) {
    std::map<std::string, std::vector<const Json*>> old;
    if (was != nullptr)
      for (const Json& item : *was) old[dump_json(item)].push_back(&item);
    std::vector<const Json*> gone, came;
    if (is != nullptr)
      for (const Json& item : *is) {
        const auto match = old.find(dump_json(item));
        if (match == old.end() || match->second.empty()) {
          came.push_back(&item);
        } else {
          match->second.pop_back();
        }
      }
    for (const auto& [text, items] : old) gone.insert(gone.end(), items.begin(), items.end());
    return {gone, came};
  }

  static bool has_key(const Json* list, const char* key) {
    return list == nullptr ||
           (list->is_array() && std::all_of(list->begin(), list->end(), [&](const Json& item) {
              const Json* name = member(&item, key);
              return name != nullptr && name->is_string();
            }));
  }
  static Text name_key(const char* key) {
    return [key](const Json& item) {
      return member(&item, key) == nullptr ? std::string() : text_of(*member(&item, key));
    };
  }

  // Items by merge key. A key that comes twice (env may, and the last one wins) counts:
  // "LOG_LEVEL#2".
  void keyed(const std::string& path, const Json* was, const Json* is, const Text& key_of,
             Weight order,
             const std::function<void(const std::string&, const Json*, const Json*)>& each) {
    const auto index = [&](const Json* list, std::vector<std::string>& keys) {
      std::map<std::string, const Json*> items;
      std::map<std::string, int> seen;
      if (list == nullptr) return items;
      for (const Json& item : *list) {
        const std::string stem = key_of(item);
        std::string key = stem;
        for (int& n = seen[stem]; items.contains(key) || n == 0;
             key = n == 1 ? stem : stem + "#" + std::to_string(n))
          ++n;
        items[key] = &item;
        keys.push_back(key);
      }
      return items;
    };
    std::vector<std::string> old_keys, new_keys;
    const auto old_items = index(was, old_keys), new_items = index(is, new_keys);
    std::vector<std::string> all = new_keys;
    for (const std::string& key : old_keys)
      if (!new_items.contains(key)) all.push_back(key);
    for (const std::string& key : all) {
      const auto a = old_items.find(key), b = new_items.find(key);
      each(key, a == old_items.end() ? nullptr : a->second,
           b == new_items.end() ? nullptr : b->second);
    }
    std::erase_if(old_keys, [&](const std::string& key) { return !new_items.contains(key); });
    std::erase_if(new_keys, [&](const std::string& key) { return !old_items.contains(key); });
    if (old_keys != new_keys) {
      const Json from = join(old_keys, ", "), to = join(new_keys, ", ");
      found(order, "order", path, path, &from, &to);
    }
  }

  // ---- pods

  static bool is_pod_spec(const Json* value) {
    const Json* containers = member(value, "containers");
    return containers != nullptr && containers->is_array() && has_key(containers, "name");
  }

  void pod_spec(const std::string& path, const Json* was, const Json* is, std::size_t depth) {
    for (const std::string& key : keys_of(was, is)) {
      const Json *a = member(was, key), *b = member(is, key);
      const std::string at = path_to(path, key);
      if (same(a, b)) continue;
      if (key == "containers" || key == "initContainers" || key == "ephemeralContainers") {
        if (!has_key(a, "name") || !has_key(b, "name")) {
          found(Weight::Image, "field", at, at, a, b);
          continue;
        }
        const std::string kind = key == "containers"       ? "container"
                                 : key == "initContainers" ? "init container"
                                                           : "ephemeral container";
        keyed(at, a, b, name_key("name"), key == "initContainers" ? Weight::Command : Weight::Field,
              [&](const std::string& name, const Json* x, const Json* y) {
                container(at + "[" + name + "]", kind, name, x, y, depth);
              });
      } else if (key == "volumes" && has_key(a, "name") && has_key(b, "name")) {
        keyed(at, a, b, name_key("name"), Weight::Field,
              [&](const std::string& name, const Json* x, const Json* y) {
                found(member(y, "hostPath") != nullptr ? Weight::Alarm : Weight::Volume, "volume",
                      name, at + "[" + name + "]", x, y, volume_text);
              });
      } else if (key == "securityContext") {
        security("pod", at, key, a, b, depth);
      } else if (key == "serviceAccountName") {
        found(Weight::Security, "service account", "", at, a, b);
      } else if (key == "serviceAccount" && same(a, member(was, "serviceAccountName")) &&
                 same(b, member(is, "serviceAccountName"))) {
        continue;  // the API server's copy of serviceAccountName
      } else if (key == "hostNetwork" || key == "hostPID" || key == "hostIPC" ||
                 key == "hostUsers" || key == "automountServiceAccountToken") {
        found(is_dangerous_setting(key, b) ? Weight::Alarm : Weight::Security, key, "", at, a, b);
      } else if (key == "nodeSelector" && (a == nullptr || a->is_object()) &&
                 (b == nullptr || b->is_object())) {
        each_as("nodeSelector", at, a, b);
      } else {
        value(at, key, a, b, depth + 1);
      }
    }
  }

  void container(const std::string& path, const std::string& kind, const std::string& name,
                 const Json* was, const Json* is, std::size_t depth) {
    if (same(was, is)) return;
    const bool changed = was != nullptr && is != nullptr;
    const std::string tag = kind == "container" ? "" : kind + " ";
    if (!changed) {
      const auto [from, to] = shorten_images(string_at(was == nullptr ? kNothing : *was, {"image"}),
                                             string_at(is == nullptr ? kNothing : *is, {"image"}));
      Finding finding = finding_of(Weight::Image, kind, name, path + ".image",
                                   was == nullptr ? ""
                                   : from.empty() ? "(no image)"
                                                  : from,
                                   is == nullptr ? ""
                                   : to.empty()  ? "(no image)"
                                                 : to);
      add(std::move(finding));
    }
    for (const std::string& key : keys_of(was, is)) {
      const Json *a = member(was, key), *b = member(is, key);
      const std::string at = path_to(path, key);
      if (same(a, b) || key == "name" || (whole_ && is_default(at, key, b != nullptr ? *b : *a)))
        continue;
      const bool objects = (a == nullptr || a->is_object()) && (b == nullptr || b->is_object());
      const bool named = has_key(a, "name") && has_key(b, "name");
      if (key == "image" && (a == nullptr || a->is_string()) && (b == nullptr || b->is_string())) {
        if (!changed) continue;
        const auto [from, to] = shorten_images(a == nullptr ? "" : a->get<std::string>(),
                                               b == nullptr ? "" : b->get<std::string>());
        if (visible(from) == visible(to)) {
          found(Weight::Image, "image", tag + name, at, a, b);
        } else {
          Finding finding = finding_of(Weight::Image, "image", tag + name, at, from, to);
          const auto [old_image, new_image] =
              excerpt(a == nullptr ? "" : a->get<std::string>(),
                      b == nullptr ? "" : b->get<std::string>(), kValueColumns);
          if (a != nullptr && b != nullptr)
            finding.diff = {"@ " + visible_cut(at, kDiffColumns), "-" + old_image, "+" + new_image};
          add(std::move(finding));
        }
      } else if (key == "env" && named) {
        keyed(at, a, b, name_key("name"), Weight::Field,
              [&](const std::string& env, const Json* x, const Json* y) {
                environment(tag + name + " " + env, at + "[" + env + "]", x, y);
              });
      } else if (key == "envFrom" && is_list(a) && is_list(b)) {
        set_of(
            "env", at, a, b,
            [&](const Json& item) { return joined(tag + name, "all of " + env_from_text(item)); },
            [](const Json&) { return Weight::Env; });
      } else if (key == "ports" && is_list(a) && is_list(b)) {
        keyed(at, a, b, port_key, Weight::Field,
              [&](const std::string& port, const Json* x, const Json* y) {
                if (!same(x, y))
                  found(member(y, "hostPort") != nullptr ? Weight::Alarm : Weight::Field, "port",
                        tag + name + " " + port, at + "[" + port + "]", x, y, port_text);
              });
      } else if (key == "volumeMounts" && is_list(a) && is_list(b)) {
        keyed(at, a, b, name_key("mountPath"), Weight::Field,
              [&](const std::string& mount, const Json* x, const Json* y) {
                found(Weight::Volume, "mount", tag + name + " " + mount, at + "[" + mount + "]", x,
                      y, mount_text);
              });
      } else if (key == "resources" && objects) {
        resources(tag + name, at, a, b, depth);
      } else if (key == "command" || key == "args") {
        plain(Weight::Command, key, tag + name, at, a, b);
      } else if (key == "securityContext") {
        security(tag + name, at, key, a, b, depth);
      } else if (objects && (key.ends_with("Probe") || key == "lifecycle")) {
        probe(key, tag + name, at, a, b);
      } else if (!(b != nullptr ? b : a)->is_structured()) {
        plain(Weight::Field, key, tag + name, at, a, b);
      } else {
        value(at, key, a, b, depth + 1);
      }
    }
  }

  static bool is_list(const Json* value) {
    return value == nullptr ||
           (value->is_array() && std::all_of(value->begin(), value->end(),
                                             [](const Json& item) { return item.is_object(); }));
  }

  void environment(const std::string& where, const std::string& path, const Json* was,
                   const Json* is) {
    const auto only_value = [](const Json* side) {
      return side == nullptr || member(side, "valueFrom") == nullptr;
    };
    const Json *a = member(was, "value"), *b = member(is, "value");
    if (only_value(was) && only_value(is) && (is_text_block(a) || is_text_block(b)))
      return plain(Weight::Env, "env", where, path, a, b);
    found(Weight::Env, "env", where, path, was, is, env_text);
  }

  void resources(const std::string& where, const std::string& path, const Json* was, const Json* is,
                 std::size_t depth) {
    const auto side = [](const Json* resources, const char* key) { return member(resources, key); };
    const Json *old_limits = side(was, "limits"), *new_limits = side(is, "limits");
    const Json *old_requests = side(was, "requests"), *new_requests = side(is, "requests");
    for (const std::string& key : keys_of(was, is))
      if (key != "limits" && key != "requests")
        value(path_to(path, key), key, member(was, key), member(is, key), depth + 1);
    std::set<std::string> names = keys_of(old_limits, new_limits);
    names.merge(keys_of(old_requests, new_requests));
    for (const std::string& name : names) {
      const Json *a = member(old_limits, name), *b = member(new_limits, name);
      const Json *c = member(old_requests, name), *d = member(new_requests, name);
      if (same(a, c) && same(b, d)) {
        found(Weight::Amount, name, where, path + ".limits." + name, a, b);
      } else {
        found(Weight::Amount, name + " limit", where, path + ".limits." + name, a, b);
        found(Weight::Amount, name + " request", where, path + ".requests." + name, c, d);
      }
    }
    // An empty or malformed part is a difference too.
    for (const char* key : {"limits", "requests"}) {
      const Json *a = side(was, key), *b = side(is, key);
      const bool maps = (a == nullptr || a->is_object()) && (b == nullptr || b->is_object());
      if (!same(a, b) && (!maps || keys_of(a, b).empty()))
        found(Weight::Amount, key, where, path_to(path, key), a, b);
    }
  }

  void security(const std::string& where, const std::string& path, const std::string& key,
                const Json* was, const Json* is, std::size_t depth) {
    if (same(was, is) || (whole_ && is_default(path, key, is != nullptr ? *is : *was))) return;
    const bool objects = (was == nullptr || was->is_object()) && (is == nullptr || is->is_object());
    if (objects && !keys_of(was, is).empty() && depth < kMaxDepth) {
      for (const std::string& name : keys_of(was, is))
        security(key == "securityContext" ? joined(where, name) : where + "." + name,
                 path_to(path, name), name, member(was, name), member(is, name), depth + 1);
      return;
    }
    // Of a new object, what only locks it down can wait.
    plain(is_dangerous_setting(key, is) ? Weight::Alarm
          : whole_                      ? Weight::Field
                                        : Weight::Security,
          "security", where, path, was, is);
  }

  void probe(const std::string& what, const std::string& where, const std::string& path,
             const Json* was, const Json* is) {
    const bool runs =
        member(was, "exec") != nullptr || member(is, "exec") != nullptr || what == "lifecycle";
    const Weight weight = runs ? Weight::Command : Weight::Field;
    if (was == nullptr || is == nullptr) {
      return found(weight, what, where, path, was, is, [&](const Json& value) {
        Json rest = value;
        if (whole_)
          for (const std::string& key : keys_of(&value, nullptr))
            if (is_default(path, key, value[key])) rest.erase(key);
        return dump_json(rest);
      });
    }
    for (const std::string& key : keys_of(was, is)) {
      const Json *a = member(was, key), *b = member(is, key);
      const bool both = a != nullptr && b != nullptr && a->is_object() && b->is_object();
      if (!both) {
        plain(weight, what, joined(where, key), path_to(path, key), a, b);
        continue;
      }
      for (const std::string& inner : keys_of(a, b))
        plain(weight, what, where + " " + key + "." + inner, path_to(path_to(path, key), inner),
              member(a, inner), member(b, inner));
    }
  }

  // ---- ConfigMaps and Secrets

  void data(const std::string& what, const Json* was, const Json* is) {
    if ((was != nullptr && !was->is_object()) || (is != nullptr && !is->is_object()))
      return value(what, what, was, is, 0);
    for (const std::string& key : keys_of(was, is)) {
      const Json *a = member(was, key), *b = member(is, key);
      if (what == "data") {
        plain(Weight::Data, what, key, path_to(what, key), a, b);
      } else {
        sized(what, key, a, b, [](const Json& value) {
          const std::string text = text_of(value);
          const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
          return count_of(text.size() < 4 ? 0 : text.size() / 4 * 3 - padding, "byte");
        });
      }
    }
  }

  // Of a Secret, sizes are all that people see; whatever shape the covered part has, no string of
  // it is shown.
  void sealed_map(const std::string& what, const Json* was, const Json* is) {
    const auto size_of = [](const Json& value) {
      const Json* size = member(&value, "size");
      return size != nullptr && size->is_number_unsigned()
                 ? count_of(size->get<std::size_t>(), "byte")
                 : std::string("a value");
    };
    if ((was != nullptr && !was->is_object()) || (is != nullptr && !is->is_object()))
      return sized(what, "", was, is, size_of);
    for (const std::string& key : keys_of(was, is))
      sized(what, key, member(was, key), member(is, key), size_of);
  }

  void sized(const std::string& what, const std::string& key, const Json* was, const Json* is,
             const Text& size) {
    if (same(was, is)) return;
    const std::string from = was == nullptr ? "" : size(*was), to = is == nullptr ? "" : size(*is);
    Finding finding = finding_of(Weight::Data, what, key, path_to(what, key), from, to);
    if (was != nullptr && is != nullptr) {
      finding.sentence = visible(joined(what, key)) + ": value changed (";
      // "12 -> 16 bytes"
      finding.sentence +=
          from == to ? from + ")" : from.substr(0, from.find(' ')) + " -> " + to + ")";
      if (from == to) finding.line.to += ", another value";
    }
    finding.diff = {"@ " + visible(finding.path)};
    if (was != nullptr) finding.diff.push_back("-(" + finding.line.from + ")");
    if (is != nullptr) finding.diff.push_back("+(" + finding.line.to + ")");
    add(std::move(finding));
  }

  const bool secret_, rbac_, whole_;
  std::vector<Finding> findings_;
  std::size_t left_out_ = 0;
};

// {pointer: value} put together to an object again. Steps into lists stay as they are: {"0": ...}.
Json rebuilt(const Json& covered) {
  Json object = Json::object();
  if (!covered.is_object()) return object;
  for (const auto& [pointer, value] : covered.get_ref<const Json::object_t&>()) {
    const auto tokens = pointer_tokens(pointer);
    if (!tokens.ok()) continue;
    Json* at = &object;
    for (const std::string& token : *tokens) {
      if (at->is_null()) *at = Json::object();
      if (!at->is_object()) break;  // a list that a shorter pointer has brought already, whole
      at = &(*at)[token];
    }
    if (at->is_object() || at->is_null()) *at = value;
  }
  return object;
}

std::string sentence_of(const Finding& finding) {
  if (!finding.sentence.empty()) return visible_cut(finding.sentence, kSummaryColumns);
  const ChangeLine& line = finding.line;
  std::string start = joined(line.what, visible_cut(line.where, 70));
  if (line.from.empty() || line.to.empty()) {
    start = (line.from.empty() ? "added " : "removed ") + start;
    return visible_cut(start + " " + line.from + line.to, kSummaryColumns);
  }
  start += " ";
  const std::size_t room = start.size() < 100 ? (kSummaryColumns - 4 - start.size()) / 2 : 28;
  const auto [from, to] = excerpt(line.from, line.to, room);
  return visible_cut(start + from + " -> " + to, kSummaryColumns);
}

// "3 containers: web example/web:1.5.0, ...", "2 keys: LOG_LEVEL, app.yaml".
std::string contents(const std::vector<Finding>& findings, const char* verb) {
  std::vector<std::string> containers, keys;
  for (const Finding& finding : findings) {
    const ChangeLine& line = finding.line;
    if (finding.weight == Weight::Image && line.what != "field")
      containers.push_back((line.what == "container" ? "" : line.what + " ") + line.where + " " +
                           line.from + line.to);
    if (finding.weight == Weight::Data) keys.push_back(line.where);
  }
  std::string text = verb;
  if (!containers.empty())
    text += ": " + count_of(containers.size(), "container") + ": " + join(containers, ", ");
  if (!keys.empty()) text += ": " + count_of(keys.size(), "key") + ": " + join(keys, ", ");
  return visible_cut(text, kSummaryColumns);
}

std::vector<std::string> diff_of(const Finding& finding) {
  if (!finding.diff.empty()) return finding.diff;
  const bool one_sided = finding.line.from.empty() || finding.line.to.empty();
  if (one_sided)
    return {(finding.line.from.empty() ? "+" : "-") + visible_cut(finding.path, kDiffColumns) +
            ": " + finding.line.from + finding.line.to};
  std::vector<std::string> lines{"@ " + visible_cut(finding.path, kDiffColumns)};
  lines.push_back("-" + finding.line.from);
  lines.push_back("+" + finding.line.to);
  return lines;
}

}  // namespace

Change describe_change(const std::string& group, const std::string& resource, const Json& before,
                       const Json& after) {
  Change change;
  const bool created = before.is_null(), deleted = after.is_null();
  const Json was = rebuilt(before), is = rebuilt(after);
  Differ differ(group, resource, created != deleted);
  differ.root(&was, &is);
  const std::vector<Finding> findings = differ.take();

  // A new object is told by its headline; of the rest, only what is dangerous or runs needs a line
  // of its own.
  std::vector<std::string> sentences;
  const bool has_headline = created != deleted;
  if (has_headline) sentences.push_back(contents(findings, created ? "new" : "deleted"));
  const bool plain_kind = sentences.empty() || sentences[0] == "new" || sentences[0] == "deleted";
  for (const Finding& finding : findings) {
    const bool needs_line =
        !has_headline || (created && (plain_kind || finding.weight == Weight::Alarm ||
                                      finding.weight == Weight::Command));
    if (needs_line) sentences.push_back(sentence_of(finding));
  }
  const std::size_t hidden = differ.left_out();
  if (sentences.size() + (hidden == 0 ? 0 : 1) > kMaxSummary) {
    const std::size_t more = sentences.size() - (kMaxSummary - 1) + hidden;
    sentences.resize(kMaxSummary - 1);
    sentences.push_back("and " + count_of(more, "more change"));
  }
  change.summary = std::move(sentences);

  for (const Finding& finding : findings) {
    if (change.lines.size() + 1 == kMaxLines && findings.size() + hidden > kMaxLines) {
      change.lines.push_back(
          {"more", "", "",
           count_of(findings.size() + hidden - change.lines.size(), "more change")});
      break;
    }
    change.lines.push_back(finding.line);
  }

  std::vector<std::string> lines;
  for (const Finding& finding : findings)
    for (std::string& line : diff_of(finding)) lines.push_back(std::move(line));
  std::size_t shown = 0, bytes = 0;
  static constexpr std::size_t kRoomForNote = 60;
  while (shown < lines.size() && shown < kMaxDiffLines &&
         bytes + lines[shown].size() + 1 + kRoomForNote <= kMaxDiffBytes)
    bytes += lines[shown++].size() + 1;
  if (shown < lines.size() || hidden > 0) {
    if (shown == kMaxDiffLines) --shown;
    const std::string more = hidden > 0 ? "more" : count_of(lines.size() - shown, "more line");
    lines.resize(shown);
    lines.push_back("… " + more + " left out");
  }
  change.diff = join(lines, "\n");
  return change;
}

}  // namespace holdpoint
