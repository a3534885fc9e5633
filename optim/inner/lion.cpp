#include <outrigger/optim/inner/lion.h>

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <outrigger/optim/inner/groups.h>

namespace outrigger {

Lion::Lion(NamedTensors parameters, const InnerOptions& options)
    : InnerOptimizer(std::move(parameters)), options_(options) {
  const c10::NoGradGuard no_grad;
  for (const NamedTensor& parameter : parameters_)
    momentum_.push_back(at::zeros_like(parameter.tensor));
}

void Lion::step(double lr) {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& parameter = parameters_[i].tensor;
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    at::Tensor update = momentum_[i].mul(options_.beta1).add_(gradient, 1 - options_.beta1).sign_();
    if (decays(parameters_[i], options_.decay)) update.add_(parameter, options_.weight_decay);
    parameter.add_(update, -lr);
    momentum_[i].mul_(options_.beta2).add_(gradient, 1 - options_.beta2);
  }
}

NamedTensors Lion::state() const {
  NamedTensors all;
  for (std::size_t i = 0; i < momentum_.size(); ++i)
    all.push_back({parameters_[i].name + ".momentum", momentum_[i]});
  return all;
}

}  // namespace outrigger
