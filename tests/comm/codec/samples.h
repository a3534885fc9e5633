#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/codec/codec.h>

// Values and bytes for the tests of the codecs.
namespace outrigger::samples {

using Bytes = std::vector<std::byte>;

inline const Codec& codec(std::string_view name) {
  return **find_codec(name);
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

inline std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

// Any finite fp32 value, each bit pattern as likely as another.
inline std::vector<float> any_finite(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values;
  while (values.size() < count) {
    const float value = from_bits(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

// Values as training has them: around zero, with a few that stand out.
inline std::vector<float> deltas(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(static_cast<std::int64_t>(random() >> 11)) * 0x1p-60F - 0x1p-8F;
    if (random() % 100 == 0) value *= 50;
  }
  return values;
}

inline std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> all;
  for (const float value : values) all.push_back(bits(value));
  return all;
}

// Block by block with the codec alone, beside which the driver is tested.
inline Bytes encode_flat(const Codec& codec, std::span<const float> values) {
  Bytes out;
  for (std::size_t at = 0; at < values.size(); at += codec.block_elements()) {
    const auto block = values.subspan(at, std::min(codec.block_elements(), values.size() - at));
    Bytes encoded(codec.encoded_bytes(block.size()));
    codec.encode_block(block, encoded);
    out.insert(out.end(), encoded.begin(), encoded.end());
  }
  return out;
}

inline std::vector<float> decode_flat(const Codec& codec, std::span<const std::byte> in,
                                      std::size_t elements) {
  std::vector<float> out;
  while (out.size() < elements) {
    std::vector<float> block(std::min(codec.block_elements(), elements - out.size()));
    const std::size_t length = codec.encoded_bytes(block.size());
    throw_if_error(codec.decode_block(in.first(length), block));
    out.insert(out.end(), block.begin(), block.end());
    in = in.subspan(length);
  }
  return out;
}

}  // namespace outrigger::samples
