#pragma once

#include <map>
#include <string>
#include <vector>

#include <outrigger/framework/recipe/load.h>

namespace outrigger {

// Recipes as texts by path, with no file behind them; the current folder is /jobs.
using Texts = std::map<std::string, std::string>;

inline Result<LoadedRecipe> load_texts(const Texts& texts,
                                       const std::vector<std::string>& overrides = {},
                                       const std::string& path = "r.yaml") {
  const ReadFile read = [&](const std::string& wanted) -> Result<std::string> {
    const auto found = texts.find(wanted);
    if (found == texts.end()) return Status(Code::kNotFound, wanted + ": no such file");
    return found->second;
  };
  return load_recipe(path, overrides, read, "/jobs");
}

// What is wrong with one text, "" if nothing; what loads without data gets some.
inline std::string errors_of(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  return load_texts({{"r.yaml", text}}, overrides).status().message();
}

// Of `data: {corpus: kjv}` with the overrides.
inline std::string errors_with(const std::vector<std::string>& overrides) {
  return errors_of("data: {corpus: kjv}", overrides);
}
inline std::vector<std::string> warnings_with(const std::vector<std::string>& overrides) {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}}, overrides);
  return std::move(loaded).value_or_throw().warnings;
}

}  // namespace outrigger
