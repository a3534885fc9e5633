#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/launch/job.h>
#include <outrigger/framework/launch/process.h>
#include <outrigger/framework/launch/signal_watch.h>
#include <outrigger/framework/metrics/event.h>

namespace outrigger {

// A job on this machine: a coordinator and the islands' processes.
struct JobSpec {
  ChildSpec coordinator;
  std::vector<ChildSpec>
      islands;             // "{coordinator}" in an argument or a variable becomes its address
  std::string log_folder;  // exists; <label>.log is written there
  int keep_open = -1;      // held by all children: the run folder's lock
  JobLimits limits;
};

struct JobOutcome {
  int exit_code = 0;  // see exit_code.h
  std::string
      cause;  // the root cause with the child's last log lines, or why it was stopped; may be empty
};

struct JobWatcher {
  std::function<void(const std::string& source, const Event&)>
      on_event;                   // source: the child's label
  std::function<void()> on_tick;  // at least every tick_every, for what is shown
  Duration tick_every = std::chrono::seconds(1);
};

// Runs the job to its end: starts the coordinator, waits until it listens, starts the islands, and
// watches all of them. The first SIGINT, SIGTERM or SIGHUP is forwarded to the islands, which stop
// with a checkpoint; the second kills. The first failure gives the others a bounded time to end by
// themselves, then SIGTERM, then SIGKILL; when it returns, no child is left. If this process is
// killed, the children's channels end (event_sink.h). Garbage from a child becomes a warning event.
// Every wait is a poll with a deadline. Blocks; everything is called on the caller's thread.
JobOutcome supervise(const JobSpec& spec, const JobWatcher& watcher, SignalWatch& signals);

}  // namespace outrigger
