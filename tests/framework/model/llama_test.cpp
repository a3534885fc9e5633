#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>

#include <outrigger/framework/model/accumulate.h>
#include <outrigger/framework/model/autocast.h>
#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/weights.h>
#include <outrigger/optim/inner/clip.h>
#include <outrigger/optim/inner/inner_optimizer.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

std::filesystem::path recorded(const std::string& name) {
  return std::filesystem::path(OUTRIGGER_SOURCE_DIR) / "tests/data/llama" / name;
}

at::Tensor expected(const std::string& name, const char* tensor) {
  return SafetensorsFile::open(recorded(name) / "expected.safetensors")
      .value_or_throw()
      .tensor(tensor)
      .value_or_throw();
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  return a.detach().sub(b).abs().max().item<double>();
}

LlamaConfig small_config() {
  LlamaConfig config;
  config.vocab = 50, config.hidden = 16, config.layers = 2, config.heads = 4, config.kv_heads = 2;
  config.head_dim = 6, config.ffn = 24, config.init_std = 0.3;
  return config;
}

at::Tensor tokens(std::int64_t rows, std::int64_t length) {
  return at::arange(rows * length, at::kLong).mul(7).remainder(50).view({rows, length});
}

}  // namespace

// Mutation: in kernels.cpp, rope(), swap the signs of the two `turn` terms.
TEST_CASE("logits agree with transformers on recorded weights") {
  const std::string name = GENERATE("grouped_untied", "tied");
  const Llama model = load_llama(recorded(name)).value_or_throw();
  const at::Tensor logits = model.logits(expected(name, "tokens")[0]);
  CHECK(largest_difference(logits, expected(name, "logits")) < 2e-5);
}

// Mutation: in adamw.cpp, pass 0 for weight_decay.
TEST_CASE("20 AdamW steps agree with transformers on recorded weights") {
  const std::string name = GENERATE("grouped_untied", "tied");
  const Llama model = load_llama(recorded(name)).value_or_throw();
  const at::Tensor text = expected(name, "tokens"), targets = expected(name, "targets");
  const at::Tensor losses = expected(name, "losses");
  auto optimizer = make_inner_optimizer({}, model.parameters()).value_or_throw();
  for (std::int64_t step = 0; step < text.size(0); ++step) {
    optimizer->zero_grad();
    const double loss = accumulate_gradients(model, text[step], targets[step], text.size(1), false);
    CHECK(loss == Approx(losses[step].item<double>()).margin(1e-4));
    clip_grad_norm(model.parameters(), 1.0);
    optimizer->step(1e-2);
  }
  const auto trained =
      SafetensorsFile::open(recorded(name) / "trained.safetensors").value_or_throw();
  for (const NamedTensor& parameter : model.parameters()) {
    INFO(parameter.name);
    CHECK(largest_difference(parameter.tensor, trained.tensor(parameter.name).value_or_throw()) <
          1e-4);
  }
}

// Mutation: in accumulate.cpp, give every part the weight 1 / number of parts.
TEST_CASE("micro-batches add up to the batch's gradient, with an uneven last one too") {
  Llama whole(small_config()), cut(small_config());
  whole.init(3), cut.init(3);
  const at::Tensor text = tokens(5, 9), targets = text.roll(1, 1);
  const double loss = accumulate_gradients(whole, text, targets, 5, false);
  CHECK(accumulate_gradients(cut, text, targets, 2, false) == Approx(loss).epsilon(1e-6));
  for (std::size_t i = 0; i < whole.parameters().size(); ++i) {
    INFO(whole.parameters()[i].name);
    CHECK(largest_difference(whole.parameters()[i].tensor.grad(),
                             cut.parameters()[i].tensor.grad()) < 1e-6);
  }
}

// Mutation: in init.cpp, NormalStream, leave `seed ^` out.
TEST_CASE("initial weights follow the seed, the name and init_std") {
  LlamaConfig config = small_config();
  config.hidden = 256;
  Llama a(config), b(config), c(config);
  a.init(7), b.init(7), c.init(8);
  const auto weight = [](const Llama& model, std::size_t i) {
    return model.parameters()[i].tensor.detach();
  };
  CHECK(at::equal(weight(a, 1), weight(b, 1)));
  CHECK_FALSE(at::equal(weight(a, 1), weight(c, 1)));
  const at::Tensor q = weight(a, 1);
  CHECK(q.mean().item<double>() == Approx(0).margin(0.02));
  CHECK(q.std().item<double>() == Approx(config.init_std).epsilon(0.03));
  CHECK(q.div(config.init_std).pow(4).mean().item<double>() == Approx(3).epsilon(0.1));
  CHECK(weight(a, a.parameters().size() - 2).eq(1).all().item<bool>());
  CHECK_FALSE(at::equal(weight(a, 2), weight(a, 3)));
}

// Mutation: in llama.cpp, hidden(), ask for the rotation of positions from 0 whatever the cache
// holds.
TEST_CASE("a cache gives the logits of the whole text") {
  Llama model(small_config());
  model.init(5);
  const c10::NoGradGuard no_grad;
  const at::Tensor text = tokens(2, 11), whole = model.logits(text);
  KvCache cache;
  CHECK(largest_difference(model.logits(text.narrow(1, 0, 6), cache), whole.narrow(1, 0, 6)) <
        1e-5);
  for (std::int64_t i = 6; i < 11; ++i)
    CHECK(largest_difference(model.logits(text.narrow(1, i, 1), cache), whole.narrow(1, i, 1)) <
          1e-5);
}

// Mutation: in autocast.cpp, always set the device's autocast to false.
TEST_CASE("bf16 autocast computes in bf16 and leaves fp32 gradients") {
  Llama model(small_config());
  model.init(5);
  const at::Tensor text = tokens(2, 8);
  const double exact = model.loss(text, text).item<double>();
  {
    const Autocast autocast(true);
    CHECK(model.logits(text).scalar_type() == at::kBFloat16);
  }
  CHECK(model.logits(text).scalar_type() == at::kFloat);
  const double rounded = accumulate_gradients(model, text, text, 2, true);
  CHECK(rounded != exact);
  CHECK(rounded == Approx(exact).epsilon(0.02));
  for (const NamedTensor& parameter : model.parameters())
    CHECK(parameter.tensor.grad().scalar_type() == at::kFloat);
}
