// What goes to the terminal: tables, and colour for states alone. Pure but for the functions that
// print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crds/kinds.hpp"

namespace holdpoint::cli {

enum class Colour { No, Yes };

[[nodiscard]] bool stdout_is_terminal();

// Whether somebody is there to be asked: stdin and stdout are a terminal.
[[nodiscard]] bool can_ask();
// Asks them; anything but y or yes is a no.
[[nodiscard]] bool ask(const std::string& question);

// Colour where stdout is a terminal that knows it and NO_COLOR is not set (no-color.org).
[[nodiscard]] Colour colour_of_stdout();

// The phase in its colour; `text` in place of its name where given.
[[nodiscard]] std::string painted(RequestPhase phase, Colour colour, std::string_view text = {});

struct Cell {
  std::string text;   // visible, without colour: what counts for the width
  std::string paint;  // what is printed instead, where it has colour
};
// Columns by blanks, as kubectl prints them.
[[nodiscard]] std::string table(const std::vector<std::string>& head,
                                const std::vector<std::vector<Cell>>& rows);

void print(std::string_view text);     // a line on stdout
void print_error(const Error& error);  // on stderr: what, why, next step
void print_error(std::string_view message);

}  // namespace holdpoint::cli
