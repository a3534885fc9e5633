#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace outrigger {

// The bits of an fp32 value, on which the codecs decide with integers: such loops vectorise. A
// magnitude is the bits without the sign; magnitudes order like the values' absolute values.
inline constexpr std::int32_t kInfinityBits = 0x7f800000;  // from here on: not finite

constexpr std::uint32_t float_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
constexpr std::int32_t magnitude_bits(float value) {
  return std::bit_cast<std::int32_t>(value) & 0x7fffffff;
}

// std::min takes references, to which code for a device cannot turn a named constant.
template <typename Number>
constexpr Number smaller(Number a, Number b) {
  return b < a ? b : a;
}

// The bits of the largest magnitude; kInfinityBits or more if a value is not finite.
inline std::int32_t largest_magnitude(std::span<const float> values) {
  std::int32_t largest = 0;
  for (const float value : values) largest = std::max(largest, magnitude_bits(value));
  return largest;
}

}  // namespace outrigger
