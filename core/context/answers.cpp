#include "base/text.hpp"
#include "core/context/checks.hpp"
#include "crds/codec.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kMostText = 300, kMostDepth = 16;

}  // namespace

Finding judge_answer(int status, const std::string& body) {
  const std::string code = "the endpoint answered " + std::to_string(status);
  if (status >= 300 && status < 400)
    return unknown(code + ", which leads elsewhere: that is not followed");
  if (status != 200) return unknown(code + (body.empty() ? "" : ": " + visible_cut(body, 100)));
  const auto answer = parse_json(body, kMostDepth);
  if (!answer.ok() || !answer->is_object())
    return unknown(code + ", but no JSON object: " + visible_cut(body, 100));
  const std::string result = string_at(*answer, {"result"});
  const std::string text = string_at(*answer, {"text"});
  if (result != "pass" && result != "fail")
    return unknown(code + ", but its result is neither pass nor fail: " +
                   visible_cut(dump_json(*answer), 100));
  return {result == "pass" ? CheckOutcome::Pass : CheckOutcome::Fail,
          visible_cut(text.empty() ? "the endpoint says " + result : text, kMostText)};
}

Json question_of(const ApprovalRequest& request, const std::string& check) {
  ApprovalRequest asked;
  asked.metadata.name = request.metadata.name;
  asked.metadata.namespace_ = request.metadata.namespace_;
  asked.metadata.uid = request.metadata.uid;
  asked.metadata.creation_timestamp = request.metadata.creation_timestamp;
  asked.spec = request.spec;
  asked.spec.base = asked.spec.proposed = nullptr;
  Json question = encode(asked);
  question.erase("status");
  return {{"check", check}, {"request", std::move(question)}};
}

}  // namespace holdpoint
