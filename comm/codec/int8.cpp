#include <outrigger/comm/codec/float_bits.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/little_endian.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

namespace outrigger {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::size_t kScaleBytes = 4;

struct Magnitudes {
  std::int32_t largest;         // of all values
  std::int32_t largest_finite;  // of the finite ones
};

Magnitudes measure(std::span<const float> values) {
  std::int32_t largest = 0, largest_finite = 0;
  for (const float value : values) {
    const std::int32_t magnitude = magnitude_bits(value);
    largest = std::max(largest, magnitude);
    largest_finite = std::max(largest_finite, magnitude < kInfinityBits ? magnitude : 0);
  }
  return {largest, largest_finite};
}

float scale_for(float largest) {
  float scale = largest / 127.0F;
  if (scale < FLT_MIN && double{scale} * 127 < double{largest})
    scale = std::nextafter(scale, std::numeric_limits<float>::infinity());
  return std::min(scale, kInt8LargestScale);
}

// Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits of the sum.
std::int8_t round_to_code(float quotient) {
  constexpr float kShift = 12582912.0F;
  return static_cast<std::int8_t>(std::bit_cast<std::int32_t>(quotient + kShift) -
                                  std::bit_cast<std::int32_t>(kShift));
}

void encode_finite(std::span<const float> values, float scale, std::byte* out) {
  store_little_endian(scale, out);
  if (scale == 0.0F) {
    std::memset(out + kScaleBytes, 0, values.size());
    return;
  }
  auto* codes = reinterpret_cast<std::int8_t*>(out + kScaleBytes);
  for (std::size_t i = 0; i < values.size(); ++i) codes[i] = round_to_code(values[i] / scale);
}

float finite_stand_in(float value, float largest) {
  if (std::isnan(value)) return 0.0F;
  return std::isinf(value) ? std::copysign(largest, value) : value;
}

}  // namespace

std::size_t Int8Codec::encoded_bytes(std::size_t elements) const {
  return elements + kScaleBytes * (elements / kBlock + (elements % kBlock != 0));
}

bool Int8Codec::encode_block(std::span<const float> values, std::span<std::byte> out) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty()) return true;
  const Magnitudes magnitudes = measure(values);
  const float largest = std::bit_cast<float>(magnitudes.largest_finite);
  const float scale = scale_for(largest);
  if (magnitudes.largest < kInfinityBits) {
    encode_finite(values, scale, out.data());
    return true;
  }
  std::array<float, kBlock> finite;
  std::transform(values.begin(), values.end(), finite.begin(),
                 [largest](float value) { return finite_stand_in(value, largest); });
  encode_finite(std::span(finite).first(values.size()), scale, out.data());
  return false;
}

Status Int8Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty()) return {};
  const float scale = load_little_endian<float>(in.data());
  if (float_bits(scale) > float_bits(kInt8LargestScale))
    return {Code::kCorruption,
            fmt::format("an int8 block has scale {}, which no encoder writes", scale)};

  const auto* codes = reinterpret_cast<const std::int8_t*>(in.data() + kScaleBytes);
  int lowest = 0, highest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    lowest = std::min<int>(lowest, codes[i]);
    highest = std::max<int>(highest, codes[i]);
  }
  if (lowest == -128)
    return {Code::kCorruption, "an int8 block has the code -128, which no encoder writes"};
  if (scale == 0.0F && (lowest != 0 || highest != 0))
    return {Code::kCorruption, "an int8 block of scale 0 has a code that is not 0"};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(codes[i]) * scale;
  return {};
}

}  // namespace outrigger
