#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/int8.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/quantize-inl.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = 256;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using D8 = hn::Rebind<std::int8_t, D>;

bool EncodeInt8(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values.data(), kBlock);
  if (largest >= kInfinityBits) return false;
  const float scale = int8_scale(std::bit_cast<float>(largest));
  store_little_endian(scale, out);
  out += sizeof scale;
  if (scale == 0.0F) {
    std::memset(out, 0, kBlock);
  } else {
    quantize<kBlock>(values.data(), scale, 127, rounding, reinterpret_cast<std::int8_t*>(out));
  }
  return true;
}

bool DecodeInt8(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) > float_bits(kInt8LargestScale)) return false;
  const auto* codes = reinterpret_cast<const std::int8_t*>(in + sizeof scale);
  const D d;
  const D8 d8;
  const auto factor = hn::Set(d, scale);
  auto lowest = hn::Zero(d8), highest = hn::Zero(d8);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto code = hn::LoadU(d8, codes + i);
    lowest = hn::Min(lowest, code);
    highest = hn::Max(highest, code);
    hn::StoreU(hn::Mul(hn::ConvertTo(d, hn::PromoteTo(Di(), code)), factor), d, values.data() + i);
  }
  const bool zeros = hn::AllTrue(d8, hn::Eq(lowest, highest));  // both are 0 then
  return hn::AllTrue(d8, hn::Ne(lowest, hn::Set(d8, -128))) && (zeros || scale != 0.0F);
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeInt8);
HWY_EXPORT(DecodeInt8);

bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < 256) return scalar::encode_int8(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeInt8)(values, out, rounding);
}

bool decode_int8(const std::byte* in, std::span<float> values) {
  if (values.size() < 256) return scalar::decode_int8(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeInt8)(in, values);
}

}  // namespace outrigger::simd
#endif
