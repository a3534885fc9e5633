#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <outrigger/comm/status.h>

namespace outrigger {

// The sizes and constants of a Llama-style decoder. The names in brackets are those of Hugging
// Face's config.json.
struct LlamaConfig {
  std::int64_t vocab = 256;     // vocab_size
  std::int64_t hidden = 128;    // hidden_size
  std::int64_t layers = 4;      // num_hidden_layers
  std::int64_t heads = 4;       // num_attention_heads
  std::int64_t kv_heads = 4;    // num_key_value_heads: fewer than heads is grouped-query attention
  std::int64_t head_dim = 32;   // head_dim: even; need not be hidden / heads
  std::int64_t ffn = 352;       // intermediate_size
  double rope_theta = 10000.0;  // rope_theta, or rope_parameters.rope_theta
  double norm_eps = 1e-5;       // rms_norm_eps
  bool tied = false;            // tie_word_embeddings: the head is the embedding, transposed
  double init_std = 0.02;       // initializer_range

  friend bool operator==(const LlamaConfig&, const LlamaConfig&) = default;
};

// Ok if every size is in range and the heads fit together; otherwise the message names each field
// at fault.
Status validate(const LlamaConfig& config);

// The number of trainable values; a tied head counts once.
std::int64_t parameter_count(const LlamaConfig& config);

// Reads the text of a Hugging Face config.json: transformers 4's spelling (rope_theta, torch_dtype)
// and version 5's (rope_parameters, dtype). What this model would compute differently (another
// architecture, rope scaling, biases, another activation) is refused by the field's name, never
// ignored. `source` names the text in messages.
Result<LlamaConfig> parse_llama_config(std::string_view json, const std::string& source);
Result<LlamaConfig> read_llama_config(const std::filesystem::path& file);

// The text of a config.json that transformers 4 and 5 both read. `context` is written as
// max_position_embeddings, which limits readers, not this model.
std::string llama_config_json(const LlamaConfig& config, std::int64_t context);

}  // namespace outrigger
