#include "support/catch.h"

#include <cfloat>
#include <limits>

#include "comm/codec/samples.h"

namespace outrigger::fp32_test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

}  // namespace

// Mutation: Fp32Codec::encode_block copies out.size() - 1 bytes.
TEST_CASE("fp32 keeps every bit of finite values, at every length") {
  const Codec& fp32 = samples::codec("fp32");
  for (const std::size_t count : {1, 2, 3, 255, 1023, 1024}) {
    std::vector<float> values = samples::any_finite(count, count);
    values.back() = -0.0F;
    samples::Bytes bytes(fp32.encoded_bytes(count));
    CHECK(fp32.encode_block(values, bytes));
    std::vector<float> decoded(count);
    REQUIRE(fp32.decode_block(bytes, decoded).ok());
    CHECK(samples::bits(decoded) == samples::bits(values));
  }
  CHECK(fp32.encode_block({}, {}));
  CHECK(fp32.decode_block({}, {}).ok());
}

// Mutation: store_little_endian reverses the bytes; finite_stand_in returns 1 for NaN.
TEST_CASE("fp32 writes little-endian, and finite stand-ins for what is not finite") {
  const Codec& fp32 = samples::codec("fp32");
  const std::vector<float> values = {1.5F, kNaN, -kNaN, kInf, -kInf, -0.0F, FLT_TRUE_MIN};
  samples::Bytes bytes(fp32.encoded_bytes(values.size()));
  CHECK_FALSE(fp32.encode_block(values, bytes));
  CHECK(bytes[2] == std::byte{0xc0});
  CHECK(bytes[3] == std::byte{0x3f});
  std::vector<float> decoded(values.size());
  REQUIRE(fp32.decode_block(bytes, decoded).ok());
  const std::vector<float> expected = {1.5F, 0, 0, FLT_MAX, -FLT_MAX, -0.0F, FLT_TRUE_MIN};
  CHECK(samples::bits(decoded) == samples::bits(expected));
}

// Mutation: Fp32Codec::decode_block returns Status() without looking at the values.
TEST_CASE("fp32 refuses bytes that are not finite, wherever they stand") {
  const Codec& fp32 = samples::codec("fp32");
  for (const float bad : {kNaN, -kNaN, kInf, -kInf})
    for (std::size_t at = 0; at < 37; ++at) {
      std::vector<float> values(37, 1.0F);
      values[at] = bad;
      samples::Bytes bytes(fp32.encoded_bytes(values.size()));
      std::memcpy(bytes.data(), values.data(), bytes.size());
      CHECK(fp32.decode_block(bytes, values).code() == Code::kCorruption);
    }
}

}  // namespace outrigger::fp32_test
