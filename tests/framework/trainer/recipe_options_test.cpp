#include <outrigger/framework/trainer/recipe_options.h>

#include <outrigger/framework/recipe/keys.h>

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

// Mutation: in transport_of, ask for neither the islands nor sync.enabled.
TEST_CASE("islands that exchange nothing need no NCCL") {
  Recipe recipe;
  recipe.islands.names = {"paris", "tokyo"};
  CHECK(transport_of(recipe) == "grpc");
  recipe.comm.transport = "nccl";
  CHECK(transport_of(recipe) == "nccl");
  recipe.sync.enabled = false;
  CHECK(transport_of(recipe) == "grpc");
  recipe.sync.enabled = true;
  recipe.islands.names = {"paris"};
  CHECK(transport_of(recipe) == "grpc");
}

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

// Mutation: leave a choice out of the registry.
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

// Mutation: in link_plan_of, take kRing for every ring; in configure, leave it out.
TEST_CASE("links are followed as the topology suits, and a ring's order only if it is asked for") {
  Recipe recipe;
  recipe.islands.names = {"a", "b", "c"};
  const auto plan = [&](const char* topology) {
    recipe.comm.topology = topology;
    CoordinatorConfig config;
    configure(recipe, config);
    return config.link_plan;
  };
  CHECK(plan("auto") == LinkPlan::kShares);
  CHECK(plan("direct") == LinkPlan::kShares);
  CHECK(plan("star") == LinkPlan::kHub);
  CHECK(plan("ring") == LinkPlan::kNothing);
  recipe.comm.ring_order = "measured";
  CHECK(plan("ring") == LinkPlan::kRing);
  CHECK(plan("direct") == LinkPlan::kShares);
}

}  // namespace
}  // namespace outrigger
