#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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
bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int8(const std::byte* in, std::span<float> values);
bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices);
}  // namespace scalar

namespace simd {
bool encode_int8(std::span<const float> values, std::byte* out, const Rounding& rounding);
bool decode_int8(const std::byte* in, std::span<float> values);
bool select_top_k(std::span<const float> values, std::span<std::uint16_t> indices);
}  // namespace simd

}  // namespace outrigger
