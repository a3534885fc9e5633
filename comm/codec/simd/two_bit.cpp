#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/two_bit.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/pairs-inl.h>
#include <outrigger/comm/codec/simd/sums-inl.h>
#include <outrigger/comm/codec/two_bit.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

using D = hn::CappedTag<float, kPartials>;
using Di = hn::RebindToSigned<D>;
using D8 = hn::Rebind<std::uint8_t, D>;

// What the scalar fill_bins sums, one array a bin; counts[k]: values in bin k or above.
struct Bins {
  std::array<Partials, 4> sums;
  std::array<std::uint32_t, 4> counts;
};

// Partials `lane`, ... of the bins, and the codes of their values.
HWY_INLINE void fill_bins(const float* values, std::size_t count, std::size_t lane, float to,
                          const std::array<float, 3>& borders, std::uint8_t* codes, Bins& bins) {
  const D d;
  const Di di;
  const auto factor = hn::Set(d, to);
  const auto border1 = hn::Set(d, borders[0]), border2 = hn::Set(d, borders[1]),
             border3 = hn::Set(d, borders[2]);
  const auto one = hn::Set(di, 1);
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  auto count1 = hn::Zero(di), count2 = count1, count3 = count1;
  for (std::size_t i = lane; i < count; i += kPartials) {
    const auto value = hn::Mul(hn::LoadU(d, values + i), factor);
    const auto above1 = hn::Ge(value, border1), above2 = hn::Ge(value, border2),
               above3 = hn::Ge(value, border3);
    sum0 = hn::Add(sum0, hn::IfThenZeroElse(above1, value));
    sum1 = hn::Add(sum1, hn::IfThenElseZero(hn::AndNot(above2, above1), value));
    sum2 = hn::Add(sum2, hn::IfThenElseZero(hn::AndNot(above3, above2), value));
    sum3 = hn::Add(sum3, hn::IfThenElseZero(above3, value));
    const auto one1 = hn::IfThenElseZero(hn::RebindMask(di, above1), one);
    const auto one2 = hn::IfThenElseZero(hn::RebindMask(di, above2), one);
    const auto one3 = hn::IfThenElseZero(hn::RebindMask(di, above3), one);
    count1 = hn::Add(count1, one1);
    count2 = hn::Add(count2, one2);
    count3 = hn::Add(count3, one3);
    hn::StoreU(hn::DemoteTo(D8(), hn::Add(hn::Add(one1, one2), one3)), D8(), codes + i);
  }
  hn::StoreU(sum0, d, bins.sums[0].data() + lane);
  hn::StoreU(sum1, d, bins.sums[1].data() + lane);
  hn::StoreU(sum2, d, bins.sums[2].data() + lane);
  hn::StoreU(sum3, d, bins.sums[3].data() + lane);
  const auto total_of = [di](auto ones) HWY_ATTR {
    return static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(di, ones)));
  };
  bins.counts[1] += total_of(count1);
  bins.counts[2] += total_of(count2);
  bins.counts[3] += total_of(count3);
}

bool EncodeTwoBit(std::span<const float> block, std::byte* out) {
  const float* values = block.data();
  const std::size_t count = block.size();
  const std::int32_t largest = largest_magnitude(values, count);
  if (largest >= kInfinityBits) return false;
  const Unit unit = unit_of(largest);
  const D d;
  const auto factor = hn::Set(d, unit.to);
  const float mean =
      sum(values, count, [factor](auto value) HWY_ATTR { return hn::Mul(value, factor); }) /
      static_cast<float>(count);
  const auto center = hn::Set(d, mean);
  const float squares = sum(values, count, [factor, center](auto value) HWY_ATTR {
    const auto distance = hn::Sub(hn::Mul(value, factor), center);
    return hn::Mul(distance, distance);
  });
  const std::array<float, 3> borders = two_bit_borders(mean, squares, count);
  alignas(64) std::uint8_t codes[TwoBitCodec::kBlock];
  Bins bins = {{}, {static_cast<std::uint32_t>(count), 0, 0, 0}};
  for (std::size_t lane = 0; lane < kPartials; lane += hn::Lanes(d))
    fill_bins(values, count, lane, unit.to, borders, codes, bins);
  for (std::size_t q = 0; q < 3; ++q) bins.counts[q] -= bins.counts[q + 1];
  write_two_bit_levels(
      {total(bins.sums[0]), total(bins.sums[1]), total(bins.sums[2]), total(bins.sums[3])},
      bins.counts, unit.from, out);
  pack_pairs(codes, count, out + kTwoBitLevelBytes);
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
bool encode_two_bit(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() % kPartials != 0) return scalar::encode_two_bit(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeTwoBit)(values, out);
}

bool decode_two_bit(const std::byte* in, std::span<float> values) {
  if (values.size() % kPartials != 0) return scalar::decode_two_bit(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeTwoBit)(in, values);
}

}  // namespace outrigger::simd
#endif
