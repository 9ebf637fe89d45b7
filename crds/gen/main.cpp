// holdpoint-gen writes what is generated from the field lists: the CRDs' YAML and the reference of
// all fields.
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "crds/codec.hpp"

namespace {

using holdpoint::Json;

// Strings are always quoted: yaml-cpp leaves `true`, `123` and `on` bare, which YAML then reads as
// something else.
void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    if (value.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, item] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, item);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Json& item : value) emit(out, item);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else if (value.is_boolean()) {
    out << value.get<bool>();
  } else if (value.is_number_integer()) {
    out << value.get<std::int64_t>();
  } else {
    out << YAML::Null;
  }
}

void write_file(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text;
  if (!stream.flush()) throw std::runtime_error("cannot write " + file);
}

void write_crds(const std::string& folder) {
  for (const Json& crd : holdpoint::custom_resource_definitions()) {
    YAML::Emitter out;
    emit(out, crd);
    write_file(folder + "/" + crd["spec"]["names"]["plural"].get<std::string>() + ".yaml",
               "# Generated from the field lists in crds/fields.hpp by `make generate`.\n" +
                   std::string(out.c_str()) + "\n");
  }
}

std::string type_of(const Json& schema) {
  if (schema.contains("enum")) {
    std::string text;
    for (const Json& name : schema["enum"])
      text += (text.empty() ? "" : ", ") + name.get<std::string>();
    return text;
  }
  const std::string type = schema.value("type", "any");
  if (type == "array") return "list of " + type_of(schema["items"]);
  if (type == "object" && schema.contains("additionalProperties")) return "map of strings";
  return type;
}

void document(std::string& out, const std::string& path, const Json& schema, bool required) {
  out += "| `" + path + "` | " + type_of(schema) + " | " + (required ? "yes" : "");
  std::string doc = schema.value("description", "");
  for (std::size_t at = 0; (at = doc.find('|', at)) != std::string::npos; at += 2)
    doc.insert(at, "\\");
  out += " | " + doc + " |\n";
  const bool list = schema.value("type", "") == "array";
  const Json& object = list ? schema["items"] : schema;
  if (!object.contains("properties")) return;
  const Json needed = object.value("required", Json::array());
  for (const auto& [name, item] : object["properties"].items()) {
    bool is_needed = false;
    for (const Json& one : needed) is_needed = is_needed || one == name;
    document(out, path + (list ? "[]." : ".") + name, item, is_needed);
  }
}

void write_docs(const std::string& file) {
  std::string out =
      "<!-- Generated from the field lists in crds/fields.hpp by `make generate`. -->\n# "
      "Reference\n\n"
      "All fields of the four kinds of `holdpoint.dev/v1alpha1`. `kubectl explain` tells the "
      "same.\n";
  for (const Json& crd : holdpoint::custom_resource_definitions()) {
    const Json& schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    out += "\n## " + crd["spec"]["names"]["kind"].get<std::string>() + "\n\n" +
           schema["description"].get<std::string>() +
           "\n\n| field | type | required | |\n|---|---|---|---|\n";
    document(out, "spec", schema["properties"]["spec"], true);
    if (schema["properties"].contains("status"))
      document(out, "status", schema["properties"]["status"], false);
  }
  write_file(file, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("holdpoint-gen writes the CRDs and their reference");
  app.require_subcommand(1);
  std::string where;
  auto* crds = app.add_subcommand("crds", "write the CRDs' YAML into a folder");
  crds->add_option("folder", where)->required();
  auto* docs = app.add_subcommand("docs", "write the reference of all fields");
  docs->add_option("file", where)->required();
  CLI11_PARSE(app, argc, argv);
  try {
    *crds ? write_crds(where) : write_docs(where);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdpoint-gen: %s\n", error.what());
    return 1;
  }
  return 0;
}
