#include <outrigger/comm/codec/fp4_e3m0.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::fp4_e3m0_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
const Fp4E3m0Codec fp4;

float largest_of(const std::vector<float>& values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

samples::Bytes block(float scale, const std::vector<unsigned>& nibbles) {
  samples::Bytes bytes(4 + (nibbles.size() + 1) / 2);
  std::memcpy(bytes.data(), &scale, 4);
  for (std::size_t i = 0; i < nibbles.size(); ++i)
    bytes[4 + i / 2] |= static_cast<std::byte>(nibbles[i] << (i % 2 * 4));
  return bytes;
}

bool accepted(float scale, const std::vector<unsigned>& nibbles) {
  std::vector<float> values(nibbles.size());
  return fp4.decode_block(block(scale, nibbles), values).ok();
}

// How many values lie farther from their decoded value than the header promises.
std::size_t beyond_bound(const checks::Blocks& blocks) {
  std::size_t beyond = 0;
  for (const std::vector<float>& values : blocks) {
    const checks::Coded coded = checks::code(fp4, values);
    beyond += !coded.finite || !coded.accepted;
    const float largest = largest_of(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = values[i], d = coded.decoded[i];
      const long double third = std::fabs(static_cast<long double>(x)) / 3;
      const long double bound = std::max(third, largest / 128.0L) + checks::ulp(x);
      beyond += !std::isfinite(d) || !(checks::distance(x, d) <= bound);
      beyond += (x == 0 && bits(d) != 0) || (std::fabs(x) == largest && d != x);
    }
  }
  return beyond;
}

// Magnitudes of which every octave from 2^-6 to 1 has as many, the first one 1.
std::vector<float> log_uniform(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values = {1.0F};
  while (values.size() < count) {
    const double octaves = static_cast<double>(random() >> 11) * 0x1p-53 * 6;
    values.push_back(static_cast<float>(std::exp2(-octaves) * (random() % 2 == 0 ? 1 : -1)));
  }
  return values;
}

// The mean of decoded / x but for each block's first value, and its standard error.
struct Ratio {
  double mean;
  double error;
};
Ratio ratio(bool stochastic) {
  double sum = 0, squares = 0, count = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const std::vector<float> values = log_uniform(256, seed);
    const checks::Coded coded = checks::code(fp4, values, {stochastic, seed, 0});
    for (std::size_t i = 1; i < values.size(); ++i) {
      const double one = double{coded.decoded[i]} / double{values[i]};
      sum += one;
      squares += one * one;
      ++count;
    }
  }
  const double mean = sum / count;
  return {mean, std::sqrt((squares / count - mean * mean) / count)};
}

}  // namespace

// Mutation: nearest_e3m0 and nearest_code without + 0x400000 (they round down).
TEST_CASE("fp4-e3m0: the error bound holds on values as training has them") {
  CHECK(beyond_bound(checks::training(256)) == 0);
}

// Mutation: nearest_code without Max(code, 1): what lies just above S / 128 becomes 0.
TEST_CASE("fp4-e3m0: the error bound holds on any finite bits and at the ends of the range") {
  CHECK(beyond_bound(checks::whole_range(256)) == 0);
}

// Mutation: e3m0_value multiplies level * 0x1p+100F by scale * 0x1p-100F.
TEST_CASE("fp4-e3m0: the error bound holds on denormals") {
  CHECK(beyond_bound(checks::denormals(256)) == 0);
}

// Mutation: nearest_e3m0 adds 0x3fffff; or returns 0 for q <= 0x1p-7F; the same in nearest_code.
TEST_CASE("fp4-e3m0: from the middle between two levels on the value goes to the larger") {
  for (const std::size_t count : {16, 256}) {
    std::vector<float> values(count, 0.0F);
    std::vector<unsigned> nibbles(count, 0);
    values[0] = -4.0F;
    nibbles[0] = 15;
    for (unsigned code = 1; code <= 7; ++code) {
      const float level = std::ldexp(4.0F, static_cast<int>(code) - 7);
      const float middle = code == 1 ? level / 2 : level * 0.75F;
      values[2 * code - 1] = middle;
      nibbles[2 * code - 1] = code;
      values[2 * code] = -std::nextafter(middle, 0.0F);
      nibbles[2 * code] = code == 1 ? 0 : (code - 1) | 8;
    }
    const checks::Coded coded = checks::code(fp4, values);
    CHECK(coded.bytes == block(4.0F, nibbles));
    for (std::size_t i = 0; i < count; ++i)
      CHECK(coded.decoded[i] == (nibbles[i] == 0
                                     ? 0.0F
                                     : std::ldexp(nibbles[i] < 8 ? 4.0F : -4.0F,
                                                  static_cast<int>(nibbles[i] & 7) - 7)));
  }
}

// The mean of nearest is (2/3) / ln 2 = 0.962 exactly, that of rounding down 0.721.
// Mutation: nearest_code without + 0x400000; random_code with ShiftRight<2>(noise).
TEST_CASE("fp4-e3m0: what the mean of decoded / x is over log-uniform magnitudes") {
  const Ratio nearest = ratio(false);
  CHECK(nearest.error < 0.0005);
  CHECK(std::fabs(nearest.mean - 0.96180) < 5 * nearest.error);
  const Ratio stochastic = ratio(true);
  CHECK(stochastic.error < 0.0005);
  CHECK(std::fabs(stochastic.mean - 1) < 5 * stochastic.error);
  CHECK(std::fabs(stochastic.mean - 1) < 0.01);
}

// Mutation: random_e3m0 compares with q * 63; random_code with noise >> 2 in place of >> 1.
TEST_CASE("fp4-e3m0: stochastic rounding is unbiased, below the lowest level too") {
  for (const std::size_t count : {255, 256}) {
    std::vector<float> values = log_uniform(count, 3);
    for (std::size_t i = 1; i < count; i += 2) values[i] *= 0x1p-6F;
    const auto step = [](float value) {
      const float magnitude = std::fabs(value);
      return magnitude < 0x1p-6F ? 0x1p-6 : std::ldexp(1.0, std::ilogb(magnitude));
    };
    CHECK(checks::bias(fp4, values, 4000, step).none());
  }
}

// Mutation: e3m0_nibble returns code | sign << 3 for a code of 0, too.
TEST_CASE("fp4-e3m0: zeros of either sign decode as +0") {
  for (const std::size_t count : {1, 5, 256}) {
    std::vector<float> values(count, 0.0F);
    values.back() = -0.0F;
    const checks::Coded coded = checks::code(fp4, values);
    CHECK(coded.finite);
    CHECK(coded.bytes == samples::Bytes(fp4.encoded_bytes(count)));
    CHECK(bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
  }
  for (const bool stochastic : {false, true}) {
    const checks::Coded coded = checks::code(fp4, {-0.0F, 1.0F, -1e-9F}, {stochastic, 0, 0});
    CHECK(coded.accepted);
    CHECK(bits(coded.decoded) == std::vector<std::uint32_t>{0, bits(1.0F), 0});
  }
}

// Mutation: Fp4E3m0Codec::encode_block encodes `values` again instead of the stand-ins.
TEST_CASE("fp4-e3m0: NaN becomes 0 and Inf the block's largest finite magnitude") {
  const checks::Coded coded = checks::code(fp4, {kNaN, kInf, -kInf, 2.0F, -8.0F, -kNaN});
  CHECK_FALSE(coded.finite);
  CHECK(coded.decoded == std::vector<float>{0, 8, -8, 2, -8, 0});
  const checks::Coded none = checks::code(fp4, {kNaN, kInf, -kInf, -kNaN});
  CHECK_FALSE(none.finite);
  CHECK(bits(none.decoded) == std::vector<std::uint32_t>(4, 0));
  for (std::size_t at = 0; at < 256; ++at) {
    std::vector<float> values(256, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(checks::code(fp4, values).finite);
  }
}

// Mutation: Fp4E3m0Codec::encoded_bytes without elements % 2.
TEST_CASE("fp4-e3m0: odd lengths and empty spans") {
  CHECK(fp4.encoded_bytes(0) == 0);
  CHECK(fp4.encoded_bytes(1) == 5);
  CHECK(fp4.encoded_bytes(256) == 132);
  CHECK(fp4.encoded_bytes(257) == 137);
  CHECK(fp4.encode_block({}, {}));
  CHECK(fp4.decode_block({}, {}).ok());
  checks::Blocks blocks;
  for (std::size_t count = 1; count <= 256; ++count)
    blocks.push_back(samples::deltas(count, count));
  CHECK(beyond_bound(blocks) == 0);
}

// Mutation: decode_fp4_e3m0 (scalar, simd) compares !(scale < Inf): -1 and -0 pass.
TEST_CASE("fp4-e3m0: a scale that no encoder writes is refused") {
  for (const std::size_t count : {3, 256}) {
    const std::vector<unsigned> zeros(count, 0);
    for (const float scale : {kNaN, -kNaN, kInf, -kInf, -1.0F, -0.0F, -FLT_TRUE_MIN})
      CHECK_FALSE(accepted(scale, zeros));
    CHECK(accepted(FLT_MAX, std::vector<unsigned>(count, 15)));
    CHECK(accepted(0.0F, zeros));
  }
}

// Mutation: decode_fp4_e3m0 (scalar, simd) without the test of nibble 8; without that of scale 0.
TEST_CASE("fp4-e3m0: a code that no encoder writes is refused, wherever it stands") {
  for (const std::size_t count : {255, 256})
    for (std::size_t at = 0; at < count; ++at) {
      std::vector<unsigned> nibbles(count, 0);
      nibbles[at] = 8;
      CHECK_FALSE(accepted(1.0F, nibbles));
      nibbles[at] = at % 2 == 0 ? 1 : 9;
      CHECK_FALSE(accepted(0.0F, nibbles));
      CHECK(accepted(1.0F, nibbles));
    }
}

// Mutation: decode_fp4_e3m0 (scalar) returns true at its end.
TEST_CASE("fp4-e3m0: the half behind an odd number of values has to be 0") {
  samples::Bytes bytes = block(1.0F, {1, 2, 3});
  CHECK_FALSE(checks::refused(fp4, bytes, 3));
  for (int half = 1; half < 16; ++half) {
    bytes.back() = static_cast<std::byte>(half << 4 | 3);
    CHECK(checks::refused(fp4, bytes, 3));
  }
}

// Mutation: decode_fp4_e3m0 (scalar) without the test of the scale.
TEST_CASE("fp4-e3m0: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(fp4, 16);
  CHECK(seen.decoded > 500);
  CHECK(seen.not_finite == 0);
}

}  // namespace outrigger::fp4_e3m0_test
