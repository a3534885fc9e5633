#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// Polyak's momentum with PyTorch's semantics (torch.optim.SGD, dampening 0), not Nesterov's:
//   b <- momentum b + g;  theta <- theta - lr b
// The first step moves by lr g, where nesterov moves by lr (1 + momentum) g. Source: FedAvgM, arXiv
// 1909.06335.
class HeavyBall final : public OuterOptimizer {
 public:
  HeavyBall(double lr, double momentum) : lr_(lr), momentum_(static_cast<float>(momentum)) {}
  std::string_view name() const override { return "heavy_ball"; }
  std::vector<std::string> slots() const override { return {"momentum"}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;
  std::optional<LinearStep> linear() const override { return LinearStep{lr_, 0, 1, momentum_}; }

 private:
  double lr_;
  float momentum_;
};

}  // namespace outrigger
