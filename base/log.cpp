#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace holdpoint::log {
namespace {

Format g_format = Format::Text;  // written once by configure(), before any thread starts

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("holdpoint",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "error";
}

}  // namespace

void configure(Format format, Level lowest) {
  g_format = format;
  sink().set_level(to_spdlog(lowest));
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!sink().should_log(to_spdlog(level))) return;
  const std::string time = to_rfc3339_micro(system_clock().now());
  std::string line;
  if (g_format == Format::Json) {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + std::string(name(level)) +
           "\",\"msg\":" + json_quote(message);
    for (const Field& field : fields)
      line += "," + json_quote(field.key) + ":" + json_quote(field.value);
    line += "}";
  } else {
    line = time + " " + std::string(name(level)) + " " + visible(message);
    for (const Field& field : fields)
      line += " " + std::string(field.key) + "=" + json_quote(field.value);
  }
  sink().log(to_spdlog(level), line);
}

void stdout_line(std::string_view line) {
  static std::mutex mutex;  // keeps lines whole
  const std::lock_guard lock(mutex);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

}  // namespace holdpoint::log
