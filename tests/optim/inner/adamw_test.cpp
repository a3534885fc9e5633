#include <ATen/ops/randn.h>
#include <torch/optim/adamw.h>

#include <outrigger/optim/inner/inner_optimizer.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.detach().sub(b.detach()).abs().max().item<double>();
}

NamedTensors two_parameters() {
  NamedTensors all{{"matrix", at::randn({7, 5})}, {"vector", at::randn({33})}};
  for (NamedTensor& entry : all) entry.tensor.requires_grad_(true);
  return all;
}

}  // namespace

// Mutation: in adamw.cpp, pass beta1 for beta2.
TEST_CASE("AdamW follows torch::optim::AdamW for 50 steps") {
  const NamedTensors ours = two_parameters();
  std::vector<at::Tensor> theirs;
  for (const NamedTensor& entry : ours)
    theirs.push_back(entry.tensor.detach().clone().requires_grad_(true));
  auto optimizer = make_inner_optimizer({}, ours).value_or_throw();
  torch::optim::AdamW reference(
      theirs, torch::optim::AdamWOptions(0).betas({0.9, 0.95}).eps(1e-8).weight_decay(0.1));
  for (int step = 0; step < 50; ++step) {
    const double lr = 1e-2 * (step + 1) / 50;
    static_cast<torch::optim::AdamWOptions&>(reference.param_groups()[0].options()).lr(lr);
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      const at::Tensor gradient = at::randn(theirs[i].sizes());
      theirs[i].mutable_grad() = gradient;
      at::Tensor(ours[i].tensor).mutable_grad() = gradient.clone();
    }
    reference.step();
    optimizer->step(lr);
  }
  for (std::size_t i = 0; i < theirs.size(); ++i)
    CHECK(largest_difference(ours[i].tensor, theirs[i]) < 1e-6);
}
