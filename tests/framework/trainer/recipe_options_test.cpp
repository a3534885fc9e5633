#include <outrigger/framework/trainer/recipe_options.h>

#include <outrigger/framework/recipe/keys.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in recipe_options.cpp, leave one of these lines out.
TEST_CASE("a recipe's outer and aggregation keys reach the classes that they configure") {
  Recipe recipe;
  recipe.outer = {"yogi", 0.01, 0.5, {0.8, 0.95}, 1e-4, {"cosine", 3, 0.2}};
  recipe.sync.aggregate = "trimmed_mean";
  recipe.sync.clip = 2;
  recipe.sync.trim = 0.3;
  recipe.sync.edit = {12, 4};
  recipe.train.steps = 101;
  recipe.sync.every = 10;
  const DiLoCoOptions options = diloco_options(recipe);
  CHECK(options.outer.optimizer == "yogi");
  CHECK(options.outer.lr == 0.01);
  CHECK(options.outer.momentum == 0.5);
  CHECK(options.outer.beta1 == 0.8);
  CHECK(options.outer.beta2 == 0.95);
  CHECK(options.outer.epsilon == 1e-4);
  CHECK(options.outer_schedule.kind == ScheduleKind::kCosine);
  CHECK(options.outer_schedule.warmup == 3);
  CHECK(options.outer_schedule.final_fraction == 0.2);
  CHECK(options.outer_schedule.rounds == 11);
  CHECK(options.aggregation.rule == "trimmed_mean");
  CHECK(options.aggregation.clip == 2);
  CHECK(options.aggregation.trim == 0.3);
  CHECK(options.aggregation.edit_history == 12);
  CHECK(options.aggregation.edit_clip == 4);
}

// Mutation: leave a choice out of the registry, or put delayed_nesterov among the choices.
TEST_CASE("every outer optimizer and aggregation rule that a recipe may name can be made") {
  for (const auto name : {"outer.optimizer", "sync.aggregate"}) {
    for (const std::string_view choice : find_key(name)->choices) {
      Recipe recipe;
      (name == std::string_view("sync.aggregate") ? recipe.sync.aggregate
                                                  : recipe.outer.optimizer) = choice;
      INFO(choice);
      CHECK(make_outer_optimizer(diloco_options(recipe).outer).ok());
      CHECK(make_aggregation(diloco_options(recipe).aggregation).ok());
    }
  }
}

}  // namespace
}  // namespace outrigger
