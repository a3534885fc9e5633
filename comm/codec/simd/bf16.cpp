#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/bf16.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/simd/noise-inl.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

constexpr std::size_t kBlock = 256;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using Du = hn::RebindToUnsigned<D>;
using D16 = hn::Rebind<std::uint16_t, D>;

// add(magnitude, i): what is added to the magnitude of value i, ... before the lower half goes.
template <class Add>
bool write_halves(const float* values, std::byte* out, Add add) {
  const Di d;
  auto* halves = reinterpret_cast<std::uint16_t*>(out);
  auto seen = hn::Zero(d);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto bits = hn::LoadU(d, reinterpret_cast<const std::int32_t*>(values + i));
    const auto magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
    seen = hn::Max(seen, magnitude);
    const auto rounded = hn::ShiftRight<16>(hn::Add(magnitude, add(magnitude, i)));
    const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 0x8000));
    const auto half = hn::Or(sign, hn::Min(rounded, hn::Set(d, kLargestBf16)));
    hn::StoreU(hn::DemoteTo(D16(), half), D16(), halves + i);
  }
  return hn::AllTrue(d, hn::Lt(seen, hn::Set(d, kInfinityBits)));
}

bool EncodeBf16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const Di d;
  if (!rounding.stochastic)
    return write_halves(values.data(), out, [d](auto magnitude, std::size_t) HWY_ATTR {
      const auto odd = hn::And(hn::ShiftRight<16>(magnitude), hn::Set(d, 1));
      return hn::Add(odd, hn::Set(d, 0x7fff));
    });
  const std::uint32_t key = noise_key(rounding);
  return write_halves(values.data(), out, [d, key](auto, std::size_t i) HWY_ATTR {
    const auto noise = hn::BitCast(d, noise_bits(Du(), key, static_cast<std::uint32_t>(i)));
    return hn::And(noise, hn::Set(d, 0xffff));
  });
}

bool DecodeBf16(const std::byte* in, std::span<float> values) {
  const Di d;
  const auto* halves = reinterpret_cast<const std::uint16_t*>(in);
  auto seen = hn::Zero(d);
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(D16(), halves + i)));
    seen = hn::Max(seen, hn::And(bits, hn::Set(d, 0x7fffffff)));
    hn::StoreU(hn::BitCast(D(), bits), D(), values.data() + i);
  }
  return hn::AllTrue(d, hn::Lt(seen, hn::Set(d, kInfinityBits)));
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeBf16);
HWY_EXPORT(DecodeBf16);

bool encode_bf16(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < 256) return scalar::encode_bf16(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeBf16)(values, out, rounding);
}

bool decode_bf16(const std::byte* in, std::span<float> values) {
  if (values.size() < 256) return scalar::decode_bf16(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeBf16)(in, values);
}

}  // namespace outrigger::simd
#endif
