#include <outrigger/optim/sync/mean.h>

#include <algorithm>
#include <numeric>

namespace outrigger {

void MeanReducer::reduce(std::span<const std::span<const float>> inputs,
                         std::span<const std::uint64_t> weights, std::span<float> out) const {
  // Without the common factor equal weights are 1, and the products below are exact.
  std::uint64_t factor = 0, total = 0;
  for (const std::uint64_t weight : weights) factor = std::gcd(factor, weight);
  for (const std::uint64_t weight : weights) total += weight / factor;

  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const float weight = static_cast<float>(weights[k] / factor);
    if (weight == 0.0F) continue;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * inputs[k][i];
  }
  const float divisor = static_cast<float>(total);
  for (float& value : out) value /= divisor;
}

}  // namespace outrigger
