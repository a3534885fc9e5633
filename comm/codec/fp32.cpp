#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/fp32.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>
#include <cfloat>
#include <cstring>

namespace outrigger {

bool Fp32Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding&) const {
  assert(out.size() == encoded_bytes(values.size()));
  if (values.empty()) return true;
  if (largest_magnitude(values) < kInfinityBits) {
    std::memcpy(out.data(), values.data(), out.size());
    return true;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    store_little_endian(finite_stand_in(values[i], FLT_MAX), out.data() + 4 * i);
  return false;
}

Status Fp32Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(in.size() == encoded_bytes(values.size()));
  if (values.empty()) return {};
  std::memcpy(values.data(), in.data(), in.size());
  if (largest_magnitude(values) < kInfinityBits) return {};
  return {Code::kCorruption, "an fp32 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
