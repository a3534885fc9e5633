#include <outrigger/framework/trainer/recipe_options.h>

#include <limits>

namespace outrigger {

InnerOptions inner_options(const Recipe& recipe) {
  const InnerRecipe& inner = recipe.inner;
  InnerOptions options;
  options.optimizer = inner.optimizer;
  options.beta1 = inner.betas[0];
  options.beta2 = inner.betas[1];
  options.eps = inner.eps;
  options.weight_decay = inner.weight_decay;
  options.decay = inner.decay;
  options.momentum = inner.momentum;
  options.newton_schulz = inner.newton_schulz;
  options.scale = inner.scale;
  options.nesterov = inner.nesterov;
  options.adamw_lr = inner.adamw_lr;
  return options;
}

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
