#include <memory>

#include <CLI/CLI.hpp>

#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/locate.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/model/weights.h>
#include <outrigger/framework/trainer/sample.h>

namespace outrigger {
namespace {

struct GenerateOptions {
  std::string path;
  std::string prompt = "The ";
  std::int64_t tokens = 200;
  SamplingOptions sampling;
};

int generate_text(const GenerateOptions& options) {
  const Located located = locate_checkpoint(options.path).value_or_throw();
  for (const std::string& reason : located.passed_over) print_error("warning: " + reason);
  if (!has_tokenizer(located.recipe))
    throw Error({Code::kFailedPrecondition,
                 "this run was trained on token files, whose tokenizer Outrigger does not have: "
                 "only runs on text "
                 "can generate text"});
  const Llama model = load_llama(located.checkpoint.path).value_or_throw();
  print_out(sample_text(model, options.prompt, options.tokens, located.recipe.train.context,
                        options.sampling)
                .value_or_throw() +
            "\n");
  return 0;
}

}  // namespace

void add_generate(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<GenerateOptions>();
  options->sampling.temperature = 0.8;
  CLI::App* command =
      app.add_subcommand("generate", "Let a checkpoint's global parameters write text");
  command->group(kLookGroup);
  command->add_option("RUN", options->path, "A run folder, or one checkpoint in it")->required();
  command->add_option("--prompt", options->prompt, "What the text begins with")
      ->capture_default_str();
  command->add_option("--tokens", options->tokens, "How many tokens to write")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--temperature", options->sampling.temperature,
                   "0: the likeliest token each time")
      ->capture_default_str();
  command->add_option("--top-k", options->sampling.top_k, "Only the k likeliest tokens; 0: all")
      ->capture_default_str();
  command
      ->add_option("--top-p", options->sampling.top_p,
                   "Only the likeliest tokens that reach p in sum; 1: all")
      ->capture_default_str();
  command->add_option("--seed", options->sampling.seed, "The same seed, the same text")
      ->capture_default_str();
  command->footer(
      "Example: outrigger generate runs/quickstart-20260102-030405 --prompt \"In the beginning\" "
      "--top-k 20");
  command->callback([options, &exit_code] { exit_code = generate_text(*options); });
}

}  // namespace outrigger
