#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/scalar/packed.h>

#include <algorithm>

namespace outrigger::scalar {

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
    put_code(codes, i, 4, e3m0_nibble(values[i], scale, rounding.stochastic, noise));
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
