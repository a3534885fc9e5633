#pragma once

#include <bit>
#include <cstdint>

namespace outrigger {

// The bits of an fp32 value, on which the codecs decide with integers: such loops vectorise.
inline constexpr std::uint32_t kMagnitudeBits = 0x7fffffff;
inline constexpr std::uint32_t kInfinityBits =
    0x7f800000;                                            // magnitudes from here on are not finite
inline constexpr std::uint32_t kLargestBits = 0x7f7fffff;  // the largest finite value

inline std::uint32_t float_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline std::uint32_t magnitude_bits(float value) {
  return float_bits(value) & kMagnitudeBits;
}

}  // namespace outrigger
