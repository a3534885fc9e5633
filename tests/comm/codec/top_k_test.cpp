#include "support/catch.h"

#include <cfloat>
#include <limits>
#include <numeric>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/top_k.h>

namespace outrigger::top_k_test {
namespace {

using samples::bits;
using samples::Bytes;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Bytes encode(const Codec& codec, const std::vector<float>& values, const Rounding& rounding = {}) {
  Bytes bytes(codec.encoded_bytes(values.size()), std::byte{0xee});
  CHECK(codec.encode_block(values, bytes, rounding));
  return bytes;
}

std::vector<float> decode(const Codec& codec, const Bytes& bytes, std::size_t count) {
  std::vector<float> values(count, 7.0F);
  REQUIRE(codec.decode_block(bytes, values).ok());
  return values;
}

std::size_t kept_of(std::size_t kept, std::size_t count) {
  return (kept * count + 4095) / 4096;
}

std::size_t index_bytes(std::size_t kept) {
  return (12 * kept + 7) / 8;
}

// By a stable sort of all: the definition.
std::vector<std::size_t> chosen(const std::vector<float>& values, std::size_t kept) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::fabs(values[a]) > std::fabs(values[b]);
  });
  order.resize(kept_of(kept, values.size()));
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<float> only(const std::vector<float>& values, const std::vector<std::size_t>& indices) {
  std::vector<float> kept(values.size(), 0.0F);
  for (const std::size_t index : indices) kept[index] = values[index];
  return kept;
}

std::vector<float> at(const std::vector<float>& values, const std::vector<std::size_t>& indices) {
  std::vector<float> kept;
  for (const std::size_t index : indices) kept.push_back(values[index]);
  return kept;
}

// Chunks that are random, tied, constant, denormal, zero and nearly zero.
std::vector<std::vector<float>> chunks(std::size_t count) {
  std::vector<std::vector<float>> all;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    all.push_back(samples::deltas(count, seed));
    all.push_back(samples::any_finite(count, seed));
    std::vector<float> tied, denormal, few(count, 0.0F);
    for (const float value : samples::deltas(count, seed)) {
      const std::uint32_t low = bits(value) % (seed + 2);
      tied.push_back(std::ldexp(bits(value) % 7 < 3 ? 1.5F : -1.5F, static_cast<int>(low)));
      denormal.push_back(samples::from_bits(bits(value) & 0x800fffff));
    }
    for (std::size_t i = 0; i < count; i += 97 + seed)
      few[i] = i % 2 == 0 ? -FLT_TRUE_MIN : FLT_MAX;
    all.insert(all.end(), {tied, denormal, few});
  }
  for (const float value : {0.0F, -0.0F, 1.0F, -FLT_MAX, FLT_TRUE_MIN})
    all.push_back(std::vector<float>(count, value));
  return all;
}

Status refusal(const Codec& codec, const Bytes& bytes, std::size_t count) {
  std::vector<float> values(count);
  return codec.decode_block(bytes, values);
}

}  // namespace

// Mutation: `b < a` instead of `a < b` in scalar/top_k.cpp; lowest_bits in simd/top_k.cpp drops
// `word & -word` instead of the highest.
TEST_CASE("top-k: exactly the largest magnitudes are kept, ties by the lower index") {
  for (const std::size_t count : {4096, 4095, 1000, 65, 1})
    for (const std::size_t kept : {1, 2, 64, 777, 2048, 4095}) {
      const Codec& codec = samples::codec("top-k-" + std::to_string(kept));
      for (const std::vector<float>& values : chunks(count)) {
        const std::vector<float> expected = only(values, chosen(values, kept));
        CHECK(bits(decode(codec, encode(codec, values), count)) == bits(expected));
      }
    }
}

// Mutation: kept_of without the `+ kTopKChunk - 1`; index_bytes of an odd count one byte less.
TEST_CASE("top-k: a last chunk keeps its share, rounded up, and the sizes say so") {
  const Codec& codec = samples::codec("top-k-64");
  const Codec& int8 = samples::codec("top-k-600-int8");
  CHECK(codec.encoded_bytes(0) == 0);
  CHECK(codec.encoded_bytes(1) == 2 + 4);
  CHECK(codec.encoded_bytes(64) == 2 + 4);
  CHECK(codec.encoded_bytes(65) == 3 + 8);
  CHECK(codec.encoded_bytes(4095) == 96 + 256);
  CHECK(codec.encoded_bytes(4096) == 96 + 256);
  CHECK(codec.encoded_bytes(4097) == 96 + 256 + 2 + 4);
  CHECK(codec.encoded_bytes(10 * 4096) == 10 * 352);
  CHECK(bits_per_value(codec) == 8.0 * 352 / 4096);
  CHECK(int8.encoded_bytes(4096) == 900 + 600 + 3 * 4);
  CHECK(int8.encoded_bytes(4096 + 7) == 1512 + 3 + 2 + 4);
  CHECK(codec.encode_block({}, {}));
  CHECK(codec.decode_block({}, {}).ok());
  for (std::size_t count = 1; count <= 4096; count += 13) {
    const std::vector<float> decoded =
        decode(codec, encode(codec, std::vector<float>(count, 1.0F)), count);
    const std::size_t kept = (count + 63) / 64;
    CHECK(std::count(decoded.begin(), decoded.end(), 1.0F) == static_cast<std::ptrdiff_t>(kept));
    CHECK(decoded[kept - 1] == 1.0F);
  }
}

// Mutation: pack_indices shifts the second index by 16; store_bytes from the highest byte down.
TEST_CASE("top-k: a chunk has the bytes that the format shows") {
  const Bytes five = encode(samples::codec("top-k-2048"), {1.0F, -3.0F, 0.5F, 3.0F, -2.0F});
  CHECK(samples::hex(five) ==
        "013000"
        "0400"
        "000040c0"
        "00004040"
        "000000c0");
  std::vector<float> values(4096, 0.0F);
  values[0xabc] = 127.0F;
  values[0xfed] = -1.0F;
  CHECK(samples::hex(encode(samples::codec("top-k-2-int8"), values)) ==
        "bcdafe"
        "0000803f"
        "7fff");
}

// Mutation: are_indices with `<=`; without `indices.back() < elements`.
TEST_CASE("top-k: indices that no encoder writes are refused") {
  const Codec& codec = samples::codec("top-k-2048");
  const Bytes right = encode(codec, {1.0F, -3.0F, 0.5F, 3.0F, -2.0F});
  const std::pair<std::size_t, int> wrong[] = {
      {0, 3},     // 3, 3, 4
      {0, 0x04},  // 4, 3, 4
      {1, 0x31},  // 0x101, 3, 4
      {2, 0x01},  // 1, 0x13, 4
      {3, 3},     // 1, 3, 3
      {3, 5},     // beyond the five values
      {4, 0x01},  // 0x104
      {4, 0x10},  // an unused bit
      {4, 0x80},
  };
  for (const auto& [place, byte] : wrong) {
    Bytes bytes = right;
    bytes[place] = static_cast<std::byte>(byte);
    const Status status = refusal(codec, bytes, 5);
    CHECK(status.code() == Code::kCorruption);
    CHECK(samples::contains(status.message(), "top-k-2048"));
  }
  Bytes other = right;
  other[0] = std::byte{2};
  CHECK(decode(codec, other, 5) == std::vector<float>{0, 0, -3, 3, -2});
}

// Mutation: decode_block ignores the status of decode_kept.
TEST_CASE("top-k: what the value codec refuses is refused, in each of its blocks") {
  const Codec& fp32 = samples::codec("top-k-3");
  const Codec& int8 = samples::codec("top-k-600-int8");
  const std::vector<float> values = samples::deltas(4096, 3);
  Bytes bytes = encode(fp32, values);
  std::memcpy(&bytes[5 + 8], &kNaN, 4);
  CHECK(refusal(fp32, bytes, 4096).code() == Code::kCorruption);
  const Bytes right = encode(int8, values);
  for (const std::size_t block : {0, 1, 2}) {
    bytes = right;
    bytes[900 + 260 * block + 4 + 80] = std::byte{0x80};
    const Status status = refusal(int8, bytes, 4096);
    CHECK(status.code() == Code::kCorruption);
    CHECK(samples::contains(status.message(), "top-k-600-int8: an int8 block"));
  }
}

// Mutation: encode_kept does not move `rounding.position`; or encodes all as one block.
TEST_CASE("top-k: the values are what the value codec writes, block by block and rounded as told") {
  const Codec& int8 = samples::codec("int8");
  for (const std::size_t kept : {1, 63, 256, 257, 600, 4095}) {
    const Codec& codec = samples::codec("top-k-" + std::to_string(kept) + "-int8");
    CHECK(codec.rounds_stochastically());
    const std::vector<float> values = samples::deltas(4096, kept);
    const std::vector<float> largest = at(values, chosen(values, kept));
    for (const Rounding& rounding : {Rounding{}, Rounding{true, 11, 3 * 4096}}) {
      const Bytes bytes = encode(codec, values, rounding);
      std::size_t place = index_bytes(kept);
      for (std::size_t first = 0; first < kept; first += 256) {
        const std::size_t count = std::min<std::size_t>(256, kept - first);
        Rounding here = rounding;
        here.position += first;
        const Bytes block =
            encode(int8, {largest.begin() + first, largest.begin() + first + count}, here);
        CHECK(std::equal(block.begin(), block.end(), bytes.begin() + place));
        place += block.size();
      }
      CHECK(place == bytes.size());
    }
  }
  CHECK_FALSE(samples::codec("top-k-64").rounds_stochastically());
}

// Mutation: encode_block returns true after the stand-ins.
TEST_CASE("top-k: NaN counts as 0 and Inf as the chunk's largest finite magnitude") {
  const Codec& codec = samples::codec("top-k-3277");  // 4 of 5 values
  Bytes bytes(codec.encoded_bytes(5));
  CHECK_FALSE(codec.encode_block(std::vector<float>{kNaN, -kInf, 2.0F, -1.0F, kInf}, bytes));
  CHECK(decode(codec, bytes, 5) == std::vector<float>{0, -2, 2, -1, 2});
  CHECK_FALSE(codec.encode_block(std::vector<float>{kNaN, -kInf, kNaN, -kNaN, kInf}, bytes));
  CHECK(decode(codec, bytes, 5) == std::vector<float>(5, 0.0F));
  for (const std::size_t count : {100, 4096})
    for (std::size_t place = 0; place < count; place += 1 + count / 99) {
      std::vector<float> values(count, 1.0F);
      values[place] = place % 2 == 0 ? kNaN : kInf;
      Bytes some(codec.encoded_bytes(count));
      CHECK_FALSE(codec.encode_block(values, some));
      CHECK(decode(codec, some, count)[place] == (place % 2 == 0 ? 0.0F : 1.0F));
    }
}

// Mutation: decode_block without are_indices (values are then written beyond the chunk).
TEST_CASE("top-k: random bytes decode to finite values or are refused") {
  std::mt19937_64 random(3);
  for (const std::string_view name : {"top-k-2", "top-k-2-int8", "top-k-3-bf16"}) {
    const Codec& codec = samples::codec(name);
    std::size_t decoded = 0;
    for (int round = 0; round < 3000; ++round) {
      const std::size_t count = round % 2 == 0 ? 4096 : 2000 + random() % 2000;
      Bytes bytes(codec.encoded_bytes(count));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
      std::vector<float> values(count);
      if (!codec.decode_block(bytes, values).ok()) continue;
      ++decoded;
      CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
    }
    CHECK(decoded > 100);
  }
}

}  // namespace outrigger::top_k_test
