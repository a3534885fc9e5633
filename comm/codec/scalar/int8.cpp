#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger::scalar {

bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const float scale = int8_scale(std::bit_cast<float>(largest));
  store_little_endian(scale, out);
  auto* codes = reinterpret_cast<std::int8_t*>(out + sizeof scale);
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float noise = noise_unit(key, static_cast<std::uint32_t>(i));
    codes[i] = scale == 0.0F ? 0 : int8_code(values[i] / scale, rounding.stochastic, noise);
  }
  return true;
}

bool decode_int8(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) > float_bits(kInt8LargestScale)) return false;  // NaN and -0 are above, too
  const auto* codes = reinterpret_cast<const std::int8_t*>(in + sizeof scale);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (codes[i] == -128 || (scale == 0.0F && codes[i] != 0)) return false;
    values[i] = static_cast<float>(codes[i]) * scale;
  }
  return true;
}

}  // namespace outrigger::scalar
