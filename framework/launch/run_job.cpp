#include <outrigger/framework/launch/run_job.h>

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/launch/console.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/metrics/human.h>
#include <outrigger/framework/metrics/jsonl.h>

namespace outrigger {
namespace {

double unix_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) /
         1e3;
}

// What the end's report needs of all the events.
struct Last {
  std::optional<Done> done;
  std::string sample;

  void take(const Event& event) {
    if (const auto* end = std::get_if<Done>(&event); end != nullptr && !done) done = *end;
    if (const auto* text = std::get_if<Sampled>(&event)) sample = text->text;
  }
};

// For who asks about the job (`doctor --peers`).
Status note_address(const RunFolder& folder, const Listening& listening) {
  return write_file_atomically(folder.coordinator(), listening.address + "\n");
}

std::string report(const RunFolder& folder, const JobOutcome& outcome, const Last& last) {
  std::string text;
  if (outcome.exit_code == kExitStopped)
    text = "Stopped with a checkpoint.\n";
  else if (!outcome.cause.empty())
    text =
        fmt::format("{}: {}\n", outcome.exit_code > kExitSignal ? "Interrupted" : "The job failed",
                    outcome.cause);
  if (!last.sample.empty()) text += "Sample:\n" + last.sample + "\n";
  if (last.done && outcome.exit_code == kExitDone)
    text += fmt::format("Evaluation loss {} after step {}.\n", human_number(last.done->eval_loss),
                        last.done->step);
  text += "Run folder: " + folder.path();
  if (outcome.exit_code != kExitDone && CheckpointStore(folder.path()).find_last_whole().ok())
    text += fmt::format("\nTo go on: outrigger train --resume {}", folder.path());
  return text;
}

}  // namespace

JobOutcome run_job(const RunFolder& folder, JobSpec spec, const RunJobOptions& options,
                   SignalWatch& signals) {
  std::optional<JsonlWriter> metrics;
  Status usable;
  if (options.jsonl) {
    Result<JsonlWriter> opened = JsonlWriter::open(folder.metrics());
    usable = opened.status();
    if (usable.ok()) metrics.emplace(std::move(*opened));
  }
  Console console(options.output, Progress(options.total_steps, spec.islands.size()),
                  options.console && usable.ok());
  if (!usable.ok()) {
    console.message(usable.message());
    return {kExitMachineLacks, usable.message()};
  }
  spec.log_folder = folder.logs();
  spec.keep_open = folder.lock_fd();

  Last last;
  JobWatcher watcher;
  watcher.on_event = [&](const std::string& source, const Event& event) {
    last.take(event);
    console.on_event(source, event);
    if (const auto* listening = std::get_if<Listening>(&event))
      if (const Status noted = note_address(folder, *listening); !noted.ok())
        console.message("warning: " + noted.message());
    if (!metrics) return;
    if (const auto warning = metrics->append(unix_time(), source, event))
      console.message("warning: " + *warning);
  };
  watcher.on_tick = [&] { console.tick(); };
  watcher.tick_every = console.tick_every();
  JobOutcome outcome = supervise(spec, watcher, signals);
  console.finish();
  console.message(report(folder, outcome, last));
  return outcome;
}

}  // namespace outrigger
