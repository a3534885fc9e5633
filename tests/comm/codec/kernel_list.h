#pragma once

#include <span>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/kernels.h>

namespace outrigger {

// A codec's two kernels, and the same with vectors.
struct Kernels {
  const Codec& codec;
  bool (*encode)(std::span<const float>, std::byte*, const Rounding&);
  bool (*decode)(const std::byte*, std::span<float>);
  bool (*simd_encode)(std::span<const float>, std::byte*, const Rounding&);
  bool (*simd_decode)(const std::byte*, std::span<float>);
};

inline const std::vector<Kernels>& kernels() {
  static const std::vector<Kernels> all = {
      {**find_codec("fp32"), scalar::encode_fp32, scalar::decode_fp32, simd::encode_fp32,
       simd::decode_fp32},
      {**find_codec("bf16"), scalar::encode_bf16, scalar::decode_bf16, simd::encode_bf16,
       simd::decode_bf16},
      {**find_codec("int8"), scalar::encode_int8, scalar::decode_int8, simd::encode_int8,
       simd::decode_int8},
      {**find_codec("int4"), scalar::encode_int4, scalar::decode_int4, simd::encode_int4,
       simd::decode_int4},
      {**find_codec("fp4-e3m0"), scalar::encode_fp4_e3m0, scalar::decode_fp4_e3m0,
       simd::encode_fp4_e3m0, simd::decode_fp4_e3m0},
      {**find_codec("2-bit"), scalar::encode_two_bit, scalar::decode_two_bit, simd::encode_two_bit,
       simd::decode_two_bit},
      {**find_codec("2-bit-linear"), scalar::encode_two_bit_linear, scalar::decode_two_bit_linear,
       simd::encode_two_bit_linear, simd::decode_two_bit_linear},
      {**find_codec("fp16"), scalar::encode_fp16, scalar::decode_fp16, simd::encode_fp16,
       simd::decode_fp16},
      {**find_codec("sign"), scalar::encode_sign, scalar::decode_sign, simd::encode_sign,
       simd::decode_sign}};
  return all;
}

}  // namespace outrigger
