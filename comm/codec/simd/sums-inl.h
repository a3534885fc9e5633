// sums.h with vectors. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_SUMS_INL_H
#undef OUTRIGGER_CODEC_SIMD_SUMS_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_SUMS_INL_H
#endif

#include <hwy/highway.h>

#include <outrigger/comm/codec/sums.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The sum of term(value) over `count` values, a multiple of kPartials; term takes a vector.
template <class Term>
HWY_INLINE float sum(const float* values, std::size_t count, Term term) {
  const hn::CappedTag<float, kPartials> d;
  Partials partials;
  for (std::size_t lane = 0; lane < kPartials; lane += hn::Lanes(d)) {
    auto partial = hn::Zero(d);
    for (std::size_t i = lane; i < count; i += kPartials)
      partial = hn::Add(partial, term(hn::LoadU(d, values + i)));
    hn::StoreU(partial, d, partials.data() + lane);
  }
  return total(partials);
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
