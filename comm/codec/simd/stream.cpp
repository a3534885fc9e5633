#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/stream.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/kernels.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

// In 16 bytes at a time: allocators align to that, so tiles that follow each other fill whole cache
// lines with such stores alone. Mixed with others they would cost more than they save.
void StreamDifference(const float* a, const float* b, float* out, std::size_t count) {
  const hn::CappedTag<float, 4> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  if (reinterpret_cast<std::uintptr_t>(out) % (lanes * sizeof(float)) == 0)
    for (; i + lanes <= count; i += lanes)
      hn::Stream(hn::Sub(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  for (; i < count; ++i) out[i] = a[i] - b[i];
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(StreamDifference);

void stream_difference(std::span<const float> a, std::span<const float> b, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(StreamDifference)(a.data(), b.data(), out.data(), out.size());
}

void finish_streams() {
  hwy::FlushStream();
}

}  // namespace outrigger::simd
#endif
