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

// Half of the partials: additions to one wait for each other, so two halves take turns.
using HalfPartials = hn::CappedTag<float, kPartials / 2>;

// The sum of term(value) over `count` values, a multiple of kPartials; term takes a vector.
template <class Term>
HWY_INLINE float sum(const float* values, std::size_t count, Term term) {
  constexpr std::size_t kHalf = kPartials / 2;
  const HalfPartials d;
  Partials partials;
  for (std::size_t lane = 0; lane < kHalf; lane += hn::Lanes(d)) {
    auto lower = hn::Zero(d), upper = lower;
    for (std::size_t i = lane; i < count; i += kPartials) {
      lower = hn::Add(lower, term(hn::LoadU(d, values + i)));
      upper = hn::Add(upper, term(hn::LoadU(d, values + i + kHalf)));
    }
    hn::StoreU(lower, d, partials.data() + lane);
    hn::StoreU(upper, d, partials.data() + lane + kHalf);
  }
  return total(partials);
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
