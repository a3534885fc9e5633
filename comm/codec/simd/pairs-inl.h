// Codes of 2 bits, the first in the low bits of a byte. Included once a target: no #pragma once.
#if defined(OUTRIGGER_CODEC_SIMD_PAIRS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OUTRIGGER_CODEC_SIMD_PAIRS_INL_H
#undef OUTRIGGER_CODEC_SIMD_PAIRS_INL_H
#else
#define OUTRIGGER_CODEC_SIMD_PAIRS_INL_H
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// `count` codes of 0 to 3, a multiple of 16, into count / 4 bytes.
HWY_INLINE void pack_pairs(const std::uint8_t* codes, std::size_t count, std::byte* out) {
  const hn::CappedTag<std::uint32_t, 4> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const auto* words = reinterpret_cast<const std::uint32_t*>(codes);
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  for (std::size_t i = 0; i < count / 4; i += hn::Lanes(d)) {
    const auto word = hn::LoadU(d, words + i);
    const auto halves = hn::Or(word, hn::ShiftRight<6>(word));
    hn::StoreU(hn::TruncateTo(d8, hn::Or(halves, hn::ShiftRight<12>(halves))), d8, bytes + i);
  }
}

// The same from the codes' high and low bits, bit i % 16 of rows i / 16 those of code i.
template <std::size_t kRows>  // a multiple of 8
HWY_INLINE void interleave_rows(const std::array<std::uint16_t, kRows>& high,
                                const std::array<std::uint16_t, kRows>& low, std::size_t count,
                                std::byte* out) {
  const hn::CappedTag<std::uint16_t, 16> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  // Bit k of a byte goes to bit 2k.
  const auto spread = [d](auto bits) HWY_ATTR {
    bits = hn::And(hn::Or(bits, hn::ShiftLeft<4>(bits)), hn::Set(d, 0x0f0f));
    bits = hn::And(hn::Or(bits, hn::ShiftLeft<2>(bits)), hn::Set(d, 0x3333));
    return hn::And(hn::Or(bits, hn::ShiftLeft<1>(bits)), hn::Set(d, 0x5555));
  };
  const auto* high_bytes = reinterpret_cast<const std::uint8_t*>(high.data());
  const auto* low_bytes = reinterpret_cast<const std::uint8_t*>(low.data());
  alignas(64) std::array<std::uint16_t, 2 * kRows> pairs;
  for (std::size_t i = 0; i < count / 8; i += hn::Lanes(d)) {
    const auto upper = spread(hn::PromoteTo(d, hn::LoadU(d8, high_bytes + i)));
    const auto lower = spread(hn::PromoteTo(d, hn::LoadU(d8, low_bytes + i)));
    hn::StoreU(hn::Or(lower, hn::ShiftLeft<1>(upper)), d, pairs.data() + i);
  }
  std::memcpy(out, pairs.data(), count / 4);
}

// Lanes of float whose sign bit is set in the bits. (IfNegativeThenElse would want whole lanes of
// it on SSSE3, and looks at values, not at bits, without vectors.)
template <class D, class V>
HWY_INLINE hn::Mask<D> negative(D d, V bits) {
  const hn::RebindToSigned<D> di;
  return hn::RebindMask(d, hn::Lt(hn::BitCast(di, bits), hn::Zero(di)));
}

// values[i] <- levels[code i]; `count` is a multiple of 16.
HWY_INLINE void write_levels(const std::byte* in, std::size_t count,
                             const std::array<float, 4>& levels, float* values) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t bytes = hn::Lanes(d) < 4 ? 1 : hn::Lanes(d) / 4;
  const auto level0 = hn::Set(d, levels[0]), level1 = hn::Set(d, levels[1]),
             level2 = hn::Set(d, levels[2]), level3 = hn::Set(d, levels[3]);
  const auto lane = hn::Iota(du, 0);
  const auto to_the_top = hn::Sub(hn::Set(du, 30), hn::Add(lane, lane));
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    std::uint32_t word = 0;
    std::memcpy(&word, in + i / 4, bytes);
    // The high bit of each lane's code becomes the lane's sign, the low bit that of the double.
    const auto code = hn::Shl(hn::Set(du, word >> (i % 4 * 2)), to_the_top);
    const auto high = negative(d, code), low = negative(d, hn::Add(code, code));
    const auto lower = hn::IfThenElse(low, level1, level0);
    const auto upper = hn::IfThenElse(low, level3, level2);
    hn::StoreU(hn::IfThenElse(high, upper, lower), d, values + i);
  }
}

}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
