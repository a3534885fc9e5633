#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/fp4_e3m0.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/nibbles-inl.h>
#include <outrigger/comm/codec/simd/noise-inl.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = Fp4E3m0Codec::kBlock;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using Du = hn::RebindToUnsigned<D>;
using D8 = hn::Rebind<std::uint8_t, D>;
using V = hn::Vec<D>;
using Vi = hn::Vec<Di>;

HWY_INLINE Vi exponent_above_120(Vi bits) {
  return hn::Sub(hn::ShiftRight<23>(bits), hn::Set(Di(), 120));
}

HWY_INLINE Vi nearest_code(V q) {
  const Di d;
  const auto code = exponent_above_120(hn::Add(hn::BitCast(d, q), hn::Set(d, 0x400000)));
  const auto coded = hn::RebindMask(d, hn::Ge(q, hn::Set(D(), 0x1p-7F)));
  return hn::IfThenElseZero(coded, hn::Max(code, hn::Set(d, 1)));
}

HWY_INLINE Vi random_code(V q, std::uint32_t key, std::size_t i) {
  const D df;
  const Di d;
  const auto noise = hn::BitCast(d, noise_bits(Du(), key, static_cast<std::uint32_t>(i)));
  const auto code = exponent_above_120(hn::Add(hn::BitCast(d, q), hn::ShiftRight<1>(noise)));
  const auto unit = hn::Mul(hn::ConvertTo(df, noise), hn::Set(df, 0x1p-24F));
  const auto up = hn::RebindMask(d, hn::Lt(unit, hn::Mul(q, hn::Set(df, 64.0F))));
  const auto lowest = hn::RebindMask(d, hn::Lt(q, hn::Set(df, 0x1p-6F)));
  return hn::IfThenElse(lowest, hn::IfThenElseZero(up, hn::Set(d, 1)), code);
}

// round(q, i): the codes of the quotients of values i, ...
template <class Round>
void write_nibbles(const float* values, float scale, std::byte* out, Round round) {
  const D df;
  const Di d;
  const auto divisor = hn::Set(df, scale);
  alignas(64) std::uint8_t codes[kBlock];
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(df)) {
    const auto value = hn::LoadU(df, values + i);
    const auto code = round(hn::Div(hn::Abs(value), divisor), i);
    const auto sign = hn::And(hn::ShiftRight<28>(hn::BitCast(d, value)), hn::Set(d, 8));
    const auto coded = hn::Gt(code, hn::Zero(d));
    hn::StoreU(hn::DemoteTo(D8(), hn::IfThenElseZero(coded, hn::Or(code, sign))), D8(), codes + i);
  }
  pack_nibbles<kBlock>(codes, out);
}

bool EncodeFp4E3m0(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values.data(), kBlock);
  if (largest >= kInfinityBits) return false;
  const auto scale = std::bit_cast<float>(largest);
  store_little_endian(scale, out);
  out += sizeof scale;
  if (scale == 0.0F) {
    std::memset(out, 0, kBlock / 2);
  } else if (rounding.stochastic) {
    const std::uint32_t key = noise_key(rounding);
    write_nibbles(values.data(), scale, out,
                  [key](auto q, std::size_t i) HWY_ATTR { return random_code(q, key, i); });
  } else {
    write_nibbles(values.data(), scale, out,
                  [](auto q, std::size_t) HWY_ATTR { return nearest_code(q); });
  }
  return true;
}

bool DecodeFp4E3m0(const std::byte* in, std::span<float> values) {
  const auto scale = load_little_endian<float>(in);
  if (float_bits(scale) >= 0x7f800000) return false;
  alignas(64) std::uint8_t codes[kBlock];
  unpack_nibbles<kBlock>(in + sizeof scale, codes);
  const D df;
  const Di d;
  const auto factor = hn::Set(df, scale);
  auto any = hn::Zero(d), negative_zeros = hn::Zero(d);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto nibble = hn::PromoteTo(d, hn::LoadU(D8(), codes + i));
    const auto code = hn::And(nibble, hn::Set(d, 7));
    const auto sign = hn::ShiftLeft<28>(hn::Sub(nibble, code));
    const auto coded = hn::Gt(code, hn::Zero(d));
    const auto level = hn::ShiftLeft<23>(hn::Add(code, hn::Set(d, 120)));
    const auto bits = hn::IfThenElseZero(coded, hn::Or(level, sign));
    any = hn::Or(any, nibble);
    negative_zeros = hn::Or(negative_zeros, hn::IfThenZeroElse(coded, nibble));
    hn::StoreU(hn::Mul(hn::BitCast(df, bits), factor), df, values.data() + i);
  }
  return hn::AllTrue(d, hn::Eq(negative_zeros, hn::Zero(d))) &&
         (scale != 0.0F || hn::AllTrue(d, hn::Eq(any, hn::Zero(d))));
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeFp4E3m0);
HWY_EXPORT(DecodeFp4E3m0);

bool encode_fp4_e3m0(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < Fp4E3m0Codec::kBlock) return scalar::encode_fp4_e3m0(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeFp4E3m0)(values, out, rounding);
}

bool decode_fp4_e3m0(const std::byte* in, std::span<float> values) {
  if (values.size() < Fp4E3m0Codec::kBlock) return scalar::decode_fp4_e3m0(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeFp4E3m0)(in, values);
}

}  // namespace outrigger::simd
#endif
