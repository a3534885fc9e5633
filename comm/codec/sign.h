#pragma once

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/sums.h>

namespace outrigger {

// `sync.codec: sign`: blocks of 1024 values, each an fp32 scale and then 1 bit a value: scaled
// signs, for use with error feedback (Karimireddy et al. 2019, "Error Feedback Fixes SignSGD and
// other Gradient Compression Schemes", arXiv 1901.09847, section 4: sign(x) |x|_1 / d). The last
// block may be short. 1/8 + 1/256 bytes a value.
//
//   encode: scale = mean |x|, the order of additions fixed (sums.h); bit 1 if x < 0
//   decode: scale, or -scale for bit 1
//
// The bit of value 8i is the lowest of byte i; the bits behind the last value are 0. No stochastic
// rounding. The scale is at most the largest magnitude a, so |x - decoded| <= a, and the sum of
// squared errors is that of squares less n scale^2, but for the rounding of the scale by 2^-17.
// Zeros of either sign are positive; where the scale is 0 (a block of zeros, or so few denormals
// that the mean vanishes) all bits are 0 and all values decode to +0. NaN is taken as 0 and +-Inf
// as +-a (0 where no value is finite). Corruption: a scale that is negative (-0 too) or not finite;
// a bit of 1 under a scale of 0 or behind the last value.
class SignCodec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 1024;
  std::string_view name() const override { return "sign"; }
  std::uint32_t wire_id() const override { return 9; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// What the kernels share. The scale of a block from the sum of |x| * unit.to; and reading it: false
// if no encoder writes such a block with that many bytes of signs.
constexpr float sign_scale(float sum, std::size_t count, float largest, const Unit& unit) {
  return std::min(sum / static_cast<float>(count), largest * unit.to) * unit.from;
}
constexpr bool is_sign_scale(float scale) {
  return float_bits(scale) < 0x7f800000;  // -0 is above, too
}
bool read_sign_scale(const std::byte* in, std::size_t sign_bytes, float& scale);

}  // namespace outrigger
