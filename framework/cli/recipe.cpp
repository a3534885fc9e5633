#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/recipe/load.h>
#include <outrigger/framework/recipe/show.h>

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

  auto json = std::make_shared<bool>(false);
  CLI::App* keys =
      recipe->add_subcommand("keys", "List every key with its type, default and meaning");
  keys->add_flag("--json", *json, "Print JSON");
  keys->callback([json] { print_out(*json ? keys_json() : keys_text()); });
}

}  // namespace outrigger
