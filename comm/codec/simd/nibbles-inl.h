// Codes of 4 bits, the first in the low bits of a byte. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_NIBBLES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_NIBBLES_INL_H
#undef OUTRIGGER_CODEC_SIMD_NIBBLES_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_NIBBLES_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The low 4 bits of kCount codes, a multiple of 64, into kCount / 2 bytes.
template <std::size_t kCount>
HWY_INLINE void pack_nibbles(const std::uint8_t* codes, std::byte* out) {
  const hn::CappedTag<std::uint16_t, 32> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto* pairs = reinterpret_cast<const std::uint16_t*>(codes);
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  for (std::size_t i = 0; i < kCount / 2; i += hn::Lanes(d)) {
    const auto pair = hn::And(hn::LoadU(d, pairs + i), hn::Set(d, 0x0f0f));
    const auto joined = hn::And(hn::Or(pair, hn::ShiftRight<4>(pair)), hn::Set(d, 0xff));
    hn::StoreU(hn::DemoteTo(d8, hn::BitCast(hn::RebindToSigned<decltype(d)>(), joined)), d8,
               bytes + i);
  }
}

// The reverse: kCount codes of 0 to 15.
template <std::size_t kCount>
HWY_INLINE void unpack_nibbles(const std::byte* in, std::uint8_t* codes) {
  const hn::CappedTag<std::uint16_t, 32> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(in);
  auto* pairs = reinterpret_cast<std::uint16_t*>(codes);
  for (std::size_t i = 0; i < kCount / 2; i += hn::Lanes(d)) {
    const auto joined = hn::PromoteTo(d, hn::LoadU(d8, bytes + i));
    const auto pair = hn::Or(joined, hn::ShiftLeft<4>(joined));
    hn::StoreU(hn::And(pair, hn::Set(d, 0x0f0f)), d, pairs + i);
  }
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
