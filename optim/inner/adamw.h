#pragma once

#include <outrigger/optim/inner/inner_optimizer.h>

namespace outrigger {

// AdamW as PyTorch computes it (torch.optim.AdamW, fused), with fp32 moments:
//   theta <- theta - lr * weight_decay * theta                          where it decays (groups.h)
//   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
//   theta <- theta - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// State: "<parameter>.exp_avg", "<parameter>.exp_avg_sq" and "step" (t, fp32, shape []). Source:
// arXiv 1711.05101, algorithm 2.
class AdamW final : public InnerOptimizer {
 public:
  AdamW(NamedTensors parameters, const InnerOptions& options);

  std::string_view name() const override { return "adamw"; }
  void step(double lr) override;
  NamedTensors state() const override;

 private:
  void step_those(bool decaying, double lr, double weight_decay);

  InnerOptions options_;
  std::vector<at::Tensor> exp_avgs_, exp_avg_sqs_;
  at::Tensor step_;
};

}  // namespace outrigger
