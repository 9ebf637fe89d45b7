#include "crds/codec.hpp"

#include <limits>
#include <type_traits>

#include "base/text.hpp"
#include "crds/fields.hpp"

namespace holdpoint {
namespace {

template <class E>
std::string_view spell(E value) {
  for (const auto& [known, name] : Spelling<E>::names)
    if (known == value) return name;
  return "";
}

// ---- decoding

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Result<Done> read(const Json& value, std::string& out) const {
    if (!value.is_string()) return wrong("a string", value);
    out = value.get<std::string>();
    return Done{};
  }
  Result<Done> read(const Json& value, bool& out) const {
    if (!value.is_boolean()) return wrong("true or false", value);
    out = value.get<bool>();
    return Done{};
  }
  Result<Done> read(const Json& value, std::int64_t& out) const {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() ||
                       value.get<std::uint64_t>() <=
                           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (!fits) return wrong("a whole number", value);
    out = value.get<std::int64_t>();
    return Done{};
  }
  Result<Done> read(const Json& value, Json& out) const {
    out = value;
    return Done{};
  }
  template <class E>
  requires std::is_enum_v<E> Result<Done> read(const Json& value, E& out)
  const {
    if (!value.is_string()) return wrong("a string", value);
    const auto& text = value.get_ref<const std::string&>();
    std::string known;
    for (const auto& [candidate, name] : Spelling<E>::names) {
      if (name == text) {
        out = candidate;
        return Done{};
      }
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return invalid(path_ + ": '" + visible_cut(text, 40) + "' is none of " + known);
  }
  template <class T>
  Result<Done> read(const Json& value, std::vector<T>& out) const {
    if (!value.is_array()) return wrong("a list", value);
    out.clear();
    out.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
      T item{};
      HP_TRY(Reader(path_ + "[" + std::to_string(i) + "]").read(value[i], item));
      out.push_back(std::move(item));
    }
    return Done{};
  }
  Result<Done> read(const Json& value, std::map<std::string, std::string>& out) const {
    if (!value.is_object()) return wrong("an object", value);
    out.clear();
    for (const auto& [key, item] : value.items())
      HP_TRY(Reader(path_ + "." + visible_cut(key, 80)).read(item, out[key]));
    return Done{};
  }
  template <class T>
  Result<Done> read(const Json& value, std::optional<T>& out) const {
    return read(value, out.emplace());
  }
  template <class T>
  requires(std::is_class_v<T>) Result<Done> read(const Json& value, T& out)
  const;

 private:
  [[nodiscard]] Error wrong(const char* wanted, const Json& value) const {
    return invalid(path_ + ": must be " + wanted + ", but is " + value.type_name());
  }
  std::string path_;
};

template <class T>
class StructReader {
 public:
  StructReader(const Json& value, T& out, const std::string& path)
      : value_(value), out_(out), path_(path) {}

  template <class M>
  void operator()(std::string_view name, M T::*member, const Facet& facet) {
    if (!result_.ok()) return;
    const auto found = value_.find(name);
    if (found == value_.end() || found->is_null()) {
      if (facet.required) result_ = invalid(path_ + "." + std::string(name) + ": is missing");
      return;
    }
    result_ = Reader(path_ + "." + std::string(name)).read(*found, out_.*member);
  }
  [[nodiscard]] Result<Done> take() { return std::move(result_); }

 private:
  const Json& value_;
  T& out_;
  const std::string& path_;
  Result<Done> result_ = Done{};
};

template <class T>
requires(std::is_class_v<T>) Result<Done> Reader::read(const Json& value, T& out)
const {
  if (!value.is_object()) return wrong("an object", value);
  StructReader<T> reader(value, out, path_);
  fields(reader, Tag<T>{});
  return reader.take();
}

// ---- encoding

template <class T>
Json write(const T& value);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
class StructWriter {
 public:
  explicit StructWriter(const T& value) : value_(value) {}
  template <class M>
  void operator()(std::string_view name, M T::*member, const Facet& facet) {
    const M& item = value_.*member;
    if constexpr (std::is_same_v<M, Json>) {
      if (item.is_null() || item == defaults().*member) return;
    } else {
      if (!facet.required && says_nothing(item) && says_nothing(defaults().*member)) return;
    }
    Json written = write(item);
    // A part with nothing in it says nothing.
    if (!facet.required && written.is_object() && written.empty() && !std::is_same_v<M, Json>)
      return;
    out_[std::string(name)] = std::move(written);
  }
  [[nodiscard]] Json take() { return std::move(out_); }

 private:
  // What a reader takes when the member is missing: only that may be left out.
  static const T& defaults() {
    static const T value{};
    return value;
  }
  template <class M>
  static bool says_nothing(const M& item) {
    if constexpr (std::is_same_v<M, std::int64_t>) {
      return item == 0;
    } else if constexpr (requires { item.has_value(); }) {
      return !item.has_value();
    } else if constexpr (std::is_same_v<M, std::string> ||
                         std::is_same_v<M, std::map<std::string, std::string>> ||
                         IsVector<M>::value) {
      return item.empty();
    } else {
      return false;
    }
  }
  const T& value_;
  Json out_ = Json::object();
};

template <class T>
Json write_list(const std::vector<T>& list) {
  Json out = Json::array();
  for (const T& item : list) out.push_back(write(item));
  return out;
}

template <class T>
Json write(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(spell(value));
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
                       std::is_same_v<T, Json> ||
                       std::is_same_v<T, std::map<std::string, std::string>>) {
    return Json(value);
  } else if constexpr (IsVector<T>::value) {
    return write_list(value);
  } else if constexpr (requires { value.has_value(); }) {
    return write(*value);
  } else {
    StructWriter<T> writer(value);
    fields(writer, Tag<T>{});
    return writer.take();
  }
}

// ---- whole objects

template <class T>
concept HasStatus = requires(T object) {
  object.status;
};

}  // namespace

template <class T>
Result<T> decode(const Json& object) {
  const KindInfo& info = kind_info<T>();
  if (!object.is_object())
    return invalid(info.kind + ": must be an object, but is " + object.type_name());
  // Items of a list come without kind and apiVersion.
  for (const auto& [key, wanted] :
       {std::pair<const char*, std::string>{"kind", info.kind}, {"apiVersion", kApiVersion}}) {
    const std::string found = string_at(object, {key});
    if (!found.empty() && found != wanted)
      return invalid(info.kind + ": " + key + " is '" + visible_cut(found, 80) + "', not '" +
                     wanted + "'");
  }
  T out;
  const auto part = [&](const char* name, auto& to, bool required) -> Result<Done> {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null())
      return required ? Result<Done>(invalid(info.kind + "." + name + ": is missing")) : Done{};
    return Reader(info.kind + "." + name).read(*found, to);
  };
  HP_TRY(part("metadata", out.metadata, true));
  HP_TRY(part("spec", out.spec, true));
  if constexpr (HasStatus<T>) HP_TRY(part("status", out.status, false));
  return out;
}

template <class T>
Json encode(const T& object) {
  Json out{{"apiVersion", kApiVersion}, {"kind", kind_info<T>().kind}};
  out["metadata"] = write(object.metadata);
  out["spec"] = write(object.spec);
  if constexpr (HasStatus<T>) out["status"] = write(object.status);
  return out;
}

template <class T>
Result<T> decode_part(const Json& value) {
  T out;
  HP_TRY(Reader("value").read(value, out));
  return out;
}

template <class T>
Json encode_part(const T& value) {
  return write(value);
}

template <>
const KindInfo& kind_info<ApprovalPolicy>() {
  static const KindInfo info{"ApprovalPolicy", "approvalpolicies", false};
  return info;
}
template <>
const KindInfo& kind_info<ApprovalRequest>() {
  static const KindInfo info{"ApprovalRequest", "approvalrequests", true};
  return info;
}
template <>
const KindInfo& kind_info<Approval>() {
  static const KindInfo info{"Approval", "approvals", true};
  return info;
}
template <>
const KindInfo& kind_info<AuditRecord>() {
  static const KindInfo info{"AuditRecord", "auditrecords", true};
  return info;
}

#define HP_WHOLE(T)                                 \
  template Result<T> decode<T>(const Json& object); \
  template Json encode<T>(const T& object);
HP_WHOLE(ApprovalPolicy)
HP_WHOLE(ApprovalRequest)
HP_WHOLE(Approval)
HP_WHOLE(AuditRecord)
#undef HP_WHOLE

#define HP_PART(T)                                      \
  template Result<T> decode_part<T>(const Json& value); \
  template Json encode_part<T>(const T& value);
HP_PART(ApprovalPolicySpec)
HP_PART(AuditRecordSpec)
HP_PART(ApprovalPolicyStatus)
HP_PART(ApprovalRequestSpec)
HP_PART(ApprovalRequestStatus)
HP_PART(Identity)
HP_PART(Condition)
HP_PART(Claim)
HP_PART(LabelSelector)
HP_PART(ObjectMeta)
HP_PART(Stage)
HP_PART(RiskRule)
HP_PART(Risk)
HP_PART(ReviewDebt)
HP_PART(Check)
HP_PART(CheckResult)
HP_PART(ObjectCheck)
HP_PART(VulnerabilityCheck)
HP_PART(HttpCheck)
#undef HP_PART

#define HP_TO_STRING(E) \
  std::string_view to_string(E value) { return spell(value); }
HP_TO_STRING(PolicyMode)
HP_TO_STRING(Operation)
HP_TO_STRING(HoldMode)
HP_TO_STRING(Supersede)
HP_TO_STRING(RequestHold)
HP_TO_STRING(RequestPhase)
HP_TO_STRING(Decision)
HP_TO_STRING(Fact)
HP_TO_STRING(RiskLevel)
HP_TO_STRING(RiskFactor)
HP_TO_STRING(NotifyType)
HP_TO_STRING(OriginKind)
HP_TO_STRING(CheckMode)
HP_TO_STRING(Comparison)
HP_TO_STRING(CheckOutcome)
#undef HP_TO_STRING

}  // namespace holdpoint
