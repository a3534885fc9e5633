#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include <outrigger/framework/model/config.h>
#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// The keys and values of the tokens seen so far, for generating one token at a time. Empty at
// first; one cache belongs to one sequence of calls.
struct KvCache {
  struct Layer {
    at::Tensor keys, values;  // [batch, kv_heads, length, head_dim]
  };
  std::vector<Layer> layers;
  std::int64_t length = 0;
};

// A Llama-style decoder: RMSNorm, rotary embedding in half-split order, grouped-query attention,
// SwiGLU, no biases; the parameters are named, shaped and ordered as in Hugging Face's
// LlamaForCausalLM, so weights move without conversion. Sources: arXiv 2302.13971, section 2.2;
// grouped queries: arXiv 2305.13245.
//
// Parameters are fp32 leaves with requires_grad, uninitialised until init() or a load writes them.
// Under an Autocast guard the matrix products run in bf16. One thread at a time; LibTorch's
// intra-op threads are used inside. Wrong shapes or tokens outside the vocabulary are programmer
// errors and throw c10::Error.
class Llama {
 public:
  // REQUIRES: validate(config).ok().
  explicit Llama(const LlamaConfig& config, at::Device device = at::kCPU);

  // Matrices from a normal distribution with standard deviation init_std, norms 1. Each parameter
  // has its own stream from the seed and its name: the same bits on every machine, for any number
  // of threads.
  void init(std::uint64_t seed);

  const LlamaConfig& config() const { return config_; }
  // Hugging Face name and leaf tensor, in a fixed order; a tied head is absent.
  const NamedTensors& parameters() const { return parameters_; }

  // tokens: int64 [batch, length]. Returns [batch, length, vocab]; the dtype is bf16 under
  // autocast.
  at::Tensor logits(const at::Tensor& tokens) const;
  // As above for tokens that follow those in the cache, which they are added to.
  // REQUIRES: the cache is empty or length is 1.
  at::Tensor logits(const at::Tensor& tokens, KvCache& cache) const;
  // Mean cross-entropy in nats per token, fp32, over targets: int64 [batch, length].
  at::Tensor loss(const at::Tensor& tokens, const at::Tensor& targets) const;

 private:
  struct Layer {
    at::Tensor input_norm, q, k, v, o, post_norm, gate, up, down;
  };
  struct Rotation {
    at::Tensor cosine, sine;  // [length, head_dim / 2]
  };

  at::Tensor add_parameter(const std::string& name, std::vector<std::int64_t> shape,
                           at::Device device);
  // The angles of positions first .. first + length - 1.
  Rotation rotation(std::int64_t first, std::int64_t length) const;
  at::Tensor hidden(const at::Tensor& tokens, KvCache* cache) const;  // [batch * length, hidden]
  at::Tensor attention(const Layer& layer, const at::Tensor& x, std::int64_t batch,
                       const Rotation& turn, KvCache::Layer* past) const;

  LlamaConfig config_;
  NamedTensors parameters_;
  at::Tensor embedding_, norm_, head_;
  std::vector<Layer> layers_;
  mutable Rotation rotation_;  // of all positions asked for so far
};

}  // namespace outrigger
