#include "support/catch.h"

#include <algorithm>
#include <limits>
#include <set>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/codec/frame.h>

// What codec.h asks of every codec, asked of every one that the registry has.
namespace outrigger::every_codec_test {
namespace {

using samples::bits;
using samples::Bytes;

std::vector<const Codec*> fixed_codecs() {
  std::vector<const Codec*> all;
  for (std::uint32_t id = 0; id < 256; ++id)
    if (const Result<const Codec*> codec = find_codec(id); codec.ok()) all.push_back(*codec);
  return all;
}

// The fixed codecs, and top-k with values in each of them.
std::vector<const Codec*> codecs() {
  std::vector<const Codec*> all = fixed_codecs();
  for (const Codec* values : fixed_codecs())
    for (const std::uint32_t kept : {1, 100, 1001})
      all.push_back(*find_codec(10 | values->wire_id() << 8 | kept << 16));
  return all;
}

std::vector<std::size_t> counts(const Codec& codec) {
  const std::size_t whole = codec.block_elements();
  return {1, whole / 2 + 1, whole - 1, whole};
}

// `fill` stands in the bytes before.
Bytes encode(const Codec& codec, const std::vector<float>& values, const Rounding& rounding,
             std::byte fill) {
  Bytes bytes(codec.encoded_bytes(values.size()), fill);
  CHECK(codec.encode_block(values, bytes, rounding));
  return bytes;
}

std::vector<float> decode(const Codec& codec, const Bytes& bytes, std::size_t count, float fill) {
  std::vector<float> values(count, fill);
  REQUIRE(codec.decode_block(bytes, values).ok());
  return values;
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

// Mutation: Int8Codec::block_elements() returns 384.
TEST_CASE("every codec: a block is a power of two that divides the driver's block") {
  for (const Codec* codec : codecs()) {
    INFO(codec->name());
    CHECK(std::has_single_bit(codec->block_elements()));
    CHECK(kDriverBlock % codec->block_elements() == 0);
  }
}

// Mutation: top_k_wire_id without the shift of `kept`.
TEST_CASE("every codec: names and wire ids are its own, and find it") {
  std::set<std::string_view> names;
  std::set<std::uint32_t> ids;
  for (const Codec* codec : codecs()) {
    INFO(codec->name());
    CHECK(names.insert(codec->name()).second);
    CHECK(ids.insert(codec->wire_id()).second);
    CHECK(*find_codec(codec->name()) == codec);
    CHECK(*find_codec(codec->wire_id()) == codec);
  }
}

// Mutation: TopKCodec::encoded_bytes is chunk_bytes(elements).
TEST_CASE("every codec: bytes add up over whole blocks, up to the largest frame") {
  for (const Codec* codec : codecs()) {
    INFO(codec->name());
    const std::size_t block = codec->block_elements(), bytes = codec->encoded_bytes(block);
    const std::size_t most = kMaxFrameElements / block;
    CHECK(codec->encoded_bytes(0) == 0);
    for (const std::size_t blocks : {std::size_t{1}, std::size_t{2}, std::size_t{77}, most})
      for (const std::size_t rest : {std::size_t{0}, std::size_t{1}, block / 3 + 1, block - 1})
        CHECK(codec->encoded_bytes(blocks * block + rest) ==
              blocks * bytes + codec->encoded_bytes(rest));
    for (std::size_t count = 1; count <= block; ++count)
      REQUIRE(codec->encoded_bytes(count) >= codec->encoded_bytes(count - 1));
  }
}

// Mutation: decode_block of top-k does not fill with 0; an odd last index is stored in one byte.
TEST_CASE("every codec: bytes and values depend on nothing that stood there before") {
  for (const Codec* codec : codecs())
    for (const std::size_t count : counts(*codec))
      for (const Rounding& rounding : {Rounding{}, Rounding{true, 7, 8 * 4096}}) {
        INFO(codec->name() << ", " << count);
        const std::vector<float> values = samples::deltas(count, count);
        const Bytes bytes = encode(*codec, values, rounding, std::byte{0});
        CHECK(bytes == encode(*codec, values, rounding, std::byte{0xff}));
        CHECK(bits(decode(*codec, bytes, count, 0.0F)) == bits(decode(*codec, bytes, count, 1.0F)));
      }
}

// Mutation: Bf16Codec::lossless() returns true.
TEST_CASE("every codec: any finite values decode to finite ones, if lossless to themselves") {
  for (const Codec* codec : codecs())
    for (const std::size_t count : counts(*codec))
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        INFO(codec->name() << ", " << count);
        const std::vector<float> values = samples::any_finite(count, seed);
        const Bytes bytes = encode(*codec, values, {}, std::byte{0});
        const std::vector<float> decoded = decode(*codec, bytes, count, 0.0F);
        CHECK(all_finite(decoded));
        if (codec->lossless()) CHECK(bits(decoded) == bits(values));
      }
}

// Mutation: Int8Codec::rounds_stochastically() returns false.
TEST_CASE("every codec: rounding is stochastic where it says so, and nowhere else") {
  for (const Codec* codec : codecs()) {
    const std::vector<float> values = samples::deltas(codec->block_elements(), 2);
    const auto with = [&](const Rounding& rounding) {
      return encode(*codec, values, rounding, std::byte{0});
    };
    INFO(codec->name());
    const bool differs = with({true, 1, 0}) != with({}) || with({true, 2, 0}) != with({});
    const bool has_several = codec->encoded_bytes(values.size()) > 100;
    if (!codec->rounds_stochastically()) CHECK_FALSE(differs);
    if (codec->rounds_stochastically() && has_several) {
      CHECK(differs);
      CHECK(with({true, 1, 0}) == with({true, 1, 0}));
      CHECK(with({true, 1, 0}) != with({true, 2, 0}));
      CHECK(with({true, 1, 0}) != with({true, 1, 4096}));
    }
  }
}

// Mutation: finite_stand_in of fp32 returns Inf for Inf; encode_block of top-k returns true after
// the stand-ins.
TEST_CASE("every codec: NaN and Inf are reported, and what is written decodes") {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  for (const Codec* codec : codecs())
    for (const std::size_t count : counts(*codec))
      for (const float value : {kInf, -kInf, kNaN, -kNaN})
        for (const bool alone : {false, true}) {
          INFO(codec->name() << ", " << count << ", " << value);
          std::vector<float> values = samples::deltas(count, 1);
          if (alone) std::fill(values.begin(), values.end(), value);
          values[count / 2] = value;
          Bytes bytes(codec->encoded_bytes(count));
          CHECK_FALSE(codec->encode_block(values, bytes));
          CHECK(all_finite(decode(*codec, bytes, count, 0.0F)));
        }
}

}  // namespace outrigger::every_codec_test
