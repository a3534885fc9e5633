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

double lower_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace outrigger
