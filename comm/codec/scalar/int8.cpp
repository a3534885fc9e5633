#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace outrigger::scalar {
namespace {

// quotient is at most 127 in magnitude, and so is the nearest integer.
std::int8_t nearest_code(float quotient) {
  return static_cast<std::int8_t>(std::nearbyint(quotient));
}

std::int8_t random_code(float quotient, float noise) {
  const float below = std::floor(quotient);
  return static_cast<std::int8_t>(below + (noise < quotient - below ? 1.0F : 0.0F));
}

}  // namespace

bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  std::int32_t largest = 0;
  for (const float value : values) largest = std::max(largest, magnitude_bits(value));
  if (largest >= kInfinityBits) return false;
  const float scale = int8_scale(std::bit_cast<float>(largest));
  store_little_endian(scale, out);
  auto* codes = reinterpret_cast<std::int8_t*>(out + sizeof scale);
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (scale == 0.0F)
      codes[i] = 0;
    else if (rounding.stochastic)
      codes[i] = random_code(values[i] / scale, noise_unit(key, static_cast<std::uint32_t>(i)));
    else
      codes[i] = nearest_code(values[i] / scale);
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
