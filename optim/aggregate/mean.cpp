#include <outrigger/optim/aggregate/mean.h>

#include <numeric>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {

void MeanReducer::reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
                         std::span<float> out) const {
  std::vector<double> factors = shares(reduction.weights);
  if (uniform_)
    for (double& factor : factors) factor = factor != 0 ? 1 : 0;
  weighted_sum(factors, std::accumulate(factors.begin(), factors.end(), 0.0), inputs, out);
}

}  // namespace outrigger
