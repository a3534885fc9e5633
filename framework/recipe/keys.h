#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// Where a key's value lives in a Recipe; which alternative it is, is the key's type.
using Slot = std::variant<bool*, std::int64_t*, double*, std::string*, Duration*,
                          std::optional<std::int64_t>*, std::optional<double>*,
                          std::array<double, 2>*, std::vector<std::string>*, IslandsRecipe*>;

struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;  // min itself is out
  bool below_max = false;  // max itself is out
};

// What a text or a list of texts stands for.
enum class Form {
  kPlain,
  kName,         // letters, digits, '.', '_' and '-'
  kPath,         // relative to the file that says it, on the command line to the current folder
  kIslandList,   // [{name: paris}, {name: tokyo, site: asia}]
  kIslandCount,  // a number that stands for the default names
};

// One key of a recipe. The parser, `recipe show`, `recipe keys` and the error messages all work
// from this.
struct Key {
  std::string_view name;                       // dotted
  Slot (*slot)(Recipe&);                       // pointers into the recipe that is passed
  std::string_view help;                       // one line
  Range range = {};                            // of numbers, also inside lists
  std::vector<std::string_view> choices = {};  // of text; empty: any
  Form form = Form::kPlain;
};

inline constexpr std::size_t kMaxIslands = 1024;

// Every key, sections together, in the order in which recipes are printed.
std::span<const Key> recipe_keys();
const Key* find_key(std::string_view name);  // nullptr: there is none of that name
bool is_section(std::string_view name);      // whether a key's name starts with "name."

// "an integer from 1 to 1024", "fp32, bf16 or int8", "a list of paths": for messages and
// lists.
std::string type_text(const Key& key);

}  // namespace outrigger
