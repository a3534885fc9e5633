#include <outrigger/framework/trainer/arithmetic.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/collective.h>
#include <outrigger/framework/data/assign.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/metrics/human.h>
#include <outrigger/optim/sync/diloco.h>

namespace outrigger {
namespace {

constexpr std::int64_t kMicroBatchTokens = 4096;

// Bytes that the busiest island hands to the wire in one round, frame headers included.
std::uint64_t round_bytes(std::string_view collective, std::uint64_t members,
                          std::uint64_t elements, const Codec& codec, const Codec& result) {
  const std::uint64_t peers = members - 1;
  if (collective == "gather") return peers * (codec.encoded_bytes(elements) + kFrameHeaderBytes);
  const std::uint64_t shard = elements / members;
  return codec.encoded_bytes(elements - shard) + peers * result.encoded_bytes(shard) +
         2 * peers * kFrameHeaderBytes;
}

std::string joined(const std::vector<std::int64_t>& values) {
  const bool even =
      std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
  return even ? fmt::format("{} each", values.front())
              : fmt::format("{}", fmt::join(values, " + "));
}

}  // namespace

Result<LlamaConfig> model_config(const Recipe& recipe) {
  if (!recipe.model.load.empty())
    return read_llama_config(std::filesystem::path(recipe.model.load) / "config.json");
  LlamaConfig config;
  config.vocab = recipe.model.vocab;
  config.hidden = recipe.model.hidden;
  config.layers = recipe.model.layers;
  config.heads = recipe.model.heads;
  config.kv_heads = recipe.model.kv_heads;
  config.head_dim = recipe.model.hidden / recipe.model.heads;
  config.ffn = recipe.model.ffn;
  config.rope_theta = recipe.model.rope_theta;
  config.norm_eps = recipe.model.norm_eps;
  config.tied = recipe.model.tied;
  config.init_std = recipe.model.init_std;
  if (const Status status = validate(config); !status.ok()) return status;
  return config;
}

std::int64_t threads_each(const Recipe& recipe) {
  const std::int64_t cores = this_machine().cores;
  const std::int64_t islands = static_cast<std::int64_t>(recipe.islands.names.size());
  return recipe.train.threads.value_or(std::max<std::int64_t>(1, cores / islands));
}

std::int64_t micro_rows(const Recipe& recipe, std::int64_t island_batch) {
  const std::int64_t rows = recipe.train.micro_batch.value_or(
      std::max<std::int64_t>(1, kMicroBatchTokens / recipe.train.context));
  return std::min(rows, island_batch);
}

Result<Arithmetic> arithmetic(const Recipe& recipe, const LlamaConfig& model) {
  const std::int64_t members = static_cast<std::int64_t>(recipe.islands.names.size());
  Arithmetic sums;
  sums.parameters = parameter_count(model);
  for (std::int64_t member = 0; member < members; ++member)
    sums.island_batch.push_back(part({0, recipe.train.batch}, members, member).size());
  sums.tokens_per_step = recipe.train.batch * recipe.train.context;
  sums.tokens = sums.tokens_per_step * recipe.train.steps;
  if (!recipe.sync.enabled) return sums;

  sums.tokens_per_round = sums.tokens_per_step * std::min(recipe.sync.every, recipe.train.steps);
  sums.rounds = (recipe.train.steps + recipe.sync.every - 1) / recipe.sync.every;
  if (members == 1) return sums;
  const Result<const Codec*> codec = find_codec(recipe.sync.codec);
  if (!codec.ok()) return codec.status();
  const Result<const Codec*> result =
      find_result_codec(recipe.sync.codec, recipe.sync.result_codec);
  if (!result.ok()) return result.status();
  sums.collective = recipe.comm.topology == "auto"
                        ? choose_collective(static_cast<std::size_t>(members), **codec, **result)
                        : recipe.comm.topology;
  sums.bytes_per_round =
      round_bytes(sums.collective, static_cast<std::uint64_t>(members),
                  static_cast<std::uint64_t>(sums.parameters), **codec, **result);
  return sums;
}

std::string to_text(const Arithmetic& sums, const Recipe& recipe) {
  std::string text = fmt::format(
      "model     {:.2f}M parameters\n"
      "batch     {} sequences of {} tokens an inner step, shared by {} island{}: {}\n"
      "tokens    {} an inner step, {} in all ({} inner steps)\n",
      static_cast<double>(sums.parameters) / 1e6, recipe.train.batch, recipe.train.context,
      sums.island_batch.size(), sums.island_batch.size() == 1 ? "" : "s", joined(sums.island_batch),
      sums.tokens_per_step, sums.tokens, recipe.train.steps);
  if (!recipe.sync.enabled) return text + "sync      off: the islands train alone\n";
  text += fmt::format("rounds    {}, one every {} inner steps ({} tokens)", sums.rounds,
                      recipe.sync.every, sums.tokens_per_round);
  if (!sums.collective.empty())
    text += fmt::format("; {} by {}, {} sent by each island a round", recipe.sync.codec,
                        sums.collective, human_bytes(sums.bytes_per_round));
  return text + "\n";
}

}  // namespace outrigger
