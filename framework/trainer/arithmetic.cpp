#include <outrigger/framework/trainer/arithmetic.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/collective/collective.h>
#include <outrigger/framework/data/assign.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/metrics/human.h>
#include <outrigger/framework/model/llama.h>
#include <outrigger/framework/trainer/recipe_options.h>
#include <outrigger/optim/sync/options.h>
#include <outrigger/optim/sync/payload.h>

namespace outrigger {
namespace {

constexpr std::int64_t kMicroBatchTokens = 4096;
constexpr const char* kAsynchronous = "asynchronous steps";

// Of the island that sends most in the exchanges of one round together.
std::uint64_t round_bytes(std::string_view collective, const Recipe& recipe,
                          const std::vector<std::size_t>& exchanges, const Codec& codec,
                          const Codec& result) {
  // An asynchronous island sends its step to all others, as with gather.
  const Result<const Collective*> found =
      find_collective(collective == kAsynchronous ? "gather" : collective);
  const std::size_t members = recipe.islands.names.size();
  std::vector<std::uint64_t> sent(members, 0);
  for (const std::size_t elements : exchanges) {
    const auto bytes = (*found)->bytes_sent({members, elements, &codec, &result, sites_of(recipe)});
    for (std::size_t k = 0; k < members; ++k) sent[k] += bytes[k];
  }
  return std::ranges::max(sent);
}

// Launches up to and with `steps`, and the closing round.
std::uint64_t round_count(const Method& method, std::uint32_t fragment, std::uint64_t steps) {
  const bool closing = method.gossips() || closes(method.options, fragment, steps);
  return timetable_of(method.options).launched(fragment, steps) + (closing ? 1 : 0);
}

std::vector<std::vector<Shape>> fragment_shapes(const Method& method,
                                                const std::vector<std::uint32_t>& assigned,
                                                const NamedTensors& parameters) {
  std::vector<std::vector<Shape>> shapes(fragment_count(method.options));
  for (std::size_t k = 0; k < parameters.size(); ++k)
    shapes[assigned[k]].push_back(parameters[k].tensor.sizes().vec());
  return shapes;
}

// The values of a round's exchanges: one, or with low_rank two, of the first rank.
std::vector<std::size_t> exchanges_of(const Method& method, const std::vector<Shape>& shapes,
                                      std::size_t elements) {
  if (!method.options.low_rank) return {Payload(elements, method.two_parts()).elements()};
  const std::size_t rank = method.options.low_rank->rank;
  const LowRank low_rank(shapes, rank, rank);
  if (low_rank.first_elements() == 0) return {low_rank.second_elements()};
  return {low_rank.first_elements(), low_rank.second_elements()};
}

std::vector<std::size_t> fragment_sizes(const Method& method,
                                        const std::vector<std::uint32_t>& assigned,
                                        const std::vector<NamedSize>& parameters) {
  std::vector<std::size_t> sizes(fragment_count(method.options), 0);
  for (std::size_t k = 0; k < parameters.size(); ++k) sizes[assigned[k]] += parameters[k].second;
  return sizes;
}

std::string codec_text(const Recipe& recipe) {
  const LowRankRecipe& low_rank = recipe.sync.low_rank;
  if (low_rank.rank == 0) return recipe.sync.codec;
  return fmt::format("{}rank {} in {}", low_rank.adaptive ? "at most " : "", low_rank.rank,
                     recipe.sync.codec);
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
  const Result<Method> method = make_method(diloco_options(recipe), recipe.islands.names.size());
  if (!method.ok()) return method.status();
  const NamedTensors tensors = Llama(model, at::Device(at::kMeta)).parameters();
  const std::vector<NamedSize> parameters = named_sizes(tensors);
  const auto assigned = assign_fragments(parameters, fragment_options(method->options));
  if (!assigned.ok()) return assigned.status();
  const auto steps = static_cast<std::uint64_t>(recipe.train.steps);
  for (const std::size_t elements : fragment_sizes(*method, *assigned, parameters)) {
    const auto p = static_cast<std::uint32_t>(sums.fragments.size());
    const std::uint64_t rounds = round_count(*method, p, steps);
    sums.fragments.push_back({elements, rounds, 0, 0});
  }
  if (members == 1) return sums;
  sums.collective = method->outer->asynchronous() ? kAsynchronous : topology_of(recipe);
  if (sums.collective == "auto")
    sums.collective =
        choose_collective(static_cast<std::size_t>(members), *method->codec, *method->result_codec);
  const auto shapes = fragment_shapes(*method, *assigned, tensors);
  for (std::size_t p = 0; p < sums.fragments.size(); ++p) {
    Arithmetic::Fragment& fragment = sums.fragments[p];
    fragment.bytes_per_round =
        round_bytes(sums.collective, recipe, exchanges_of(*method, shapes[p], fragment.elements),
                    *method->codec, *method->result_codec);
    const Codec& fp32 = **find_codec("fp32");
    if (method->gossips())
      fragment.closing_bytes = round_bytes("direct", recipe, {fragment.elements}, fp32, fp32);
  }
  return sums;
}

std::uint64_t Arithmetic::rounds() const {
  std::uint64_t all = 0;
  for (const Fragment& fragment : fragments) all += fragment.rounds;
  return all;
}

std::uint64_t Arithmetic::bytes() const {
  std::uint64_t all = 0;
  for (const Fragment& fragment : fragments) {
    const std::uint64_t closing = fragment.closing_bytes != 0 ? 1 : 0;
    all += (fragment.rounds - closing) * fragment.bytes_per_round + fragment.closing_bytes;
  }
  return all;
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
  const std::size_t fragments = sums.fragments.size();
  text += fmt::format("rounds    {}, one every {} inner steps ({} tokens)", sums.rounds(),
                      recipe.sync.every, sums.tokens_per_round);
  if (fragments > 1) text += fmt::format(" for each of {} fragments", fragments);
  if (recipe.sync.delay > 0) text += fmt::format(", applied {} steps later", recipe.sync.delay);
  if (!sums.collective.empty()) {
    std::uint64_t largest = 0;
    for (const Arithmetic::Fragment& fragment : sums.fragments)
      largest = std::max(largest, fragment.bytes_per_round);
    text += fmt::format("; {} by {}, {}{} sent by each island a round, {} in all",
                        codec_text(recipe), sums.collective,
                        fragments > 1 || recipe.sync.low_rank.adaptive ? "at most " : "",
                        human_bytes(largest), human_bytes(sums.bytes()));
  }
  return text + "\n";
}

}  // namespace outrigger
