#include <outrigger/framework/trainer/recipe_options.h>

#include <limits>
#include <map>

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
  options.beta1 = recipe.outer.betas[0];
  options.beta2 = recipe.outer.betas[1];
  options.epsilon = recipe.outer.eps;
  options.workers = recipe.islands.names.size();
  options.early_momentum = recipe.outer.early_momentum;
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
  result.rounds = static_cast<std::uint64_t>(outer_rounds(recipe));
  return result;
}

DiLoCoOptions diloco_options(const Recipe& recipe) {
  DiLoCoOptions options;
  if (!recipe.sync.enabled) {
    options.every = std::numeric_limits<std::uint32_t>::max();
    return options;
  }
  options.every = static_cast<std::uint64_t>(recipe.sync.every);
  options.codec = recipe.sync.codec;
  options.result_codec = recipe.sync.result_codec;
  options.feedback = {recipe.sync.error_feedback, recipe.sync.feedback};
  options.rounding = recipe.sync.rounding;
  if (const LowRankRecipe& low_rank = recipe.sync.low_rank; low_rank.rank > 0)
    options.low_rank = {.rank = static_cast<std::size_t>(low_rank.rank),
                        .adaptive = low_rank.adaptive,
                        .least = static_cast<std::size_t>(low_rank.least),
                        .lost_energy = low_rank.lost_energy};
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  options.fragments = static_cast<std::uint32_t>(recipe.sync.fragments);
  options.pattern = recipe.sync.pattern;
  options.fragment_names = recipe.sync.fragment_names;
  options.delay = static_cast<std::uint64_t>(recipe.sync.delay);
  options.merge = recipe.sync.merge;
  options.alpha = recipe.sync.alpha;
  options.eager = recipe.sync.eager;
  options.proximal = recipe.sync.proximal;
  options.control_variates = recipe.sync.control_variates;
  options.aggregation = aggregation_options(recipe);
  options.outer = outer_options(recipe);
  options.outer_schedule = outer_schedule(recipe);
  return options;
}

std::vector<std::uint32_t> sites_of(const Recipe& recipe) {
  std::map<std::string, std::uint32_t> numbers;
  std::vector<std::uint32_t> sites;
  for (const std::string& site : recipe.islands.sites)
    sites.push_back(
        numbers.try_emplace(site, static_cast<std::uint32_t>(numbers.size())).first->second);
  return sites;
}

std::string topology_of(const Recipe& recipe) {
  if (!recipe.sync.enabled) return "auto";
  const auto outer = make_outer_optimizer(outer_options(recipe));
  return outer.ok() && (*outer)->gossips() ? "gossip" : recipe.comm.topology;
}

LinkPlan link_plan_of(const Recipe& recipe) {
  const std::string topology = topology_of(recipe);
  if (topology == "star") return LinkPlan::kHub;
  if (topology != "ring") return LinkPlan::kShares;
  return recipe.comm.ring_order == "measured" ? LinkPlan::kRing : LinkPlan::kNothing;
}

std::string transport_of(const Recipe& recipe) {
  const bool alone = !recipe.sync.enabled || recipe.islands.names.size() == 1;
  return alone ? "grpc" : recipe.comm.transport;
}

void configure(const Recipe& recipe, CoordinatorConfig& config) {
  const std::size_t islands = recipe.islands.names.size();
  config.link_plan = link_plan_of(recipe);
  configure(make_method(diloco_options(recipe), islands).value_or_throw(), islands, config);
}

}  // namespace outrigger
