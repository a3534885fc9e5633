#pragma once

#include <outrigger/optim/outer/outer_optimizer.h>

#include "support/catch.h"

namespace outrigger {

// An outer optimizer over a few values, with its slots.
struct Stepped {
  std::unique_ptr<OuterOptimizer> rule;
  std::vector<float> theta;
  std::vector<std::vector<float>> slots;
  std::uint64_t round = 0;

  Stepped(const OuterOptions& options, std::vector<float> start)
      : rule(make_outer_optimizer(options).value_or_throw()), theta(std::move(start)) {
    slots.assign(rule->slots().size(), std::vector<float>(theta.size(), 0.0F));
  }

  void step(std::span<const float> g, double lr_factor = 1) {
    std::vector<std::span<float>> views(slots.begin(), slots.end());
    rule->step_block(theta, g, views, {round++, lr_factor});
  }
  void step(float g) { step(std::span(&g, 1)); }
};

// A gradient for (round, coordinate): both signs, sizes from 0.001 to 1.
inline float gradient(std::uint64_t round, std::size_t i) {
  const auto turn = static_cast<int>((round * 37 + i * 101 + 13) % 41) - 20;
  return static_cast<float>(turn) / 20.0F * (i % 2 == 0 ? 1.0F : 0.01F);
}

}  // namespace outrigger
