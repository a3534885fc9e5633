#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/optim/aggregate/aggregation.h>

// What the aggregation rules have in common.
namespace outrigger {

// The weights over their greatest common divisor: equal ones become 1, by which products are exact.
std::vector<double> shares(std::span<const std::uint64_t> weights);

// out[i] <- sum_k factors[k] inputs[k][i] / divisor: factors are rounded to fp32 once, sums are
// fp32 in the closed order, and there is one division. A factor of 0 leaves its input out, whatever
// that holds. divisor > 0.
void weighted_sum(std::span<const double> factors, double divisor,
                  std::span<const std::span<const float>> inputs, std::span<float> out);

// The median; of an even number the lower of the two in the middle, so that of two the smaller one
// counts. REQUIRES: values is not empty.
double lower_median(std::vector<double> values);

// Calls run(tensor, begin, end) for every tensor that has values in the block of `size` values at
// `offset`; begin and end count in the block.
template <class Run>
void for_each_tensor(const Borders& borders, std::size_t offset, std::size_t size, Run run) {
  std::size_t tensor =
      std::upper_bound(borders.begin(), borders.end(), offset) - borders.begin() - 1;
  for (std::size_t begin = 0; begin < size; ++tensor) {
    const std::size_t end = std::min(size, borders[tensor + 1] - offset);
    if (begin < end) run(tensor, begin, end);
    begin = std::max(begin, end);
  }
}

}  // namespace outrigger
