#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/little_endian.h>

#include <algorithm>
#include <cassert>

namespace outrigger {
namespace {

constexpr std::int32_t kLargestBf16 = 0x7f7f;

std::uint16_t round_to_bf16(std::uint32_t sign, std::int32_t magnitude) {
  const std::int32_t odd = magnitude >> 16 & 1;
  const std::int32_t nearest = (std::min(magnitude, kInfinityBits) + 0x7fff + odd) >> 16;
  const std::uint32_t result = sign | static_cast<std::uint32_t>(std::min(nearest, kLargestBf16));
  return static_cast<std::uint16_t>(magnitude > kInfinityBits ? 0 : result);
}

}  // namespace

bool Bf16Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding&) const {
  assert(out.size() == encoded_bytes(values.size()));
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t sign = float_bits(values[i]) >> 16 & 0x8000;
    const std::int32_t magnitude = magnitude_bits(values[i]);
    largest = std::max(largest, magnitude);
    store_little_endian(round_to_bf16(sign, magnitude), out.data() + 2 * i);
  }
  return largest < kInfinityBits;
}

Status Bf16Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(in.size() == encoded_bytes(values.size()));
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t bits = std::uint32_t{load_little_endian<std::uint16_t>(&in[2 * i])} << 16;
    values[i] = std::bit_cast<float>(bits);
    largest = std::max(largest, magnitude_bits(values[i]));
  }
  if (largest < kInfinityBits) return {};
  return {Code::kCorruption, "a bf16 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
