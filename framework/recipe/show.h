#pragma once

#include <string>

#include <outrigger/framework/recipe/load.h>

namespace outrigger {

// Every key with its value, as YAML. The same recipe gives the same text, and the text loads back
// to the same recipe: it is what the run folder keeps and what the members of a job compare.
std::string resolved_yaml(const Recipe& recipe);

// The same, with where each value came from behind it.
std::string annotated_yaml(const LoadedRecipe& loaded);

// {"path", "recipe": {sections as in the YAML}, "from": {key: where}, "warnings": [...]}, indented.
std::string recipe_json(const LoadedRecipe& loaded);

// Every key with type, default and one line of help; as a list of objects with name, type, default,
// help.
std::string keys_text();
std::string keys_json();

}  // namespace outrigger
