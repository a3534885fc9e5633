#include <memory>

#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/coordinator_job.h>
#include <outrigger/framework/metrics/event_sink.h>
#include <outrigger/framework/recipe/load.h>
#include <outrigger/framework/trainer/stop_signals.h>

namespace outrigger {
namespace {

int run(CoordinatorOptions& options, const std::string& recipe) {
  StopSignals signals;  // before any other thread
  const std::unique_ptr<EventSink> events = EventSink::from_environment();
  Result<LoadedRecipe> loaded = load_recipe(recipe);
  if (!loaded.ok()) {
    events->send(Failed{loaded.status().code(), loaded.status().message(), ""});
    return exit_code_of_command(loaded.status().code());
  }
  options.recipe = std::move(loaded->recipe);
  return run_coordinator(options, *events, signals);
}

}  // namespace

void add_coordinator(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CoordinatorOptions>();
  auto recipe = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("coordinator", "Run a job's control plane (`train` starts one by itself)");
  command->group(kRunGroup);
  command->add_option("RECIPE", *recipe, "The job's resolved recipe")->required();
  command->add_option("--job", options->job, "The job's name")->required();
  command->add_option("--listen", options->listen, "host:port; port 0: a free one")
      ->capture_default_str();
  command->add_option("--journal", options->journal,
                      "Its journal, an SQLite file; without one it forgets at its end");
  command->add_flag("--new-life", options->new_life,
                    "The job starts over from a checkpoint: what the journal has of it is void");
  command->add_flag("--insecure", options->insecure,
                    "Allow --listen off loopback, without encryption");
  command->callback([options, recipe, &exit_code] { exit_code = run(*options, *recipe); });
}

}  // namespace outrigger
