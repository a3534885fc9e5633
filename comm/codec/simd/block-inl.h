// What the vector kernels share. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_BLOCK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_BLOCK_INL_H
#undef OUTRIGGER_CODEC_SIMD_BLOCK_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_BLOCK_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The bits of the largest magnitude; kInfinityBits or more if a value is not finite.
// REQUIRES: count is a multiple of 16.
HWY_INLINE std::int32_t largest_magnitude(const float* values, std::size_t count) {
  const hn::CappedTag<std::int32_t, 16> d;
  const auto mask = hn::Set(d, 0x7fffffff);
  auto largest = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto bits = hn::LoadU(d, reinterpret_cast<const std::int32_t*>(values + i));
    largest = hn::Max(largest, hn::And(bits, mask));
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// Bit i: lane i of the mask, of up to 16.
template <class D>
HWY_INLINE unsigned mask_bits(D d, hn::Mask<D> mask) {
  std::uint8_t bytes[8] = {};  // as many as StoreMaskBits may touch
  hn::StoreMaskBits(d, mask, bytes);
  return bytes[0] | unsigned{bytes[1]} << 8;
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
