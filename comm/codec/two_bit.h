#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/little_endian.h>

namespace outrigger {

// `sync.codec: 2-bit`: blocks of 1024 values, each four bf16 levels and then 2 bits a value, by the
// block's statistics, as SparseLoCo codes what it sends (Sarfi et al. 2025, arXiv 2508.15706,
// section 3; there one codebook serves a tensor). The last block may be short. 0.25 + 1/128 bytes
// a value.
//
//   encode: mu = mean of the block; sd = sqrt(sum of (x - mu)^2 / (n - 1)), 0 for n = 1;
//           width = 6 sd / 4; bins begin at mu - 1.5 width, mu - 0.5 width and mu + 0.5 width:
//           round((x - mu) / width + 2) clamped to 0..3, where a value on a border belongs to the
//           bin above (so that sd = 0 needs no rule of its own)
//           level = mean of the values in the bin, rounded to bf16 (nearest, ties to even, at most
//           the largest); +0 for an empty bin
//   decode: the level of the value's bin
//
// The order of additions is fixed (sums.h). The code of value 4i is in the low 2 bits of byte i;
// the bits behind the last value are 0. No stochastic rounding.
//
// A decoded value lies between the least and the largest value of its bin, but for the rounding to
// bf16 and 2^-17 of the block's largest magnitude; the sum of squared errors is so no more than
// that of replacing all by mu. A block of zeros of either sign decodes to +0; a zero among other
// values is a value like all others. NaN is taken as 0 and +-Inf as +- the block's largest finite
// magnitude (0 where no value is finite). Corruption: a level that is not finite; bits behind the
// last value.
class TwoBitCodec final : public Codec {
 public:
  static constexpr std::size_t kBlock = 1024;
  std::string_view name() const override { return "2-bit"; }
  std::uint32_t wire_id() const override { return 7; }
  std::size_t block_elements() const override { return kBlock; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  bool reads_ahead() const override { return true; }
  bool encode_block_ahead(std::span<const float> values, std::span<std::byte> out,
                          const Rounding& rounding, const ReadAhead& ahead) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

// What the kernels share.
inline constexpr std::size_t kTwoBitLevelBytes = 8;

// Where bins 1, 2 and 3 begin; `squares` is the sum of (x - mean)^2.
constexpr std::array<float, 3> two_bit_borders(float mean, float squares, std::size_t count) {
  if (count < 2) return {mean, mean, mean};
  const float deviation = std::sqrt(squares / static_cast<float>(count - 1));
  const float width = 1.5F * deviation;
  return {mean - 1.5F * width, mean - 0.5F * width, mean + 0.5F * width};
}

constexpr unsigned two_bit_code(float value, const std::array<float, 3>& borders) {
  unsigned code = 0;
  for (const float border : borders) code += value >= border;
  return code;
}

// What is written as the level of `count` values with that sum, which is of the values times
// `1 / from`.
constexpr std::uint16_t two_bit_level(float sum, std::uint32_t count, float from) {
  const float mean = count == 0 ? 0.0F : sum / static_cast<float>(count);
  return nearest_bf16(mean * from);
}

// Writes and reads the four levels. read: false if one is not finite.
void write_two_bit_levels(const std::array<float, 4>& sums,
                          const std::array<std::uint32_t, 4>& counts, float from, std::byte* out);
constexpr bool read_two_bit_levels(const std::byte* in, std::array<float, 4>& levels) {
  std::int32_t largest = 0;
  for (std::size_t q = 0; q < 4; ++q) {
    levels[q] = from_bf16(load_little_endian<std::uint16_t>(in + 2 * q));
    largest = std::max(largest, magnitude_bits(levels[q]));
  }
  return largest < kInfinityBits;
}

}  // namespace outrigger
