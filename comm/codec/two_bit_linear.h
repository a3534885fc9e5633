#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger {

// `sync.codec: 2-bit-linear`: blocks of 256 values, each two fp32 (the lowest and the highest
// value, l and h) and then 2 bits a value; the last block may be short. 0.25 + 1/32 bytes a value.
//
//   encode: code = (x - l) / step, rounded to nearest, ties to even; step = (h - l) / 3
//   decode: x = l + code * step, in fp64 and then rounded to fp32; h itself for code 3
//   rounded stochastically: as int8
//
// Quotients are taken of the values times a power of two (sums.h), so that neither h - l overflows
// nor a denormal step loses bits. The code of value 4i is in the low 2 bits of byte i; the bits
// behind the last value are 0.
//
// |x - decoded| <= step * (1/2 + 2^-21) + one ulp of the larger of |l| and |h|; by rounding to
// nearest l and h come back exactly. An l or h of -0 is written as +0, and a block of zeros of
// either sign decodes to +0. NaN is taken as 0 and +-Inf as +- the block's largest finite magnitude
// (0 where no value is finite). Corruption: an l or h that is not finite or is -0; h below l; a
// code other than 0 where l = h; bits behind the last value.
class TwoBitLinearCodec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 256;
  std::string_view name() const override { return "2-bit-linear"; }
  std::uint32_t wire_id() const override { return 8; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// What the kernels share: l and h, in that order, and the levels between them.
inline constexpr std::size_t kLinearEndBytes = 8;

constexpr double linear_step(float lowest, float highest) {
  return (double{highest} - double{lowest}) / 3;
}

// The code of (value - lowest) / step, all of them times a power of two. The quotient can pass 3 by
// an ulp.
constexpr unsigned linear_code(float value, float lowest, float step, bool stochastic,
                               float noise) {
  const float inside = std::min((value - lowest) / step, 3.0F);
  return static_cast<unsigned>(stochastic ? round_randomly(inside, noise) : std::nearbyint(inside));
}

// Whether an encoder writes such ends, and the levels between them.
constexpr bool are_linear_ends(float lowest, float highest) {
  const bool finite = std::max(magnitude_bits(lowest), magnitude_bits(highest)) < kInfinityBits;
  const bool signed_zero = float_bits(lowest) == 0x80000000 || float_bits(highest) == 0x80000000;
  return finite && !signed_zero && highest >= lowest;
}
constexpr std::array<float, 4> linear_levels(float lowest, float highest) {
  const double step = linear_step(lowest, highest);
  return {lowest, static_cast<float>(lowest + step), static_cast<float>(lowest + 2 * step),
          highest};
}

// Reads the ends of a block with that many bytes of codes; false if no encoder writes it.
bool read_linear_levels(const std::byte* in, std::size_t code_bytes, std::array<float, 4>& levels);

}  // namespace outrigger
