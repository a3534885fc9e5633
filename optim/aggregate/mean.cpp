#include <outrigger/optim/aggregate/mean.h>

#include <algorithm>
#include <numeric>

namespace outrigger {

void MeanReducer::reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
                         std::span<float> out) const {
  // Without the common factor equal weights are 1, and the products below are exact.
  std::uint64_t factor = 0, total = 0;
  for (const std::uint64_t weight : reduction.weights) factor = std::gcd(factor, weight);
  const auto share = [&](std::uint64_t weight) {
    return uniform_ ? std::uint64_t{weight != 0} : weight / factor;
  };
  for (const std::uint64_t weight : reduction.weights) total += share(weight);

  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const float weight = static_cast<float>(share(reduction.weights[k]));
    if (weight == 0.0F) continue;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * inputs[k][i];
  }
  const float divisor = static_cast<float>(total);
  for (float& value : out) value /= divisor;
}

}  // namespace outrigger
