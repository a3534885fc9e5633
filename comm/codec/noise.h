#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>

namespace outrigger {

// Here and in the codecs' headers: what is constexpr is also compiled for devices (cuda/), so that
// one formula says what the bits are.

// The random numbers of stochastic rounding: a key for the block, from it 24 bits for each value.

// SplitMix64's finaliser (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// OOPSLA 2014), twice.
constexpr std::uint32_t noise_key(const Rounding& rounding) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  };
  return static_cast<std::uint32_t>(mix(rounding.seed + mix(rounding.position + 1)));
}

// Uniform in [0, 2^24), for value `index` of the block: a 32-bit integer hash with two
// multiplications (Wellons, "Prospecting for hash functions": lowbias32).
constexpr std::uint32_t noise_bits(std::uint32_t key, std::uint32_t index) {
  std::uint32_t h = key + index * 0x9e3779b9U;
  h = (h ^ (h >> 16)) * 0x7feb352dU;
  h = (h ^ (h >> 15)) * 0x846ca68bU;
  return (h ^ (h >> 16)) >> 8;
}

// The same as a value in [0, 1).
constexpr float noise_unit(std::uint32_t key, std::uint32_t index) {
  return static_cast<float>(noise_bits(key, index)) * 0x1p-24F;
}

// The integer below `value` or the one above, the latter with probability value - floor(value).
constexpr float round_randomly(float value, float noise) {
  const float below = std::floor(value);
  return below + (noise < value - below ? 1.0F : 0.0F);
}

}  // namespace outrigger
