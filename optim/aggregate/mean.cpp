#include <outrigger/optim/aggregate/mean.h>

#include <numeric>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

double sum_of(const std::vector<double>& factors) {
  return std::accumulate(factors.begin(), factors.end(), 0.0);
}

}  // namespace

std::vector<double> MeanReducer::factors(std::span<const std::uint64_t> weights) const {
  std::vector<double> factors = shares(weights);
  if (uniform_)
    for (double& factor : factors) factor = factor != 0 ? 1 : 0;
  return factors;
}

void MeanReducer::reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
                         std::span<float> out) const {
  const std::vector<double> all = factors(reduction.weights);
  weighted_sum(all, sum_of(all), inputs, out);
}

std::optional<WeightedSum> MeanReducer::as_sum(std::span<const std::uint64_t> weights) const {
  const std::vector<double> all = factors(weights);
  return WeightedSum{{all.begin(), all.end()}, static_cast<float>(sum_of(all))};
}

}  // namespace outrigger
