#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// NoLoCo's rule (arXiv 2506.10911, as in its authors' code): rounds are among small random
// groups, and the replicas stay near each other by the last term, which pulls each slow theta to
// its group's mean:
//   v <- momentum v - lr mean(g) + gamma (mean(theta) - theta);   theta <- theta + v
// gamma = lr. It converges for sqrt(n / (2 (n - 1))) momentum < gamma < sqrt(n / (2 (n - 1)))
// sqrt(2 + momentum^2) in groups of n; for pairs 0.7 and 0.5 are inside.
class NoLoCo final : public OuterOptimizer {
 public:
  NoLoCo(double lr, double momentum) : lr_(lr), momentum_(static_cast<float>(momentum)) {}
  std::string_view name() const override { return "noloco"; }
  std::vector<std::string> slots() const override { return {"velocity"}; }
  bool gossips() const override { return true; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;

 private:
  double lr_;
  float momentum_;
};

}  // namespace outrigger
