#pragma once

#include <string>

#include <outrigger/framework/metrics/event_sink.h>
#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/framework/trainer/stop_signals.h>

namespace outrigger {

struct CoordinatorOptions {
  Recipe recipe;
  std::string job;
  std::string listen = "127.0.0.1:0";
  std::string journal;  // a file; empty: in memory
  bool new_life = false;
  bool insecure = false;
};

// Runs a job's coordinator until all members have left (0) or the job is over for another reason
// (1). With a `failed` event when it cannot start: 2 for a wrong address, 3 for a taken port or a
// journal that cannot be opened, 1 for one whose records are damaged. It outlives its supervisor as
// long as members are connected, so that they can agree on their last checkpoint.
int run_coordinator(const CoordinatorOptions& options, EventSink& events, StopSignals& signals);

}  // namespace outrigger
