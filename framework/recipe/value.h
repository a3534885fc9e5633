#pragma once

#include <string>

#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/yaml.h>

namespace outrigger {

// Puts what the node says into the key's place of the recipe. Returns "" or what is wrong and what
// would be right ("is 0.5, but must be an integer of at least 1"); the recipe is then unchanged.
// `folder` is what relative paths are relative to.
std::string read_value(const Key& key, const YamlNode& node, const std::string& folder,
                       Recipe& recipe);

// The value as one line of YAML that read_value reads back to the same value.
std::string write_value(const Key& key, const Recipe& recipe);

// Text as a YAML scalar: plain where that is unmistakable, else in double quotes.
std::string quote(const std::string& text);

}  // namespace outrigger
