#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <outrigger/comm/codec/float_bits.h>

namespace outrigger {

// Sums over a block in fp32 whose bits no vector width changes: value i is added to partial i % 16,
// in order, and the partials are added as a tree. Of 1024 values a partial has 64, so the sum is
// within 68 * 2^-24 of the sum of magnitudes: far below what rounding to bf16 takes.
inline constexpr std::size_t kPartials = 16;
using Partials = std::array<float, kPartials>;

// Adds the upper half to the lower, and so on; lengths that the compiler knows become vectors.
template <std::size_t half>
constexpr float fold(Partials& partials) {
  for (std::size_t i = 0; i < half; ++i) partials[i] += partials[i + half];
  if constexpr (half > 1) return fold<half / 2>(partials);
  return partials[0];
}

constexpr float total(Partials partials) {
  return fold<kPartials / 2>(partials);
}

// A power of two that brings a block to magnitudes of which neither the sum nor the sum of squares
// leaves fp32's range, and its inverse: `largest` goes to [2^-23, 4).
struct Unit {
  float to;
  float from;
};

constexpr Unit unit_of(std::int32_t largest_magnitude_bits) {
  const std::int32_t exponent = std::clamp(254 - (largest_magnitude_bits >> 23), 1, 253);
  return {std::bit_cast<float>(exponent << 23), std::bit_cast<float>((254 - exponent) << 23)};
}

}  // namespace outrigger
