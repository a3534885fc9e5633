#include <ATen/ops/equal.h>
#include <ATen/ops/zeros_like.h>

#include "optim/inner/leaves.h"
#include "support/catch.h"

using namespace outrigger;

// Mutation: in lion.cpp move the momentum's update before `update` (the sign of the new momentum),
// or scale the decay by beta1, or swap the betas.
TEST_CASE("Lion follows the card's scalar rule for 40 steps") {
  const double beta1 = 0.6, beta2 = 0.3, weight_decay = 0.4;
  const NamedTensors ours = {leaf("matrix", {4, 5}), leaf("vector", {7})};
  auto optimizer =
      make_inner_optimizer(
          {.optimizer = "lion", .beta1 = beta1, .beta2 = beta2, .weight_decay = weight_decay}, ours)
          .value_or_throw();
  std::vector<std::vector<double>> theta, m;
  for (const NamedTensor& entry : ours) {
    theta.push_back(values(entry.tensor));
    m.emplace_back(theta.back().size(), 0.0);
  }
  for (int step = 0; step < 40; ++step) {
    const double lr = 0.01 * (1 + step % 3);
    set_random_gradients(ours);
    optimizer->step(lr);
    for (std::size_t t = 0; t < ours.size(); ++t) {
      const std::vector<double> g = values(ours[t].tensor.grad());
      for (std::size_t i = 0; i < g.size(); ++i) {
        const double mix = beta1 * m[t][i] + (1 - beta1) * g[i];
        const double d = mix > 0 ? 1 : mix < 0 ? -1 : 0;
        theta[t][i] -= lr * (d + weight_decay * theta[t][i]);
        m[t][i] = beta2 * m[t][i] + (1 - beta2) * g[i];
      }
    }
  }
  const NamedTensors state = optimizer->state();
  for (std::size_t t = 0; t < ours.size(); ++t) {
    CHECK(state[t].name == ours[t].name + ".momentum");
    for (std::size_t i = 0; i < theta[t].size(); ++i) {
      CHECK(values(ours[t].tensor)[i] == Approx(theta[t][i]).margin(1e-5));
      CHECK(values(state[t].tensor)[i] == Approx(m[t][i]).margin(1e-5));
    }
  }
}

// Mutation: in lion.cpp take ge(0) times 2 minus 1 for the sign.
TEST_CASE("Lion does not move what has neither a gradient nor a momentum of its own") {
  const NamedTensors ours = {leaf("w", {6})};
  const at::Tensor before = ours[0].tensor.detach().clone();
  at::Tensor(ours[0].tensor).mutable_grad() = at::zeros_like(before);
  make_inner_optimizer({.optimizer = "lion", .weight_decay = 0}, ours).value_or_throw()->step(0.1);
  CHECK(at::equal(ours[0].tensor, before));
}
