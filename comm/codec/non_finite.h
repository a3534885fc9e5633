#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <span>

#include <outrigger/comm/codec/float_bits.h>

namespace outrigger {

// The largest finite magnitude of the values; 0 if none is finite.
inline float largest_finite(std::span<const float> values) {
  std::int32_t largest = 0;
  for (const float value : values)
    if (const std::int32_t magnitude = magnitude_bits(value); magnitude < kInfinityBits)
      largest = std::max(largest, magnitude);
  return std::bit_cast<float>(largest);
}

// What stands in for NaN, 0, and for Inf, `infinity` with its sign.
constexpr float finite_stand_in(float value, float infinity) {
  const std::int32_t magnitude = magnitude_bits(value);
  if (magnitude < kInfinityBits) return value;
  if (magnitude > kInfinityBits) return 0.0F;
  return value < 0 ? -infinity : infinity;
}

// What stands in for the values of a block that has NaN or Inf (codec.h): 0, and a magnitude, the
// largest finite one unless another is given. `kBlock`: the most values.
template <std::size_t kBlock>
class FiniteStandIns {
 public:
  explicit FiniteStandIns(std::span<const float> values)
      : FiniteStandIns(values, largest_finite(values)) {}
  FiniteStandIns(std::span<const float> values, float infinity) : count_(values.size()) {
    assert(values.size() <= kBlock);
    for (std::size_t i = 0; i < count_; ++i) values_[i] = finite_stand_in(values[i], infinity);
  }
  std::span<const float> values() const { return std::span(values_).first(count_); }

 private:
  std::array<float, kBlock> values_;
  std::size_t count_;
};

}  // namespace outrigger
