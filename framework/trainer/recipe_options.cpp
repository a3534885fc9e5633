#include <outrigger/framework/trainer/recipe_options.h>

#include <limits>

namespace outrigger {

OuterOptions outer_options(const Recipe& recipe) {
  OuterOptions options;
  options.optimizer = recipe.outer.optimizer;
  options.lr = recipe.outer.lr;
  options.momentum = recipe.outer.momentum;
  return options;
}

DiLoCoOptions diloco_options(const Recipe& recipe) {
  DiLoCoOptions options;
  options.every = recipe.sync.enabled ? static_cast<std::uint64_t>(recipe.sync.every)
                                      : std::numeric_limits<std::uint32_t>::max();
  options.codec = recipe.sync.codec;
  options.result_codec = recipe.sync.result_codec;
  options.outer = outer_options(recipe);
  return options;
}

}  // namespace outrigger
