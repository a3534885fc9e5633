#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger::scalar {
namespace {

// Bits of the fp16 magnitude, by integers; a denormal is a count of steps of 2^-24.

std::int32_t nearest_fp16(std::int32_t magnitude) {
  if (magnitude < kFp16NormalFrom)
    return static_cast<std::int32_t>(std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F));
  const std::int32_t odd = magnitude >> 13 & 1;
  return (magnitude - kFp16ExponentShift + 0xfff + odd) >> 13;
}

std::int32_t random_fp16(std::int32_t magnitude, std::uint32_t noise) {
  if (magnitude < kFp16NormalFrom) {
    const float unit = static_cast<float>(noise) * 0x1p-24F;
    const float steps = std::bit_cast<float>(magnitude) * 0x1p24F;
    return static_cast<std::int32_t>(round_randomly(steps, unit));
  }
  return (magnitude - kFp16ExponentShift + static_cast<std::int32_t>(noise & 0x1fff)) >> 13;
}

}  // namespace

bool encode_fp16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int32_t magnitude = magnitude_bits(values[i]);
    if (magnitude >= kInfinityBits) return false;
    const std::uint32_t noise = noise_bits(key, static_cast<std::uint32_t>(i));
    const std::int32_t rounded =
        rounding.stochastic ? random_fp16(magnitude, noise) : nearest_fp16(magnitude);
    const auto bits = static_cast<std::uint32_t>(std::min(rounded, kLargestFp16));
    const std::uint32_t sign = float_bits(values[i]) >> 16 & 0x8000;
    store_little_endian(static_cast<std::uint16_t>(sign | bits), out + 2 * i);
  }
  return true;
}

bool decode_fp16(const std::byte* in, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t half = load_little_endian<std::uint16_t>(in + 2 * i);
    const std::uint32_t magnitude = half & 0x7fff;
    if (magnitude > static_cast<std::uint32_t>(kLargestFp16)) return false;
    const float value = magnitude < 0x400
                            ? static_cast<float>(magnitude) * 0x1p-24F
                            : std::bit_cast<float>((magnitude << 13) + kFp16ExponentShift);
    values[i] = half < 0x8000 ? value : -value;
  }
  return true;
}

}  // namespace outrigger::scalar
