#include <outrigger/optim/inner/sgd.h>

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <outrigger/optim/inner/groups.h>

namespace outrigger {

InnerSgd::InnerSgd(NamedTensors parameters, const InnerOptions& options)
    : InnerOptimizer(std::move(parameters)), options_(options) {
  const c10::NoGradGuard no_grad;
  if (options_.momentum.value_or(0) == 0) return;
  for (const NamedTensor& parameter : parameters_)
    momentum_.push_back(at::zeros_like(parameter.tensor));
}

void InnerSgd::step(double lr) {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& parameter = parameters_[i].tensor;
    at::Tensor update = parameter.grad();
    if (!update.defined()) continue;
    if (options_.weight_decay != 0 && decays(parameters_[i], options_.decay))
      update = update.add(parameter, options_.weight_decay);
    if (!momentum_.empty()) update = momentum_[i].mul_(*options_.momentum).add_(update);
    parameter.add_(update, -lr);
  }
}

NamedTensors InnerSgd::state() const {
  NamedTensors all;
  for (std::size_t i = 0; i < momentum_.size(); ++i)
    all.push_back({parameters_[i].name + ".momentum_buffer", momentum_[i]});
  return all;
}

}  // namespace outrigger
