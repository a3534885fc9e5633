#pragma once

#include <bit>
#include <cstdint>

namespace outrigger {

// The bits of an fp32 value, on which the codecs decide with integers: such loops vectorise. A
// magnitude is the bits without the sign; magnitudes order like the values' absolute values.
inline constexpr std::int32_t kInfinityBits = 0x7f800000;  // from here on: not finite

inline std::uint32_t float_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline std::int32_t magnitude_bits(float value) {
  return std::bit_cast<std::int32_t>(value) & 0x7fffffff;
}

}  // namespace outrigger
