#pragma once

#include <set>
#include <string>
#include <vector>

#include <outrigger/framework/recipe/load.h>

namespace outrigger {

// Collects what is wrong with a recipe, so that all of it can be said at once.
struct Problems {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
  std::set<std::string>
      bad_keys;  // whose value is not what the user meant: checks that need them are skipped
  // False: a file could not be read, so that a look at the recipe as a whole would mislead.
  bool whole = true;

  void error(const std::string& where, const std::string& key, const std::string& what);
};

// Fills in the sizes that follow from others, and adds the errors and warnings that only a look at
// several keys shows: combinations that make no sense, settings without effect.
void check_recipe(LoadedRecipe& loaded, Problems& problems);

}  // namespace outrigger
