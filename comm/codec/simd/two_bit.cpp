#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/two_bit.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/pairs-inl.h>
#include <outrigger/comm/codec/simd/sums-inl.h>
#include <outrigger/comm/codec/two_bit.h>

#include <bit>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

using D = hn::CappedTag<float, kPartials>;

// What the scalar fill_bins makes, with the codes taken apart: bit i % 16 of rows i / 16 are the
// high and the low bit of value i's code.
using Rows = std::array<std::uint16_t, TwoBitCodec::kBlock / kPartials>;
struct Bins {
  std::array<Partials, 4> sums;
  Rows high = {}, low = {};
};

// Into L2: in L1 the tile, its codes and what they decode to would give way.
HWY_INLINE void ask_for(const float* line) {
  __builtin_prefetch(line, 0, 2);
}

// A stream of what is read next, a cache line a row of values. One that is too short is not worth
// its borders: then the values, which are in the cache.
const float* stream_of(std::span<const float> stream, std::span<const float> values) {
  return stream.size() < values.size() ? values.data() : stream.data();
}

// Partials `lane`, ... of the bins, and the codes of their values.
HWY_INLINE void fill_bins(const float* values, std::size_t count, std::size_t lane, float to,
                          const std::array<float, 3>& borders, const float* ahead, Bins& bins) {
  const D d;
  const auto factor = hn::Set(d, to);
  const auto border1 = hn::Set(d, borders[0]), border2 = hn::Set(d, borders[1]),
             border3 = hn::Set(d, borders[2]);
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::size_t row = 0; row < count / kPartials; ++row) {
    ask_for(ahead + row * kPartials);
    const auto value = hn::Mul(hn::LoadU(d, values + row * kPartials + lane), factor);
    const auto above1 = hn::Ge(value, border1), above2 = hn::Ge(value, border2),
               above3 = hn::Ge(value, border3);
    const auto in1 = hn::AndNot(above2, above1);
    sum0 = hn::Add(sum0, hn::IfThenZeroElse(above1, value));
    sum1 = hn::Add(sum1, hn::IfThenElseZero(in1, value));
    sum2 = hn::Add(sum2, hn::IfThenElseZero(hn::AndNot(above3, above2), value));
    sum3 = hn::Add(sum3, hn::IfThenElseZero(above3, value));
    bins.high[row] |= static_cast<std::uint16_t>(mask_bits(d, above2) << lane);
    bins.low[row] |= static_cast<std::uint16_t>(mask_bits(d, hn::Or(in1, above3)) << lane);
  }
  hn::StoreU(sum0, d, bins.sums[0].data() + lane);
  hn::StoreU(sum1, d, bins.sums[1].data() + lane);
  hn::StoreU(sum2, d, bins.sums[2].data() + lane);
  hn::StoreU(sum3, d, bins.sums[3].data() + lane);
}

// How many of the `count` values are in each bin. (Rows behind the last value are 0.)
std::array<std::uint32_t, 4> count_bins(const Bins& bins, std::size_t count) {
  using Words = std::array<std::uint64_t, sizeof(Rows) / sizeof(std::uint64_t)>;
  const auto high = std::bit_cast<Words>(bins.high), low = std::bit_cast<Words>(bins.low);
  std::uint32_t highs = 0, lows = 0, both = 0;
  for (std::size_t k = 0; k < high.size(); ++k) {
    highs += static_cast<std::uint32_t>(std::popcount(high[k]));
    lows += static_cast<std::uint32_t>(std::popcount(low[k]));
    both += static_cast<std::uint32_t>(std::popcount(high[k] & low[k]));
  }
  return {static_cast<std::uint32_t>(count) - highs - lows + both, lows - both, highs - both, both};
}

// The largest magnitude's bits, and the values' sum: both wait for one addition a row.
struct First {
  std::int32_t largest;
  float sum;
};
First first_pass(const float* values, std::size_t count, const float* ahead) {
  const hn::RebindToSigned<HalfPartials> di;
  auto largest = hn::Zero(di);
  const float all = sum(values, count, [&](auto value) HWY_ATTR {
    ask_for(ahead);
    ahead += hn::Lanes(HalfPartials());
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(value)));
    return value;
  });
  return {hn::GetLane(hn::MaxOfLanes(di, largest)), all};
}

// The sum of the values times unit.to. A power of two from 1 on shifts all that is added alike, so
// that every addition rounds as it did; a smaller one could lose bits of small values.
float scaled_sum(const float* values, std::size_t count, float unscaled, float to) {
  if (to >= 1) return unscaled * to;
  const auto factor = hn::Set(HalfPartials(), to);
  return sum(values, count, [factor](auto value) HWY_ATTR { return hn::Mul(value, factor); });
}

bool EncodeTwoBit(std::span<const float> block, std::byte* out, const ReadAhead& ahead) {
  const float* values = block.data();
  const std::size_t count = block.size();
  const First first = first_pass(values, count, stream_of(ahead.streams[0], block));
  if (first.largest >= kInfinityBits) return false;
  const Unit unit = unit_of(first.largest);
  const float mean = scaled_sum(values, count, first.sum, unit.to) / static_cast<float>(count);
  const HalfPartials d;
  const auto factor = hn::Set(d, unit.to), center = hn::Set(d, mean);
  const float* second = stream_of(ahead.streams[1], block);
  const float squares = sum(values, count, [factor, center, &second](auto value) HWY_ATTR {
    ask_for(second);
    second += hn::Lanes(HalfPartials());
    const auto distance = hn::Sub(hn::Mul(value, factor), center);
    return hn::Mul(distance, distance);
  });
  const std::array<float, 3> borders = two_bit_borders(mean, squares, count);
  Bins bins;
  for (std::size_t lane = 0; lane < kPartials; lane += hn::Lanes(D()))
    fill_bins(values, count, lane, unit.to, borders, stream_of(ahead.streams[2], block), bins);
  write_two_bit_levels(
      {total(bins.sums[0]), total(bins.sums[1]), total(bins.sums[2]), total(bins.sums[3])},
      count_bins(bins, count), unit.from, out);
  interleave_rows(bins.high, bins.low, count, out + kTwoBitLevelBytes);
  return true;
}

bool DecodeTwoBit(const std::byte* in, std::span<float> values) {
  std::array<float, 4> levels;
  if (!read_two_bit_levels(in, levels)) return false;
  write_levels(in + kTwoBitLevelBytes, values.size(), levels, values.data());
  return true;
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeTwoBit);
HWY_EXPORT(DecodeTwoBit);

// Short blocks of whole partials, too: top-k codes 64 values at a time.
bool encode_two_bit_ahead(std::span<const float> values, std::byte* out, const Rounding& rounding,
                          const ReadAhead& ahead) {
  if (values.size() % kPartials != 0) return scalar::encode_two_bit(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeTwoBit)(values, out, ahead);
}

bool encode_two_bit(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  return encode_two_bit_ahead(values, out, rounding, {});
}

bool decode_two_bit(const std::byte* in, std::span<float> values) {
  if (values.size() % kPartials != 0) return scalar::decode_two_bit(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeTwoBit)(in, values);
}

}  // namespace outrigger::simd
#endif
