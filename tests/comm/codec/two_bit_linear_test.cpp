#include <outrigger/comm/codec/two_bit_linear.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::two_bit_linear_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
const TwoBitLinearCodec linear;

struct Ends {
  float lowest, highest;
};
Ends ends_of(const samples::Bytes& bytes) {
  Ends ends;
  std::memcpy(&ends, bytes.data(), sizeof ends);
  return ends;
}

samples::Bytes block(const Ends& ends, const std::vector<int>& codes) {
  samples::Bytes bytes(8 + (codes.size() + 3) / 4);
  std::memcpy(bytes.data(), &ends, sizeof ends);
  for (std::size_t i = 0; i < codes.size(); ++i)
    bytes[8 + i / 4] |= static_cast<std::byte>(codes[i] << (i % 4 * 2));
  return bytes;
}

bool accepted(const Ends& ends, const std::vector<int>& codes) {
  std::vector<float> values(codes.size());
  return linear.decode_block(block(ends, codes), values).ok();
}

// How many values lie farther from their decoded value than the header promises.
std::size_t beyond_bound(const checks::Blocks& blocks) {
  std::size_t beyond = 0;
  for (const std::vector<float>& values : blocks) {
    const checks::Coded coded = checks::code(linear, values);
    beyond += !coded.finite || !coded.accepted;
    const auto [lowest, highest] = ends_of(coded.bytes);
    const long double step = checks::distance(lowest, highest) / 3;
    const long double bound =
        step * (0.5L + 0x1p-21L) + std::max(checks::ulp(lowest), checks::ulp(highest));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = values[i], d = coded.decoded[i];
      beyond += !std::isfinite(d) || !(checks::distance(x, d) <= bound);
      beyond += x < lowest || x > highest || ((x == lowest || x == highest) && d != x);
    }
  }
  return beyond;
}

}  // namespace

// Mutation: linear_code and write_pairs' lambda round down (std::floor; ConvertTo).
TEST_CASE("2-bit-linear: the error bound holds on values as training has them") {
  CHECK(beyond_bound(checks::training(256)) == 0);
}

// Mutation: the unit is 1 in both kernels (x - l overflows).
TEST_CASE("2-bit-linear: the error bound holds on any finite bits and at the ends of the range") {
  CHECK(beyond_bound(checks::whole_range(256)) == 0);
}

// Mutation: the unit is 1 in both kernels (a step of 5/3 units of the least denormal becomes 2).
TEST_CASE("2-bit-linear: the error bound holds on denormals") {
  CHECK(beyond_bound(checks::denormals(256)) == 0);
}

// Mutation: linear_code uses std::round; a value 4i in the high bits.
TEST_CASE("2-bit-linear: ties go to the even code, and value 4i has the lowest bits of byte i") {
  const std::vector<float> values = {-1, 0.5F, 1.5F, 2.5F, 3.5F, 5};
  const std::vector<int> expected = {0, 1, 1, 2, 2, 3};  // quotients 0, 0.75, 1.25, 1.75, 2.25, 3
  CHECK(checks::code(linear, values).bytes == block({-1, 5}, expected));
  CHECK(checks::code(linear, values).decoded == std::vector<float>{-1, 1, 1, 3, 3, 5});
  CHECK(checks::code(linear, {0, 1, 3, 5, 6}).bytes == block({0, 6}, {0, 0, 2, 2, 3}));
}

// Mutation: encode_two_bit_linear (scalar) and find_ends without + 0.0F.
TEST_CASE("2-bit-linear: zeros of either sign decode as +0") {
  for (const std::size_t count : {1, 5, 256})
    for (const float zero : {0.0F, -0.0F}) {
      std::vector<float> values(count, zero);
      values.back() = -0.0F;
      const checks::Coded coded = checks::code(linear, values);
      CHECK(coded.finite);
      CHECK(coded.accepted);
      CHECK(coded.bytes == samples::Bytes(linear.encoded_bytes(count)));
      CHECK(bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
      values.front() = 3;
      CHECK(bits(checks::code(linear, values).decoded.back()) == (count == 1 ? bits(3.0F) : 0));
    }
}

// Mutation: TwoBitLinearCodec::encode_block encodes `values` again instead of the stand-ins.
TEST_CASE("2-bit-linear: NaN becomes 0 and Inf the block's largest finite magnitude") {
  const checks::Coded coded = checks::code(linear, {kNaN, kInf, -kInf, 3.0F, -9.0F, -kNaN});
  CHECK_FALSE(coded.finite);
  CHECK(coded.bytes == checks::code(linear, {0, 9, -9, 3, -9, 0}).bytes);
  const checks::Coded none = checks::code(linear, {kNaN, kInf, -kInf, -kNaN});
  CHECK_FALSE(none.finite);
  CHECK(bits(none.decoded) == std::vector<std::uint32_t>(4, 0));
  for (std::size_t at = 0; at < 256; ++at) {
    std::vector<float> values(256, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(checks::code(linear, values).finite);
  }
}

// Mutation: TwoBitLinearCodec::encoded_bytes without (elements % 4 != 0).
TEST_CASE("2-bit-linear: odd lengths and empty spans") {
  CHECK(linear.encoded_bytes(0) == 0);
  CHECK(linear.encoded_bytes(1) == 9);
  CHECK(linear.encoded_bytes(256) == 72);
  CHECK(linear.encoded_bytes(257) == 81);
  CHECK(linear.encode_block({}, {}));
  CHECK(linear.decode_block({}, {}).ok());
  checks::Blocks blocks;
  for (std::size_t count = 1; count <= 256; ++count)
    blocks.push_back(samples::deltas(count, count));
  CHECK(beyond_bound(blocks) == 0);
}

// Mutation: are_linear_ends without the test of -0; of infinity; without highest >=
// lowest.
TEST_CASE("2-bit-linear: ends that no encoder writes are refused") {
  for (const std::size_t count : {3, 256}) {
    const std::vector<int> zeros(count, 0);
    for (const float bad : {kNaN, -kNaN, kInf, -kInf, -0.0F}) {
      CHECK_FALSE(accepted({bad, FLT_MAX}, zeros));
      CHECK_FALSE(accepted({-FLT_MAX, bad}, zeros));
    }
    CHECK_FALSE(accepted({1, std::nextafter(1.0F, 0.0F)}, zeros));
    CHECK(accepted({-FLT_MAX, FLT_MAX}, std::vector<int>(count, 2)));
    CHECK(accepted({0, 0}, zeros));
  }
}

// Mutation: read_linear_levels returns true at its end.
TEST_CASE("2-bit-linear: codes other than 0 between equal ends are refused, wherever they stand") {
  for (const std::size_t count : {255, 256})
    for (std::size_t at = 0; at < count; ++at) {
      std::vector<int> codes(count, 0);
      codes[at] = 1 + static_cast<int>(at % 3);
      CHECK_FALSE(accepted({2, 2}, codes));
      CHECK(accepted({2, 3}, codes));
    }
}

// Mutation: decode_two_bit_linear (scalar) returns true at its end.
TEST_CASE("2-bit-linear: the bits behind the last value have to be 0") {
  for (int bit = 2; bit < 8; ++bit) {
    samples::Bytes bytes = block({1, 2}, {0, 1, 2, 3, 1});
    CHECK_FALSE(checks::refused(linear, bytes, 5));
    bytes.back() |= static_cast<std::byte>(1 << bit);
    CHECK(checks::refused(linear, bytes, 5));
  }
}

// Mutation: is_end without the test of infinity.
TEST_CASE("2-bit-linear: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(linear, 16);
  CHECK(seen.decoded > 500);
  CHECK(seen.not_finite == 0);
}

// Mutation: round_randomly adds one where noise < 0.99F * (value - below); the same in noise-inl.h.
TEST_CASE("2-bit-linear: stochastic rounding is unbiased") {
  for (const std::size_t count : {255, 256})
    for (const float shift : {0.0F, -1.0F}) {
      std::vector<float> values = samples::deltas(count, 1);
      for (float& value : values) value += shift;
      const auto [lowest, highest] = ends_of(checks::code(linear, values).bytes);
      const double step = linear_step(lowest, highest);
      CHECK(checks::bias(linear, values, 4000, [step](float) { return step; }).none());
    }
}

}  // namespace outrigger::two_bit_linear_test
