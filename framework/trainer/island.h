#pragma once

#include <string>

#include <outrigger/framework/metrics/event_sink.h>
#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/framework/trainer/stop_signals.h>

namespace outrigger {

// What one island of a job needs to know.
struct IslandOptions {
  Recipe recipe;
  std::string recipe_text;  // resolved: compared with the coordinator's
  std::string run_folder;
  std::string island;       // one of recipe.islands.names
  std::string coordinator;  // host:port
  std::string job;
  std::string resume_from;  // a checkpoint folder; empty: from the start
  std::string listen = "127.0.0.1:0";
  bool insecure = false;
};

// Trains one island from its first step to its last: joins the job, trains, synchronises,
// evaluates, writes checkpoints, and reports all of it as events. Returns the process's exit code:
// 0 done; 75 stopped on purpose with a checkpoint written; 1 the job failed; 2 the recipe does not
// fit the data or the checkpoint; 3 the data is not there. A `failed` event has been sent for each
// that is neither 0 nor 75.
int run_island(const IslandOptions& options, EventSink& events, StopSignals& signals);

}  // namespace outrigger
