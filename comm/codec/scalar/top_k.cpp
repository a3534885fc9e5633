#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/top_k.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>

namespace outrigger::scalar {

bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices) {
  assert(values.size() <= kTopKChunk && indices.size() <= values.size());
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  std::array<std::uint16_t, kTopKChunk> order;
  std::iota(order.begin(), order.begin() + values.size(), 0);
  const auto goes_first = [&](std::uint16_t a, std::uint16_t b) {
    const std::int32_t left = magnitude_bits(values[a]), right = magnitude_bits(values[b]);
    return left != right ? left > right : a < b;
  };
  const auto end = order.begin() + indices.size();
  std::nth_element(order.begin(), end, order.begin() + values.size(), goes_first);
  std::sort(order.begin(), end);
  std::copy(order.begin(), end, indices.begin());
  return true;
}

}  // namespace outrigger::scalar
