#include <ATen/ops/empty.h>

#include <algorithm>
#include <set>

#include <outrigger/framework/model/generate.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

const std::vector<float> kLogits{0.0F, 2.0F, 1.0F, 2.0F, -1.0F};

std::set<std::int64_t> tokens_reached(const SamplingOptions& options) {
  std::set<std::int64_t> reached;
  for (int i = 0; i < 1000; ++i) reached.insert(pick_token(kLogits, options, i / 1000.0));
  return reached;
}

Llama tiny_model() {
  LlamaConfig config;
  config.vocab = 40, config.hidden = 16, config.layers = 2, config.heads = 2, config.kv_heads = 1;
  config.head_dim = 8, config.ffn = 24, config.init_std = 0.3;
  Llama model(config);
  model.init(11);
  return model;
}

std::vector<std::int64_t> continuation(const Llama& model, const SamplingOptions& options) {
  return generate(model, {1, 2, 3}, 12, 64, options).value_or_throw();
}

}  // namespace

// Mutation: in pick_token(), sort with >= instead of >.
TEST_CASE("greedy takes the first of the likeliest tokens") {
  CHECK(tokens_reached({.temperature = 0}) == std::set<std::int64_t>{1});
}

// Mutation: in pick_token(), resize the order to top_k + 1.
TEST_CASE("top-k restricts the tokens") {
  CHECK(tokens_reached({}) == std::set<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(tokens_reached({.top_k = 3}) == std::set<std::int64_t>{1, 2, 3});
  CHECK(tokens_reached({.top_k = 9}).size() == 5);
}

// Mutation: in pick_token(), stop before the weight that reaches top_p is taken.
TEST_CASE("top-p keeps the fewest tokens that reach p") {
  // Probabilities: 0.392, 0.392, 0.144, 0.053, 0.020 in the order 1, 3, 2, 0, 4.
  CHECK(tokens_reached({.top_p = 0.39}) == std::set<std::int64_t>{1});
  CHECK(tokens_reached({.top_p = 0.40}) == std::set<std::int64_t>{1, 3});
  CHECK(tokens_reached({.top_p = 0.80}) == std::set<std::int64_t>{1, 2, 3});
  CHECK(tokens_reached({.top_k = 2, .top_p = 0.99}) == std::set<std::int64_t>{1, 3});
}

// Mutation: in pick_token(), multiply by the temperature instead of dividing.
TEST_CASE("temperature sharpens and flattens the distribution") {
  const auto share = [](double temperature) {
    int hits = 0;
    for (int i = 0; i < 1000; ++i)
      if (pick_token(kLogits, {.temperature = temperature}, i / 1000.0) == 1) ++hits;
    return hits / 1000.0;
  };
  CHECK(share(1.0) == Approx(0.3917).margin(0.002));
  CHECK(share(0.1) == Approx(0.5).margin(0.002));
  CHECK(share(100) == Approx(0.2).margin(0.01));
}

// Mutation: in generate(), seed the generator with 0.
TEST_CASE("generation follows the seed") {
  const Llama model = tiny_model();
  const auto first = continuation(model, {.seed = 4});
  CHECK(first.size() == 12);
  CHECK(continuation(model, {.seed = 4}) == first);
  CHECK(continuation(model, {.seed = 5}) != first);
  CHECK(continuation(model, {.temperature = 0, .seed = 4}) ==
        continuation(model, {.temperature = 0, .seed = 5}));
}

// Mutation: in generate(), leave pending at its first value after a token was drawn.
TEST_CASE("greedy generation is the argmax of the whole text") {
  const Llama model = tiny_model();
  std::vector<std::int64_t> text{1, 2, 3};
  for (const std::int64_t token : continuation(model, {.temperature = 0})) {
    const at::Tensor input = at::empty({1, static_cast<std::int64_t>(text.size())}, at::kLong);
    std::copy(text.begin(), text.end(), input.mutable_data_ptr<std::int64_t>());
    CHECK(model.logits(input)[0][-1].argmax().item<std::int64_t>() == token);
    text.push_back(token);
  }
}

// Mutation: in generate(), do not empty the cache at the end of the context.
TEST_CASE("generation goes on past the context from its last half") {
  const Llama model = tiny_model();
  const SamplingOptions greedy{.temperature = 0};
  constexpr std::size_t kContext = 8;
  std::vector<std::int64_t> text{1, 2, 3, 4, 5, 6};
  const auto tokens = generate(model, text, 30, kContext, greedy).value_or_throw();
  REQUIRE(tokens.size() == 30);
  // Each token comes from a window that grows to the context and starts again with half of it.
  std::size_t window = text.size();
  for (const std::int64_t token : tokens) {
    if (window > kContext) window = kContext / 2;
    const std::vector<std::int64_t> seen(text.end() - static_cast<std::ptrdiff_t>(window),
                                         text.end());
    CHECK(generate(model, seen, 1, kContext, greedy).value_or_throw().front() == token);
    text.push_back(token);
    ++window;
  }
}

// Mutation: in check(), let token == vocab through.
TEST_CASE("generation refuses what it cannot continue") {
  const Llama model = tiny_model();
  CHECK(generate(model, {}, 1, 8, {}).status().code() == Code::kInvalidArgument);
  const Status outside = generate(model, {40}, 1, 8, {}).status();
  CHECK(outside.code() == Code::kInvalidArgument);
  CHECK(outside.message().find("token 40") != std::string::npos);
  CHECK_FALSE(generate(model, {1}, 1, 1, {}).ok());
  CHECK_FALSE(validate(SamplingOptions{.temperature = -1}).ok());
  CHECK_FALSE(validate(SamplingOptions{.top_k = -1}).ok());
  CHECK_FALSE(validate(SamplingOptions{.top_p = 0}).ok());
  CHECK_FALSE(validate(SamplingOptions{.top_p = 1.5}).ok());
}
