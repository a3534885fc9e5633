#pragma once

#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/optim/sync/diloco.h>

namespace outrigger {

// A recipe's sections as the options of the classes that they configure.
OuterOptions outer_options(const Recipe& recipe);
AggregationOptions aggregation_options(const Recipe& recipe);
// The rounds that train.steps make, the last, shorter one among them.
OuterSchedule outer_schedule(const Recipe& recipe);
// With sync.enabled false no round ever comes.
DiLoCoOptions diloco_options(const Recipe& recipe);

}  // namespace outrigger
