#include "support/catch.h"

#include <cfloat>
#include <limits>

#include "comm/codec/checks.h"

namespace outrigger::bf16_test {
namespace {

using samples::bits;
using samples::from_bits;

std::uint16_t encode(float value, bool finite = true) {
  std::uint16_t out = 0;
  const bool said = samples::codec("bf16").encode_block(std::span(&value, 1),
                                                        std::as_writable_bytes(std::span(&out, 1)));
  CHECK(said == finite);
  return out;
}

// The nearest bf16 by distance in fp64, ties to the even one; never Inf.
std::uint16_t nearest(float value) {
  const std::uint32_t below = (bits(value) & 0x7fffffff) >> 16;
  const std::uint32_t sign = bits(value) >> 16 & 0x8000;
  if (below == 0x7f7f) return static_cast<std::uint16_t>(sign | below);
  const double magnitude = std::fabs(double{value});
  const double down = magnitude - double{from_bits(below << 16)};
  const double up = double{from_bits((below + 1) << 16)} - magnitude;
  const bool take_up = up < down || (up == down && below % 2 == 1);
  return static_cast<std::uint16_t>(sign | (take_up ? below + 1 : below));
}

}  // namespace

// Mutation: nearest_bf16 adds 0x8000 instead of 0x7fff + odd.
TEST_CASE("bf16 rounds to nearest, ties to even") {
  const Codec& bf16 = samples::codec("bf16");
  std::vector<float> values = samples::any_finite(200000, 1);
  for (std::uint32_t pattern = 0; pattern < 0x10000; ++pattern)
    for (const std::uint32_t low : {0x7fff, 0x8000, 0x8001}) {
      const float value = from_bits(pattern << 16 | low);
      if (std::isfinite(value)) values.push_back(value);
    }
  const samples::Bytes encoded = samples::encode_flat(bf16, values);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t code;
    std::memcpy(&code, &encoded[2 * i], 2);
    wrong += code != nearest(values[i]);
  }
  CHECK(wrong == 0);
}

// Mutation: from_bf16 shifts by 15; or decode_bf16 does not refuse what is not finite.
TEST_CASE("bf16: all 65536 patterns decode and encode to themselves, or are refused") {
  const Codec& bf16 = samples::codec("bf16");
  std::size_t refused = 0, wrong = 0;
  for (std::uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const auto code = static_cast<std::uint16_t>(pattern);
    float value = 0;
    const Status status =
        bf16.decode_block(std::as_bytes(std::span(&code, 1)), std::span(&value, 1));
    if (!std::isfinite(from_bits(pattern << 16))) {
      refused += status.code() == Code::kCorruption;
    } else {
      wrong += !status.ok() || bits(value) != pattern << 16 || encode(value) != code;
    }
  }
  CHECK(wrong == 0);
  CHECK(refused == 256);
}

// Mutation: nearest_bf16 without std::min; or the stand-ins without FLT_MAX.
TEST_CASE("bf16 saturates, and writes finite stand-ins for what is not finite") {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  CHECK(encode(FLT_MAX) == 0x7f7f);
  CHECK(encode(-FLT_MAX) == 0xff7f);
  CHECK(encode(kInf, false) == 0x7f7f);
  CHECK(encode(-kInf, false) == 0xff7f);
  CHECK(encode(0.0F) == 0);
  CHECK(encode(-0.0F) == 0x8000);
  CHECK(encode(FLT_TRUE_MIN) == 0);
  for (const std::uint32_t nan : {0x7fc00000U, 0xffc00000U, 0x7f800001U, 0xffffffffU})
    CHECK(encode(from_bits(nan), false) == 0);
}

// Mutation: Bf16Codec::encode_block returns true at its end.
TEST_CASE("bf16: odd lengths, empty spans, one value that is not finite among many") {
  const Codec& bf16 = samples::codec("bf16");
  CHECK(bf16.encode_block({}, {}));
  CHECK(bf16.decode_block({}, {}).ok());
  for (const std::size_t count : {1, 7, 255, 256}) {
    std::vector<float> values = samples::deltas(count, count);
    samples::Bytes bytes(bf16.encoded_bytes(count));
    CHECK(bytes.size() == 2 * count);
    CHECK(bf16.encode_block(values, bytes));
    values[count / 2] = std::numeric_limits<float>::quiet_NaN();
    CHECK_FALSE(bf16.encode_block(values, bytes));
  }
}

// Mutation: in simd/bf16.cpp the noise is masked with 0x7fff; random_bf16 without std::min.
TEST_CASE("bf16: stochastic rounding is unbiased, in the denormals too, and stays finite") {
  const Codec& bf16 = samples::codec("bf16");
  const auto step = [](float value) {
    return double{from_bits((bits(value) & 0x7fff0000) + 0x10000)} -
           double{from_bits(bits(value) & 0x7fff0000)};
  };
  const std::vector<float> values = samples::deltas(256, 1);
  CHECK(checks::bias(bf16, values, 1000, step).none());
  std::vector<float> denormals = values;
  for (float& value : denormals) value *= 0x1p-122F;
  CHECK(checks::bias(bf16, denormals, 1000, step).none());
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    CHECK(checks::code(bf16, {FLT_MAX, -FLT_MAX}, {true, seed, 0}).bytes ==
          samples::Bytes{std::byte{0x7f}, std::byte{0x7f}, std::byte{0x7f}, std::byte{0xff}});
}

// Mutation: random_bf16 adds noise & 0x1ffff.
TEST_CASE("bf16: stochastic rounding takes one of the two neighbours") {
  const Codec& bf16 = samples::codec("bf16");
  const std::vector<float> values = samples::any_finite(256, 5);
  std::size_t wrong = 0, kept = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> decoded = checks::code(bf16, values, {true, seed, 0}).decoded;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t below = bits(values[i]) & 0xffff0000;
      kept += bits(decoded[i]) == below;
      wrong += bits(decoded[i]) != below && bits(decoded[i]) != below + 0x10000;
    }
    CHECK(checks::code(bf16, decoded, {true, seed, 0}).decoded == decoded);
  }
  CHECK(wrong == 0);
  CHECK(kept > 2300);  // of 5120
  CHECK(kept < 2820);
}

}  // namespace outrigger::bf16_test
