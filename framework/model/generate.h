#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/model/llama.h>

namespace outrigger {

// How the next token is drawn. The filters apply in this order, as in transformers' generate().
struct SamplingOptions {
  double temperature = 1.0;  // divides the logits; 0 takes the likeliest token always
  std::int64_t top_k = 0;    // only the k likeliest; 0: all
  double top_p =
      1.0;  // of those, the fewest whose probabilities reach p in sum. Source: arXiv 1904.09751
  std::uint64_t seed = 0;
};

Status validate(const SamplingOptions& options);

// The token that the draw `uniform` in [0, 1) selects. Equal logits count in the order of their
// tokens. Pure. REQUIRES: logits is not empty, options are valid.
std::int64_t pick_token(std::span<const float> logits, const SamplingOptions& options,
                        double uniform);

// Continues `prompt` by `count` tokens, which it returns. The same model, prompt and options give
// the same tokens. Past `context` tokens the model goes on from the last half of the context.
// InvalidArgument for an empty prompt, a token outside the vocabulary, context < 2 or invalid
// options.
Result<std::vector<std::int64_t>> generate(const Llama& model,
                                           const std::vector<std::int64_t>& prompt,
                                           std::int64_t count, std::int64_t context,
                                           const SamplingOptions& options);

}  // namespace outrigger
