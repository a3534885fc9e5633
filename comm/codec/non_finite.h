#pragma once

#include <array>
#include <cassert>
#include <cmath>
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

// What stands in for the values of a block that has NaN or Inf (codec.h): 0, and a magnitude, the
// largest finite one unless another is given. `kBlock`: the most values.
template <std::size_t kBlock>
class FiniteStandIns {
 public:
  explicit FiniteStandIns(std::span<const float> values)
      : FiniteStandIns(values, largest_finite(values)) {}
  FiniteStandIns(std::span<const float> values, float infinity) : count_(values.size()) {
    assert(values.size() <= kBlock);
    for (std::size_t i = 0; i < count_; ++i) {
      const float value = values[i];
      values_[i] = std::isfinite(value) ? value
                   : std::isnan(value)  ? 0.0F
                                        : std::copysign(infinity, value);
    }
  }
  std::span<const float> values() const { return std::span(values_).first(count_); }

 private:
  std::array<float, kBlock> values_;
  std::size_t count_;
};

}  // namespace outrigger
