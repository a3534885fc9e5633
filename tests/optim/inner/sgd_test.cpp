#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <torch/optim/sgd.h>

#include <outrigger/optim/inner/inner_optimizer.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: in sgd.cpp, leave the weight decay out.
TEST_CASE("SGD follows torch::optim::SGD for 50 steps") {
  const double momentum = GENERATE(0.0, 0.9);
  at::Tensor ours = at::randn({4, 9}).requires_grad_(true);
  at::Tensor theirs = ours.detach().clone().requires_grad_(true);
  auto optimizer =
      make_inner_optimizer({.optimizer = "sgd", .weight_decay = 0.01, .momentum = momentum},
                           {{"w", ours}})
          .value_or_throw();
  torch::optim::SGD reference({theirs},
                              torch::optim::SGDOptions(0.05).momentum(momentum).weight_decay(0.01));
  for (int step = 0; step < 50; ++step) {
    const at::Tensor gradient = at::randn({4, 9});
    ours.mutable_grad() = gradient.clone();
    theirs.mutable_grad() = gradient.clone();
    optimizer->step(0.05);
    reference.step();
    CHECK(at::equal(ours.grad(), gradient));
  }
  CHECK(ours.detach().sub(theirs.detach()).abs().max().item<double>() < 1e-6);
}
