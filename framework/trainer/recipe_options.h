#pragma once

#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/optim/inner/inner_optimizer.h>
#include <outrigger/optim/sync/diloco.h>

namespace outrigger {

// A recipe's sections as the options of the classes that they configure.
InnerOptions inner_options(const Recipe& recipe);
OuterOptions outer_options(const Recipe& recipe);
AggregationOptions aggregation_options(const Recipe& recipe);
// The rounds that train.steps make, the last, shorter one among them.
OuterSchedule outer_schedule(const Recipe& recipe);
// With sync.enabled false no round ever comes.
DiLoCoOptions diloco_options(const Recipe& recipe);

// Of each island, numbered in the order of their first; empty if the recipe gives none.
std::vector<std::uint32_t> sites_of(const Recipe& recipe);
// comm.topology, but for rules that bring their own.
std::string topology_of(const Recipe& recipe);
// What of the exchanges follows what is measured of the links.
LinkPlan link_plan_of(const Recipe& recipe);
// comm.transport; grpc where no island has another to exchange with.
std::string transport_of(const Recipe& recipe);
// What the coordinator has to know of the method.
void configure(const Recipe& recipe, CoordinatorConfig& config);

}  // namespace outrigger
