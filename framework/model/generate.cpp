#include <outrigger/framework/model/generate.h>

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace outrigger {
namespace {

// The next token's logits after `tokens`, which the cache does not hold yet.
std::vector<float> next_logits(const Llama& model, std::span<const std::int64_t> tokens,
                               KvCache& cache) {
  const auto length = static_cast<std::int64_t>(tokens.size());
  at::Tensor input = at::empty({1, length}, at::kLong);
  std::copy(tokens.begin(), tokens.end(), input.mutable_data_ptr<std::int64_t>());
  const at::Device device = model.parameters().front().tensor.device();
  const at::Tensor last =
      model.logits(input.to(device), cache).select(1, length - 1).flatten().to(at::kFloat).cpu();
  const float* data = last.const_data_ptr<float>();
  return {data, data + last.numel()};
}

Status check(const Llama& model, const std::vector<std::int64_t>& prompt, std::int64_t context) {
  if (prompt.empty())
    return {Code::kInvalidArgument, "the prompt is empty; give at least one token"};
  if (context < 2)
    return {Code::kInvalidArgument,
            fmt::format("the context is {}; it must be at least 2", context)};
  for (const std::int64_t token : prompt)
    if (token < 0 || token >= model.config().vocab)
      return {Code::kInvalidArgument,
              fmt::format(
                  "the prompt holds token {}, but the model's vocabulary has {}; is the tokenizer "
                  "the model's?",
                  token, model.config().vocab)};
  return {};
}

}  // namespace

Status validate(const SamplingOptions& options) {
  const auto refuse = [](const char* name, auto value, const char* range) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{} is {}; it must be {}", name, value, range));
  };
  if (!(options.temperature >= 0) || std::isinf(options.temperature))
    return refuse("temperature", options.temperature, "0 or more");
  if (options.top_k < 0) return refuse("top-k", options.top_k, "0 (all) or more");
  if (!(options.top_p > 0 && options.top_p <= 1))
    return refuse("top-p", options.top_p, "above 0, at most 1");
  return {};
}

std::int64_t pick_token(std::span<const float> logits, const SamplingOptions& options,
                        double uniform) {
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  if (options.temperature == 0) return order.front();
  if (options.top_k > 0)
    order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));

  const double highest = logits[static_cast<std::size_t>(order.front())];
  std::vector<double> weights;
  for (const std::int64_t token : order)
    weights.push_back(
        std::exp((logits[static_cast<std::size_t>(token)] - highest) / options.temperature));
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (options.top_p < 1) {
    double sum = 0;
    std::size_t kept = 0;
    while (kept < weights.size() && sum < options.top_p * total) sum += weights[kept++];
    weights.resize(kept);
    total = sum;
  }
  double left = uniform * total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return order[i];
  }
  return order[weights.size() - 1];
}

Result<std::vector<std::int64_t>> generate(const Llama& model,
                                           const std::vector<std::int64_t>& prompt,
                                           std::int64_t count, std::int64_t context,
                                           const SamplingOptions& options) {
  if (const Status status = validate(options); !status.ok()) return status;
  if (const Status status = check(model, prompt, context); !status.ok()) return status;

  const c10::NoGradGuard no_grad;
  std::mt19937_64 random(options.seed);
  std::vector<std::int64_t> text = prompt;
  KvCache cache;
  std::size_t pending =
      std::min(text.size(), static_cast<std::size_t>(context));  // not in the cache
  for (std::int64_t i = 0; i < count; ++i) {
    if (cache.length + static_cast<std::int64_t>(pending) > context) {
      cache = {};
      pending = static_cast<std::size_t>(context / 2);
    }
    const auto logits = next_logits(model, std::span(text).last(pending), cache);
    const double uniform = static_cast<double>(random() >> 11U) * 0x1p-53;
    text.push_back(pick_token(logits, options, uniform));
    pending = 1;
  }
  return std::vector<std::int64_t>(text.begin() + static_cast<std::ptrdiff_t>(prompt.size()),
                                   text.end());
}

}  // namespace outrigger
