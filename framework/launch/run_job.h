#pragma once

#include <cstdint>

#include <outrigger/framework/launch/run_folder.h>
#include <outrigger/framework/launch/supervisor.h>

namespace outrigger {

struct RunJobOptions {
  std::uint64_t total_steps = 0;  // of the run, for the progress line
  int output = 1;                 // a descriptor: progress, messages, the end's report
  bool console = true;            // the progress line (messages and the report come anyway)
  bool jsonl = true;              // metrics.jsonl
};

// supervise() with all that `outrigger train` shows and keeps: progress and messages on the output,
// every event in the run folder's metrics.jsonl, and at the end the evaluation loss, a sample,
// where the run is and how to go on; or the root cause. The folder's lock is held by the children
// too. Make `signals` first of all, before the folder and before any thread.
JobOutcome run_job(const RunFolder& folder, JobSpec spec, const RunJobOptions& options,
                   SignalWatch& signals);

}  // namespace outrigger
