#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/recipe/load.h>
#include <outrigger/framework/recipe/show.h>
#include <outrigger/framework/trainer/schedule_text.h>

namespace outrigger {
namespace {

struct ShowOptions {
  std::string path;
  std::vector<std::string> overrides;
  bool json = false;
};

int show(const ShowOptions& options) {
  const Result<LoadedRecipe> loaded = load_recipe(options.path, options.overrides);
  if (!loaded.ok()) {
    print_error(loaded.status().message());
    return exit_code_of_command(loaded.status().code());
  }
  for (const std::string& warning : loaded->warnings) print_error("warning: " + warning);
  print_out(options.json ? recipe_json(*loaded) : annotated_yaml(*loaded));
  return kExitDone;
}

int schedule(const ShowOptions& options) {
  const Result<LoadedRecipe> loaded = load_recipe(options.path, options.overrides);
  const auto fail = [](const Status& status) {
    print_error(status.message());
    return exit_code_of_command(status.code());
  };
  if (!loaded.ok()) return fail(loaded.status());
  for (const std::string& warning : loaded->warnings) print_error("warning: " + warning);
  const Recipe& recipe = loaded->recipe;
  if (!recipe.sync.enabled)
    return fail({Code::kInvalidArgument, "sync.enabled is false: there are no rounds"});
  const Result<LlamaConfig> model = model_config(recipe);
  if (!model.ok()) return fail(model.status());
  const Result<Arithmetic> sums = arithmetic(recipe, *model);
  if (!sums.ok()) return fail(sums.status());
  print_out(options.json ? schedule_json(recipe, *sums) : schedule_text(recipe, *sums));
  return kExitDone;
}

}  // namespace

void add_recipe(CLI::App& app, int& exit_code) {
  CLI::App* recipe =
      app.add_subcommand("recipe", "Look at recipes: what they say, and what can be said");
  recipe->group(kLookGroup)->require_subcommand(1);

  auto options = std::make_shared<ShowOptions>();
  CLI::App* show_command =
      recipe->add_subcommand("show", "Print the complete recipe and where each value came from");
  show_command->add_option("RECIPE", options->path, "The recipe's file")->required();
  show_command->add_option("SETTING", options->overrides,
                           "key=value, which wins over the recipe's, such as sync.every=20");
  show_command->add_flag("--json", options->json, "Print JSON");
  show_command->footer(
      "Example: outrigger recipe show recipes/quickstart.yaml islands.count=4 sync.codec=bf16");
  show_command->callback([options, &exit_code] { exit_code = show(*options); });

  auto timetable = std::make_shared<ShowOptions>();
  CLI::App* schedule_command = recipe->add_subcommand(
      "schedule",
      "Print when each fragment is launched and applied in one cycle, and what it sends");
  schedule_command->add_option("RECIPE", timetable->path, "The recipe's file")->required();
  schedule_command->add_option("SETTING", timetable->overrides,
                               "key=value, which wins over the recipe's, such as sync.fragments=4");
  schedule_command->add_flag("--json", timetable->json, "Print JSON");
  schedule_command->footer(
      "Example: outrigger recipe schedule recipes/quickstart.yaml sync.fragments=4 sync.delay=2");
  schedule_command->callback([timetable, &exit_code] { exit_code = schedule(*timetable); });

  auto json = std::make_shared<bool>(false);
  CLI::App* keys =
      recipe->add_subcommand("keys", "List every key with its type, default and meaning");
  keys->add_flag("--json", *json, "Print JSON");
  keys->callback([json] { print_out(*json ? keys_json() : keys_text()); });
}

}  // namespace outrigger
