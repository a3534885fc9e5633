#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/scalar/packed.h>

#include <algorithm>

namespace outrigger::scalar {
namespace {

// The exponent field of 2^(c - 7) is 120 + c; q is in [0, 1].

unsigned nearest_e3m0(float q) {
  if (q < 0x1p-7F) return 0;
  // From 1.5 * 2^e on, half a mantissa more carries into the exponent.
  const std::int32_t exponent = (magnitude_bits(q) + 0x400000) >> 23;
  return static_cast<unsigned>(std::max(exponent - 120, 1));
}

unsigned random_e3m0(float q, std::uint32_t noise) {
  if (q < 0x1p-6F) return static_cast<float>(noise) * 0x1p-24F < q * 64 ? 1 : 0;
  // A random mantissa more carries with probability q / 2^e - 1.
  const auto exponent = (magnitude_bits(q) + static_cast<std::int32_t>(noise >> 1)) >> 23;
  return static_cast<unsigned>(exponent - 120);
}

unsigned e3m0_nibble(float value, float scale, const Rounding& rounding, std::uint32_t noise) {
  const float q = std::fabs(value) / scale;
  const unsigned code = rounding.stochastic ? random_e3m0(q, noise) : nearest_e3m0(q);
  return code == 0 ? 0 : code | (float_bits(value) >> 31 << 3);
}

float e3m0_value(unsigned nibble, float scale) {
  if (nibble == 0) return 0;
  const float level = std::bit_cast<float>((120 + (nibble & 7)) << 23);
  return scale * (nibble < 8 ? level : -level);
}

}  // namespace

bool encode_fp4_e3m0(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const float scale = std::bit_cast<float>(largest);
  store_little_endian(scale, out);
  std::byte* codes = out + sizeof scale;
  std::fill_n(codes, packed_bytes(values.size(), 4), std::byte{0});
  if (scale == 0.0F) return true;
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t noise = noise_bits(key, static_cast<std::uint32_t>(i));
    put_code(codes, i, 4, e3m0_nibble(values[i], scale, rounding, noise));
  }
  return true;
}

bool decode_fp4_e3m0(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) >= 0x7f800000) return false;  // -0 is above, too
  const std::byte* codes = in + sizeof scale;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const unsigned nibble = code_at(codes, i, 4);
    if (nibble == 8 || (scale == 0.0F && nibble != 0)) return false;
    values[i] = e3m0_value(nibble, scale);
  }
  return rest_is_zero(codes, values.size(), 4);
}

}  // namespace outrigger::scalar
