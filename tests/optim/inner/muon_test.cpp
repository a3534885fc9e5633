#include <ATen/ops/equal.h>

#include "optim/inner/leaves.h"
#include "optim/inner/scalar_matrix.h"
#include "support/catch.h"

using namespace outrigger;

// Mutation (each): in muon.cpp swap fan_out and fan_in; min for max in rms_norm; put the weight
// decay into the momentum; leave `nesterov` out.
TEST_CASE("Muon follows the card's scalar rule on hidden matrices") {
  const std::string scale_rule = GENERATE("spectral_norm", "rms_norm");
  const std::string newton_schulz = GENERATE("muloco", "keller");
  const bool nesterov = GENERATE(false, true), tall = GENERATE(false, true);
  const std::size_t rows = tall ? 8 : 3, columns = tall ? 3 : 8;
  const double mu = 0.8, weight_decay = 0.4, lr = 0.05;
  const NamedTensors ours = {leaf("w", {static_cast<long>(rows), static_cast<long>(columns)})};
  auto optimizer = make_inner_optimizer({.optimizer = "muon",
                                         .weight_decay = weight_decay,
                                         .momentum = mu,
                                         .newton_schulz = newton_schulz,
                                         .scale = scale_rule,
                                         .nesterov = nesterov},
                                        ours)
                       .value_or_throw();
  const double fan_out = static_cast<double>(rows), fan_in = static_cast<double>(columns);
  const double scale =
      scale_rule == "rms_norm" ? 0.2 * std::sqrt(8.0) : std::sqrt(fan_out / fan_in);
  const auto& steps = newton_schulz == "keller" ? kKellerSteps : kMuLoCoSteps;
  std::vector<double> w = values(ours[0].tensor), m(rows * columns);
  for (int step = 0; step < 5; ++step) {
    set_random_gradients(ours);
    optimizer->step(lr);
    const std::vector<double> g = values(ours[0].tensor.grad());
    ScalarMatrix direction{rows, columns, std::vector<double>(m.size())};
    for (std::size_t i = 0; i < m.size(); ++i) {
      m[i] = mu * m[i] + g[i];
      direction.x[i] = nesterov ? g[i] + mu * m[i] : m[i];
    }
    const ScalarMatrix u = scalar_newton_schulz(direction, steps);
    for (std::size_t i = 0; i < w.size(); ++i)
      w[i] = w[i] * (1 - lr * weight_decay) - lr * scale * u.x[i];
  }
  const NamedTensors state = optimizer->state();
  REQUIRE(state[0].name == "w.momentum");
  for (std::size_t i = 0; i < w.size(); ++i) {
    CHECK(values(ours[0].tensor)[i] == Approx(w[i]).margin(1e-4));
    CHECK(values(state[0].tensor)[i] == Approx(m[i]).margin(1e-5));
  }
}

// Mutation: in muon.cpp value_or(0.95).
TEST_CASE("Muon's momentum is 0.9 where the options leave it open") {
  const NamedTensors ours = {leaf("w", {3, 4})}, theirs = copies_of(ours);
  auto open = make_inner_optimizer({.optimizer = "muon"}, ours).value_or_throw();
  auto given =
      make_inner_optimizer({.optimizer = "muon", .momentum = 0.9}, theirs).value_or_throw();
  for (int step = 0; step < 3; ++step) {
    set_random_gradients(ours);
    at::Tensor(theirs[0].tensor).mutable_grad() = ours[0].tensor.grad().clone();
    open->step(0.1);
    given->step(0.1);
  }
  CHECK(at::equal(ours[0].tensor, theirs[0].tensor));
}

// Mutation: in muon.cpp rest_.step(lr); or in groups.cpp starts_with(part) for find(part).
TEST_CASE("Muon's embedding, head, norms and biases are AdamW's to the bit") {
  const double lr = 0.01, factor = 0.3;
  const NamedTensors ours = {
      leaf("model.embed_tokens.weight", {12, 4}), leaf("model.layers.0.mlp.up_proj.weight", {6, 4}),
      leaf("model.layers.0.input_layernorm.weight", {4}),
      leaf("model.layers.0.mlp.up_proj.bias", {6}), leaf("lm_head.weight", {12, 4})};
  const NamedTensors theirs = copies_of(ours);
  const InnerOptions adamw{.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-6, .weight_decay = 0.2};
  InnerOptions options = adamw;
  options.optimizer = "muon";
  options.adamw_lr = factor;
  auto muon = make_inner_optimizer(options, ours).value_or_throw();
  auto reference = make_inner_optimizer(adamw, theirs).value_or_throw();
  for (int step = 0; step < 5; ++step) {
    set_random_gradients(ours);
    for (std::size_t i = 0; i < ours.size(); ++i)
      at::Tensor(theirs[i].tensor).mutable_grad() = ours[i].tensor.grad().clone();
    muon->step(lr);
    reference->step(lr * factor);
  }
  for (const std::size_t i : {0, 2, 3, 4}) {
    INFO(ours[i].name);
    CHECK(at::equal(ours[i].tensor, theirs[i].tensor));
  }
  CHECK_FALSE(at::equal(ours[1].tensor, theirs[1].tensor));
  std::vector<std::string> names;
  for (const NamedTensor& entry : muon->state()) names.push_back(entry.name);
  CHECK(names ==
        std::vector<std::string>{
            "model.layers.0.mlp.up_proj.weight.momentum", "model.embed_tokens.weight.exp_avg",
            "model.embed_tokens.weight.exp_avg_sq", "model.layers.0.input_layernorm.weight.exp_avg",
            "model.layers.0.input_layernorm.weight.exp_avg_sq",
            "model.layers.0.mlp.up_proj.bias.exp_avg", "model.layers.0.mlp.up_proj.bias.exp_avg_sq",
            "lm_head.weight.exp_avg", "lm_head.weight.exp_avg_sq", "step"});
}
