#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/fp32.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

// to[i] <- from[i]; whether every value is finite.
bool CopyFinite(const std::int32_t* HWY_RESTRICT from, std::int32_t* HWY_RESTRICT to,
                std::size_t count) {
  const hn::ScalableTag<std::int32_t> d;
  const std::size_t lanes = hn::Lanes(d);
  auto even = hn::Zero(d), odd = even;  // two chains: one vector need not wait for the last
  for (std::size_t i = 0; i < count; i += 2 * lanes) {
    const auto a = hn::LoadU(d, from + i), b = hn::LoadU(d, from + i + lanes);
    even = hn::Max(even, hn::And(a, hn::Set(d, 0x7fffffff)));
    odd = hn::Max(odd, hn::And(b, hn::Set(d, 0x7fffffff)));
    hn::StoreU(a, d, to + i);
    hn::StoreU(b, d, to + i + lanes);
  }
  return hn::AllTrue(d, hn::Lt(hn::Max(even, odd), hn::Set(d, kInfinityBits)));
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {
namespace {

HWY_EXPORT(CopyFinite);

constexpr std::size_t kWhole = 256;  // values: whole vectors on every machine

bool copy_finite(const void* from, void* to, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(CopyFinite)(static_cast<const std::int32_t*>(from),
                                          static_cast<std::int32_t*>(to), count);
}

}  // namespace

bool encode_fp32(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() % kWhole != 0) return scalar::encode_fp32(values, out, rounding);
  return copy_finite(values.data(), out, values.size());
}

bool decode_fp32(const std::byte* in, std::span<float> values) {
  if (values.size() % kWhole != 0) return scalar::decode_fp32(in, values);
  return copy_finite(in, values.data(), values.size());
}

}  // namespace outrigger::simd
#endif
