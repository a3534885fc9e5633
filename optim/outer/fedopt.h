#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// The adaptive rules of arXiv 2003.00295 (Adaptive Federated Optimization), algorithm 2, with g
// positive in the descent direction and without bias correction, as there:
//   m <- beta1 m + (1 - beta1) g
//   adam:    v <- beta2 v + (1 - beta2) g^2
//   yogi:    v <- v - (1 - beta2) g^2 sign(v - g^2)
//   adagrad: v <- v + g^2, and g in place of m (beta1 = 0, as in the paper's experiments)
//   theta <- theta - lr m / (sqrt(v) + epsilon)
// epsilon is the paper's tau, in units of g. v starts at epsilon^2, the least that the paper
// allows; slots start at 0, so a 0 in v's slot stands for it.
class FedOpt final : public OuterOptimizer {
 public:
  enum class Kind { kAdam, kAdagrad, kYogi };

  FedOpt(Kind kind, const OuterOptions& options);
  std::string_view name() const override;
  std::vector<std::string> slots() const override;
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;

 private:
  template <class Second>
  void step_with(Second second, std::span<float> theta, std::span<const float> g,
                 std::span<const std::span<float>> slots, float lr) const;

  Kind kind_;
  double lr_;
  float beta1_, rest1_, beta2_, rest2_;  // rest = 1 - beta
  float epsilon_, first_;                // first: what v starts at
};

}  // namespace outrigger
