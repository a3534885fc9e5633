#pragma once

#include <outrigger/optim/inner/inner_optimizer.h>

namespace outrigger {

// Lion, with an fp32 momentum from 0:
//   d = sign(beta1 m + (1 - beta1) g), of the momentum before this step;   sign(0) = 0
//   theta <- theta - lr * (d + weight_decay * theta)
//   m <- beta2 m + (1 - beta2) g
// Every element moves by lr, so lr is 3 to 10 times smaller than AdamW's and weight_decay as many
// times larger; the paper's betas are 0.9, 0.99. A NaN has the sign 0 and stays in the momentum:
// look at the gradient's norm before the step. State: "<parameter>.momentum". Source: arXiv
// 2302.06675, algorithm 2.
class Lion final : public InnerOptimizer {
 public:
  Lion(NamedTensors parameters, const InnerOptions& options);

  std::string_view name() const override { return "lion"; }
  void step(double lr) override;
  NamedTensors state() const override;

 private:
  InnerOptions options_;
  std::vector<at::Tensor> momentum_;
};

}  // namespace outrigger
