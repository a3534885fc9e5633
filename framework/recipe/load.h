#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// Where a value came from.
struct Source {
  enum class Kind { kDefault, kFile, kCommandLine, kDerived };
  Kind kind = Kind::kDefault;
  std::string file;  // of kFile; of kDerived: the key it follows from
  int line = 0;
};
std::string to_string(
    const Source& source);  // "recipes/x.yaml:12", "command line", "default", "from model.hidden"

struct LoadedRecipe {
  Recipe recipe;
  std::string path;                       // as given
  std::map<std::string, Source> sources;  // of every key that is not at its default
  // "where: key: what has no effect, and why". A resolved recipe sets every key, so its warnings
  // say little.
  std::vector<std::string> warnings;
};

// The whole text of a file. NotFound and the like say why not.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Reads a recipe, what it includes and the overrides ("sync.every=20": a YAML value behind the
// first '='), later ones winning key by key. InvalidArgument carries every error found, one a line:
// "file:line: key: what is wrong; what would be right". Pure but for `read`; `folder` (absolute) is
// what relative paths start from.
Result<LoadedRecipe> load_recipe(const std::string& path, const std::vector<std::string>& overrides,
                                 const ReadFile& read, const std::string& folder);

// The same on this machine's files and current folder. A file of more than 1 MiB is refused unread.
Result<LoadedRecipe> load_recipe(const std::string& path,
                                 const std::vector<std::string>& overrides = {});

}  // namespace outrigger
