#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/comm/codec/simd/sign.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/sign.h>
#include <outrigger/comm/codec/simd/block-inl.h>
#include <outrigger/comm/codec/simd/sums-inl.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace outrigger::simd::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlock = SignCodec::kBlock;
using D8 = hn::CappedTag<float, 8>;  // the signs of 8 values are a byte

void write_signs(const float* values, std::byte* out) {
  const D8 d;
  for (std::size_t i = 0; i < kBlock; i += 8) {
    unsigned signs = 0;
    for (std::size_t lane = 0; lane < 8; lane += hn::Lanes(d))
      signs |= mask_bits(d, hn::Lt(hn::LoadU(d, values + i + lane), hn::Zero(d))) << lane;
    out[i / 8] = static_cast<std::byte>(signs);
  }
}

bool EncodeSign(std::span<const float> values, std::byte* out) {
  const std::int32_t largest = largest_magnitude(values.data(), kBlock);
  if (largest >= kInfinityBits) return false;
  const Unit unit = unit_of(largest);
  const auto factor = hn::Set(HalfPartials(), unit.to);
  const float magnitudes = sum(values.data(), kBlock, [factor](auto value) HWY_ATTR {
    return hn::Mul(hn::Abs(value), factor);
  });
  const float scale = sign_scale(magnitudes, kBlock, std::bit_cast<float>(largest), unit);
  store_little_endian(scale, out);
  if (scale == 0.0F)
    std::memset(out + sizeof scale, 0, kBlock / 8);
  else
    write_signs(values.data(), out + sizeof scale);
  return true;
}

bool DecodeSign(const std::byte* in, std::span<float> values) {
  float scale;
  if (!read_sign_scale(in, kBlock / 8, scale)) return false;
  const std::byte* signs = in + sizeof scale;
  const D8 d;
  const hn::RebindToUnsigned<D8> du;
  const auto plus = hn::Set(d, scale), minus = hn::Set(d, -scale);
  const auto bit = hn::Shl(hn::Set(du, 1), hn::Iota(du, 0));
  for (std::size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto word = hn::Set(du, std::to_integer<std::uint32_t>(signs[i / 8]) >> (i % 8));
    const auto negative = hn::RebindMask(d, hn::TestBit(word, bit));
    hn::StoreU(hn::IfThenElse(negative, minus, plus), d, values.data() + i);
  }
  return true;
}

}  // namespace
}  // namespace outrigger::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger::simd {

HWY_EXPORT(EncodeSign);
HWY_EXPORT(DecodeSign);

bool encode_sign(std::span<const float> values, std::byte* out, const Rounding& rounding) {
  if (values.size() < SignCodec::kBlock) return scalar::encode_sign(values, out, rounding);
  return HWY_DYNAMIC_DISPATCH(EncodeSign)(values, out);
}

bool decode_sign(const std::byte* in, std::span<float> values) {
  if (values.size() < SignCodec::kBlock) return scalar::decode_sign(in, values);
  return HWY_DYNAMIC_DISPATCH(DecodeSign)(in, values);
}

}  // namespace outrigger::simd
#endif
