#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/two_bit.h>

#include "support/catch.h"

#include "comm/codec/checks.h"

namespace outrigger::two_bit_test {
namespace {

using checks::kInf;
using checks::kNaN;
using samples::bits;
const TwoBitCodec two_bit;

std::array<float, 4> levels_of(const samples::Bytes& bytes) {
  std::array<float, 4> levels;
  REQUIRE(read_two_bit_levels(bytes.data(), levels));
  return levels;
}

std::vector<int> codes_of(const samples::Bytes& bytes, std::size_t count) {
  std::vector<int> codes;
  for (std::size_t i = 0; i < count; ++i)
    codes.push_back(static_cast<int>(bytes[8 + i / 4]) >> (i % 4 * 2) & 3);
  return codes;
}

// The mean and the deviation that the header states, in extended precision.
struct Statistics {
  long double mean = 0;
  long double deviation = 0;
  long double largest = 0;
};
Statistics statistics(const std::vector<float>& values) {
  Statistics of;
  for (const float value : values) {
    of.mean += value;
    of.largest = std::max(of.largest, std::fabs(static_cast<long double>(value)));
  }
  of.mean /= static_cast<long double>(values.size());
  for (const float value : values) of.deviation += (value - of.mean) * (value - of.mean);
  if (values.size() > 1)
    of.deviation = std::sqrt(of.deviation / static_cast<long double>(values.size() - 1));
  return of;
}

// How many codes differ from the header's formula but for values at a border, or decode to anything
// but their level.
std::size_t wrong_codes(const std::vector<float>& values) {
  const checks::Coded coded = checks::code(two_bit, values);
  const Statistics of = statistics(values);
  const std::array<float, 4> levels = levels_of(coded.bytes);
  const std::vector<int> codes = codes_of(coded.bytes, values.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const long double place = (values[i] - of.mean) / (1.5L * of.deviation) + 2;
    const long double doubt = of.largest * 0x1p-16L / of.deviation;
    const auto code = [](long double q) { return std::clamp(std::nearbyint(q), 0.0L, 3.0L); };
    wrong += codes[i] < code(place - doubt) || codes[i] > code(place + doubt);
    wrong += bits(coded.decoded[i]) != bits(levels[static_cast<std::size_t>(codes[i])]);
  }
  return wrong;
}

// How many blocks break what the header promises of a bin's level and of the squared errors.
std::size_t beyond_bound(const checks::Blocks& blocks) {
  std::size_t beyond = 0;
  for (const std::vector<float>& values : blocks) {
    const checks::Coded coded = checks::code(two_bit, values);
    const Statistics of = statistics(values);
    const std::vector<int> codes = codes_of(coded.bytes, values.size());
    const long double rounding = of.largest * (0x1p-8L + 0x1p-17L) + 0x1p-134L;
    long double squares = 0;
    bool good = coded.finite && coded.accepted;
    for (int code = 0; code < 4; ++code) {
      float least = kInf, most = -kInf, level = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (codes[i] != code) continue;
        least = std::min(least, values[i]);
        most = std::max(most, values[i]);
        level = coded.decoded[i];
        squares += checks::distance(values[i], level) * checks::distance(values[i], level);
      }
      if (least > most) continue;
      good = good && std::isfinite(level) && level >= least - rounding && level <= most + rounding;
    }
    const auto count = static_cast<long double>(values.size());
    const long double around_mean = of.deviation * std::sqrt(count - 1);
    good = good && std::sqrt(squares) <= around_mean + std::sqrt(count) * rounding;
    beyond += !good;
  }
  return beyond;
}

}  // namespace

// Mutation: two_bit_borders multiplies the deviation by 1.499F; divides by `count`.
TEST_CASE("2-bit: the codes are the formula's") {
  std::size_t wrong = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (const std::size_t count : {1024, 1008, 1000, 64, 5})
      wrong += wrong_codes(samples::deltas(count, seed));
  CHECK(wrong == 0);
}

// Mutation: the scalar fill_bins adds to partials[code ^ 1]; write_two_bit_levels leaves out
// `from`.
TEST_CASE("2-bit: a level lies in its bin, on values as training has them") {
  CHECK(beyond_bound(checks::training(1024)) == 0);
}

// Mutation: unit_of returns {1, 1} (sums and squares overflow and vanish).
TEST_CASE("2-bit: a level lies in its bin, on any finite bits and at the ends of the range") {
  CHECK(beyond_bound(checks::whole_range(1024)) == 0);
}

// Mutation: unit_of clamps to 1..150.
TEST_CASE("2-bit: a level lies in its bin, on denormals") {
  CHECK(beyond_bound(checks::denormals(1024)) == 0);
}

// Mutation: fill_bins compares with > in place of >= (scalar); Gt in place of one Ge (simd).
TEST_CASE("2-bit: a value on a border belongs to the bin above") {
  // Mean 0 and deviation 4, exactly: bins begin at -9, -3 and 3.
  std::vector<float> nineteen = {-9, 9, 0, 0, 0};
  for (int pair = 0; pair < 7; ++pair) nineteen.insert(nineteen.end(), {-3, 3});
  std::vector<float> thirty_two = {-9, 9, -5, 5, -5, 5};
  for (int pair = 0; pair < 13; ++pair) thirty_two.insert(thirty_two.end(), {-3, 3});
  for (const std::vector<float>& values : {nineteen, thirty_two}) {
    CHECK(statistics(values).deviation == 4);
    std::vector<int> expected;
    for (const float x : values) expected.push_back((x >= -9) + (x >= -3) + (x >= 3));
    CHECK(codes_of(checks::code(two_bit, values).bytes, values.size()) == expected);
  }
}

// Mutation: TwoBitCodec::encode_block encodes `values` again instead of the stand-ins.
TEST_CASE("2-bit: NaN becomes 0 and Inf the block's largest finite magnitude") {
  for (const std::size_t count : {6, 64}) {
    std::vector<float> values(count, 0.0F), finite = values;
    values[0] = kNaN, values[1] = kInf, values[2] = -kInf, values[3] = -8;
    finite[1] = 8, finite[2] = -8, finite[3] = -8;
    const checks::Coded coded = checks::code(two_bit, values);
    CHECK_FALSE(coded.finite);
    CHECK(coded.bytes == checks::code(two_bit, finite).bytes);
    const checks::Coded none = checks::code(two_bit, std::vector<float>(count, -kInf));
    CHECK_FALSE(none.finite);
    CHECK(bits(none.decoded) == std::vector<std::uint32_t>(count, 0));
  }
  for (std::size_t at = 0; at < 1024; ++at) {
    std::vector<float> values(1024, 1.0F);
    values[at] = at % 2 == 0 ? kNaN : -kInf;
    CHECK_FALSE(checks::code(two_bit, values).finite);
  }
}

// Mutation: TwoBitCodec::encoded_bytes without (elements % 4 != 0).
TEST_CASE("2-bit: odd lengths and empty spans") {
  CHECK(two_bit.encoded_bytes(0) == 0);
  CHECK(two_bit.encoded_bytes(1) == 9);
  CHECK(two_bit.encoded_bytes(64) == 24);
  CHECK(two_bit.encoded_bytes(1024) == 264);
  CHECK(two_bit.encoded_bytes(1026) == 273);
  CHECK(two_bit.encode_block({}, {}));
  CHECK(two_bit.decode_block({}, {}).ok());
  checks::Blocks blocks;
  for (std::size_t count = 1; count <= 300; ++count)
    blocks.push_back(samples::deltas(count, count));
  CHECK(beyond_bound(blocks) == 0);
}

// Mutation: fill_bins (scalar) puts the codes at i ^ 1.
TEST_CASE("2-bit: one block in bytes") {
  // Mean 1, deviation sqrt(27.6): bins begin at -10.8, -2.9 and 4.9.
  const checks::Coded coded = checks::code(two_bit, {-6, 1, 6, -5, 8, 2});
  CHECK(coded.bytes == samples::Bytes{std::byte{0}, std::byte{0}, std::byte{0xb0}, std::byte{0xc0},
                                      std::byte{0xc0}, std::byte{0x3f}, std::byte{0xe0},
                                      std::byte{0x40}, std::byte{0x79}, std::byte{0x0b}});
  CHECK(coded.decoded == std::vector<float>{-5.5F, 1.5F, 7, -5.5F, 7, 1.5F});
}

// Mutation: read_two_bit_levels looks at levels 0 to 2 only; returns true.
TEST_CASE("2-bit: a level that is not finite is refused") {
  for (const std::size_t count : {3, 64}) {
    const samples::Bytes good = checks::code(two_bit, samples::deltas(count, 1)).bytes;
    CHECK_FALSE(checks::refused(two_bit, good, count));
    for (std::size_t level = 0; level < 4; ++level)
      for (const std::uint16_t code : {0x7f80, 0xff80, 0x7fc0, 0xffff}) {
        samples::Bytes bytes = good;
        std::memcpy(&bytes[2 * level], &code, 2);
        CHECK(checks::refused(two_bit, bytes, count));
      }
  }
}

// Mutation: decode_two_bit (scalar) returns true at its end.
TEST_CASE("2-bit: the bits behind the last value have to be 0") {
  samples::Bytes bytes = checks::code(two_bit, samples::deltas(5, 1)).bytes;
  CHECK_FALSE(checks::refused(two_bit, bytes, 5));
  for (int bit = 2; bit < 8; ++bit) {
    samples::Bytes changed = bytes;
    changed.back() |= static_cast<std::byte>(1 << bit);
    CHECK(checks::refused(two_bit, changed, 5));
  }
}

// Mutation: read_two_bit_levels returns true.
TEST_CASE("2-bit: random bytes decode to finite values or are refused") {
  const checks::RandomBytes seen = checks::decode_random_bytes(two_bit, 16);
  CHECK(seen.decoded > 500);
  CHECK(seen.not_finite == 0);
}

// Mutation: write_two_bit_levels divides by counts[q] + 1.
TEST_CASE("2-bit: equal values decode to their bf16, and zeros of either sign to +0") {
  for (const std::size_t count : {1, 2, 3, 16, 64, 1000, 1024}) {
    for (const float value : {1.0F, -3.25F, 0x1p-140F, 0x1.fep+127F}) {
      const checks::Coded coded = checks::code(two_bit, std::vector<float>(count, value));
      CHECK(coded.finite);
      CHECK(coded.decoded == std::vector<float>(count, from_bf16(nearest_bf16(value))));
    }
    std::vector<float> zeros(count, 0.0F);
    zeros.back() = -0.0F;
    CHECK(bits(checks::code(two_bit, zeros).decoded) == std::vector<std::uint32_t>(count, 0));
    CHECK(bits(checks::code(two_bit, std::vector<float>(count, -0.0F)).decoded) ==
          std::vector<std::uint32_t>(count, 0));
  }
}

}  // namespace outrigger::two_bit_test
