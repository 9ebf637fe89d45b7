#include "cli/screen.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/text.hpp"
#include "crds/codec.hpp"

namespace holdpoint::cli {
namespace {

// Code points; wide scripts may stand out, which costs alignment alone.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool can_ask() { return stdout_is_terminal() && ::isatty(STDIN_FILENO) == 1; }

bool ask(const std::string& question) {
  std::fputs((question + " [y/N] ").c_str(), stdout);
  std::fflush(stdout);
  std::string answer;
  if (!std::getline(std::cin, answer)) print("");
  return answer == "y" || answer == "Y" || answer == "yes";
}

Colour colour_of_stdout() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool wanted = (no_colour == nullptr || *no_colour == '\0') && stdout_is_terminal() &&
                      terminal != nullptr && std::string_view(terminal) != "dumb";
  return wanted ? Colour::Yes : Colour::No;
}

std::string painted(RequestPhase phase, Colour colour, std::string_view text) {
  const std::string word(text.empty() ? to_string(phase) : text);
  if (colour == Colour::No) return word;
  const char* code = "33";
  switch (phase) {
    case RequestPhase::Pending:
    case RequestPhase::Scheduled:
      code = "33";
      break;  // yellow
    case RequestPhase::Approved:
    case RequestPhase::Released:
      code = "32";
      break;  // green
    case RequestPhase::Denied:
      code = "31";
      break;  // red
    case RequestPhase::Expired:
    case RequestPhase::Superseded:
    case RequestPhase::Stale:
    case RequestPhase::Withdrawn:
      code = "2";
      break;  // dim
  }
  return std::string("\x1b[") + code + "m" + word + "\x1b[0m";
}

std::string table(const std::vector<std::string>& head,
                  const std::vector<std::vector<Cell>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& title : head) widths.push_back(width(title));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width(row[i].text));
  std::string text;
  const auto put = [&](const std::vector<Cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i].paint.empty() ? row[i].text : row[i].paint;
      if (i + 1 < row.size()) text += std::string(widths[i] - width(row[i].text) + 3, ' ');
    }
    text += '\n';
  };
  std::vector<Cell> titles;
  for (const std::string& title : head) titles.push_back({title, {}});
  put(titles);
  for (const auto& row : rows) put(row);
  text.pop_back();
  return text;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void print_error(std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: %.*s\n", static_cast<int>(message.size()), message.data());
}

void print_error(const Error& error) { print_error(error.message); }

}  // namespace holdpoint::cli
