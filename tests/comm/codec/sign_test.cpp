#include <outrigger/comm/codec/sign.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::sign_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
const SignCodec sign;

float scale_of(const samples::Bytes& bytes) {
  float scale;
  std::memcpy(&scale, bytes.data(), 4);
  return scale;
}

samples::Bytes block(float scale, const std::vector<bool>& negative) {
  samples::Bytes bytes(4 + (negative.size() + 7) / 8);
  std::memcpy(bytes.data(), &scale, 4);
  for (std::size_t i = 0; i < negative.size(); ++i)
    bytes[4 + i / 8] |= static_cast<std::byte>(negative[i] << i % 8);
  return bytes;
}

bool accepted(float scale, const std::vector<bool>& negative) {
  std::vector<float> values(negative.size());
  return sign.decode_block(block(scale, negative), values).ok();
}

// How many blocks break what the header promises.
std::size_t beyond_bound(const checks::Blocks& blocks) {
  std::size_t beyond = 0;
  for (const std::vector<float>& values : blocks) {
    const checks::Coded coded = checks::code(sign, values);
    const long double scale = scale_of(coded.bytes);
    long double mean = 0, squares = 0, errors = 0, largest = 0;
    bool good = coded.finite && coded.accepted;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const long double x = std::fabs(static_cast<long double>(values[i]));
      const long double error = checks::distance(values[i], coded.decoded[i]);
      mean += x;
      squares += x * x;
      errors += error * error;
      largest = std::max(largest, x);
      good = good && std::fabs(coded.decoded[i]) == scale &&
             std::signbit(coded.decoded[i]) == (values[i] < 0 && scale > 0);
    }
    const auto count = static_cast<long double>(values.size());
    mean /= count;
    good = good && scale <= largest && std::fabs(scale - mean) <= mean * 0x1p-17L + 0x1p-149L;
    const long double kept = squares - count * mean * mean;
    good = good && errors <= kept + count * (mean * 0x1p-16L + 0x1p-148L) * largest;
    beyond += !good;
  }
  return beyond;
}

}  // namespace

// Mutation: sign_scale returns 1.001F times as much; write_signs compares with Gt.
TEST_CASE("sign: scale, signs and errors are as promised on values as training has them") {
  CHECK(beyond_bound(checks::training(1024)) == 0);
}

// Mutation: sign_scale without `largest` (the mean of many FLT_MAX rounds to Inf); unit_of is {1,
// 1}.
TEST_CASE("sign: they are on any finite bits and at the ends of the range") {
  CHECK(beyond_bound(checks::whole_range(1024)) == 0);
}

// Mutation: encode_sign (scalar) and EncodeSign write signs under a scale of 0, too.
TEST_CASE("sign: they are on denormals, where the scale may vanish") {
  CHECK(beyond_bound(checks::denormals(1024)) == 0);
  for (const std::size_t count : {1000, 1024}) {
    std::vector<float> values(count, 0.0F);
    values[7] = -FLT_TRUE_MIN;
    const checks::Coded coded = checks::code(sign, values);
    CHECK(coded.finite);
    CHECK(coded.bytes == samples::Bytes(sign.encoded_bytes(count)));
    CHECK(bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
  }
}

// Mutation: put_code(signs, i, 1, values[i] <= 0).
TEST_CASE("sign: one block in bytes") {
  const std::vector<float> values = {1, -2, 0, -0.0F, -4, 5, 6, -7, 8, -2};
  const checks::Coded coded = checks::code(sign, values);
  CHECK(coded.bytes == samples::Bytes{std::byte{0}, std::byte{0}, std::byte{0x60}, std::byte{0x40},
                                      std::byte{0x92}, std::byte{0x02}});
  CHECK(coded.decoded ==
        std::vector<float>{3.5F, -3.5F, 3.5F, 3.5F, -3.5F, 3.5F, 3.5F, -3.5F, 3.5F, -3.5F});
}

// Mutation: put_code(signs, i, 1, std::signbit(values[i])); EncodeSign takes MaskFromVec(values).
TEST_CASE("sign: a block of zeros of either sign decodes as +0") {
  for (const std::size_t count : {1, 5, 1024}) {
    const checks::Coded coded = checks::code(sign, std::vector<float>(count, -0.0F));
    CHECK(coded.finite);
    CHECK(coded.bytes == samples::Bytes(sign.encoded_bytes(count)));
    CHECK(bits(coded.decoded) == std::vector<std::uint32_t>(count, 0));
  }
}

// Mutation: SignCodec::encode_block encodes `values` again instead of the stand-ins.
TEST_CASE("sign: NaN becomes 0 and Inf the block's largest finite magnitude") {
  const checks::Coded coded = checks::code(sign, {kNaN, kInf, -kInf, 2.0F, -8.0F, -kNaN});
  CHECK_FALSE(coded.finite);
  CHECK(coded.bytes == checks::code(sign, {0, 8, -8, 2, -8, 0}).bytes);
  const checks::Coded none = checks::code(sign, {kNaN, kInf, -kInf, -kNaN});
  CHECK_FALSE(none.finite);
  CHECK(bits(none.decoded) == std::vector<std::uint32_t>(4, 0));
  for (std::size_t at = 0; at < 1024; ++at) {
    std::vector<float> values(1024, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(checks::code(sign, values).finite);
  }
}

// Mutation: SignCodec::encoded_bytes without (elements % 8 != 0).
TEST_CASE("sign: odd lengths and empty spans") {
  CHECK(sign.encoded_bytes(0) == 0);
  CHECK(sign.encoded_bytes(1) == 5);
  CHECK(sign.encoded_bytes(1024) == 132);
  CHECK(sign.encoded_bytes(1025) == 137);
  CHECK(sign.encode_block({}, {}));
  CHECK(sign.decode_block({}, {}).ok());
  checks::Blocks blocks;
  for (std::size_t count = 1; count <= 300; ++count)
    blocks.push_back(samples::deltas(count, count));
  CHECK(beyond_bound(blocks) == 0);
}

// Mutation: read_sign_scale compares scale > FLT_MAX (NaN, -0 and -1 pass).
TEST_CASE("sign: a scale that no encoder writes is refused") {
  for (const std::size_t count : {3, 1024}) {
    const std::vector<bool> positive(count, false);
    for (const float scale : {kNaN, -kNaN, kInf, -kInf, -1.0F, -0.0F, -FLT_TRUE_MIN})
      CHECK_FALSE(accepted(scale, positive));
    CHECK(accepted(FLT_MAX, std::vector<bool>(count, true)));
    CHECK(accepted(0.0F, positive));
  }
}

// Mutation: read_sign_scale returns true at its end.
TEST_CASE("sign: a bit under a scale of 0 is refused, wherever it stands") {
  for (const std::size_t count : {1023, 1024})
    for (std::size_t at = 0; at < count; ++at) {
      std::vector<bool> negative(count, false);
      negative[at] = true;
      CHECK_FALSE(accepted(0.0F, negative));
    }
}

// Mutation: decode_sign (scalar) returns true at its end.
TEST_CASE("sign: the bits behind the last value have to be 0") {
  for (int bit = 3; bit < 8; ++bit) {
    samples::Bytes bytes = block(1, {true, false, true});
    CHECK_FALSE(checks::refused(sign, bytes, 3));
    bytes.back() |= static_cast<std::byte>(1 << bit);
    CHECK(checks::refused(sign, bytes, 3));
  }
}

// Mutation: read_sign_scale without the test of the scale.
TEST_CASE("sign: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(sign, 16);
  CHECK(seen.decoded > 100);
  CHECK(seen.not_finite == 0);
}

}  // namespace outrigger::sign_test
