#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// theta <- theta - lr g. With lr 1 the average of the islands' parameters: FedAvg, arXiv
// 1602.05629.
class OuterSgd final : public OuterOptimizer {
 public:
  explicit OuterSgd(double lr) : lr_(static_cast<float>(lr)) {}
  std::string_view name() const override { return "sgd"; }
  std::vector<std::string> slots() const override { return {}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots) const override;

 private:
  float lr_;
};

}  // namespace outrigger
