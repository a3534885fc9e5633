#pragma once

#include <limits>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/driver.h>

// What the CUDA kernels have to give, on the device (tests/gpu/) as on the CPU (parts_test.cpp).
namespace outrigger::cuda_references {

using samples::bits;
using samples::Bytes;

// Each of the registry, and top-k with few, an odd number and nearly all kept.
inline std::vector<std::string_view> every_codec() {
  std::vector<std::string_view> names = codec_names();
  names.insert(names.end(), {"top-k-64", "top-k-1-int8", "top-k-301-2-bit", "top-k-4095-int4"});
  return names;
}

// The bytes, and the next residual's bits.
struct Encoded {
  bool finite = true;
  Bytes bytes;
  std::vector<std::uint32_t> lost;
  bool operator==(const Encoded&) const = default;
};
struct Decoded {
  bool accepted = true;
  std::vector<std::uint32_t> values;
  bool operator==(const Decoded&) const = default;
};

// What error feedback encodes the delta of.
struct Sample {
  std::vector<float> global, local, residual;
};

inline constexpr float kDecay = 0.75F;

// What the driver makes of them on the CPU.
inline Encoded expected(const Codec& codec, const Sample& sample, const Rounding& rounding) {
  Encoded encoded;
  const std::size_t count = sample.global.size();
  encoded.bytes.resize(codec.encoded_bytes(count));
  std::vector<float> local = sample.local, lost(count);
  Segments segments;
  segments.add(local);
  encoded.finite =
      encode_each(codec, count,
                  [&](std::size_t offset, std::span<float> values) {
                    read_delta(sample.global, segments, sample.residual, kDecay, offset, values);
                  },
                  encoded.bytes, {rounding, lost, 1});
  encoded.lost = bits(lost);
  return encoded;
}

inline Decoded expected(const Codec& codec, const Bytes& bytes, std::size_t count) {
  std::vector<float> values(count);
  if (!decode_all(codec, bytes, values).ok()) return {false, {}};
  return {true, bits(values)};
}

// Values as training has them, any finite ones, small ones, zeros, halves, and two with NaN or Inf.
inline std::vector<Sample> samples_of(std::size_t count, std::uint64_t seed) {
  const std::vector<float> zeros(count, 0.0F);
  std::vector<Sample> all;
  all.push_back({samples::deltas(count, seed), samples::deltas(count, seed + 1),
                 samples::deltas(count, seed + 2)});
  all.push_back({samples::any_finite(count, seed), zeros, zeros});
  all.push_back({samples::deltas(count, seed), zeros, zeros});
  for (float& value : all.back().global) value *= std::ldexp(1.0F, -static_cast<int>(110 + seed));
  all.push_back({std::vector<float>(count, -0.0F), zeros, std::vector<float>(count, -0.0F)});
  all.push_back({zeros, zeros, zeros});
  for (std::size_t i = 0; i < count; ++i)
    all.back().global[i] = static_cast<float>(static_cast<int>(i % 511) - 255) * 0.5F;
  for (const float odd :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    all.push_back(all.front());
    all.back().global[seed * 7 % count] = odd;
    all.push_back({zeros, zeros, zeros});
    all.back().global[seed * 5 % count] = odd;
  }
  return all;
}

inline std::vector<std::size_t> counts(const Codec& codec) {
  const std::size_t block = codec.block_elements();
  return {1, 5, 70, block - 1, block, 2 * block + 19};
}

// The bytes, and the same with one changed.
inline std::vector<Bytes> damaged(const Bytes& bytes) {
  std::vector<Bytes> all = {bytes};
  std::mt19937_64 random(bytes.size());
  for (std::size_t k = 0; k < 6; ++k) {
    all.push_back(bytes);
    all.back()[random() % bytes.size()] = static_cast<std::byte>(random());
    all.push_back(bytes);
    all.back()[k % bytes.size()] ^= std::byte{0x80};
    all.push_back(bytes);
    all.back().back() ^= std::byte{0x80};
  }
  return all;
}

}  // namespace outrigger::cuda_references
