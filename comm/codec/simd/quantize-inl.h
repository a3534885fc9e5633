// Values over a scale, rounded to integers. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_QUANTIZE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_QUANTIZE_INL_H
#undef OUTRIGGER_CODEC_SIMD_QUANTIZE_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_QUANTIZE_INL_H
#endif

#include <hwy/highway.h>

#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/simd/noise-inl.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// codes[i] <- round(values[i] / scale), in [-limit, limit]. REQUIRES: no value's magnitude passes
// limit * scale by more than a rounding.
template <std::size_t kCount>
HWY_INLINE void quantize(const float* values, float scale, float limit, const Rounding& rounding,
                         std::int8_t* codes) {
  using D = hn::CappedTag<float, 16>;
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::int8_t, D> d8;
  const auto divisor = hn::Set(d, scale);
  if (!rounding.stochastic) {
    for (std::size_t i = 0; i < kCount; i += hn::Lanes(d)) {
      const auto quotient = hn::Div(hn::LoadU(d, values + i), divisor);
      hn::StoreU(hn::DemoteTo(d8, hn::NearestInt(quotient)), d8, codes + i);
    }
    return;
  }
  const std::uint32_t key = noise_key(rounding);
  const auto highest = hn::Set(d, limit), lowest = hn::Set(d, -limit);
  for (std::size_t i = 0; i < kCount; i += hn::Lanes(d)) {
    const auto quotient = hn::Div(hn::LoadU(d, values + i), divisor);
    const auto noise = noise_unit(d, key, static_cast<std::uint32_t>(i));
    const auto code = round_randomly(d, hn::Clamp(quotient, lowest, highest), noise);
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, code)), d8, codes + i);
  }
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
