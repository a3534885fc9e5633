#include <outrigger/comm/codec/fp16.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::fp16_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
using samples::from_bits;
const Fp16Codec fp16;

std::vector<std::uint16_t> halves_of(const samples::Bytes& bytes) {
  std::vector<std::uint16_t> halves(bytes.size() / 2);
  std::memcpy(halves.data(), bytes.data(), bytes.size());
  return halves;
}

// The value of a pattern by the definition of binary16; Inf and NaN are 65536 and more.
double value_of(std::uint32_t half) {
  const int exponent = static_cast<int>(half >> 10 & 31);
  const double mantissa = half & 0x3ff;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
  return half < 0x8000 ? magnitude : -magnitude;
}

// The pattern of the magnitude at or next below; at most that of 65504.
std::uint32_t below(double magnitude) {
  std::uint32_t low = 0, high = 0x7c00;
  while (high - low > 1) {
    const std::uint32_t middle = (low + high) / 2;
    (value_of(middle) <= magnitude ? low : high) = middle;
  }
  return low;
}

// By distance in fp64, ties to the even one.
std::uint16_t nearest(float value) {
  const double magnitude = std::fabs(double{value});
  const std::uint32_t low = below(magnitude), sign = bits(value) >> 16 & 0x8000;
  const double down = magnitude - value_of(low), up = value_of(low + 1) - magnitude;
  const bool take_up = low < 0x7bff && (up < down || (up == down && low % 2 == 1));
  return static_cast<std::uint16_t>(sign | (take_up ? low + 1 : low));
}

// In blocks of up to `most` values; short ones have kernels of their own.
std::vector<std::uint16_t> encode(std::span<const float> values, std::size_t most) {
  std::vector<std::uint16_t> halves(values.size());
  for (std::size_t at = 0; at < values.size(); at += most) {
    const std::size_t count = std::min(most, values.size() - at);
    const auto out = std::as_writable_bytes(std::span(halves).subspan(at, count));
    fp16.encode_block(values.subspan(at, count), out);
  }
  return halves;
}

}  // namespace

// Mutation: nearest_fp16 and Nearest::normal add 0x1000 without the odd bit.
TEST_CASE("fp16 rounds to nearest, ties to even, in the denormals too") {
  std::vector<float> values = samples::any_finite(50000, 1);
  for (std::uint32_t half = 0; half < 0x7bff; ++half) {
    const auto middle = static_cast<float>((value_of(half) + value_of(half + 1)) / 2);
    for (const float value : {std::nextafter(middle, 0.0F), middle, std::nextafter(middle, kInf)})
      values.push_back(half % 3 == 0 ? -value : value);
  }
  for (const std::size_t most : {256, 250}) {
    const std::vector<std::uint16_t> halves = encode(values, most);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) wrong += halves[i] != nearest(values[i]);
    CHECK(wrong == 0);
  }
}

// Mutation: decode_fp16 tests magnitude < 0x3ff (scalar); Set(d, 0x3ff) in DecodeFp16.
TEST_CASE("fp16: all 65536 patterns decode and encode to themselves, or are refused") {
  std::size_t refused = 0, wrong = 0;
  for (const std::size_t count : {16, 256})
    for (std::uint32_t first = 0; first < 0x10000; first += static_cast<std::uint32_t>(count)) {
      std::vector<std::uint16_t> halves;
      for (std::uint32_t i = 0; i < count; ++i)
        halves.push_back(static_cast<std::uint16_t>(first + i));
      std::vector<float> values(count);
      const bool ok = fp16.decode_block(std::as_bytes(std::span(halves)), values).ok();
      refused += !ok;
      wrong += ok != ((first & 0x7c00) != 0x7c00);
      if (!ok) continue;
      for (std::uint32_t i = 0; i < count; ++i)
        wrong += double{values[i]} != value_of(first + i) ||
                 std::signbit(values[i]) != (first + i >= 0x8000);
      wrong += encode(values, count) != halves;
    }
  CHECK(wrong == 0);
  CHECK(refused == 2 * (64 + 4));
}

// Mutation: encode_fp16 without std::min (scalar); without Min (simd).
TEST_CASE("fp16 saturates without calling it not finite, and writes stand-ins for NaN and Inf") {
  for (const std::size_t count : {8, 256}) {
    std::vector<float> values(count, 0.0F);
    values[0] = 65520, values[1] = -FLT_MAX, values[2] = 65519, values[3] = -0.0F;
    values[4] = FLT_TRUE_MIN;
    const checks::Coded large = checks::code(fp16, values);
    CHECK(large.finite);
    CHECK(std::vector<float>(large.decoded.begin(), large.decoded.begin() + 5) ==
          std::vector<float>{65504, -65504, 65504, 0, 0});
    CHECK(bits(large.decoded[3]) == 0x80000000);
    values[5] = kNaN, values[6] = kInf, values[7] = -kInf;
    const checks::Coded stand_ins = checks::code(fp16, values);
    CHECK_FALSE(stand_ins.finite);
    CHECK(std::vector<float>(stand_ins.decoded.begin() + 5, stand_ins.decoded.begin() + 8) ==
          std::vector<float>{0, 65504, -65504});
    for (std::uint64_t seed = 0; seed < 20; ++seed)
      CHECK(halves_of(checks::code(fp16, {FLT_MAX, -65505}, {true, seed, 0}).bytes) ==
            std::vector<std::uint16_t>{0x7bff, 0xfbff});
  }
}

// Mutation: Fp16Codec::encode_block returns true at its end.
TEST_CASE("fp16: odd lengths, empty spans, one value that is not finite among many") {
  CHECK(fp16.encode_block({}, {}));
  CHECK(fp16.decode_block({}, {}).ok());
  for (const std::size_t count : {1, 7, 255, 256}) {
    std::vector<float> values = samples::deltas(count, count);
    CHECK(fp16.encoded_bytes(count) == 2 * count);
    CHECK(checks::code(fp16, values).finite);
    values[count / 2] = kNaN;
    CHECK_FALSE(checks::code(fp16, values).finite);
  }
}

// Mutation: random_fp16 masks with 0xfff (scalar) and Random::normal likewise; Random::denormal
// returns NearestInt.
TEST_CASE("fp16: stochastic rounding is unbiased, in the denormals too") {
  const auto step = [](float value) {
    const std::uint32_t low = below(std::fabs(double{value}));
    return value_of(low + 1) - value_of(low);
  };
  for (const std::size_t count : {255, 256}) {
    std::vector<float> values = samples::deltas(count, 1);
    CHECK(checks::bias(fp16, values, 2000, step).none());
    for (float& value : values) value *= 0x1p-10F;
    CHECK(checks::bias(fp16, values, 2000, step).none());
  }
}

// Mutation: random_fp16 masks with 0x3fff; Random::normal likewise.
TEST_CASE("fp16: stochastic rounding takes one of the two neighbours, a level itself") {
  for (const std::size_t count : {250, 256}) {
    const std::vector<float> values = samples::deltas(count, 5);
    std::size_t wrong = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const checks::Coded coded = checks::code(fp16, values, {true, seed, 0});
      const std::vector<std::uint16_t> halves = halves_of(coded.bytes);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t low = below(std::fabs(double{values[i]}));
        const std::uint32_t magnitude = halves[i] & 0x7fff;
        wrong += magnitude != low && magnitude != low + 1;
      }
      wrong += checks::code(fp16, coded.decoded, {true, seed, 0}).bytes != coded.bytes;
    }
    CHECK(wrong == 0);
  }
}

// Mutation: decode_fp16 (scalar) without the test of the magnitude.
TEST_CASE("fp16: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(fp16, 16);
  CHECK(seen.decoded > 1000);
  CHECK(seen.not_finite == 0);
  CHECK(checks::refused(fp16, {std::byte{0}, std::byte{0x7c}}, 1));
}

}  // namespace outrigger::fp16_test
