#include <ATen/ops/equal.h>
#include <ATen/ops/ones_like.h>
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

namespace {

void step_with_gradients(InnerOptimizer& optimizer, const NamedTensors& parameters, double scale) {
  for (const NamedTensor& entry : parameters)
    at::Tensor(entry.tensor).mutable_grad() = entry.tensor.detach().mul(scale);
  optimizer.step(1e-2);
}

}  // namespace

// Mutation: in adamw.cpp, state(), leave "step" out.
TEST_CASE("an optimizer with a loaded state goes on to the same bits") {
  const NamedTensors first = two_parameters();
  auto source = make_inner_optimizer({}, first).value_or_throw();
  for (int i = 0; i < 3; ++i) step_with_gradients(*source, first, 0.5 + i);
  NamedTensors second;
  for (const NamedTensor& entry : first)
    second.push_back({entry.name, entry.tensor.detach().clone().requires_grad_(true)});
  auto resumed = make_inner_optimizer({}, second).value_or_throw();
  NamedTensors saved;
  for (const NamedTensor& entry : source->state())
    saved.push_back({entry.name, entry.tensor.clone()});
  REQUIRE(resumed->load_state(saved).ok());
  step_with_gradients(*source, first, 2);
  step_with_gradients(*resumed, second, 2);
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(at::equal(first[i].tensor, second[i].tensor));
}

// Mutation: in inner_optimizer.cpp, reset_moments(), skip the entry named "step".
TEST_CASE("reset moments make a step as a new optimizer's") {
  const NamedTensors used = two_parameters();
  auto optimizer = make_inner_optimizer({}, used).value_or_throw();
  step_with_gradients(*optimizer, used, 3);
  optimizer->reset_moments();
  NamedTensors copies;
  for (const NamedTensor& entry : used)
    copies.push_back({entry.name, entry.tensor.detach().clone().requires_grad_(true)});
  auto fresh = make_inner_optimizer({}, copies).value_or_throw();
  step_with_gradients(*optimizer, used, 1);
  step_with_gradients(*fresh, copies, 1);
  for (std::size_t i = 0; i < used.size(); ++i) CHECK(at::equal(used[i].tensor, copies[i].tensor));
}

// Mutation: in load_state(), skip the comparison of shapes.
TEST_CASE("a state that does not fit is refused by name and changes nothing") {
  const NamedTensors parameters = two_parameters();
  auto optimizer = make_inner_optimizer({}, parameters).value_or_throw();
  step_with_gradients(*optimizer, parameters, 1);
  const at::Tensor before = optimizer->state().front().tensor.clone();
  const auto refused = [&](const NamedTensors& state, const std::string& words) {
    const Status status = optimizer->load_state(state);
    INFO(status.message());
    CHECK(status.code() == Code::kFailedPrecondition);
    CHECK(status.message().find(words) != std::string::npos);
    CHECK(at::equal(optimizer->state().front().tensor, before));
  };
  NamedTensors state;
  for (const NamedTensor& entry : optimizer->state())
    state.push_back({entry.name, at::ones_like(entry.tensor)});
  NamedTensors changed = state;
  changed.pop_back();
  refused(changed, "lacks 'step'");
  changed = state;
  changed.push_back({"other.exp_avg", at::randn({2})});
  refused(changed, "'other.exp_avg'");
  changed = state;
  changed[2].tensor = at::randn({3, 3});
  refused(changed,
          "'vector.exp_avg' is saved as Float [3, 3], but optimizer adamw of this model has Float "
          "[33]");
}

// Mutation: in registry.cpp, return an AdamW for any name.
TEST_CASE("inner optimizers are found by name") {
  CHECK(make_inner_optimizer({}, {}).value_or_throw()->name() == "adamw");
  CHECK(make_inner_optimizer({.optimizer = "sgd"}, {}).value_or_throw()->name() == "sgd");
  const Status status = make_inner_optimizer({.optimizer = "adam"}, {}).status();
  CHECK(status.code() == Code::kNotFound);
  CHECK(status.message().find("adamw, sgd") != std::string::npos);
}

// Mutation: in zero_grad(), zero the gradient instead of dropping it.
TEST_CASE("a parameter without a gradient is left alone") {
  const NamedTensors parameters = two_parameters();
  auto optimizer = make_inner_optimizer({}, parameters).value_or_throw();
  step_with_gradients(*optimizer, parameters, 1);
  optimizer->zero_grad();
  CHECK_FALSE(parameters[0].tensor.grad().defined());
  const at::Tensor before = parameters[0].tensor.detach().clone();
  optimizer->step(1e-2);
  CHECK(at::equal(parameters[0].tensor, before));
}
