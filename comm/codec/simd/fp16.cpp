#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/fp16.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/simd/noise-inl.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = Fp16Codec::kBlock;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using Du = hn::RebindToUnsigned<D>;
using D16 = hn::Rebind<std::uint16_t, D>;

// Normal: adds to the magnitude before the low bits go. Denormal: rounds steps of 2^-24.
struct Nearest {
  HWY_INLINE hn::Vec<Di> normal(hn::Vec<Di> magnitude, std::size_t) const {
    const Di d;
    return hn::Add(hn::Set(d, 0xfff), hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 1)));
  }
  HWY_INLINE hn::Vec<Di> denormal(hn::Vec<D> steps, std::size_t) const {
    return hn::NearestInt(steps);
  }
};

struct Random {
  std::uint32_t key;
  HWY_INLINE hn::Vec<Di> normal(hn::Vec<Di>, std::size_t i) const {
    const auto noise = noise_bits(Du(), key, static_cast<std::uint32_t>(i));
    return hn::And(hn::BitCast(Di(), noise), hn::Set(Di(), 0x1fff));
  }
  HWY_INLINE hn::Vec<Di> denormal(hn::Vec<D> steps, std::size_t i) const {
    const auto noise = noise_unit(D(), key, static_cast<std::uint32_t>(i));
    return hn::ConvertTo(Di(), round_randomly(D(), steps, noise));
  }
};

template <class Round>
bool write_halves(const float* values, std::byte* out, Round round) {
  const D df;
  const Di d;
  auto* halves = reinterpret_cast<std::uint16_t*>(out);
  auto seen = hn::Zero(d);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto bits = hn::BitCast(d, hn::LoadU(df, values + i));
    const auto magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
    seen = hn::Max(seen, magnitude);
    const auto shifted = hn::Sub(magnitude, hn::Set(d, kFp16ExponentShift));
    const auto normal = hn::ShiftRight<13>(hn::Add(shifted, round.normal(magnitude, i)));
    const auto steps = hn::Mul(hn::BitCast(df, magnitude), hn::Set(df, 0x1p24F));
    const auto is_denormal = hn::Lt(magnitude, hn::Set(d, kFp16NormalFrom));
    const auto rounded = hn::IfThenElse(is_denormal, round.denormal(steps, i), normal);
    const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 0x8000));
    const auto half = hn::Or(sign, hn::Min(rounded, hn::Set(d, kLargestFp16)));
    hn::StoreU(hn::DemoteTo(D16(), half), D16(), halves + i);
  }
  return hn::AllTrue(d, hn::Lt(seen, hn::Set(d, kInfinityBits)));
}

bool EncodeFp16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (rounding.stochastic) return write_halves(values.data(), out, Random{noise_key(rounding)});
  return write_halves(values.data(), out, Nearest{});
}

bool DecodeFp16(const std::byte* in, std::span<float> values) {
  const D df;
  const Di d;
  const auto* halves = reinterpret_cast<const std::uint16_t*>(in);
  auto seen = hn::Zero(d);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto half = hn::PromoteTo(d, hn::LoadU(D16(), halves + i));
    const auto magnitude = hn::And(half, hn::Set(d, 0x7fff));
    seen = hn::Max(seen, magnitude);
    const auto normal = hn::Add(hn::ShiftLeft<13>(magnitude), hn::Set(d, kFp16ExponentShift));
    const auto denormal = hn::Mul(hn::ConvertTo(df, magnitude), hn::Set(df, 0x1p-24F));
    const auto is_denormal = hn::Lt(magnitude, hn::Set(d, 0x400));
    const auto value = hn::IfThenElse(is_denormal, hn::BitCast(d, denormal), normal);
    const auto sign = hn::ShiftLeft<16>(hn::Sub(half, magnitude));
    hn::StoreU(hn::BitCast(df, hn::Or(value, sign)), df, values.data() + i);
  }
  return hn::AllTrue(d, hn::Lt(seen, hn::Set(d, kLargestFp16 + 1)));
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeFp16);
HWY_EXPORT(DecodeFp16);

bool encode_fp16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < Fp16Codec::kBlock) return scalar::encode_fp16(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeFp16)(values, out, rounding);
}

bool decode_fp16(const std::byte* in, std::span<float> values) {
  if (values.size() < Fp16Codec::kBlock) return scalar::decode_fp16(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeFp16)(in, values);
}

}  // namespace outrigger::simd
#endif
