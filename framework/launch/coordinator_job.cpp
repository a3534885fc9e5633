#include <outrigger/framework/launch/coordinator_job.h>

#include <fmt/core.h>

#include <cstdio>

#include <outrigger/comm/membership/journal.h>
#include <outrigger/comm/membership/service.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/recipe/show.h>
#include <outrigger/framework/trainer/recipe_options.h>

namespace outrigger {
namespace {

CoordinatorConfig config_of(const CoordinatorOptions& options) {
  CoordinatorConfig config;
  config.job = options.job;
  config.islands = options.recipe.islands.names;
  config.recipe = resolved_yaml(options.recipe);
  config.timeout_min = options.recipe.membership.timeout.min;
  config.timeout_max = options.recipe.membership.timeout.max;
  config.heartbeat = config.timeout_min / 5;
  config.new_life = options.new_life;
  configure(options.recipe, config);
  return config;
}

int failed(const Status& status, int exit_code, EventSink& events,
           const std::string& culprit = "") {
  events.send(Failed{status.code(), status.message(), culprit});
  return exit_code;
}

}  // namespace

int run_coordinator(const CoordinatorOptions& options, EventSink& events, StopSignals& signals) {
  std::unique_ptr<Journal> journal = memory_journal();
  if (!options.journal.empty()) {
    Result<std::unique_ptr<Journal>> opened = open_journal(options.journal);
    if (!opened.ok()) return failed(opened.status(), kExitMachineLacks, events);
    journal = std::move(*opened);
  }
  const LogSink log = [&](const LogLine& line) {
    if (line.level == LogLine::Level::kWarning)
      events.send(Logged{"warning", line.text});
    else
      fmt::print("{}\n", line.text);  // its log file
    std::fflush(stdout);
  };
  const Result<std::unique_ptr<CoordinatorService>> service = CoordinatorService::start(
      config_of(options), std::move(journal), {options.listen, options.insecure}, log);
  if (!service.ok()) return failed(service.status(), exit_code_of(service.status().code()), events);
  // The members decide when it ends: a signal to the whole job reaches them too. A second one ends
  // it at once.
  signals.set_handler([&](const std::string& why) {
    events.send(Logged{"info", why + "; the coordinator stays until its members have left"});
  });
  // Longer than the islands need for their last checkpoint.
  events.on_supervisor_gone([] {}, 2 * options.recipe.membership.timeout.max);
  events.send(Listening{(*service)->address()});
  const Status ended = (*service)->wait();
  signals.set_handler({});
  if (ended.ok()) return kExitDone;
  return failed(ended, kExitFailed, events, (*service)->culprit().value_or(""));
}

}  // namespace outrigger
