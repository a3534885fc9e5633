#include <memory>

#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/train_job.h>

namespace outrigger {

void add_train(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand(
      "train", "Run a whole job on this machine: a coordinator and the recipe's islands");
  command->group(kRunGroup);
  command->add_option("RECIPE", options->recipe, "The recipe's file; not with --resume");
  command->add_option("SETTING", options->overrides,
                      "key=value, which wins over the recipe's, such as sync.every=20");
  command
      ->add_option("--resume", options->resume,
                   "Go on with the run in this folder from its last whole checkpoint")
      ->type_name("RUN");
  command->add_option("--runs", options->runs, "Where the run's folder is made")
      ->capture_default_str();
  command
      ->add_option("--listen", options->listen, "Where the coordinator listens; port 0: a free one")
      ->capture_default_str();
  command->add_flag("--insecure", options->insecure,
                    "Allow --listen off loopback, without encryption");
  command->add_flag("--dry-run", options->dry_run,
                    "Check everything and print what would be done; start nothing");
  command->footer(
      "Ctrl-C stops all islands at one step with a checkpoint (exit code 75); --resume goes on "
      "from it.\n"
      "Examples:\n"
      "  outrigger train recipes/quickstart.yaml islands.count=4 train.steps=1000\n"
      "  outrigger train --resume runs/quickstart-20260102-030405");
  command->callback([options, &exit_code] {
    // With --resume the first word is a setting already.
    if (!options->resume.empty() && !options->recipe.empty()) {
      options->overrides.insert(options->overrides.begin(), options->recipe);
      options->recipe.clear();
    }
    if (options->resume.empty() && options->recipe.empty())
      throw CLI::RequiredError("RECIPE (or --resume RUN)");
    exit_code = run_train(*options, print_out, print_error);
  });
}

}  // namespace outrigger
