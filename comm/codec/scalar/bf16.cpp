#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger::scalar {

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
