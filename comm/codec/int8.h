#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/scale.h>

namespace outrigger {

// `sync.codec: int8`: blocks of 256 values, each an fp32 scale and then one int8 a value; the last
// block may be short. 1 + 1/64 bytes a value.
//
//   encode: a = max |x| over the block's finite values; scale = a / 127; code = x / scale, rounded
//   to
//           nearest, ties to even, in [-127, 127]
//   decode: x = code * scale, one fp32 product
//   rounded stochastically: a quotient between n and n + 1 becomes n + 1 with probability
//           quotient - n, so the decoded value's mean is x but for the rounding of the quotient
//
// |x - decoded| <= scale / 2 + one ulp of the larger of |x| and |decoded|. That holds for denormals
// too: a scale below FLT_MIN is rounded up to the next fp32 value that reaches a, so it is never 0
// unless a is. At the other end the scale is at most kInt8LargestScale, so that 127 * scale stays
// finite. Zeros of either sign decode as +0; a block of zeros has scale 0 and codes 0. Threads must
// not flush denormals to zero. NaN is written as 0 and +-Inf as +-a (0 where no value of the block
// is finite). Corruption: a scale that is negative (-0 too), not finite or above the largest; a
// code of -128; a code other than 0 under a scale of 0.
class Int8Codec final : public Codec {
 public:
  std::string_view name() const override { return "int8"; }
  std::uint32_t wire_id() const override { return 3; }
  std::size_t block_elements() const override { return 256; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// The largest fp32 value whose product with 127 is finite.
inline constexpr float kInt8LargestScale = 0x810203p98F;

// The scale of a block whose largest magnitude is `largest`, finite.
constexpr float int8_scale(float largest) {
  return smaller(symmetric_scale(largest, 127), kInt8LargestScale);
}

// The code of a value over a scale other than 0. The quotient can pass 127 by one ulp, which only
// random rounding would notice.
constexpr std::int8_t int8_code(float quotient, bool stochastic, float noise) {
  return static_cast<std::int8_t>(stochastic
                                      ? round_randomly(std::clamp(quotient, -127.0F, 127.0F), noise)
                                      : std::nearbyint(quotient));
}

}  // namespace outrigger
