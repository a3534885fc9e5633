#include <outrigger/optim/inner/muon.h>

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include <outrigger/optim/inner/groups.h>
#include <outrigger/optim/inner/newton_schulz.h>

namespace outrigger {
namespace {

NamedTensors pick(const NamedTensors& parameters, const InnerOptions& options, bool hidden) {
  NamedTensors picked;
  for (const NamedTensor& parameter : parameters)
    if (is_hidden_matrix(parameter, options.muon_outside) == hidden) picked.push_back(parameter);
  return picked;
}

double scale_of(const at::Tensor& matrix, const std::string& rule) {
  const auto fan_out = static_cast<double>(matrix.size(0));
  const auto fan_in = static_cast<double>(matrix.size(1));
  return rule == "rms_norm" ? 0.2 * std::sqrt(std::max(fan_out, fan_in))
                            : std::sqrt(fan_out / fan_in);
}

}  // namespace

Muon::Muon(NamedTensors parameters, const InnerOptions& options)
    : InnerOptimizer(std::move(parameters)),
      options_(options),
      hidden_(pick(parameters_, options, true)),
      rest_(pick(parameters_, options, false), options) {
  const c10::NoGradGuard no_grad;
  for (const NamedTensor& matrix : hidden_) momentum_.push_back(at::zeros_like(matrix.tensor));
}

void Muon::step(double lr) {
  const c10::NoGradGuard no_grad;
  const auto& steps = options_.newton_schulz == "keller" ? kKellerSteps : kMuLoCoSteps;
  const double mu = options_.momentum.value_or(0.9);
  for (std::size_t i = 0; i < hidden_.size(); ++i) {
    at::Tensor& matrix = hidden_[i].tensor;
    const at::Tensor& gradient = matrix.grad();
    if (!gradient.defined()) continue;
    momentum_[i].mul_(mu).add_(gradient);
    const at::Tensor direction = options_.nesterov ? gradient.add(momentum_[i], mu) : momentum_[i];
    if (decays(hidden_[i], options_.decay)) matrix.mul_(1 - lr * options_.weight_decay);
    matrix.add_(newton_schulz(direction, steps), -lr * scale_of(matrix, options_.scale));
  }
  rest_.step(lr * options_.adamw_lr);
}

NamedTensors Muon::state() const {
  NamedTensors all;
  for (std::size_t i = 0; i < hidden_.size(); ++i)
    all.push_back({hidden_[i].name + ".momentum", momentum_[i]});
  for (NamedTensor& entry : rest_.state()) all.push_back(std::move(entry));
  return all;
}

}  // namespace outrigger
