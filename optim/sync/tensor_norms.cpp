#include <outrigger/optim/sync/tensor_norms.h>

#include <algorithm>
#include <cmath>

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

void TensorNorms::add(std::size_t offset, std::span<const float> values) {
  while (!values.empty() && tensor_ < squares_.size()) {
    const std::size_t left = borders_[tensor_ + 1] - offset;
    const std::span<const float> piece = values.first(std::min(left, values.size()));
    squares_[tensor_] += sum_of_squares(piece);
    offset += piece.size();
    values = values.subspan(piece.size());
    if (offset == borders_[tensor_ + 1]) ++tensor_;
  }
}

std::vector<double> TensorNorms::norms() const {
  std::vector<double> all = {0};
  for (const double square : squares_) all[0] += square;
  all[0] = std::sqrt(all[0]);
  for (const double square : squares_) all.push_back(std::sqrt(square));
  return all;
}

}  // namespace outrigger
