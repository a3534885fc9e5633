#include <outrigger/framework/trainer/recipe_options.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in inner_options leave one of the assignments out.
TEST_CASE("every key of the recipe's inner section reaches the inner optimizer") {
  Recipe recipe;
  recipe.inner.optimizer = "muon";
  recipe.inner.betas = {0.8, 0.85};
  recipe.inner.eps = 1e-6;
  recipe.inner.weight_decay = 0.3;
  recipe.inner.decay = "matrices";
  recipe.inner.momentum = 0.7;
  recipe.inner.newton_schulz = "keller";
  recipe.inner.scale = "rms_norm";
  recipe.inner.nesterov = true;
  recipe.inner.adamw_lr = 0.5;
  const InnerOptions options = inner_options(recipe);
  CHECK(options.optimizer == "muon");
  CHECK(options.beta1 == 0.8);
  CHECK(options.beta2 == 0.85);
  CHECK(options.eps == 1e-6);
  CHECK(options.weight_decay == 0.3);
  CHECK(options.decay == "matrices");
  CHECK(options.momentum == 0.7);
  CHECK(options.newton_schulz == "keller");
  CHECK(options.scale == "rms_norm");
  CHECK(options.nesterov);
  CHECK(options.adamw_lr == 0.5);
}

// Mutation: in inner_options, options.momentum = inner.momentum.value_or(0).
TEST_CASE("the recipe's inner defaults are the inner optimizer's own") {
  const InnerOptions from_recipe = inner_options({}), own;
  CHECK(from_recipe.optimizer == own.optimizer);
  CHECK(from_recipe.beta1 == own.beta1);
  CHECK(from_recipe.beta2 == own.beta2);
  CHECK(from_recipe.eps == own.eps);
  CHECK(from_recipe.weight_decay == own.weight_decay);
  CHECK(from_recipe.decay == own.decay);
  CHECK(from_recipe.momentum == own.momentum);
  CHECK(from_recipe.newton_schulz == own.newton_schulz);
  CHECK(from_recipe.scale == own.scale);
  CHECK(from_recipe.nesterov == own.nesterov);
  CHECK(from_recipe.adamw_lr == own.adamw_lr);
}

}  // namespace
}  // namespace outrigger
