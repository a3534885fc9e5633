#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/int4.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/scale.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/nibbles-inl.h>
#include <outrigger/comm/codec/simd/quantize-inl.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = Int4Codec::kBlock;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using D8 = hn::Rebind<std::uint8_t, D>;

bool EncodeInt4(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values.data(), kBlock);
  if (largest >= kInfinityBits) return false;
  const float scale = symmetric_scale(std::bit_cast<float>(largest), 7);
  store_little_endian(scale, out);
  alignas(64) std::int8_t codes[kBlock] = {};
  if (scale != 0.0F) quantize<kBlock>(values.data(), scale, 7, rounding, codes);
  pack_nibbles<kBlock>(reinterpret_cast<const std::uint8_t*>(codes), out + sizeof scale);
  return true;
}

bool DecodeInt4(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) > float_bits(kInt4LargestScale)) return false;
  alignas(64) std::uint8_t codes[kBlock];
  unpack_nibbles<kBlock>(in + sizeof scale, codes);
  const D d;
  const Di di;
  const auto factor = hn::Set(d, scale);
  const auto sign = hn::Set(di, 8);
  auto lowest = hn::Zero(di), any = hn::Zero(di);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto nibble = hn::PromoteTo(di, hn::LoadU(D8(), codes + i));
    const auto code = hn::Sub(hn::Xor(nibble, sign), sign);
    lowest = hn::Min(lowest, code);
    any = hn::Or(any, code);
    hn::StoreU(hn::Mul(hn::ConvertTo(d, code), factor), d, values.data() + i);
  }
  const bool codes_fit = hn::AllTrue(di, hn::Gt(lowest, hn::Set(di, -8)));
  return codes_fit && (scale != 0.0F || hn::AllTrue(di, hn::Eq(any, hn::Zero(di))));
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeInt4);
HWY_EXPORT(DecodeInt4);

bool encode_int4(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < Int4Codec::kBlock) return scalar::encode_int4(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeInt4)(values, out, rounding);
}

bool decode_int4(const std::byte* in, std::span<float> values) {
  if (values.size() < Int4Codec::kBlock) return scalar::decode_int4(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeInt4)(in, values);
}

}  // namespace outrigger::simd
#endif
