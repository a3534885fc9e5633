#include <outrigger/optim/inner/adamw.h>

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <outrigger/optim/inner/groups.h>

namespace outrigger {

AdamW::AdamW(NamedTensors parameters, const InnerOptions& options)
    : InnerOptimizer(std::move(parameters)), options_(options) {
  const c10::NoGradGuard no_grad;
  const at::Device device = parameters_.empty() ? at::kCPU : parameters_.front().tensor.device();
  step_ = at::zeros({}, at::TensorOptions(at::kFloat).device(device));
  for (const NamedTensor& parameter : parameters_) {
    exp_avgs_.push_back(at::zeros_like(parameter.tensor));
    exp_avg_sqs_.push_back(at::zeros_like(parameter.tensor));
  }
}

void AdamW::step(double lr) {
  const c10::NoGradGuard no_grad;
  step_.add_(1);
  step_those(true, lr, options_.weight_decay);
  step_those(false, lr, 0);
}

void AdamW::step_those(bool decaying, double lr, double weight_decay) {
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    if (!gradient.defined() || decays(parameters_[i], options_.decay) != decaying) continue;
    parameters.push_back(parameters_[i].tensor);
    gradients.push_back(gradient);
    exp_avgs.push_back(exp_avgs_[i]);
    exp_avg_sqs.push_back(exp_avg_sqs_[i]);
  }
  if (parameters.empty()) return;
  const std::vector<at::Tensor> steps(parameters.size(), step_);  // the kernel only reads it
  at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, lr, options_.beta1,
                    options_.beta2, weight_decay, options_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
}

NamedTensors AdamW::state() const {
  NamedTensors all;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    all.push_back({parameters_[i].name + ".exp_avg", exp_avgs_[i]});
    all.push_back({parameters_[i].name + ".exp_avg_sq", exp_avg_sqs_[i]});
  }
  all.push_back({"step", step_});
  return all;
}

}  // namespace outrigger
