#include <outrigger/optim/sync/tensor_norms.h>

#include <algorithm>
#include <cmath>

#include <outrigger/comm/codec/stretch.h>
#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

// Eight partial sums, so that the compiler may use vectors in a fixed order.
double sum_of_squares(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  const std::size_t whole = values.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      sums[lane] += value * value;
    }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (const float value : values.subspan(whole)) total += double{value} * double{value};
  return total;
}

}  // namespace

TensorNorms::TensorNorms(const Borders& borders) : borders_(borders) {
  const std::size_t elements = borders.back();
  for (std::size_t begin = 0; begin < elements; begin += kStretch) {
    const std::size_t last = std::min(begin + kStretch, elements) - 1;
    const auto tensor = [&](std::size_t element) {
      return std::upper_bound(borders.begin(), borders.end(), element) - borders.begin() - 1;
    };
    const auto first = static_cast<std::size_t>(tensor(begin));
    stretches_.push_back({first, std::vector<double>(tensor(last) - first + 1, 0.0)});
  }
}

void TensorNorms::add(std::size_t offset, std::span<const float> values) {
  if (offset >= borders_.back()) return;
  Stretch& stretch = stretches_[offset / kStretch];
  values = values.first(std::min(values.size(), borders_.back() - offset));
  for_each_tensor(borders_, offset, values.size(),
                  [&](std::size_t tensor, std::size_t begin, std::size_t end) {
                    stretch.squares[tensor - stretch.first] +=
                        sum_of_squares(values.subspan(begin, end - begin));
                  });
}

std::vector<double> TensorNorms::norms() const {
  std::vector<double> all(borders_.size(), 0.0);
  for (const Stretch& stretch : stretches_)
    for (std::size_t k = 0; k < stretch.squares.size(); ++k)
      all[1 + stretch.first + k] += stretch.squares[k];
  for (std::size_t t = 1; t < all.size(); ++t) all[0] += all[t];
  for (double& norm : all) norm = std::sqrt(norm);
  return all;
}

}  // namespace outrigger
