#pragma once

#include <outrigger/comm/collective/reducer.h>

namespace outrigger::test {

// (w0 x0 + w1 x1 + ...) / (w0 + w1 + ...), in fp32 and in that order.
class WeightedMean : public Reducer {
 public:
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const std::span<const std::uint64_t> weights = reduction.weights;
    for (std::size_t i = 0; i < out.size(); ++i) {
      float sum = 0, total = 0;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        sum += static_cast<float>(weights[k]) * inputs[k][i];
        total += static_cast<float>(weights[k]);
      }
      out[i] = sum / total;
    }
  }
  bool decomposable() const override { return true; }
  std::optional<WeightedSum> as_sum(std::span<const std::uint64_t> weights) const override {
    WeightedSum sum{{weights.begin(), weights.end()}, 0};
    for (const float factor : sum.factors) sum.divisor += factor;
    return sum;
  }
};

}  // namespace outrigger::test
