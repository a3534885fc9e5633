#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// Delayed Nesterov, for a server that steps once per arrival; OuterStep::round counts the arrivals
// t from 0. With N workers and c = early_momentum in [0, 1/N]:
//   acc <- acc + g
//   every N-th:  m <- momentum m + acc/N;  acc <- 0
//                theta <- theta - lr ((1 - cN + c) momentum m + g/N)
//   any other:   theta <- theta - lr (c momentum m + g/N)
// lr is that of one synchronous step: with c = 0 the N arrivals from one theta add up to one
// Nesterov step on their mean. With c > 0 the arrivals in between move by the old m already, and
// the N-th by so much less of the new one. Source: arXiv 2401.09135, algorithm 3.
class DelayedNesterov final : public OuterOptimizer {
 public:
  // REQUIRES: options.workers >= 1, 0 <= options.early_momentum <= 1 / options.workers
  explicit DelayedNesterov(const OuterOptions& options);
  std::string_view name() const override { return "delayed_nesterov"; }
  std::vector<std::string> slots() const override { return {"momentum", "accumulator"}; }
  bool asynchronous() const override { return true; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>> slots, const OuterStep& step) const override;

 private:
  double lr_;
  std::uint64_t workers_;
  float momentum_, divisor_;
  float between_, last_;  // the factors of m: momentum times c, and times what is left of 1
};

}  // namespace outrigger
