#include <outrigger/framework/trainer/training_data.h>

#include <outrigger/framework/data/corpus.h>

namespace outrigger {
namespace {

Result<TokenSource> open_source(const Recipe& recipe, std::int64_t vocab) {
  if (recipe.data.corpus.empty()) {
    const Result<TokenFormat> format = format_from_name(recipe.data.format);
    if (!format.ok()) return format.status();
    return TokenSource::open(recipe.data.files, *format, vocab);
  }
  const Result<Corpus> corpus = open_corpus(recipe.data.corpus, default_cache_folder());
  if (!corpus.ok()) return corpus.status();
  return TokenSource::open({corpus->path}, TokenFormat::kText, vocab);
}

}  // namespace

Result<TrainingData> TrainingData::open(const Recipe& recipe, std::int64_t vocab,
                                        std::int64_t island) {
  Result<TokenSource> source = open_source(recipe, vocab);
  if (!source.ok()) return source.status();
  const std::int64_t context = recipe.train.context;
  const Result<Split> split = split_corpus(source->size(), recipe.data.eval_fraction, context);
  if (!split.ok()) return split.status();
  const Result<Sharding> sharding = sharding_from_name(recipe.data.sharding);
  if (!sharding.ok()) return sharding.status();

  const std::int64_t islands = static_cast<std::int64_t>(recipe.islands.names.size());
  SamplerOptions options;
  options.train = split->train;
  options.context = context;
  options.batch = recipe.train.batch;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  options.sharding = *sharding;
  Result<Sampler> sampler = Sampler::create(options, islands, island);
  if (!sampler.ok()) return sampler.status();

  std::string format = recipe.data.format;
  if (format == "auto") format = source->width() == TokenWidth::kByte ? "text" : "llmc";
  const std::vector<std::int64_t> windows =
      outrigger::eval_windows(split->eval, context, recipe.train.eval_tokens);
  const SampleRange share = part({0, static_cast<std::int64_t>(windows.size())}, islands, island);
  return TrainingData(std::move(*source), std::move(*sampler),
                      {windows.begin() + share.begin, windows.begin() + share.end}, context,
                      std::move(format));
}

Result<Batch> TrainingData::batch(std::int64_t step) const {
  return read_batch(source_, sampler_.window_starts(step), context_);
}

Result<Batch> TrainingData::eval_batch(std::size_t first_window, std::size_t windows) const {
  return read_batch(source_, std::span(eval_windows_).subspan(first_window, windows), context_);
}

}  // namespace outrigger
