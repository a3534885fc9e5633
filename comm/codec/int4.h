#pragma once

#include <algorithm>
#include <cmath>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger {

// `sync.codec: int4`: blocks of 256 values, each an fp32 scale and then 4 bits a value; the last
// block may be short. 0.5 + 1/64 bytes a value.
//
//   encode: a = max |x| over the block's finite values; scale = a / 7; code = x / scale, rounded to
//           nearest, ties to even, in [-7, 7]
//   decode: x = code * scale, one fp32 product
//   rounded stochastically: as int8
//
// Value 2i is in the low half of byte i of the codes, value 2i + 1 in the high half, in two's
// complement; the half behind an odd number of values is 0.
//
// |x - decoded| <= scale / 2 + one ulp of the larger of |x| and |decoded|, for denormals too: a
// scale below FLT_MIN is rounded up to the next fp32 value that reaches a, so it is never 0 unless
// a is. Zeros of either sign decode as +0; a block of zeros has scale 0 and codes 0. NaN is written
// as 0 and +-Inf as +-a (0 where no value of the block is finite). Corruption: a scale that is
// negative
// (-0 too), not finite or above kInt4LargestScale; a code of -8; a code other than 0 under a scale
// of 0 or behind the last value.
class Int4Codec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 256;
  std::string_view name() const override { return "int4"; }
  std::uint32_t wire_id() const override { return 5; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// FLT_MAX / 7, exactly: the largest scale that an encoder writes; its product with 7 is finite.
inline constexpr float kInt4LargestScale = 0x249249p104F;

// The 4 bits of a value over a scale other than 0. The quotient can pass 7 by one ulp, which only
// random rounding would notice.
constexpr unsigned int4_code(float quotient, bool stochastic, float noise) {
  const float code = stochastic ? round_randomly(std::clamp(quotient, -7.0F, 7.0F), noise)
                                : std::nearbyint(quotient);
  return static_cast<unsigned>(static_cast<int>(code)) & 15;
}
// The number of 4 bits, -8 to 7.
constexpr int from_int4(unsigned code) {
  return static_cast<int>(code ^ 8) - 8;
}

}  // namespace outrigger
