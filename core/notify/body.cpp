// The shapes of a notice. Sources: cloudevents.io, CloudEvents 1.0.2 and its JSON format; Slack,
// Block Kit reference (150 characters in a header, 3,000 in a section, 50 blocks) and "Formatting
// text for app surfaces"; adaptivecards.io, and Microsoft's "Format cards in Teams".
#include <cctype>
#include <utility>

#include "base/text.hpp"
#include "core/notify/notice.hpp"

namespace holdpoint {
namespace {

constexpr std::size_t kSlackHeader = 150, kSlackSection = 3000;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Json cloud_event(const Notice& notice, const std::string& link) {
  Json data = notice.data;
  if (!link.empty()) data["link"] = link;
  data["text"] = join(notice.lines, "\n");
  return {{"specversion", "1.0"},
          {"id", notice.uid + "/" + notice.id},
          {"source", "/holdpoint/" + notice.namespace_},
          {"type", "dev.holdpoint.request." + lower(notice.what)},
          {"subject", notice.request},
          {"time", to_rfc3339(notice.at)},
          {"datacontenttype", "application/json"},
          {"data", std::move(data)}};
}

// Slack's three control characters: without them nothing is a mention or a link.
std::string escape_slack(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

// Cut so that it has at most `size` bytes when it is escaped: Slack refuses the whole message
// otherwise.
std::string fit_slack(const std::string& text, std::size_t size) {
  std::string out = escape_slack(text);
  for (std::size_t columns = size; out.size() > size; columns = columns * 3 / 4)
    out = escape_slack(visible_cut(text, columns));
  return out;
}

// plain_text: Slack reads no markup in it.
Json slack_block(const char* type, std::string escaped) {
  return {{"type", type},
          {"text", {{"type", "plain_text"}, {"text", std::move(escaped)}, {"emoji", false}}}};
}

Json slack_message(const Notice& notice, const std::string& link) {
  Json blocks = Json::array({slack_block("header", fit_slack(notice.lines.front(), kSlackHeader))});
  std::string section;
  for (std::size_t i = 1; i + 1 < notice.lines.size(); ++i) {
    const std::string line = fit_slack(notice.lines[i], kSlackSection);
    if (section.size() + 1 + line.size() > kSlackSection)
      blocks.push_back(slack_block("section", std::exchange(section, "")));
    section += (section.empty() ? "" : "\n") + line;
  }
  if (!section.empty()) blocks.push_back(slack_block("section", std::move(section)));
  blocks.push_back(slack_block("section", fit_slack(notice.lines.back(), kSlackSection)));
  if (!link.empty())
    blocks.push_back(
        {{"type", "section"},
         {"text",
          {{"type", "mrkdwn"}, {"text", "<" + escape_slack(link) + "|Show the request>"}}}});
  // `text` is what a phone's notification shows; read as plain text too.
  return {{"text", escape_slack(join(notice.lines, "\n"))},
          {"mrkdwn", false},
          {"link_names", false},
          {"unfurl_links", false},
          {"blocks", std::move(blocks)}};
}

// Of Adaptive Cards' texts only a TextRun is never read as Markdown.
Json text_run(const std::string& text) { return {{"type", "TextRun"}, {"text", text}}; }

Json teams_message(const Notice& notice, const std::string& link) {
  Json card_body = Json::array();
  for (const std::string& line : notice.lines)
    card_body.push_back({{"type", "RichTextBlock"}, {"inlines", Json::array({text_run(line)})}});
  Json& title = card_body.front()["inlines"][0];
  title["weight"] = "Bolder";
  title["size"] = "Large";
  card_body.back()["inlines"][0]["fontType"] = "Monospace";
  Json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
            {"type", "AdaptiveCard"},
            {"version", "1.4"},
            {"body", std::move(card_body)}};
  if (!link.empty())
    card["actions"] =
        Json::array({{{"type", "Action.OpenUrl"}, {"title", "Show the request"}, {"url", link}}});
  return {{"type", "message"},
          {"attachments", Json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                        {"contentUrl", nullptr},
                                        {"content", std::move(card)}}})}};
}

}  // namespace

std::string link_of(const Notice& notice, std::string pattern) {
  const auto fill = [&](const std::string& mark, const std::string& value) {
    for (auto at = pattern.find(mark); at != std::string::npos;
         at = pattern.find(mark, at + value.size()))
      pattern.replace(at, mark.size(), value);
  };
  fill("{namespace}", notice.namespace_);
  fill("{request}", notice.request);
  return pattern;
}

NoticeBody body(NotifyType type, const Notice& notice, const std::string& link) {
  switch (type) {
    case NotifyType::CloudEvents:
      return {"application/cloudevents+json", dump_json(cloud_event(notice, link))};
    case NotifyType::Slack:
      return {"application/json", dump_json(slack_message(notice, link))};
    case NotifyType::Teams:
      return {"application/json", dump_json(teams_message(notice, link))};
  }
  return {};
}

}  // namespace holdpoint
