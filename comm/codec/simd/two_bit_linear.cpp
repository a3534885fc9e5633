#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/two_bit_linear.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/noise-inl.h>
#include <outrigger/comm/codec/simd/pairs-inl.h>
#include <outrigger/comm/codec/sums.h>
#include <outrigger/comm/codec/two_bit_linear.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = TwoBitLinearCodec::kBlock;
using D = hn::CappedTag<float, 16>;
using Di = hn::RebindToSigned<D>;
using D8 = hn::Rebind<std::uint8_t, D>;

struct Ends {
  float lowest, highest;
};

Ends find_ends(const float* values) {
  const D d;
  auto lowest = hn::LoadU(d, values), highest = lowest;
  for (std::size_t i = hn::Lanes(d); i < kBlock; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, values + i);
    lowest = hn::Min(lowest, value);
    highest = hn::Max(highest, value);
  }
  // -0 becomes +0.
  return {hn::GetLane(hn::MinOfLanes(d, lowest)) + 0.0F,
          hn::GetLane(hn::MaxOfLanes(d, highest)) + 0.0F};
}

// round(quotient, i) of the quotients of values i, ..., at most 3.
template <class Round>
void write_pairs(const float* values, const Ends& ends, float to, std::byte* out, Round round) {
  const D d;
  const auto step = static_cast<float>(linear_step(ends.lowest, ends.highest) * to);
  const auto unit = hn::Set(d, to), divisor = hn::Set(d, step),
             start = hn::Set(d, ends.lowest * to), most = hn::Set(d, 3.0F);
  alignas(64) std::uint8_t codes[kBlock];
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto above = hn::Sub(hn::Mul(hn::LoadU(d, values + i), unit), start);
    const auto code = round(hn::Min(hn::Div(above, divisor), most), i);
    hn::StoreU(hn::DemoteTo(D8(), code), D8(), codes + i);
  }
  pack_pairs(codes, kBlock, out);
}

bool EncodeTwoBitLinear(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values.data(), kBlock);
  if (largest >= kInfinityBits) return false;
  const Ends ends = find_ends(values.data());
  store_little_endian(ends.lowest, out);
  store_little_endian(ends.highest, out + sizeof ends.lowest);
  out += kLinearEndBytes;
  const float to = unit_of(largest).to;
  if (ends.lowest == ends.highest) {
    std::memset(out, 0, kBlock / 4);
  } else if (rounding.stochastic) {
    const std::uint32_t key = noise_key(rounding);
    write_pairs(values.data(), ends, to, out, [key](auto quotient, std::size_t i) HWY_ATTR {
      const auto noise = noise_unit(D(), key, static_cast<std::uint32_t>(i));
      return hn::ConvertTo(Di(), round_randomly(D(), quotient, noise));
    });
  } else {
    write_pairs(values.data(), ends, to, out,
                [](auto quotient, std::size_t) HWY_ATTR { return hn::NearestInt(quotient); });
  }
  return true;
}

bool DecodeTwoBitLinear(const std::byte* in, std::span<float> values) {
  std::array<float, 4> levels;
  if (!read_linear_levels(in, kBlock / 4, levels)) return false;
  write_levels(in + kLinearEndBytes, kBlock, levels, values.data());
  return true;
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeTwoBitLinear);
HWY_EXPORT(DecodeTwoBitLinear);

bool encode_two_bit_linear(std::span<const float> values, std::byte* out,
                           const Rounding& rounding) {
  if (values.size() < TwoBitLinearCodec::kBlock)
    return scalar::encode_two_bit_linear(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeTwoBitLinear)(values, out, rounding);
}

bool decode_two_bit_linear(const std::byte* in, std::span<float> values) {
  if (values.size() < TwoBitLinearCodec::kBlock) return scalar::decode_two_bit_linear(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeTwoBitLinear)(in, values);
}

}  // namespace outrigger::simd
#endif
