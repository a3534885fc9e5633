#include <outrigger/framework/trainer/recipe_options.h>

#include <limits>

namespace outrigger {

OuterOptions outer_options(const Recipe& recipe) {
  OuterOptions options;
  options.optimizer = recipe.outer.optimizer;
  options.lr = recipe.outer.lr;
  options.momentum = recipe.outer.momentum;
  options.beta1 = recipe.outer.betas[0];
  options.beta2 = recipe.outer.betas[1];
  options.epsilon = recipe.outer.eps;
  return options;
}

AggregationOptions aggregation_options(const Recipe& recipe) {
  AggregationOptions options;
  options.rule = recipe.sync.aggregate;
  options.clip = recipe.sync.clip;
  options.trim = recipe.sync.trim;
  options.edit_history = static_cast<std::uint64_t>(recipe.sync.edit.history);
  options.edit_clip = recipe.sync.edit.clip;
  return options;
}

OuterSchedule outer_schedule(const Recipe& recipe) {
  const OuterScheduleRecipe& schedule = recipe.outer.schedule;
  OuterSchedule result;
  result.kind = schedule_kind(schedule.kind).value_or_throw();
  result.warmup = static_cast<std::uint64_t>(schedule.warmup);
  result.final_fraction = schedule.final;
  result.rounds =
      static_cast<std::uint64_t>((recipe.train.steps + recipe.sync.every - 1) / recipe.sync.every);
  return result;
}

DiLoCoOptions diloco_options(const Recipe& recipe) {
  DiLoCoOptions options;
  options.every = recipe.sync.enabled ? static_cast<std::uint64_t>(recipe.sync.every)
                                      : std::numeric_limits<std::uint32_t>::max();
  options.codec = recipe.sync.codec;
  options.result_codec = recipe.sync.result_codec;
  options.aggregation = aggregation_options(recipe);
  options.outer = outer_options(recipe);
  options.outer_schedule = outer_schedule(recipe);
  return options;
}

}  // namespace outrigger
