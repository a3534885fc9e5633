// noise.h with vectors. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_NOISE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_NOISE_INL_H
#undef OUTRIGGER_CODEC_SIMD_NOISE_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_NOISE_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// noise_bits(key, first), noise_bits(key, first + 1), ...
template <class D>  // of uint32
HWY_INLINE hn::Vec<D> noise_bits(D d, std::uint32_t key, std::uint32_t first) {
  const auto index = hn::Add(hn::Iota(d, 0), hn::Set(d, first));
  auto h = hn::Add(hn::Set(d, key), hn::Mul(index, hn::Set(d, 0x9e3779b9U)));
  h = hn::Mul(hn::Xor(h, hn::ShiftRight<16>(h)), hn::Set(d, 0x7feb352dU));
  h = hn::Mul(hn::Xor(h, hn::ShiftRight<15>(h)), hn::Set(d, 0x846ca68bU));
  return hn::ShiftRight<8>(hn::Xor(h, hn::ShiftRight<16>(h)));
}

template <class D>  // of float
HWY_INLINE hn::Vec<D> noise_unit(D d, std::uint32_t key, std::uint32_t first) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, noise_bits(du, key, first));
  return hn::Mul(hn::ConvertTo(d, bits), hn::Set(d, 0x1p-24F));
}

template <class D>  // of float
HWY_INLINE hn::Vec<D> round_randomly(D d, hn::Vec<D> value, hn::Vec<D> noise) {
  const auto below = hn::Floor(value);
  const auto up = hn::Lt(noise, hn::Sub(value, below));
  return hn::Add(below, hn::IfThenElseZero(up, hn::Set(d, 1.0F)));
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
