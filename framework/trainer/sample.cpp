#include <outrigger/framework/trainer/sample.h>

#include <outrigger/framework/data/byte_tokenizer.h>

namespace outrigger {

bool has_tokenizer(const Recipe& recipe) {
  return !recipe.data.corpus.empty() || recipe.data.format == "text";
}

Result<std::string> sample_text(const Llama& model, const std::string& prompt, std::int64_t tokens,
                                std::int64_t context, const SamplingOptions& options) {
  std::vector<std::int64_t> ids = encode_bytes(prompt);
  const Result<std::vector<std::int64_t>> written = generate(model, ids, tokens, context, options);
  if (!written.ok()) return written.status();
  ids.insert(ids.end(), written->begin(), written->end());
  return decode_bytes(ids);
}

Result<std::string> sample_text(const Llama& model, const Recipe& recipe) {
  SamplingOptions options;
  options.temperature = recipe.sample.temperature;
  options.top_k = recipe.sample.top_k;
  options.top_p = recipe.sample.top_p;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  return sample_text(model, recipe.sample.prompt, recipe.sample.tokens, recipe.train.context,
                     options);
}

}  // namespace outrigger
