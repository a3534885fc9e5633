#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/non_finite.h>
#include <outrigger/comm/codec/two_bit_linear.h>

#include <algorithm>
#include <cassert>

namespace outrigger {

bool read_linear_levels(const std::byte* in, std::size_t code_bytes, std::array<float, 4>& levels) {
  const auto lowest = load_little_endian<float>(in), highest = load_little_endian<float>(in + 4);
  if (!are_linear_ends(lowest, highest)) return false;
  levels = linear_levels(lowest, highest);
  const std::byte* codes = in + kLinearEndBytes;
  return lowest < highest || std::all_of(codes, codes + code_bytes,
                                         [](std::byte byte) { return byte == std::byte{0}; });
}

std::size_t TwoBitLinearCodec::encoded_bytes(std::size_t elements) const {
  const std::size_t blocks = elements / kBlock + (elements % kBlock != 0);
  return kLinearEndBytes * blocks + elements / 4 + (elements % 4 != 0);
}

bool TwoBitLinearCodec::encode_block(std::span<const float> values, std::span<std::byte> out,
                                     const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_two_bit_linear(values, out.data(), rounding)) return true;
  simd::encode_two_bit_linear(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status TwoBitLinearCodec::decode_block(std::span<const std::byte> in,
                                       std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_two_bit_linear(in.data(), values)) return {};
  return {Code::kCorruption,
          "a 2-bit-linear block has ends that are not finite, -0 or out of order, or bits behind "
          "the last value: no encoder writes that"};
}

}  // namespace outrigger
