#pragma once

#include <algorithm>
#include <cstdint>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/float_bits.h>

namespace outrigger {

// `sync.codec: bf16`: the upper 16 bits of the fp32 value, rounded; 2 bytes each, little-endian.
//
//   nearest: ties to even
//   rounded stochastically: 16 random bits are added to the 16 that go, which carries into the
//           upper half with the right probability; in the denormals, too
//
// The sign of zero stays. Values that would round up to Inf are written as +-max (0x7f7f), and so
// is
// +-Inf; NaN is written as 0. Only NaN and Inf count as not finite. Decoding refuses NaN and Inf
// with Corruption.
class Bf16Codec final : public Codec {
 public:
  std::string_view name() const override { return "bf16"; }
  std::uint32_t wire_id() const override { return 2; }
  std::size_t block_elements() const override { return 256; }
  std::size_t encoded_bytes(std::size_t elements) const override { return elements * 2; }
  bool rounds_stochastically() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

inline constexpr std::int32_t kLargestBf16 = 0x7f7f;

// The nearest bf16's bits, ties to even, at most +-kLargestBf16 (for Inf as well).
// REQUIRES: value is not NaN.
constexpr std::uint16_t nearest_bf16(float value) {
  const std::int32_t magnitude = magnitude_bits(value);
  const std::int32_t nearest = (magnitude + 0x7fff + (magnitude >> 16 & 1)) >> 16;
  const auto bits = static_cast<std::uint32_t>(smaller(nearest, kLargestBf16));
  return static_cast<std::uint16_t>((float_bits(value) >> 16 & 0x8000) | bits);
}

// Rounded up with the probability of the 16 bits that go. REQUIRES: value is finite.
constexpr std::uint16_t random_bf16(float value, std::uint32_t noise) {
  const auto sum = magnitude_bits(value) + static_cast<std::int32_t>(noise & 0xffff);
  const auto bits = static_cast<std::uint32_t>(smaller(sum >> 16, kLargestBf16));
  return static_cast<std::uint16_t>((float_bits(value) >> 16 & 0x8000) | bits);
}

constexpr float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace outrigger
