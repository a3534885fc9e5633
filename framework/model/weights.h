#pragma once

#include <cstdint>
#include <filesystem>

#include <outrigger/comm/status.h>
#include <outrigger/framework/model/llama.h>

namespace outrigger {

// Model folders as Hugging Face's transformers reads and writes them: config.json and
// model.safetensors, or shards named by model.safetensors.index.json.

// Copies `from` into the model's parameters; bf16 and fp16 values become fp32 exactly.
// FailedPrecondition names every parameter that is missing, unexpected or of another shape (both
// are shown); then nothing is copied. A tied model ignores a "lm_head.weight" only where it equals
// the embedding. `source` names the origin in messages.
Status copy_into(const NamedTensors& from, const Llama& model, const std::string& source);

// Reads the weights of a folder into a model that was made from the folder's config.
Status load_weights(const std::filesystem::path& folder, const Llama& model);
// Reads config and weights.
Result<Llama> load_llama(const std::filesystem::path& folder);

// Writes config.json and the weights in fp32 to an existing folder; a tied head is left out. In one
// file, or in shards of at most max_shard_bytes each (but at least one tensor) with their index,
// where one is too small. `context` is the longest input that the model was trained on.
Status save_llama(const std::filesystem::path& folder, const Llama& model, std::int64_t context,
                  std::uint64_t max_shard_bytes = UINT64_MAX);

}  // namespace outrigger
