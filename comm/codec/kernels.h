#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <outrigger/comm/codec/codec.h>

namespace outrigger {

// The codecs' inner loops over one block, twice. `scalar` is the reference: plain loops that say
// what the bits are. `simd` gives the same bits with the vectors that the machine has (Highway, by
// run-time dispatch) and leaves short blocks to the reference.
//
// encode_x: false, with `out` unspecified, if a value is not finite; the codec then encodes
// stand-ins (non_finite.h). decode_x: false, with `values` unspecified, if no encoder writes such
// bytes. Sizes as in codec.h.
//
// select_top_k: indices <- those of the largest magnitudes, as many as fit, in increasing order; of
// equal magnitudes the lower index. False, with `indices` unspecified, if a value is not finite.
namespace scalar {
bool encode_bf16(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_bf16(const std::byte* in, std::span<float> values);
bool encode_fp32(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp32(const std::byte* in, std::span<float> values);
bool encode_fp16(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp16(const std::byte* in, std::span<float> values);
bool encode_fp4_e3m0(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp4_e3m0(const std::byte* in, std::span<float> values);
bool encode_int4(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int4(const std::byte* in, std::span<float> values);
bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int8(const std::byte* in, std::span<float> values);
bool encode_sign(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_sign(const std::byte* in, std::span<float> values);
bool encode_two_bit(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_two_bit(const std::byte* in, std::span<float> values);
bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices);
bool encode_two_bit_linear(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_two_bit_linear(const std::byte* in, std::span<float> values);
}  // namespace scalar

namespace simd {
// out <- a - b, past the caches: for what is read again much later. REQUIRES: spans of out.size(),
// b at least. Before another thread reads it: finish_streams().
void stream_difference(std::span<const float> a, std::span<const float> b, std::span<float> out);
void finish_streams();
// Highway's name of the vectors that were chosen: "AVX3_ZEN4", "NEON", ...
std::string_view target_name();
bool encode_bf16(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_bf16(const std::byte* in, std::span<float> values);
bool encode_fp32(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp32(const std::byte* in, std::span<float> values);
bool encode_fp16(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp16(const std::byte* in, std::span<float> values);
bool encode_fp4_e3m0(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_fp4_e3m0(const std::byte* in, std::span<float> values);
bool encode_int4(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int4(const std::byte* in, std::span<float> values);
bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int8(const std::byte* in, std::span<float> values);
bool encode_sign(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_sign(const std::byte* in, std::span<float> values);
bool encode_two_bit(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_two_bit(const std::byte* in, std::span<float> values);
bool encode_two_bit_ahead(std::span<const float> values, std::byte* out, const Rounding& rounding,
                          const ReadAhead& ahead);
bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices);
bool encode_two_bit_linear(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_two_bit_linear(const std::byte* in, std::span<float> values);
}  // namespace simd

}  // namespace outrigger
