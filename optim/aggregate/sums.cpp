#include <outrigger/optim/aggregate/sums.h>

#include <numeric>

namespace outrigger {

std::vector<double> shares(std::span<const std::uint64_t> weights) {
  std::uint64_t factor = 0;
  for (const std::uint64_t weight : weights) factor = std::gcd(factor, weight);
  std::vector<double> result;
  for (const std::uint64_t weight : weights)
    result.push_back(factor == 0 ? 0.0 : static_cast<double>(weight / factor));
  return result;
}

void weighted_sum(std::span<const double> factors, double divisor,
                  std::span<const std::span<const float>> inputs, std::span<float> out) {
  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const float factor = static_cast<float>(factors[k]);
    if (factor == 0.0F) continue;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += factor * inputs[k][i];
  }
  const float rounded = static_cast<float>(divisor);
  if (rounded == 1.0F) return;
  for (float& value : out) value /= rounded;
}

double lower_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace outrigger
