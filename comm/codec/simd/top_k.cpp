#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/top_k.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/top_k.h>

#include <bit>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

using D = hn::CappedTag<std::int32_t, 16>;
constexpr std::int32_t kOctave = 1 << 23;  // between the bits of x and of 2x

// Where the smallest magnitude that is kept lies: enough magnitudes are at least `lower`, too few
// at least `upper`.
struct Bounds {
  std::int32_t lower, upper;
  std::size_t from_lower, from_upper;
};

// How many magnitudes of the chunk are at least `bound`.
std::size_t count_from(const std::int32_t* bits, std::int32_t bound) {
  const D d;
  const auto mask = hn::Set(d, 0x7fffffff);
  const auto below = hn::Set(d, bound - 1);
  auto found = hn::Zero(d);
  for (std::size_t i = 0; i < kTopKChunk; i += hn::Lanes(d)) {
    const auto magnitude = hn::And(hn::LoadU(d, bits + i), mask);
    found = hn::Sub(found, hn::VecFromMask(d, hn::Gt(magnitude, below)));
  }
  return static_cast<std::size_t>(hn::GetLane(hn::SumOfLanes(d, found)));
}

// Makes `bound`, between the two, one of them.
void tighten(const std::int32_t* bits, std::int32_t bound, std::size_t kept, Bounds& bounds) {
  const std::size_t found = count_from(bits, bound);
  if (found >= kept) {
    bounds.lower = bound;
    bounds.from_lower = found;
  } else {
    bounds.upper = bound;
    bounds.from_upper = found;
  }
}

// Bounds between which all are kept, or that hold one magnitude. Goes down from the largest by 1,
// 2, 4, ... octaves until enough are above; then halves. Where too few differ from 0 (embeddings of
// tokens that did not occur) that ends the search.
Bounds find_bounds(const std::int32_t* bits, std::int32_t largest, std::size_t kept) {
  Bounds bounds = {0, largest + 1, kTopKChunk, 0};
  for (std::int64_t step = kOctave; bounds.lower == 0 && step < largest; step *= 2)
    tighten(bits, static_cast<std::int32_t>(largest - step), kept, bounds);
  if (bounds.lower == 0 && bounds.upper > 1) tighten(bits, 1, kept, bounds);
  while (bounds.from_lower > kept && bounds.upper - bounds.lower > 1)
    tighten(bits, bounds.lower + (bounds.upper - bounds.lower) / 2, kept, bounds);
  return bounds;
}

// Bit i: whether magnitude i of the 64 is at least `bound`.
std::uint64_t bits_from(const std::int32_t* bits, std::int32_t bound) {
  const D d;
  const auto mask = hn::Set(d, 0x7fffffff);
  const auto below = hn::Set(d, bound - 1);
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < 64; i += hn::Lanes(d)) {
    const auto magnitude = hn::And(hn::LoadU(d, bits + i), mask);
    found |= std::uint64_t{mask_bits(d, hn::Gt(magnitude, below))} << i;
  }
  return found;
}

std::uint64_t lowest_bits(std::uint64_t word, std::size_t count) {
  if (count == 0) return 0;
  while (static_cast<std::size_t>(std::popcount(word)) > count) word ^= std::bit_floor(word);
  return word;
}

// From `upper` on all are kept, of those between the bounds the first ones.
void write_kept(const std::int32_t* bits, const Bounds& bounds, std::span<std::uint16_t> indices) {
  std::size_t room = indices.size() - bounds.from_upper;
  auto out = indices.begin();
  for (std::size_t first = 0; first < kTopKChunk; first += 64) {
    const std::uint64_t certain = bits_from(bits + first, bounds.upper);
    const std::uint64_t possible = bits_from(bits + first, bounds.lower) & ~certain;
    const std::uint64_t taken = lowest_bits(possible, room);
    room -= static_cast<std::size_t>(std::popcount(taken));
    for (std::uint64_t rest = certain | taken; rest != 0; rest &= rest - 1)
      *out++ = static_cast<std::uint16_t>(first + std::countr_zero(rest));
  }
}

bool SelectTopK(std::span<const float> values, std::span<std::uint16_t> indices) {
  const std::int32_t largest = largest_magnitude(values.data(), kTopKChunk);
  if (largest >= kInfinityBits) return false;
  const auto* bits = reinterpret_cast<const std::int32_t*>(values.data());
  write_kept(bits, find_bounds(bits, largest, indices.size()), indices);
  return true;
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(SelectTopK);

bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices) {
  if (values.size() < kTopKChunk) return scalar::select_top_k(values, indices);
  return HWY_DYNAMIC_DISPATCH(SelectTopK)(values, indices);
}

}  // namespace outrigger::simd
#endif
