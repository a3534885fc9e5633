#include <outrigger/comm/codec/fp32.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>
#include <cfloat>

namespace outrigger {

bool Fp32Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(out.size() == encoded_bytes(values.size()));
  if (simd::encode_fp32(values, out.data(), rounding)) return true;
  for (std::size_t i = 0; i < values.size(); ++i)
    store_little_endian(finite_stand_in(values[i], FLT_MAX), out.data() + 4 * i);
  return false;
}

Status Fp32Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(in.size() == encoded_bytes(values.size()));
  if (simd::decode_fp32(in.data(), values)) return {};
  return {Code::kCorruption, "an fp32 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
