#include "core/change/risk.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/digest.hpp"
#include "base/text.hpp"

namespace holdpoint {
namespace {

using enum RiskFactor;

constexpr std::size_t kMaxHits = 16, kHitColumns = 160, kMaxLabel = 128, kMaxPlace = 160;
// The longest that there can be: 255 of registry and repository, 128 of tag, 136 of digest.
constexpr std::size_t kMaxImage = 600;
// Far above what an object that etcd takes (1.5 MiB) has in practice. What is not deeper than this
// may be recursed into; parse_json() lets nothing deeper pass.
constexpr std::size_t kMaxNodes = 100'000, kMaxDepth = kMaxJsonDepth + 1;

// One place to look at. A path goes from a pod's spec, a container or a volume; "[]" is each item
// of a list, told by its name, and "*" each item or member, whatever its name.
struct Look {
  RiskFactor factor;
  std::string what, path;
  enum class When { Is, IsNot } when;  // it counts when the value is or is not
  Json value;                          // this one; of another type, it cannot be read
};
using Looks = std::vector<Look>;
constexpr auto kIs = Look::When::Is, kIsNot = Look::When::IsNot;

const Looks kOfPod{
    {HostAccess, "security", "hostNetwork", kIs, true},
    {HostAccess, "security", "hostPID", kIs, true},
    {HostAccess, "security", "hostIPC", kIs, true},
    {HostAccess, "security", "securityContext.windowsOptions.hostProcess", kIs, true},
    {Privileged, "security", "securityContext.runAsUser", kIs, 0},
    {Privileged, "security", "securityContext.seccompProfile.type", kIs, "Unconfined"},
    {Privileged, "security", "securityContext.appArmorProfile.type", kIs, "Unconfined"},
    {SecretReference, "pull secret", "imagePullSecrets.*.name", kIsNot, ""},
};
const Looks kOfContainer{
    {NewImageRepository, "image", "image", kIsNot, ""},
    {UnpinnedImage, "image", "image", kIsNot, ""},
    {HostAccess, "hostPort", "ports.*.hostPort", kIsNot, 0},
    {HostAccess, "security", "securityContext.windowsOptions.hostProcess", kIs, true},
    {Privileged, "security", "securityContext.privileged", kIs, true},
    {Privileged, "security", "securityContext.allowPrivilegeEscalation", kIs, true},
    {Privileged, "security", "securityContext.runAsUser", kIs, 0},
    {Privileged, "security", "securityContext.procMount", kIs, "Unmasked"},
    {Privileged, "security", "securityContext.seccompProfile.type", kIs, "Unconfined"},
    {Privileged, "security", "securityContext.appArmorProfile.type", kIs, "Unconfined"},
    {Privileged, "capability", "securityContext.capabilities.add.*", kIsNot, ""},
    {SecretReference, "env", "env.[].valueFrom.secretKeyRef.name", kIsNot, ""},
    {SecretReference, "env", "envFrom.*.secretRef.name", kIsNot, ""},
};
const Looks kOfVolume{
    {NewImageRepository, "image", "image.reference", kIsNot, ""},
    {UnpinnedImage, "image", "image.reference", kIsNot, ""},
    {HostAccess, "hostPath", "hostPath.path", kIsNot, ""},
    {SecretReference, "secret", "projected.sources.*.secret.name", kIsNot, ""},
    // Of any source: drivers of storage name their Secrets, too.
    {SecretReference, "secret", "*.secretName", kIsNot, ""},
    {SecretReference, "secret", "*.secretRef.name", kIsNot, ""},
    {SecretReference, "secret", "*.nodePublishSecretRef.name", kIsNot, ""},
};

// Something that an object has, or may have where it cannot be read.
struct Finding {
  RiskFactor factor;
  std::string key;  // the same in the reference: nothing new. Empty: counts always
  std::string what;
  double cut = std::numeric_limits<double>::infinity();  // ReplicasCut: by how many percent
};

Finding finding(RiskFactor factor, const std::string& what, const std::string& says,
                const std::string& key = "") {
  return {factor, key, visible_cut(what, kHitColumns - says.size() - 2) + ": " + says};
}

bool is_bounded(const Json& part) {
  std::vector<std::pair<const Json*, std::size_t>> open{{&part, 0}};
  for (std::size_t nodes = 0; !open.empty(); ++nodes) {
    const auto [value, depth] = open.back();
    open.pop_back();
    if (nodes > kMaxNodes || depth > kMaxDepth) return false;
    if (value->is_structured())
      for (const Json& item : *value) open.emplace_back(&item, depth + 1);
  }
  return true;
}

// Also what a pointer such as /spec/containers/0/image leaves of a list: {"0": {"image": ...}}.
bool is_list(const Json& value) {
  if (!value.is_object() || value.empty()) return value.is_array();
  const auto& members = value.get_ref<const Json::object_t&>();
  return std::all_of(members.begin(), members.end(), [](const auto& entry) {
    return !entry.first.empty() && entry.first.find_first_not_of("0123456789") == std::string::npos;
  });
}

// A name among others in a sentence or key; one that is odd or long gets its hash, as no two may
// look the same.
std::string label(const std::string& name) {
  const bool plain =
      name.size() <= kMaxLabel && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
      });
  return plain ? name : json_quote(visible_cut(name, 40)) + "#" + sha256_hex(name).substr(0, 32);
}

// Members by key; items of a list by name, or index where they have none. A name that comes twice
// counts: web, web#2.
std::vector<std::pair<std::string, const Json*>> labelled(const Json& value) {
  std::vector<std::pair<std::string, const Json*>> items;
  if (!value.is_structured()) return items;
  const bool list = is_list(value);
  std::map<std::string, int> seen;
  for (const auto& [key, item] : value.items()) {
    const std::string name = list ? string_at(item, {"name"}) : key;
    std::string text = name.empty() ? "[" + key + "]" : label(name);
    if (const int nth = ++seen[text]; nth > 1) text += "#" + std::to_string(nth);
    items.emplace_back(std::move(text), &item);
  }
  return items;
}

// [registry[:port]/]path[:tag][@digest], completed as containerd does (distribution/reference,
// ParseNormalizedNamed).
std::string repository_of(const std::string& image) {
  std::string name = image.substr(0, image.find('@'));
  const auto colon = name.rfind(':');
  if (colon != std::string::npos && name.find('/', colon) == std::string::npos) name.resize(colon);
  const auto slash = name.find('/');
  const std::string first = slash == std::string::npos ? "" : name.substr(0, slash);
  const bool registry = first == "localhost" || std::any_of(first.begin(), first.end(), [](char c) {
                          return c == '.' || c == ':' || (c >= 'A' && c <= 'Z');
                        });
  if (registry && first != "docker.io" && first != "index.docker.io") return name;
  const std::string path = registry ? name.substr(slash + 1) : name;
  return "docker.io/" + (path.find('/') == std::string::npos ? "library/" + path : path);
}

bool is_pinned(const std::string& image) {
  const std::string digest = image.substr(std::min(image.find('@'), image.size()));
  const bool whole = (digest.starts_with("@sha256:") && digest.size() == 8 + 64) ||
                     (digest.starts_with("@sha512:") && digest.size() == 8 + 128);
  return whole && digest.find_first_not_of("0123456789abcdef", 8) == std::string::npos;
}

// From the object's root to the pod's spec; empty in a kind that we do not know.
std::string place_of_pod(const std::string& group, const std::string& resource) {
  static const std::set<std::string> kTemplates{"/replicationcontrollers", "apps/deployments",
                                                "apps/replicasets",        "apps/statefulsets",
                                                "apps/daemonsets",         "batch/jobs"};
  const std::string kind = group + "/" + resource;
  if (kTemplates.contains(kind)) return "spec.template.spec";
  return kind == "/pods"            ? "spec"
         : kind == "/podtemplates"  ? "template.spec"
         : kind == "batch/cronjobs" ? "spec.jobTemplate.spec.template.spec"
                                    : "";
}

// Reads out of one covered part what the rules look at. `where` begins with a blank: " web".
class Reader {
 public:
  Reader(const std::string& group, const std::string& resource, const Json& part) {
    if (part.is_null()) return;
    bounded = is_bounded(part);
    const Json object = bounded && part.is_object() ? rebuilt(part) : Json();
    if (!object.is_object()) {
      for (const Looks* looks : {&kOfPod, &kOfContainer}) unreadable("object", *looks);
      return;
    }
    const Json* spec = member(object, "spec");
    const Json* count = spec == nullptr ? nullptr : member(*spec, "replicas");
    if (count == nullptr && (spec == nullptr || spec->is_object())) replicas = 1;
    if (count != nullptr && count->is_number_integer() &&
        (count->is_number_unsigned() || count->get<std::int64_t>() >= 0))
      replicas = count->get<std::uint64_t>();
    search(object, place_of_pod(group, resource));
  }

  std::vector<Finding> findings;
  std::vector<ContainerImage> images;
  // By container and pod: whether it may not run as root, and the pod whose word it was before, for
  // what is new. The pod's own is told where no container is seen.
  struct NonRoot {
    bool holds = false;
    std::string pod;
    bool told = true;
  };
  std::map<std::string, NonRoot> non_root;
  std::optional<std::uint64_t> replicas;  // none: cannot be read
  bool bounded = true;                    // else it may not be compared

 private:
  // Null is what Kubernetes takes for absent.
  static const Json* member(const Json& parent, const std::string& key) {
    const Json* found = member_at(parent, {key});
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  void add_image(const std::string& where, const std::string& image) {
    const auto first = where.find_first_not_of(' ');
    if (images.size() <= kMostImages)
      images.push_back({visible_cut(where.substr(std::min(first, where.size())), kMaxPlace),
                        image.size() > kMaxImage ? "" : image});
  }

  void unreadable(const std::string& what, const Looks& hidden) {
    for (const Look& look : hidden) {
      findings.push_back(finding(look.factor, what, "cannot be read"));
      if (look.factor == UnpinnedImage) add_image(what, "");
    }
  }

  // A partial object: what the pointers lead to. Null where they contradict each other.
  static Json rebuilt(const Json& part) {
    Json object = Json::object();
    for (const auto& [pointer, value] : part.items()) {  // sorted: parents first
      const Json* of_parent = at_pointer(object, pointer);
      if (of_parent != nullptr && *of_parent == value) continue;
      const auto tokens = pointer_tokens(pointer);
      if (!tokens.ok()) return nullptr;
      Json* place = &object;
      for (const std::string& token : *tokens) {
        if (!place->is_null() && !place->is_object()) return nullptr;
        place = &(*place)[token];
      }
      *place = value;
    }
    return object;
  }

  // Pods are where they are known to be, and in kinds that we do not know whatever looks like one.
  void search(const Json& object, const std::string& known) {
    const std::string apparmor = "container.apparmor.security.beta.kubernetes.io/";
    std::vector<std::pair<const Json*, std::string>> open{{&object, ""}};
    while (!open.empty()) {
      const auto [value, place] = std::move(open.back());
      open.pop_back();
      const auto leads_to_pod = [&](const std::string& to) {
        return !known.empty() && (to.empty() || (known + ".").starts_with(to + "."));
      };
      if (leads_to_pod(place) && !value->is_object() && !value->is_null())
        for (const Looks* looks : {&kOfPod, &kOfContainer}) unreadable(place, *looks);
      const bool here = known.empty() ? place.ends_with("template.spec") : place == known;
      if ((here && value->is_object()) || is_like_pod(*value))
        pod(place == known || place.empty() ? "" : " in " + place, *value);
      for (const auto& [name, item] : labelled(*value)) {
        const std::string below = place.empty() ? name : place + "." + name;
        if (item->is_structured() || leads_to_pod(below))
          open.emplace_back(item, below.size() > kMaxPlace ? label(below) : below);
      }
      // AppArmor's older place; the API server still carries it over into pods.
      if (place.ends_with("annotations") && value->is_object())
        for (const auto& [key, profile] : value->items())
          if (key.starts_with(apparmor) && profile == "unconfined")
            found(Privileged, "security " + label(key.substr(apparmor.size())) +
                                  " AppArmor unconfined in " + place);
    }
  }

  static bool is_like_pod(const Json& value) {
    for (const char* key : {"containers", "initContainers", "ephemeralContainers"})
      if (const Json* list = member(value, key); list != nullptr && is_list(*list))
        if (list->empty() || std::any_of(list->begin(), list->end(),
                                         [](const Json& item) { return item.is_object(); }))
          return true;
    return false;
  }

  // `in` tells the pods of an object apart; empty in the kinds that we know.
  void pod(const std::string& in, const Json& spec) {
    const std::string the_pod = " of the pod" + in;
    for (const Look& look : kOfPod) look_at(look, look.path, spec, the_pod);
    const bool guarded = may_not_be_root(spec, false);
    const std::size_t before = non_root.size();
    for (const auto& [key, kind] :
         {std::pair{"containers", " "}, std::pair{"initContainers", " init container "},
          std::pair{"ephemeralContainers", " ephemeral container "}})
      for (const auto& [where, item] : each(spec, key, kind, in, kOfContainer))
        non_root[where] = {may_not_be_root(*item, guarded), the_pod};
    non_root[the_pod] = {guarded, the_pod, non_root.size() == before};
    each(spec, "volumes", " volume ", in, kOfVolume);
  }

  static bool may_not_be_root(const Json& holder, bool otherwise) {
    const Json* context = member(holder, "securityContext");
    const Json* own = context == nullptr ? nullptr : member(*context, "runAsNonRoot");
    return own == nullptr ? otherwise : *own == true;
  }

  // Looks at every item, and tells where they are.
  std::vector<std::pair<std::string, const Json*>> each(const Json& spec, const char* key,
                                                        const std::string& kind,
                                                        const std::string& in, const Looks& looks) {
    std::vector<std::pair<std::string, const Json*>> items;
    const Json* list = member(spec, key);
    if (list == nullptr) return items;
    if (!is_list(*list)) unreadable(key + in, looks);
    if (is_list(*list)) items = labelled(*list);
    bool all = true;
    for (auto& [where, item] : items) {
      where = kind + where + in;
      all = all && item->is_object();
      for (const Look& look : looks)
        if (item->is_object()) look_at(look, look.path, *item, where);
    }
    if (!all) unreadable(key + in, looks);
    return items;
  }

  void look_at(const Look& look, std::string_view path, const Json& value,
               const std::string& where) {
    if (path.empty()) return weigh(look, value, where);
    const std::string step(path.substr(0, path.find('.')));
    const std::string_view rest = path.substr(std::min(step.size() + 1, path.size()));
    if (step == "[]" || step == "*") {
      // The sources of a volume stand beside its name.
      const bool sources = path.size() == look.path.size();
      if (!sources && !is_list(value)) return unreadable(look.what + where, {look});
      for (const auto& [name, item] : labelled(value))
        if (!sources || (name != "name" && !item->is_null()))
          look_at(look, rest, *item, step == "*" ? where : where + " " + name);
    } else if (!value.is_object()) {
      unreadable(look.what + where, {look});
    } else if (const Json* next = member(value, step)) {
      look_at(look, rest, *next, where);
    }
  }

  void weigh(const Look& look, const Json& value, const std::string& where) {
    const bool readable_type =
        look.value.is_number() ? value.is_number_integer() : value.type() == look.value.type();
    if (!readable_type) return unreadable(look.what + where, {look});
    if ((value == look.value) != (look.when == kIs)) return;
    std::string shown = value.is_string() ? value.get<std::string>() : dump_json(value);
    if (look.factor == UnpinnedImage) {
      add_image(where, shown);
      if (is_pinned(shown)) return;
    }
    if (look.factor == NewImageRepository) shown = repository_of(shown);
    // Of repositories and Secrets the name alone counts, whatever container uses them.
    const bool by_name = look.factor == NewImageRepository || look.factor == SecretReference;
    const std::string setting =
        look.when == kIs ? look.path.substr(look.path.find('.') + 1) + " " : "";
    found(look.factor, look.what + where + " " + setting + shown,
          by_name ? (look.what == "pull secret" ? "pull " : "") + shown : "");
  }

  void found(RiskFactor factor, const std::string& what, const std::string& key = "") {
    const char* says = factor == NewImageRepository ? "repository not used before"
                       : factor == UnpinnedImage    ? "no digest"
                       : factor == HostAccess       ? "access to the node"
                       : factor == SecretReference  ? "Secret not used before"
                                                    : "more privileges";
    const std::string number = std::to_string(static_cast<int>(factor));
    findings.push_back(finding(factor, what, says, number + "\n" + (key.empty() ? what : key)));
  }
};

// What the way from one to the other brings, whatever the rules say.
std::vector<Finding> brought(const Reader& before, const Reader& after) {
  std::set<std::string> had;
  for (const Finding& old : before.findings) had.insert(old.key);
  std::vector<Finding> findings;
  for (const Finding& now : after.findings)
    if (now.key.empty() || !had.contains(now.key)) findings.push_back(now);
  for (const auto& [where, now] : after.non_root) {
    auto was = before.non_root.find(where);
    if (was == before.non_root.end()) was = before.non_root.find(now.pod);
    if (now.told && !now.holds && was != before.non_root.end() && was->second.holds)
      findings.push_back(finding(Privileged, "security" + where, "runAsNonRoot is dropped"));
  }
  return findings;
}

Finding cut(const std::optional<std::uint64_t>& from, const std::optional<std::uint64_t>& to) {
  if (!from || !to) return finding(ReplicasCut, "replicas", "cannot be read");
  const double percent =
      *to < *from ? 100.0 * static_cast<double>(*from - *to) / static_cast<double>(*from) : 0;
  Finding fewer =
      finding(ReplicasCut, "replicas " + std::to_string(*from) + " -> " + std::to_string(*to),
              std::to_string(static_cast<int>(percent)) + " % fewer");
  if (*to > 0 || *from == 0) fewer.cut = percent;
  return fewer;
}

}  // namespace

const std::vector<RiskRule>& default_risk_rules() {
  static const std::vector<RiskRule> kRules{
      {NewImageRepository, RiskLevel::High}, {UnpinnedImage, RiskLevel::Medium},
      {Privileged, RiskLevel::Critical},     {HostAccess, RiskLevel::Critical},
      {ReplicasCut, RiskLevel::High, 50},    {SecretReference, RiskLevel::Medium},
      {AccessControl, RiskLevel::High},      {FirstDeployment, RiskLevel::Medium},
      {Deletion, RiskLevel::High},
  };
  return kRules;
}

Risk assess_risk(const std::vector<RiskRule>& rules, const std::string& group,
                 const std::string& resource, const Json& base, const Json& content) {
  const Reader before(group, resource, base), after(group, resource, content);
  std::vector<Finding> findings = brought(before, after);
  if (base.is_null() && !content.is_null())
    findings.push_back(finding(FirstDeployment, "new", "there was nothing before"));
  if (content.is_null() && !base.is_null())
    findings.push_back(finding(Deletion, "deleted", "there will be nothing after"));
  if (!base.is_null() && !content.is_null())
    findings.push_back(cut(before.replicas, after.replicas));
  const bool comparable = before.bounded && after.bounded;
  if (group == "rbac.authorization.k8s.io" && (!comparable || base != content))
    findings.push_back(finding(AccessControl, resource, "who may do what changes"));

  std::vector<RiskHit> hits;
  for (const Finding& found : findings) {
    std::optional<RiskLevel> level;
    for (const RiskRule& rule : rules)
      if (rule.factor == found.factor &&
          found.cut > static_cast<double>(std::max<std::int64_t>(rule.percent, 0)))
        level = std::max(level.value_or(rule.level), rule.level);
    if (level) hits.push_back({found.factor, *level, found.what});
  }
  std::sort(hits.begin(), hits.end(), [](const RiskHit& a, const RiskHit& b) {
    return std::tie(b.level, a.what, a.factor) < std::tie(a.level, b.what, b.factor);
  });
  std::set<std::string> told;
  std::erase_if(hits, [&](const RiskHit& hit) { return !told.insert(hit.what).second; });
  Risk risk{hits.empty() ? RiskLevel::Low : hits.front().level, std::move(hits)};
  if (const std::size_t all = risk.hits.size(); all > kMaxHits) {
    risk.hits.resize(kMaxHits);
    risk.hits.back().what = "and " + count_of(all - kMaxHits + 1, "more hit");
  }
  return risk;
}

std::vector<ContainerImage> images_of(const std::string& group, const std::string& resource,
                                      const Json& content) {
  return Reader(group, resource, content).images;
}

}  // namespace holdpoint
