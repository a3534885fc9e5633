#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// Nesterov momentum with PyTorch's semantics (torch.optim.SGD(nesterov=True), dampening 0),
// constant lr, no weight decay, no clipping:
//   b <- momentum b + g;  theta <- theta - lr (g + momentum b)
// Source: arXiv 2311.08105 section 2 and 2503.09799 algorithm 1. A constant g converges to lr / (1
// - momentum).
class Nesterov final : public OuterOptimizer {
 public:
  Nesterov(double lr, double momentum) : lr_(lr), momentum_(static_cast<float>(momentum)) {}
  std::string_view name() const override { return "nesterov"; }
  std::vector<std::string> slots() const override { return {"momentum"}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;
  std::optional<LinearStep> linear() const override {
    return LinearStep{lr_, 1, momentum_, momentum_};
  }

 private:
  double lr_;
  float momentum_;
};

}  // namespace outrigger
