// Structured logs on stderr, and the audit stream on stdout: one line each, JSON or text.
//
// Never logs object bodies or secrets: callers pass names and digests. Control characters in values
// are escaped, so no value can forge a line. Thread-safe once configured; configure() is called
// once, first.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace holdpoint::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Text, Json };

// One key and its value, rendered at once.
struct Field {
  std::string_view key;
  std::string value;
};

void configure(Format format, Level lowest);

void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Error, message, fields);
}

// Writes one ready JSON line to stdout and flushes it (the audit stream).
void stdout_line(std::string_view line);

}  // namespace holdpoint::log
