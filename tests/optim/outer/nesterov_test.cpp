#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <torch/optim/sgd.h>

#include <outrigger/optim/outer/nesterov.h>
#include <outrigger/optim/outer/sgd.h>

#include "support/catch.h"

namespace outrigger {
namespace {

constexpr std::int64_t kElements = 257;

std::span<float> span_of(at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

// Largest difference after `steps` steps with torch's SGD on the same gradients.
double difference_to_torch(const OuterOptimizer& ours, torch::optim::SGDOptions options,
                           int steps) {
  at::Tensor theta = at::randn({kElements});
  at::Tensor reference = theta.clone().set_requires_grad(true);
  torch::optim::SGD torch_sgd({reference}, options);
  std::vector<at::Tensor> buffers(ours.slots().size());
  for (at::Tensor& buffer : buffers) buffer = at::zeros({kElements});

  for (int step = 0; step < steps; ++step) {
    at::Tensor g = at::randn({kElements}) * 0.1;
    reference.mutable_grad() = g.clone();
    torch_sgd.step();
    std::vector<std::span<float>> slots;
    for (at::Tensor& buffer : buffers) slots.push_back(span_of(buffer));
    ours.step_block(span_of(theta), span_of(g), slots, {});
  }
  return (theta - reference.detach()).abs().max().item<double>() /
         reference.abs().max().item<double>();
}

// Mutation: in Nesterov::step_block use theta -= lr_ * buffer[i] (heavy ball).
TEST_CASE("outer Nesterov equals torch's SGD with nesterov over 50 steps") {
  const auto options = torch::optim::SGDOptions(0.7).momentum(0.9).nesterov(true);
  CHECK(difference_to_torch(Nesterov(0.7, 0.9), options, 50) < 1e-6);
}

// Mutation: in OuterSgd::step_block add instead of subtract.
TEST_CASE("outer SGD equals torch's SGD over 50 steps") {
  CHECK(difference_to_torch(OuterSgd(0.7), torch::optim::SGDOptions(0.7), 50) < 1e-6);
}

// Mutation: start the buffer from (1 - momentum_) * g.
TEST_CASE(
    "the first Nesterov step moves by lr (1 + momentum) g, a constant g by lr / (1 - momentum)") {
  float theta = 0, buffer = 0;
  const float g = 1;
  std::vector<std::span<float>> slots = {{&buffer, 1}};
  const Nesterov nesterov(0.7, 0.9);
  nesterov.step_block({&theta, 1}, {&g, 1}, slots, {});
  CHECK(theta == Approx(-1.33));
  float before = 0;
  for (int step = 0; step < 300; ++step) {
    before = theta;
    nesterov.step_block({&theta, 1}, {&g, 1}, slots, {});
  }
  CHECK(before - theta == Approx(7.0).epsilon(1e-3));
}

// Mutation: leave "nesterov" out of the registry.
TEST_CASE("outer optimizers are found by name, and a wrong name is told the right ones") {
  CHECK(make_outer_optimizer({.optimizer = "nesterov"}).ok());
  CHECK((*make_outer_optimizer({.optimizer = "sgd"}))->slots().empty());
  const auto missing = make_outer_optimizer({.optimizer = "nestrov"});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.status().message().find("nesterov, sgd") != std::string::npos);
}

}  // namespace
}  // namespace outrigger
