#pragma once

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
