#pragma once

#include <functional>
#include <string>
#include <vector>

namespace outrigger {

// `outrigger train` as it was asked for.
struct TrainOptions {
  std::string recipe;                  // a file; empty with `resume`
  std::vector<std::string> overrides;  // key=value
  std::string resume;                  // a run folder; empty: a new run
  std::string runs = "runs";
  std::string listen = "127.0.0.1:0";
  bool insecure = false;
  bool dry_run = false;
};

using Print = std::function<void(const std::string& text)>;

// Checks the recipe and the data, makes the run folder, runs the coordinator and the islands to
// their end, and says what came of it. Nothing is made or started before everything has been
// checked. Returns the exit code.
int run_train(const TrainOptions& options, const Print& out, const Print& error);

}  // namespace outrigger
