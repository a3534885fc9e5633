#include "support/catch.h"

#include <cfloat>
#include <limits>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/int8.h>

namespace outrigger::int8_test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
const Int8Codec int8;

struct Coded {
  bool finite = false;
  float scale = 0;
  std::vector<int> codes;
  std::vector<float> decoded;
};

Coded code(const std::vector<float>& values) {
  samples::Bytes bytes(int8.encoded_bytes(values.size()));
  Coded coded;
  coded.finite = int8.encode_block(values, bytes);
  std::memcpy(&coded.scale, bytes.data(), 4);
  for (std::size_t i = 4; i < bytes.size(); ++i)
    coded.codes.push_back(static_cast<std::int8_t>(bytes[i]));
  coded.decoded.resize(values.size());
  REQUIRE(int8.decode_block(bytes, coded.decoded).ok());
  return coded;
}

long double ulp(float value) {
  const float magnitude = std::fabs(value);
  return magnitude == FLT_MAX
             ? 0x1p104L
             : static_cast<long double>(std::nextafter(magnitude, kInf)) - magnitude;
}

// How many values of a block lie farther from their decoded value than the header promises.
std::size_t beyond_bound(const std::vector<float>& values) {
  const Coded coded = code(values);
  CHECK(coded.finite);
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float x = values[i], d = coded.decoded[i];
    const long double error = std::fabs(static_cast<long double>(x) - static_cast<long double>(d));
    const long double bound = static_cast<long double>(coded.scale) / 2 + std::max(ulp(x), ulp(d));
    beyond += !std::isfinite(d) || !(error <= bound) || (x == 0 && samples::bits(d) != 0);
  }
  return beyond;
}

Status decode(float scale, const std::vector<int>& codes) {
  samples::Bytes bytes(4 + codes.size());
  std::memcpy(bytes.data(), &scale, 4);
  for (std::size_t i = 0; i < codes.size(); ++i) bytes[4 + i] = static_cast<std::byte>(codes[i]);
  std::vector<float> values(codes.size());
  return int8.decode_block(bytes, values);
}

}  // namespace

// Mutation: int8_code of scalar/int8.cpp truncates: std::trunc.
TEST_CASE("int8: the error bound holds on values as training has them") {
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    CHECK(beyond_bound(samples::deltas(1 + seed * 37 % 256, seed)) == 0);
}

// Mutation: int8_scale without smaller (FLT_MAX decodes to Inf).
TEST_CASE("int8: the error bound holds on any finite bit pattern and at the ends of the range") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::vector<float> values = samples::any_finite(256, seed);
    CHECK(beyond_bound(values) == 0);
    values[seed % 256] = seed % 2 == 0 ? FLT_MAX : -FLT_MAX;
    CHECK(beyond_bound(values) == 0);
  }
  for (int exponent = -149; exponent < 128; ++exponent)
    for (const float factor : {1.0F, 1.0078125F, 1.5F, 1.9921875F, 1.99999988F}) {
      const float largest = std::ldexp(factor, exponent);
      std::vector<float> values = samples::deltas(256, 7);
      for (float& value : values)
        value = static_cast<float>(std::fmod(double{value} * 64, 1.0) * largest);
      values[11] = -largest;
      values[12] = largest;
      CHECK(beyond_bound(values) == 0);
    }
}

// Mutation: symmetric_scale without std::nextafter (190 units of the smallest denormal wrap).
TEST_CASE("int8: the error bound holds on denormals") {
  for (std::uint32_t largest = 1; largest < 2000; ++largest) {
    std::vector<float> values;
    for (std::uint32_t i = 0; i < 256; ++i)
      values.push_back(samples::from_bits((largest * i / 255) | (i % 2 << 31)));
    CHECK(beyond_bound(values) == 0);
  }
  CHECK(code({63 * FLT_TRUE_MIN, -FLT_TRUE_MIN}).decoded ==
        std::vector<float>{63 * FLT_TRUE_MIN, -FLT_TRUE_MIN});
}

// Mutation: int8_code of scalar/int8.cpp rounds ties away from 0: std::round.
TEST_CASE("int8: ties go to the even code") {
  std::vector<float> values = {127.0F};
  std::vector<int> expected = {127};
  for (int code = -127; code < 127; ++code) {
    values.push_back(static_cast<float>(code) + 0.5F);
    expected.push_back(code % 2 == 0 ? code : code + 1);
  }
  const Coded coded = code(values);
  CHECK(coded.scale == 1.0F);
  CHECK(coded.codes == expected);
}

// Mutation: symmetric_scale returns at least FLT_TRUE_MIN.
TEST_CASE("int8: zeros of either sign decode as +0") {
  for (const std::size_t count : {1, 5, 256}) {
    std::vector<float> values(count, 0.0F);
    values.back() = -0.0F;
    const Coded coded = code(values);
    CHECK(coded.finite);
    CHECK(samples::bits(coded.scale) == 0);
    CHECK(coded.codes == std::vector<int>(count, 0));
    CHECK(samples::bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
  }
  CHECK(samples::bits(code({-0.0F, 1.0F}).decoded[0]) == 0);
}

// Mutation: FiniteStandIns gives +Inf's stand-in to -Inf; or largest_finite counts Inf.
TEST_CASE("int8: NaN becomes 0 and Inf the block's largest finite magnitude") {
  const Coded coded = code({kNaN, kInf, -kInf, 2.0F, -127.0F, -kNaN});
  CHECK_FALSE(coded.finite);
  CHECK(coded.decoded == std::vector<float>{0, 127, -127, 2, -127, 0});
  const Coded none = code({kNaN, kInf, -kInf, -kNaN});
  CHECK_FALSE(none.finite);
  CHECK(samples::bits(none.decoded) == std::vector<std::uint32_t>(4, 0));
  for (std::size_t at = 0; at < 256; ++at) {
    std::vector<float> values(256, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(code(values).finite);
  }
}

// Mutation: Int8Codec::encoded_bytes without the scale of the short block.
TEST_CASE("int8: odd lengths and empty spans") {
  CHECK(int8.encoded_bytes(0) == 0);
  CHECK(int8.encoded_bytes(1) == 5);
  CHECK(int8.encoded_bytes(256) == 260);
  CHECK(int8.encoded_bytes(257) == 265);
  CHECK(int8.encoded_bytes(1000) == 1016);
  CHECK(int8.encode_block({}, {}));
  CHECK(int8.decode_block({}, {}).ok());
  for (std::size_t count = 1; count <= 256; ++count)
    CHECK(beyond_bound(samples::deltas(count, count)) == 0);
}

// Mutation: decode_int8 (scalar) compares scale > kInt8LargestScale (NaN and -1 pass).
TEST_CASE("int8: a scale that no encoder writes is refused") {
  const float above = std::nextafter(kInt8LargestScale, kInf);
  for (const float scale : {kNaN, -kNaN, kInf, -kInf, -1.0F, -0.0F, -FLT_TRUE_MIN, above, FLT_MAX})
    CHECK(decode(scale, {0, 1, -1}).code() == Code::kCorruption);
  CHECK(decode(kInt8LargestScale, {127, -127}).ok());
  CHECK(decode(0.0F, {0, 0}).ok());
}

// Mutation: DecodeInt8 (simd) without the test of `lowest`; without the test of scale 0.
TEST_CASE("int8: a code that no encoder writes is refused, wherever it stands") {
  for (std::size_t at = 0; at < 256; ++at) {
    std::vector<int> codes(256, 0);
    codes[at] = -128;
    CHECK(decode(1.0F, codes).code() == Code::kCorruption);
    codes[at] = at % 2 == 0 ? 1 : -1;
    CHECK(decode(0.0F, codes).code() == Code::kCorruption);
    CHECK(decode(1.0F, codes).ok());
  }
}

// 0x1.ffffeep+0F over its scale is 127 and an ulp. Mutation: the clamp in scalar/int8.cpp (values
// of a short block) or in quantize-inl.h (of a whole one) is taken out.
TEST_CASE("int8: stochastic rounding never passes a code of 127") {
  for (const std::size_t count : {255, 256})
    for (const float value : {0x1.ffffeep+0F, -0x1.ffffeep+0F}) {
      const std::vector<float> values(count, value);
      samples::Bytes bytes(int8.encoded_bytes(count));
      std::size_t other = 0;
      for (std::uint64_t seed = 0; seed < 5000; ++seed) {
        int8.encode_block(values, bytes, Rounding{true, seed, 0});
        const auto wanted = static_cast<std::byte>(value > 0 ? 127 : -127);
        other += std::count(bytes.begin() + 4, bytes.end(), wanted) != std::ptrdiff_t(count);
      }
      CHECK(other == 0);
    }
}

// Mutation: decode_int8 (scalar) without the test of the scale.
TEST_CASE("int8: random bytes decode to finite values or are refused") {
  std::mt19937_64 random(3);
  std::size_t decoded = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::size_t count = 1 + random() % 16;
    samples::Bytes bytes(int8.encoded_bytes(count));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    std::vector<float> values(count);
    if (!int8.decode_block(bytes, values).ok()) continue;
    ++decoded;
    for (const float value : values) CHECK(std::isfinite(value));
  }
  CHECK(decoded > 1000);
}

}  // namespace outrigger::int8_test
