#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/locate.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/model/allocator.h>
#include <outrigger/framework/model/weights.h>
#include <outrigger/framework/trainer/arithmetic.h>
#include <outrigger/framework/trainer/replica.h>
#include <outrigger/framework/trainer/training_data.h>

namespace outrigger {
namespace {

struct EvalOptions {
  std::string path;
  std::int64_t tokens = 0;
  bool json = false;
};

int evaluate(const EvalOptions& options) {
  keep_freed_memory();
  Located located = locate_checkpoint(options.path).value_or_throw();
  for (const std::string& reason : located.passed_over) print_error("warning: " + reason);
  // One reader for all windows, whatever the number of islands was.
  Recipe& recipe = located.recipe;
  recipe.islands = {{"eval"}, {}};
  recipe.model.load = located.checkpoint.path;
  if (options.tokens > 0) recipe.train.eval_tokens = options.tokens;
  const LlamaConfig config = model_config(recipe).value_or_throw();
  if (recipe.train.eval_tokens < recipe.train.context)
    throw Error(
        {Code::kInvalidArgument, fmt::format("--tokens: {} is less than one context of the run, {}",
                                             recipe.train.eval_tokens, recipe.train.context)});
  const TrainingData data = TrainingData::open(recipe, config.vocab, 0).value_or_throw();
  if (data.eval_windows().empty())
    throw Error({Code::kInvalidArgument,
                 "there is nothing to evaluate on: data.eval_fraction of the run is 0"});
  const EvalSum sum = Replica::create(recipe, config)->evaluate(data, {});
  const double loss = sum.loss / static_cast<double>(sum.tokens);
  const std::string replica = located.checkpoint.manifest.state.value("replica", "");
  if (options.json) {
    print_out(nlohmann::json{{"checkpoint", located.checkpoint.path},
                             {"step", located.checkpoint.manifest.step},
                             {"loss", loss},
                             {"perplexity", std::exp(loss)},
                             {"tokens", sum.tokens},
                             {"replica", replica}}
                  .dump() +
              "\n");
  } else {
    print_out(fmt::format(
        "{}{}\nevaluation loss {:.4f} nats a token, perplexity {:.2f}, on {} held-out tokens\n",
        located.checkpoint.path,
        replica.empty() ? "" : fmt::format(" (the replica of {}: the islands' differ)", replica),
        loss, std::exp(loss), sum.tokens));
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      app.add_subcommand("eval", "Evaluate a checkpoint's global parameters on its held-out data");
  command->group(kLookGroup);
  command->add_option("RUN", options->path, "A run folder, or one checkpoint in it")->required();
  command
      ->add_option("--tokens", options->tokens,
                   "At most so many tokens (default: train.eval_tokens)")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &exit_code] { exit_code = evaluate(*options); });
}

}  // namespace outrigger
