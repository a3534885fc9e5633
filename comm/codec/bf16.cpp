#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/little_endian.h>

#include <algorithm>
#include <cassert>

namespace outrigger {
namespace {

constexpr std::uint32_t kLargestBf16 = 0x7f7f;

std::uint16_t round_to_bf16(std::uint32_t bits) {
  const std::uint32_t magnitude = bits & kMagnitudeBits;
  const std::uint32_t odd = magnitude >> 16 & 1;
  const std::uint32_t rounded = std::min((magnitude + 0x7fff + odd) >> 16, kLargestBf16);
  const std::uint32_t result = (bits >> 16 & 0x8000) | rounded;
  return static_cast<std::uint16_t>(magnitude > kInfinityBits ? 0 : result);
}

}  // namespace

bool Bf16Codec::encode_block(std::span<const float> values, std::span<std::byte> out) const {
  assert(out.size() == encoded_bytes(values.size()));
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t bits = float_bits(values[i]);
    largest = std::max(largest, bits & kMagnitudeBits);
    store_little_endian(round_to_bf16(bits), out.data() + 2 * i);
  }
  return largest < kInfinityBits;
}

Status Bf16Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(in.size() == encoded_bytes(values.size()));
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t bits = std::uint32_t{load_little_endian<std::uint16_t>(&in[2 * i])} << 16;
    largest = std::max(largest, bits & kMagnitudeBits);
    values[i] = std::bit_cast<float>(bits);
  }
  if (largest < kInfinityBits) return {};
  return {Code::kCorruption, "a bf16 payload holds NaN or Inf, which no encoder writes"};
}

}  // namespace outrigger
