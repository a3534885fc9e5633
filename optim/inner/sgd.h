#pragma once

#include <outrigger/optim/inner/inner_optimizer.h>

namespace outrigger {

// SGD as PyTorch computes it (dampening 0, no Nesterov):
//   g <- g + weight_decay * theta, where it decays (groups.h)
//   b <- momentum * b + g, from b = 0;   theta <- theta - lr * b
// State: "<parameter>.momentum_buffer", only where momentum > 0.
class InnerSgd final : public InnerOptimizer {
 public:
  InnerSgd(NamedTensors parameters, const InnerOptions& options);

  std::string_view name() const override { return "sgd"; }
  void step(double lr) override;
  NamedTensors state() const override;

 private:
  InnerOptions options_;
  std::vector<at::Tensor> momentum_;  // empty without momentum
};

}  // namespace outrigger
