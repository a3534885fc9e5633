#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>

namespace outrigger::scalar {

bool encode_fp32(std::span<const float> values, std::byte* out, const Rounding&) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (magnitude_bits(values[i]) >= kInfinityBits) return false;
    store_little_endian(values[i], out + 4 * i);
  }
  return true;
}

bool decode_fp32(const std::byte* in, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = load_little_endian<float>(in + 4 * i);
    if (magnitude_bits(values[i]) >= kInfinityBits) return false;
  }
  return true;
}

}  // namespace outrigger::scalar
