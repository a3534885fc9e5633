#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/scalar/packed.h>
#include <outrigger/comm/codec/scale.h>

#include <algorithm>

namespace outrigger::scalar {

bool encode_int4(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const float scale = symmetric_scale(std::bit_cast<float>(largest), 7);
  store_little_endian(scale, out);
  std::byte* codes = out + sizeof scale;
  std::fill_n(codes, packed_bytes(values.size(), 4), std::byte{0});
  if (scale == 0.0F) return true;
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float noise = noise_unit(key, static_cast<std::uint32_t>(i));
    put_code(codes, i, 4, int4_code(values[i] / scale, rounding.stochastic, noise));
  }
  return true;
}

bool decode_int4(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) > float_bits(kInt4LargestScale)) return false;  // NaN and -0 are above, too
  const std::byte* codes = in + sizeof scale;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int code = from_int4(code_at(codes, i, 4));
    if (code == -8 || (scale == 0.0F && code != 0)) return false;
    values[i] = static_cast<float>(code) * scale;
  }
  return rest_is_zero(codes, values.size(), 4);
}

}  // namespace outrigger::scalar
