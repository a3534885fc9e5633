#include <outrigger/framework/recipe/show.h>

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/value.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;
using Note = std::function<std::string(const std::string& key)>;

std::vector<std::string> split(std::string_view name) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = name.find('.');
    parts.emplace_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

std::string indent(std::size_t depth) {
  return std::string(2 * depth, ' ');
}

// One line a key under its sections' lines; `note` goes behind the value.
std::string print(const Recipe& recipe, const Note& note) {
  std::string text;
  std::vector<std::string> open;
  for (const Key& key : recipe_keys()) {
    if (key.form == Form::kIslandCount) continue;  // stands for `islands`
    std::vector<std::string> parts = split(key.name);
    const std::string leaf = parts.back();
    parts.pop_back();
    const auto same =
        std::mismatch(open.begin(), open.end(), parts.begin(), parts.end()).second - parts.begin();
    for (std::size_t depth = same; depth < parts.size(); ++depth)
      text += indent(depth) + parts[depth] + ":\n";
    open = parts;
    const std::string line =
        fmt::format("{}{}: {}", indent(parts.size()), leaf, write_value(key, recipe));
    const std::string remark = note(std::string(key.name));
    text += remark.empty() ? line + "\n" : fmt::format("{:<40}  # {}\n", line, remark);
  }
  return text;
}

std::string source_of(const LoadedRecipe& loaded, const std::string& key) {
  const auto found = loaded.sources.find(key);
  return to_string(found == loaded.sources.end() ? Source{} : found->second);
}

struct ToJson {
  Json operator()(bool* slot) const { return *slot; }
  Json operator()(std::int64_t* slot) const { return *slot; }
  Json operator()(double* slot) const { return *slot; }
  Json operator()(std::string* slot) const { return *slot; }
  Json operator()(Duration* slot) const { return fmt::format("{}s", seconds(*slot)); }
  template <class Number>
  Json operator()(std::optional<Number>* slot) const {
    return *slot ? Json(**slot) : Json("auto");
  }
  Json operator()(std::array<double, 2>* slot) const { return *slot; }
  Json operator()(std::vector<std::string>* slot) const { return *slot; }
  // Names, or where they have sites {name, site}.
  Json operator()(IslandsRecipe* slot) const {
    if (slot->sites.empty()) return slot->names;
    Json list = Json::array();
    for (std::size_t k = 0; k < slot->names.size(); ++k)
      list.push_back({{"name", slot->names[k]}, {"site", slot->sites[k]}});
    return list;
  }
};

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string resolved_yaml(const Recipe& recipe) {
  return print(recipe, [](const std::string&) { return ""; });
}

std::string annotated_yaml(const LoadedRecipe& loaded) {
  return print(loaded.recipe, [&](const std::string& key) { return source_of(loaded, key); });
}

std::string recipe_json(const LoadedRecipe& loaded) {
  Json json = {{"path", loaded.path},
               {"recipe", Json::object()},
               {"from", Json::object()},
               {"warnings", loaded.warnings}};
  Recipe copy = loaded.recipe;
  for (const Key& key : recipe_keys()) {
    if (key.form == Form::kIslandCount) continue;
    Json* place = &json["recipe"];
    for (const std::string& part : split(key.name)) place = &(*place)[part];
    *place = std::visit(ToJson{}, key.slot(copy));
    json["from"][std::string(key.name)] = source_of(loaded, std::string(key.name));
  }
  return dump(json);
}

std::string keys_text() {
  std::string text;
  for (const Key& key : recipe_keys()) {
    text += fmt::format("{}\n    {}\n    {}; default {}\n", key.name, key.help, type_text(key),
                        write_value(key, Recipe{}));
  }
  return text;
}

std::string keys_json() {
  Json list = Json::array();
  for (const Key& key : recipe_keys()) {
    list.push_back({{"name", key.name},
                    {"type", type_text(key)},
                    {"default", write_value(key, Recipe{})},
                    {"help", key.help}});
  }
  return dump(list);
}

}  // namespace outrigger
