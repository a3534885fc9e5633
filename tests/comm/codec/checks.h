#pragma once

#include <cfloat>
#include <limits>

#include "comm/codec/samples.h"

// What the tests of several codecs ask.
namespace outrigger::checks {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Coded {
  bool finite = false;
  samples::Bytes bytes;
  bool accepted = false;
  std::vector<float> decoded;
};

inline Coded code(const Codec& codec, const std::vector<float>& values,
                  const Rounding& rounding = {}) {
  Coded coded;
  coded.bytes.resize(codec.encoded_bytes(values.size()));
  coded.finite = codec.encode_block(values, coded.bytes, rounding);
  coded.decoded.resize(values.size());
  coded.accepted = codec.decode_block(coded.bytes, coded.decoded).ok();
  return coded;
}

inline bool refused(const Codec& codec, const samples::Bytes& bytes, std::size_t count) {
  std::vector<float> values(count);
  return codec.decode_block(bytes, values).code() == Code::kCorruption;
}

// From the magnitude to the next one up.
inline long double ulp(float value) {
  const float magnitude = std::fabs(value);
  return magnitude == std::numeric_limits<float>::max()
             ? 0x1p104L
             : static_cast<long double>(std::nextafter(magnitude, kInf)) - magnitude;
}

inline long double distance(float a, float b) {
  return std::fabs(static_cast<long double>(a) - static_cast<long double>(b));
}

// Blocks of up to `most` values: as training has them; of any finite bits and of the ends of fp32's
// range; of denormals. Whole blocks and shorter ones, for which other kernels work.
using Blocks = std::vector<std::vector<float>>;
inline Blocks training(std::size_t most) {
  Blocks all;
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    all.push_back(samples::deltas(1 + seed * 37 % most, seed));
  for (const std::size_t count : {most, most - 1, std::size_t{1}, std::size_t{2}})
    all.push_back(samples::deltas(count, count));
  return all;
}
inline Blocks whole_range(std::size_t most) {
  Blocks all;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    all.push_back(samples::any_finite(seed % 2 == 0 ? most : most - 1, seed));
    all.push_back(all.back());
    all.back()[seed] = seed % 3 == 0 ? -FLT_MAX : FLT_MAX;
    all.emplace_back(most, seed % 2 == 0 ? FLT_MAX : -FLT_MAX);
    if (seed % 3 == 0) all.back()[seed] *= -1;
  }
  for (int exponent = -149; exponent < 128; ++exponent)
    for (const float factor : {1.0F, 1.0078125F, 1.5F, 1.99999988F}) {
      const float largest = std::ldexp(factor, exponent);
      std::vector<float> values = samples::deltas(most, 7);
      for (float& value : values)
        value = static_cast<float>(std::fmod(double{value} * 64, 1.0) * largest);
      values[11] = -largest;
      all.push_back(values);
      all.back()[12] = largest;
      all.back().pop_back();
    }
  return all;
}
inline Blocks denormals(std::size_t most) {
  Blocks all;
  for (std::uint32_t largest = 1; largest < 500; ++largest) {
    all.emplace_back();
    for (std::uint32_t i = 0; i < most - largest % 2; ++i)
      all.back().push_back(samples::from_bits(
          static_cast<std::uint32_t>(std::uint64_t{largest} * i / (most - 1)) | (i % 2 << 31)));
  }
  return all;
}

// Random bytes: how many blocks of up to `most` values decode, and how many values not finite.
struct RandomBytes {
  std::size_t decoded = 0;
  std::size_t not_finite = 0;
};
inline RandomBytes decode_random_bytes(const Codec& codec, std::size_t most) {
  std::mt19937_64 random(3);
  RandomBytes seen;
  for (int round = 0; round < 5000; ++round) {
    const std::size_t count = 1 + random() % most;
    samples::Bytes bytes(codec.encoded_bytes(count));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    std::vector<float> values(count);
    if (!codec.decode_block(bytes, values).ok()) continue;
    ++seen.decoded;
    for (const float value : values) seen.not_finite += !std::isfinite(value);
  }
  return seen;
}

// The mean of (decoded - x) / step over the values and over rounding with each of the seeds, and
// the mean away from zero; `error` is the standard error of either.
struct Bias {
  double up = 0;
  double outwards = 0;
  double error = 0;
  // No bias, and one of 1 % of a step would be seen for certain.
  bool none() const {
    return std::fabs(up) < 5 * error && std::fabs(outwards) < 5 * error && error < 0.001;
  }
};
template <typename Step>  // of a value: from the level below it to the one above
Bias bias(const Codec& codec, const std::vector<float>& values, std::uint64_t seeds, Step step) {
  double up = 0, outwards = 0, squares = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Coded coded = code(codec, values, Rounding{true, seed, seed * 4096});
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double error = (double{coded.decoded[i]} - double{values[i]}) / step(values[i]);
      up += error;
      outwards += std::copysign(error, error * values[i]);
      squares += error * error;
    }
  }
  const auto count = static_cast<double>(seeds * values.size());
  return {up / count, outwards / count, std::sqrt(squares / count / count)};
}

}  // namespace outrigger::checks
