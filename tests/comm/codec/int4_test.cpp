#include <outrigger/comm/codec/int4.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::int4_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
const Int4Codec int4;

float scale_of(const samples::Bytes& bytes) {
  float scale;
  std::memcpy(&scale, bytes.data(), 4);
  return scale;
}

std::vector<int> codes_of(const samples::Bytes& bytes, std::size_t count) {
  std::vector<int> codes;
  for (std::size_t i = 0; i < count; ++i) {
    const int nibble = static_cast<int>(bytes[4 + i / 2]) >> (i % 2 * 4) & 15;
    codes.push_back(nibble < 8 ? nibble : nibble - 16);
  }
  return codes;
}

samples::Bytes block(float scale, const std::vector<int>& codes) {
  samples::Bytes bytes(4 + (codes.size() + 1) / 2);
  std::memcpy(bytes.data(), &scale, 4);
  for (std::size_t i = 0; i < codes.size(); ++i)
    bytes[4 + i / 2] |= static_cast<std::byte>((codes[i] & 15) << (i % 2 * 4));
  return bytes;
}

bool accepted(float scale, const std::vector<int>& codes) {
  std::vector<float> values(codes.size());
  return int4.decode_block(block(scale, codes), values).ok();
}

// How many values lie farther from their decoded value than the header promises.
std::size_t beyond_bound(const checks::Blocks& blocks) {
  std::size_t beyond = 0;
  for (const std::vector<float>& values : blocks) {
    const checks::Coded coded = checks::code(int4, values);
    beyond += !coded.finite || !coded.accepted;
    const long double scale = scale_of(coded.bytes);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = values[i], d = coded.decoded[i];
      const long double bound = scale / 2 + std::max(checks::ulp(x), checks::ulp(d));
      beyond += !std::isfinite(d) || !(checks::distance(x, d) <= bound) || (x == 0 && bits(d) != 0);
    }
  }
  return beyond;
}

}  // namespace

// Mutation: quantize() converts with ConvertTo(di, quotient), which truncates.
TEST_CASE("int4: the error bound holds on values as training has them") {
  CHECK(beyond_bound(checks::training(256)) == 0);
}

// Mutation: symmetric_scale(..., 7) becomes (..., 6.99F) in either kernel: 7 times it overflows.
TEST_CASE("int4: the error bound holds on any finite bits and at the ends of the range") {
  CHECK(beyond_bound(checks::whole_range(256)) == 0);
}

// Mutation: symmetric_scale without std::nextafter (10 units of the smallest denormal are 10
// codes).
TEST_CASE("int4: the error bound holds on denormals") {
  CHECK(beyond_bound(checks::denormals(256)) == 0);
  CHECK(checks::code(int4, {3 * FLT_TRUE_MIN, -FLT_TRUE_MIN}).decoded ==
        std::vector<float>{3 * FLT_TRUE_MIN, -FLT_TRUE_MIN});
}

// Mutation: int4_code uses std::round.
TEST_CASE("int4: ties go to the even code, and value 2i has the low half of byte i") {
  std::vector<float> values = {7.0F};
  std::vector<int> expected = {7};
  for (int code = -7; code < 7; ++code) {
    values.push_back(static_cast<float>(code) + 0.5F);
    expected.push_back(code % 2 == 0 ? code : code + 1);
  }
  const checks::Coded coded = checks::code(int4, values);
  CHECK(scale_of(coded.bytes) == 1.0F);
  CHECK(codes_of(coded.bytes, values.size()) == expected);
  CHECK(coded.bytes == block(1.0F, expected));
}

// Mutation: symmetric_scale returns at least FLT_TRUE_MIN.
TEST_CASE("int4: zeros of either sign decode as +0") {
  for (const std::size_t count : {1, 5, 256}) {
    std::vector<float> values(count, 0.0F);
    values.back() = -0.0F;
    const checks::Coded coded = checks::code(int4, values);
    CHECK(coded.finite);
    CHECK(coded.bytes == samples::Bytes(int4.encoded_bytes(count)));
    CHECK(bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
  }
  CHECK(bits(checks::code(int4, {-0.0F, 1.0F}).decoded[0]) == 0);
}

// Mutation: Int4Codec::encode_block encodes `values` again instead of the stand-ins.
TEST_CASE("int4: NaN becomes 0 and Inf the block's largest finite magnitude") {
  const checks::Coded coded = checks::code(int4, {kNaN, kInf, -kInf, 2.0F, -7.0F, -kNaN});
  CHECK_FALSE(coded.finite);
  CHECK(coded.decoded == std::vector<float>{0, 7, -7, 2, -7, 0});
  const checks::Coded none = checks::code(int4, {kNaN, kInf, -kInf, -kNaN});
  CHECK_FALSE(none.finite);
  CHECK(bits(none.decoded) == std::vector<std::uint32_t>(4, 0));
  for (std::size_t at = 0; at < 256; ++at) {
    std::vector<float> values(256, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(checks::code(int4, values).finite);
  }
}

// Mutation: Int4Codec::encoded_bytes without elements % 2.
TEST_CASE("int4: odd lengths and empty spans") {
  CHECK(int4.encoded_bytes(0) == 0);
  CHECK(int4.encoded_bytes(1) == 5);
  CHECK(int4.encoded_bytes(256) == 132);
  CHECK(int4.encoded_bytes(257) == 137);
  CHECK(int4.encode_block({}, {}));
  CHECK(int4.decode_block({}, {}).ok());
  checks::Blocks blocks;
  for (std::size_t count = 1; count <= 256; ++count)
    blocks.push_back(samples::deltas(count, count));
  CHECK(beyond_bound(blocks) == 0);
}

// Mutation: decode_int4 (scalar, simd) compares scale > kInt4LargestScale: NaN and -1 pass.
TEST_CASE("int4: a scale that no encoder writes is refused") {
  const float above = std::nextafter(kInt4LargestScale, kInf);
  for (const std::size_t count : {3, 256}) {
    const std::vector<int> zeros(count, 0);
    for (const float scale :
         {kNaN, -kNaN, kInf, -kInf, -1.0F, -0.0F, -FLT_TRUE_MIN, above, FLT_MAX})
      CHECK_FALSE(accepted(scale, zeros));
    CHECK(accepted(kInt4LargestScale, std::vector<int>(count, 7)));
    CHECK(accepted(0.0F, zeros));
  }
}

// Mutation: decode_int4 (scalar, simd) without the test of -8; without the test of scale 0.
TEST_CASE("int4: a code that no encoder writes is refused, wherever it stands") {
  for (const std::size_t count : {255, 256})
    for (std::size_t at = 0; at < count; ++at) {
      std::vector<int> codes(count, 0);
      codes[at] = -8;
      CHECK_FALSE(accepted(1.0F, codes));
      codes[at] = at % 2 == 0 ? 1 : -1;
      CHECK_FALSE(accepted(0.0F, codes));
      CHECK(accepted(1.0F, codes));
    }
}

// Mutation: decode_int4 (scalar) returns true at its end.
TEST_CASE("int4: the half behind an odd number of values has to be 0") {
  samples::Bytes bytes = block(1.0F, {1, 2, 3});
  CHECK_FALSE(checks::refused(int4, bytes, 3));
  for (int half = 1; half < 16; ++half) {
    bytes.back() = static_cast<std::byte>(half << 4 | 3);
    CHECK(checks::refused(int4, bytes, 3));
  }
}

// Mutation: decode_int4 (scalar) without the test of the scale.
TEST_CASE("int4: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(int4, 16);
  CHECK(seen.decoded > 500);
  CHECK(seen.not_finite == 0);
}

// Mutation: round_randomly adds one where noise < 0.99F * (value - below); the same in noise-inl.h.
TEST_CASE("int4: stochastic rounding is unbiased") {
  for (const std::size_t count : {255, 256}) {
    std::vector<float> values = samples::deltas(count, 1);
    const float scale = scale_of(checks::code(int4, values).bytes);
    CHECK(checks::bias(int4, values, 4000, [scale](float) { return scale; }).none());
    for (float& value : values) value = -std::fabs(value);
    CHECK(checks::bias(int4, values, 4000, [scale](float) { return scale; }).none());
  }
}

// Some values over a seventh of theirs are 7 and an ulp. Mutation: the clamp in int4_code is taken
// out; the limit of quantize() in EncodeInt4 is 8.
TEST_CASE("int4: stochastic rounding never passes a code of 7") {
  float value = 1.0F;
  while (value / (value / 7.0F) <= 7.0F) value = std::nextafter(value, 2.0F);
  for (const std::size_t count : {255, 256})
    for (const float x : {value, -value}) {
      std::size_t refused = 0;
      for (std::uint64_t seed = 0; seed < 50000; ++seed)
        refused += !checks::code(int4, std::vector<float>(count, x), {true, seed, 0}).accepted;
      CHECK(refused == 0);
    }
}

}  // namespace outrigger::int4_test
