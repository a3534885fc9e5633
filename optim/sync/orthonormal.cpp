#include <outrigger/optim/sync/orthonormal.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace outrigger {
namespace {

void take_out(std::span<float> column, std::span<const float> direction) {
  const double along = ordered_dot(column, direction);
  for (std::size_t i = 0; i < column.size(); ++i)
    column[i] = static_cast<float>(double{column[i]} - along * double{direction[i]});
}

}  // namespace

double ordered_dot(std::span<const float> a, std::span<const float> b) {
  assert(a.size() == b.size());
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums = {};
  const std::size_t whole = a.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += double{a[i + lane]} * double{b[i + lane]};
  for (std::size_t i = whole; i < a.size(); ++i) sums[i - whole] += double{a[i]} * double{b[i]};
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

double normalise(std::span<float> column) {
  const double length = std::sqrt(ordered_dot(column, column));
  if (length == 0) return 0;
  for (float& value : column) value = static_cast<float>(double{value} / length);
  return length;
}

void orthonormalise(std::span<float> columns, std::size_t rows) {
  for (std::size_t begin = 0; begin < columns.size(); begin += rows) {
    const std::span<float> column = columns.subspan(begin, rows);
    normalise(column);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t earlier = 0; earlier < begin; earlier += rows)
        take_out(column, columns.subspan(earlier, rows));
      if (normalise(column) <= kDependent) std::ranges::fill(column, 0.0F);
    }
  }
}

}  // namespace outrigger
