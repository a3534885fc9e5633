#include <outrigger/framework/model/llama.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <outrigger/framework/model/fused_ops.h>
#include <outrigger/framework/model/init.h>

namespace outrigger {

Llama::Llama(const LlamaConfig& config, at::Device device) : config_(config) {
  throw_if_error(validate(config));
  const auto& c = config_;
  embedding_ = add_parameter("model.embed_tokens.weight", {c.vocab, c.hidden}, device);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
      return add_parameter(fmt::format("model.layers.{}.{}.weight", i, name), std::move(shape),
                           device);
    };
    Layer layer;
    layer.q = add("self_attn.q_proj", {c.heads * c.head_dim, c.hidden});
    layer.k = add("self_attn.k_proj", {c.kv_heads * c.head_dim, c.hidden});
    layer.v = add("self_attn.v_proj", {c.kv_heads * c.head_dim, c.hidden});
    layer.o = add("self_attn.o_proj", {c.hidden, c.heads * c.head_dim});
    layer.gate = add("mlp.gate_proj", {c.ffn, c.hidden});
    layer.up = add("mlp.up_proj", {c.ffn, c.hidden});
    layer.down = add("mlp.down_proj", {c.hidden, c.ffn});
    layer.input_norm = add("input_layernorm", {c.hidden});
    layer.post_norm = add("post_attention_layernorm", {c.hidden});
    layers_.push_back(std::move(layer));
  }
  norm_ = add_parameter("model.norm.weight", {c.hidden}, device);
  head_ = c.tied ? embedding_ : add_parameter("lm_head.weight", {c.vocab, c.hidden}, device);
}

at::Tensor Llama::add_parameter(const std::string& name, std::vector<std::int64_t> shape,
                                at::Device device) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions(at::kFloat).device(device));
  tensor.requires_grad_(true);
  parameters_.push_back({name, tensor});
  return tensor;
}

void Llama::init(std::uint64_t seed) {
  for (const auto& [name, tensor] : parameters_)
    tensor.dim() == 1 ? fill_ones(tensor) : fill_normal(tensor, config_.init_std, seed, name);
}

Llama::Rotation Llama::rotation(std::int64_t first, std::int64_t length) const {
  const std::int64_t half = config_.head_dim / 2, need = first + length;
  if (!rotation_.cosine.defined() || rotation_.cosine.size(0) < need) {
    at::Tensor cosine = at::empty({need, half}, at::kFloat),
               sine = at::empty({need, half}, at::kFloat);
    float *c = cosine.mutable_data_ptr<float>(), *s = sine.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < half; ++i) {
      const double exponent = static_cast<double>(2 * i) / static_cast<double>(config_.head_dim);
      const float frequency = static_cast<float>(std::pow(config_.rope_theta, -exponent));
      for (std::int64_t t = 0; t < need; ++t) {
        const double angle = static_cast<float>(t) * frequency;
        c[t * half + i] = static_cast<float>(std::cos(angle));
        s[t * half + i] = static_cast<float>(std::sin(angle));
      }
    }
    rotation_ = {cosine.to(embedding_.device()), sine.to(embedding_.device())};
  }
  return {rotation_.cosine.narrow(0, first, length), rotation_.sine.narrow(0, first, length)};
}

at::Tensor Llama::attention(const Layer& layer, const at::Tensor& x, std::int64_t batch,
                            const Rotation& turn, KvCache::Layer* past) const {
  const auto& c = config_;
  const std::int64_t length = x.size(0) / batch;
  const auto split = [&](const at::Tensor& t,
                         std::int64_t heads) {  // to [batch, heads, length, head_dim]
    return t.view({batch, length, heads, c.head_dim}).transpose(1, 2);
  };
  const auto turned = [&](const at::Tensor& weight, std::int64_t heads) {
    const at::Tensor t = at::linear(x, weight).view({x.size(0), heads, c.head_dim});
    return split(rope(t, turn.cosine, turn.sine), heads);
  };
  const at::Tensor q = turned(layer.q, c.heads);
  at::Tensor k = turned(layer.k, c.kv_heads);
  at::Tensor v = split(at::linear(x, layer.v), c.kv_heads);
  const bool first = past == nullptr || !past->keys.defined();
  if (past != nullptr) {
    if (!first) k = at::cat({past->keys, k}, 2), v = at::cat({past->values, v}, 2);
    *past = {k, v};
  }
  const at::Tensor y = at::scaled_dot_product_attention(q, k, v, {}, 0.0, /*is_causal=*/first, {},
                                                        /*enable_gqa=*/c.kv_heads < c.heads);
  return at::linear(y.transpose(1, 2).reshape({batch * length, c.heads * c.head_dim}), layer.o);
}

at::Tensor Llama::hidden(const at::Tensor& tokens, KvCache* cache) const {
  const std::int64_t batch = tokens.size(0), length = tokens.size(1);
  if (cache != nullptr) cache->layers.resize(layers_.size());
  const Rotation turn = rotation(cache == nullptr ? 0 : cache->length, length);
  at::Tensor x = at::embedding(embedding_, tokens).view({batch * length, config_.hidden});
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    KvCache::Layer* past = cache == nullptr ? nullptr : &cache->layers[i];
    x = x.add(attention(layer, rms_norm(x, layer.input_norm, config_.norm_eps), batch, turn, past));
    const at::Tensor y = rms_norm(x, layer.post_norm, config_.norm_eps);
    x = x.add(at::linear(swiglu(at::linear(y, layer.gate), at::linear(y, layer.up)), layer.down));
  }
  if (cache != nullptr) cache->length += length;
  return rms_norm(x, norm_, config_.norm_eps);
}

at::Tensor Llama::logits(const at::Tensor& tokens) const {
  return at::linear(hidden(tokens, nullptr), head_).view({tokens.size(0), tokens.size(1), -1});
}

at::Tensor Llama::logits(const at::Tensor& tokens, KvCache& cache) const {
  return at::linear(hidden(tokens, &cache), head_).view({tokens.size(0), tokens.size(1), -1});
}

at::Tensor Llama::loss(const at::Tensor& tokens, const at::Tensor& targets) const {
  const at::Tensor scores = at::linear(hidden(tokens, nullptr), head_).to(at::kFloat);
  return at::cross_entropy_loss(scores, targets.reshape(-1));
}

}  // namespace outrigger
