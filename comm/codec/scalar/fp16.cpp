#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>

namespace outrigger::scalar {

bool encode_fp16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (magnitude_bits(values[i]) >= kInfinityBits) return false;
    const std::uint32_t noise = noise_bits(key, static_cast<std::uint32_t>(i));
    store_little_endian(fp16_bits(values[i], rounding.stochastic, noise), out + 2 * i);
  }
  return true;
}

bool decode_fp16(const std::byte* in, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto half = load_little_endian<std::uint16_t>(in + 2 * i);
    if ((half & 0x7fff) > kLargestFp16) return false;
    values[i] = from_fp16(half);
  }
  return true;
}

}  // namespace outrigger::scalar
