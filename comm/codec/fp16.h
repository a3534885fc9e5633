#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger {

// `sync.codec: fp16`: IEEE 754 binary16, 1 sign bit, 5 exponent bits, 10 mantissa bits; 2 bytes
// each, little-endian. Steps are 2^-24 below 2^-14; the largest value is 65504.
//
//   nearest: ties to even
//   rounded stochastically: a magnitude between two neighbours becomes the upper one with the
//           probability that makes the mean the value; in the denormals, too
//
// |x - decoded| <= half a step: max(|x| * 2^-11, 2^-25). The sign of zero stays. Larger values are
// written as +-65504 and do not count as not finite: only NaN, written as 0, and Inf, written as
// +-65504, do. Decoding refuses NaN and Inf with Corruption.
class Fp16Codec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 256;
  std::string_view name() const override { return "fp16"; }
  std::uint32_t wire_id() const override { return 4; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override { return elements * 2; }
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// Magnitudes' bits: of the least fp32 value that is no fp16 denormal, and what is added to fp32's
// exponent, to come to fp16's; of the largest fp16.
inline constexpr std::int32_t kFp16NormalFrom = 0x38800000;
inline constexpr std::int32_t kFp16ExponentShift = 0x38000000;
inline constexpr std::int32_t kLargestFp16 = 0x7bff;

// Bits of the fp16 magnitude, by integers; a denormal is a count of steps of 2^-24.
constexpr std::int32_t nearest_fp16(std::int32_t magnitude) {
  if (magnitude < kFp16NormalFrom)
    return static_cast<std::int32_t>(std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F));
  const std::int32_t odd = magnitude >> 13 & 1;
  return (magnitude - kFp16ExponentShift + 0xfff + odd) >> 13;
}
constexpr std::int32_t random_fp16(std::int32_t magnitude, std::uint32_t noise) {
  if (magnitude < kFp16NormalFrom) {
    const float unit = static_cast<float>(noise) * 0x1p-24F;
    const float steps = std::bit_cast<float>(magnitude) * 0x1p24F;
    return static_cast<std::int32_t>(round_randomly(steps, unit));
  }
  return (magnitude - kFp16ExponentShift + static_cast<std::int32_t>(noise & 0x1fff)) >> 13;
}

// REQUIRES: value is finite.
constexpr std::uint16_t fp16_bits(float value, bool stochastic, std::uint32_t noise) {
  const std::int32_t magnitude = magnitude_bits(value);
  const std::int32_t rounded = stochastic ? random_fp16(magnitude, noise) : nearest_fp16(magnitude);
  const auto bits = static_cast<std::uint32_t>(smaller(rounded, kLargestFp16));
  return static_cast<std::uint16_t>((float_bits(value) >> 16 & 0x8000) | bits);
}
// REQUIRES: the bits are not those of NaN or Inf.
constexpr float from_fp16(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fff;
  const float value = magnitude < 0x400
                          ? static_cast<float>(magnitude) * 0x1p-24F
                          : std::bit_cast<float>((magnitude << 13) + kFp16ExponentShift);
  return half < 0x8000 ? value : -value;
}

}  // namespace outrigger
