#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>
#include <cfloat>

namespace outrigger {

bool Fp16Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (simd::encode_fp16(values, out.data(), rounding)) return true;
  // FLT_MAX is written as the largest fp16.
  simd::encode_fp16(FiniteStandIns<kBlock>(values, FLT_MAX).values(), out.data(), rounding);
  return false;
}

Status Fp16Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (simd::decode_fp16(in.data(), values)) return {};
  return {Code::kCorruption, "an fp16 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
