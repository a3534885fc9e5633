#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/float_bits.h>

namespace outrigger {

// `sync.codec: fp4-e3m0`: 1 sign bit, 3 exponent bits, no mantissa, as Streaming DiLoCo sends its
// pseudo-gradients (Douillard et al. 2025, arXiv 2501.18512, section 2.3; the code points and the
// scale are ours, the paper gives none). Blocks of 256 values, each an fp32 scale S and then 4 bits
// a value; the last block may be short. 0.5 + 1/64 bytes a value.
//
//   encode: S = max |x| over the block's finite values; q = |x| / S, one fp32 quotient; c is that
//           of the level nearest to q, the larger one from the exact middle on, where level 0 is 0
//           and levels c = 1 to 7 are 2^(c - 7): from 0.75 * 2^-k on it is 2^-k, from 2^-7 on 2^-6
//   decode: x = +-S * 2^(c - 7), one fp32 product; 0 for c = 0
//   rounded stochastically: q becomes the level above it with probability
//           (q - below) / (above - below), so the decoded value's mean is x but for the rounding of
//           q
//
// The nibble is c | sign << 3; value 2i is in the low half of byte i of the codes, value 2i + 1 in
// the high half; the half behind an odd number of values is 0.
//
// |x - decoded| <= max(|x| / 3, S / 128) + one ulp of x; S itself comes back exactly. Where S *
// 2^-6 is denormal the product is rounded, to nearest, and may become a zero with x's sign. Zeros
// of either sign have code 0 and decode as +0; a block of zeros has S = 0. NaN is written as 0 and
// +-Inf as +-S (0 where no value of the block is finite). Corruption: an S that is negative (-0
// too) or not finite; a negative zero (nibble 8); a code other than 0 under S = 0 or behind the
// last value.
class Fp4E3m0Codec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 256;
  std::string_view name() const override { return "fp4-e3m0"; }
  std::uint32_t wire_id() const override { return 6; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// The exponent field of 2^(c - 7) is 120 + c; q is in [0, 1].
constexpr unsigned nearest_e3m0(float q) {
  if (q < 0x1p-7F) return 0;
  // From 1.5 * 2^e on, half a mantissa more carries into the exponent.
  const std::int32_t exponent = (magnitude_bits(q) + 0x400000) >> 23;
  return static_cast<unsigned>(std::max(exponent - 120, 1));
}
constexpr unsigned random_e3m0(float q, std::uint32_t noise) {
  if (q < 0x1p-6F) return static_cast<float>(noise) * 0x1p-24F < q * 64 ? 1 : 0;
  // A random mantissa more carries with probability q / 2^e - 1.
  const auto exponent = (magnitude_bits(q) + static_cast<std::int32_t>(noise >> 1)) >> 23;
  return static_cast<unsigned>(exponent - 120);
}

// The 4 bits of a value under a scale other than 0, and back.
constexpr unsigned e3m0_nibble(float value, float scale, bool stochastic, std::uint32_t noise) {
  const float q = std::fabs(value) / scale;
  const unsigned code = stochastic ? random_e3m0(q, noise) : nearest_e3m0(q);
  return code == 0 ? 0 : code | (float_bits(value) >> 31 << 3);
}
constexpr float e3m0_value(unsigned nibble, float scale) {
  if (nibble == 0) return 0;
  const float level = std::bit_cast<float>((120 + (nibble & 7)) << 23);
  return scale * (nibble < 8 ? level : -level);
}

}  // namespace outrigger
