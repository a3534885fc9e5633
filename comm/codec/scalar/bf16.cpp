#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger::scalar {
namespace {

std::uint16_t random_bf16(float value, std::uint32_t noise) {
  const auto sum = magnitude_bits(value) + static_cast<std::int32_t>(noise & 0xffff);
  const auto bits = static_cast<std::uint32_t>(std::min(sum >> 16, kLargestBf16));
  return static_cast<std::uint16_t>((float_bits(value) >> 16 & 0x8000) | bits);
}

}  // namespace

bool encode_bf16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (magnitude_bits(values[i]) >= kInfinityBits) return false;
    const std::uint32_t noise = noise_bits(key, static_cast<std::uint32_t>(i));
    const std::uint16_t code =
        rounding.stochastic ? random_bf16(values[i], noise) : nearest_bf16(values[i]);
    store_little_endian(code, out + 2 * i);
  }
  return true;
}

bool decode_bf16(const std::byte* in, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = from_bf16(load_little_endian<std::uint16_t>(in + 2 * i));
    if (magnitude_bits(values[i]) >= kInfinityBits) return false;
  }
  return true;
}

}  // namespace outrigger::scalar
