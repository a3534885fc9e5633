#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// theta <- theta - lr g. With lr 1 the average of the islands' parameters: FedAvg, arXiv
// 1602.05629.
class OuterSgd final : public OuterOptimizer {
 public:
  explicit OuterSgd(double lr) : lr_(lr) {}
  std::string_view name() const override { return "sgd"; }
  std::vector<std::string> slots() const override { return {}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;
  std::optional<LinearStep> linear() const override { return LinearStep{lr_, 1, 0, 0}; }

 private:
  double lr_;
};

}  // namespace outrigger
