#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>
#include <cfloat>

namespace outrigger {

bool Bf16Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= block_elements() && out.size() == encoded_bytes(values.size()));
  if (simd::encode_bf16(values, out.data(), rounding)) return true;
  // FLT_MAX rounds to the largest bf16.
  simd::encode_bf16(FiniteStandIns<256>(values, FLT_MAX).values(), out.data(), rounding);
  return false;
}

Status Bf16Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= block_elements() && in.size() == encoded_bytes(values.size()));
  if (simd::decode_bf16(in.data(), values)) return {};
  return {Code::kCorruption, "a bf16 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
