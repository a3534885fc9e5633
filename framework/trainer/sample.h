#pragma once

#include <cstdint>
#include <string>

#include <outrigger/comm/status.h>
#include <outrigger/framework/model/generate.h>
#include <outrigger/framework/model/llama.h>
#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// Whether the recipe's tokens can be turned into text: bytes can; token shards come from a
// tokenizer that is not here.
bool has_tokenizer(const Recipe& recipe);

// The prompt and what the model writes after it, in bytes made safe to print. The same text for the
// same weights, prompt and options. InvalidArgument as generate().
Result<std::string> sample_text(const Llama& model, const std::string& prompt, std::int64_t tokens,
                                std::int64_t context, const SamplingOptions& options);
// With the recipe's prompt, length and seed.
Result<std::string> sample_text(const Llama& model, const Recipe& recipe);

}  // namespace outrigger
