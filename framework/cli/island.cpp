#include <memory>

#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/nccl_environment.h>
#include <outrigger/framework/metrics/event_sink.h>
#include <outrigger/framework/model/allocator.h>
#include <outrigger/framework/recipe/load.h>
#include <outrigger/framework/recipe/show.h>
#include <outrigger/framework/trainer/island.h>
#include <outrigger/framework/trainer/recipe_options.h>

namespace outrigger {
namespace {

int run(IslandOptions& options, const std::string& recipe) {
  keep_freed_memory();
  StopSignals signals;  // before any other thread
  const std::unique_ptr<EventSink> events = EventSink::from_environment();
  Result<LoadedRecipe> loaded = load_recipe(recipe);
  if (!loaded.ok()) {
    events->send(Failed{loaded.status().code(), loaded.status().message(), ""});
    return exit_code_of_command(loaded.status().code());
  }
  options.recipe = std::move(loaded->recipe);
  if (transport_of(options.recipe) == "nccl") set_nccl_environment(options.island, options.listen);
  options.recipe_text = resolved_yaml(options.recipe);
  return run_island(options, *events, signals);
}

}  // namespace

void add_island(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<IslandOptions>();
  auto recipe = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("island", "Run one island of a job (`train` starts these by itself)");
  command->group(kRunGroup);
  command->add_option("RECIPE", *recipe, "The job's resolved recipe")->required();
  command->add_option("--name", options->island, "Which of the recipe's islands this is")
      ->required();
  command->add_option("--coordinator", options->coordinator, "host:port of the coordinator")
      ->required();
  command->add_option("--job", options->job, "The job's name, as the coordinator has it")
      ->required();
  command->add_option("--run", options->run_folder, "Where checkpoints are written")->required();
  command->add_option("--from", options->resume_from, "The checkpoint to go on from");
  command
      ->add_option("--listen", options->listen, "Where peers reach this island; port 0: a free one")
      ->capture_default_str();
  command->add_flag("--insecure", options->insecure,
                    "Allow addresses off loopback, without encryption");
  command->callback([options, recipe, &exit_code] { exit_code = run(*options, *recipe); });
}

}  // namespace outrigger
