#include "support/catch.h"

#include <cfloat>
#include <limits>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/driver.h>

namespace outrigger::driver_test {
namespace {

using samples::bits;
using samples::Bytes;

const std::string_view kCodecs[] = {"fp32", "bf16", "int8", "top-k-500-int8"};
const std::size_t kSizes[] = {0, 1, 255, 257, 4095, 4096, 4097, 12345};

// The values cut at odd places, empty spans included.
Segments cut(std::vector<float>& values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Segments segments;
  segments.add({});
  for (std::size_t at = 0; at < values.size();) {
    const std::size_t most = random() % 4 == 0 ? 5000 : 40;
    const std::size_t length = std::min<std::size_t>(random() % most, values.size() - at);
    segments.add(std::span(values).subspan(at, length));
    at += length;
  }
  segments.add({});
  return segments;
}

Segments whole(std::vector<float>& values) {
  Segments segments;
  segments.add(values);
  return segments;
}

// sum(w x) / sum(w) in fp64, element by element.
struct TestMean final : Reducer {
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const std::span<const std::uint64_t> weights = reduction.weights;
    for (std::size_t i = 0; i < out.size(); ++i) {
      double sum = 0, total = 0;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        sum += static_cast<double>(weights[k]) * inputs[k][i];
        total += static_cast<double>(weights[k]);
      }
      out[i] = static_cast<float>(sum / total);
    }
  }
};

struct TestSum final : Reducer {
  void reduce(const Reduction&, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    std::fill(out.begin(), out.end(), 0.0F);
    for (const auto& input : inputs)
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += input[i];
  }
};

Reduction weighted(const std::vector<std::uint64_t>& weights) {
  Reduction reduction;
  reduction.weights = weights;
  return reduction;
}

std::vector<std::span<const std::byte>> views(const std::vector<Bytes>& all) {
  return {all.begin(), all.end()};
}

// Keeps what it is told of the next reads.
class Listener final : public Codec {
 public:
  mutable std::vector<ReadAhead> heard;
  std::string_view name() const override { return "listener"; }
  std::uint32_t wire_id() const override { return 200; }
  std::size_t block_elements() const override { return 256; }
  std::size_t encoded_bytes(std::size_t elements) const override { return 4 * elements; }
  bool encode_block(std::span<const float>, std::span<std::byte>, const Rounding&) const override {
    return true;
  }
  bool reads_ahead() const override { return true; }
  bool encode_block_ahead(std::span<const float>, std::span<std::byte>, const Rounding&,
                          const ReadAhead& ahead) const override {
    heard.push_back(ahead);
    return true;
  }
  Status decode_block(std::span<const std::byte>, std::span<float>) const override { return {}; }
};

bool encode_delta(const Codec& codec, std::span<const float> global, const Segments& local,
                  std::span<std::byte> out) {
  return encode_each(
      codec, local.elements(),
      [&](std::size_t offset, std::span<float> values) {
        read_delta(global, local, offset, values);
      },
      out);
}

}  // namespace

// Mutation: read_delta reads from global.data() + offset instead of global.data() + offset + at.
TEST_CASE(
    "encode_each with read_delta gives the flat computation's bytes wherever the borders lie") {
  for (const std::string_view name : kCodecs)
    for (const std::size_t size : kSizes) {
      const Codec& codec = samples::codec(name);
      std::vector<float> global = samples::deltas(size, 1), local = samples::deltas(size, 2);
      std::vector<float> delta(size);
      for (std::size_t i = 0; i < size; ++i) delta[i] = global[i] - local[i];
      const Bytes expected = samples::encode_flat(codec, delta);
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        Bytes out(codec.encoded_bytes(size), std::byte{0xff});
        CHECK(encode_delta(codec, global, cut(local, seed), out));
        CHECK(out == expected);
      }
    }
}

// Mutation: encode_each asks for `offset` in place of `next`; encode_values gives each block all of
// the tile's; read_ahead leaves out where the piece begins; part() does not look at the stream's
// size.
TEST_CASE("encode_each tells a codec what is read for the next tile") {
  constexpr std::size_t kSize = 4 * 512 + 100;
  std::vector<float> global(kSize), local(kSize), residual(kSize);
  Segments segments;
  segments.add(std::span(local).first(700));
  segments.add(std::span(local).subspan(700));
  const Listener listener;
  EncodeOptions options;
  options.ahead = [&](std::size_t offset, std::size_t count) {
    return read_ahead(global, segments, residual, offset, count);
  };
  Bytes out(kSize * sizeof(float));
  CHECK(encode_each(
      listener, kSize,
      [](std::size_t, std::span<float> values) { std::ranges::fill(values, 0.0F); }, out, options));
  // Tiles of 512, blocks of 256: in the first block what is read for the next tile's first.
  REQUIRE(listener.heard.size() == 9);
  for (std::size_t block = 0; block < 6; ++block) {
    const ReadAhead& ahead = listener.heard[block];
    const std::size_t begin = (block + 2) * 256, behind = block == 0 ? 700 - 512 : 256;
    CHECK(ahead.streams[0].data() == global.data() + begin);
    CHECK(ahead.streams[0].size() == 256);
    CHECK(ahead.streams[2].data() == residual.data() + begin);
    if (block == 1) continue;  // of the first piece, which has ended
    CHECK(ahead.streams[1].data() == local.data() + begin);
    CHECK(ahead.streams[1].size() == behind);
  }
  CHECK(listener.heard[1].streams[1].empty());
  CHECK(listener.heard[6].streams[0].size() == 100);
  CHECK(listener.heard[7].streams[0].empty());
  CHECK(listener.heard[8].streams[0].empty());
}

// Mutation: encode_each does not ask reads_ahead().
TEST_CASE("encode_each does not find out what is read next for a codec that makes no use of it") {
  const Codec& codec = samples::codec("int8");
  const std::vector<float> values = samples::deltas(2000, 1);
  Bytes out(codec.encoded_bytes(values.size()));
  EncodeOptions options;
  bool asked = false;
  options.ahead = [&](std::size_t, std::size_t) {
    asked = true;
    return ReadAhead();
  };
  CHECK(encode_each(
      codec, values.size(),
      [&](std::size_t offset, std::span<float> tile) {
        std::ranges::copy(std::span(values).subspan(offset, tile.size()), tile.begin());
      },
      out, options));
  CHECK_FALSE(asked);
  CHECK(out == samples::encode_flat(codec, values));
}

// Mutation: fill_bins loads from `ahead` in place of `values`; first_pass adds up what is ahead.
TEST_CASE("2-bit: what is read ahead changes no bit") {
  const Codec& codec = samples::codec("2-bit");
  const std::vector<float> values = samples::deltas(1024, 1), next(1024, 3.0F);
  Bytes expected(codec.encoded_bytes(values.size())), out(expected.size());
  CHECK(codec.encode_block(values, expected));
  const std::span<const float> all(next);
  for (const ReadAhead& ahead :
       {ReadAhead{{all, all, all}}, ReadAhead{{all.first(100), all.first(0), all}}}) {
    CHECK(codec.encode_block_ahead(values, out, {}, ahead));
    CHECK(out == expected);
  }
}

// Mutation: encode_values overwrites `finite` instead of and-ing it.
TEST_CASE("encode_each reports a value that is not finite, wherever it stands") {
  for (const std::string_view name : kCodecs) {
    const Codec& codec = samples::codec(name);
    std::vector<float> global(9000, 1.0F), local(9000, 0.5F);
    Bytes out(codec.encoded_bytes(global.size()));
    for (const std::size_t at : {0, 255, 256, 4095, 4096, 8999}) {
      local[at] = std::numeric_limits<float>::quiet_NaN();
      CHECK_FALSE(encode_delta(codec, global, whole(local), out));
      local[at] = 0.5F;
    }
    global[10] = FLT_MAX;
    local[10] = -FLT_MAX;
    CHECK_FALSE(encode_delta(codec, global, whole(local), out));
  }
}

// Mutation: aggregate reuses blocks[0] for every contribution.
TEST_CASE("aggregate equals a scalar computation, for every pair of codecs") {
  for (const std::string_view name : kCodecs)
    for (const std::string_view result_name : kCodecs)
      for (const std::size_t size : kSizes)
        for (const std::size_t members : {1, 2, 5}) {
          const Codec& codec = samples::codec(name);
          const Codec& result_codec = samples::codec(result_name);
          const std::vector<std::uint64_t> all_weights = {3, 1, 700, 0, 12};
          const std::vector<std::uint64_t> weights(all_weights.begin(),
                                                   all_weights.begin() + members);
          std::vector<Bytes> sent;
          std::vector<double> sums(size, 0.0);
          double total = 0;
          for (std::size_t k = 0; k < members; ++k) {
            sent.push_back(samples::encode_flat(codec, samples::deltas(size, k + 10)));
            const std::vector<float> decoded = samples::decode_flat(codec, sent[k], size);
            for (std::size_t i = 0; i < size; ++i)
              sums[i] += static_cast<double>(weights[k]) * decoded[i];
            total += static_cast<double>(weights[k]);
          }
          std::vector<float> mean(size);
          for (std::size_t i = 0; i < size; ++i) mean[i] = static_cast<float>(sums[i] / total);
          Bytes out(result_codec.encoded_bytes(size));
          REQUIRE(
              aggregate(codec, views(sent), weighted(weights), TestMean(), result_codec, size, out)
                  .ok());
          CHECK(out == samples::encode_flat(result_codec, mean));
        }
}

// Mutation: aggregate's context names k + 1.
TEST_CASE("aggregate names the contribution that no encoder can have written") {
  const Codec& codec = samples::codec("int8");
  const std::size_t size = 10000;
  std::vector<Bytes> sent(4, samples::encode_flat(codec, samples::deltas(size, 1)));
  sent[2][codec.encoded_bytes(9984) + 4] = std::byte{0x80};
  Bytes out(codec.encoded_bytes(size));
  const std::vector<std::uint64_t> weights(4, 1);
  const Status status =
      aggregate(codec, views(sent), weighted(weights), TestMean(), codec, size, out);
  CHECK(status.code() == Code::kCorruption);
  CHECK(samples::contains(status.message(), "contribution 2"));
}

// Mutation: aggregate ignores what encode_values returns.
TEST_CASE("aggregate refuses a reduction that is not finite") {
  for (const std::string_view name : kCodecs) {
    const Codec& codec = samples::codec("fp32");
    std::vector<float> values(5000, 1.0F);
    values[4999] = FLT_MAX;
    const std::vector<Bytes> sent(2, samples::encode_flat(codec, values));
    const std::vector<std::uint64_t> weights(2, 1);
    const Codec& result_codec = samples::codec(name);
    Bytes out(result_codec.encoded_bytes(values.size()));
    const Status status = aggregate(codec, views(sent), weighted(weights), TestSum(), result_codec,
                                    values.size(), out);
    CHECK(status.code() == Code::kInternal);
    CHECK(samples::contains(status.message(), " to 4999"));
  }
}

// Mutation: decode_each passes offset + 1 to apply.
TEST_CASE("decode_each hands out the decoded values in order, in blocks of the driver") {
  for (const std::string_view name : kCodecs)
    for (const std::size_t size : kSizes) {
      const Codec& codec = samples::codec(name);
      const Bytes encoded = samples::encode_flat(codec, samples::deltas(size, 4));
      std::vector<float> seen;
      std::size_t misplaced = 0;
      const Status status = decode_each(codec, encoded, size, [&](std::size_t offset, auto g) {
        misplaced += offset != seen.size() || g.empty() || g.size() > kDriverBlock;
        seen.insert(seen.end(), g.begin(), g.end());
      });
      CHECK(status.ok());
      CHECK(misplaced == 0);
      CHECK(bits(seen) == bits(samples::decode_flat(codec, encoded, size)));
    }
}

// Mutation: decode_each calls apply before it looks at the status.
TEST_CASE("decode_each never hands out a block that is corrupt") {
  const Codec& codec = samples::codec("bf16");
  Bytes encoded = samples::encode_flat(codec, std::vector<float>(9000, 1.0F));
  encoded[2 * 5000] = std::byte{0x80};
  encoded[2 * 5000 + 1] = std::byte{0x7f};
  std::size_t applied = 0;
  const Status status =
      decode_each(codec, encoded, 9000, [&](std::size_t, auto g) { applied += g.size(); });
  CHECK(status.code() == Code::kCorruption);
  CHECK(applied == 5000 / tile_of(codec) * tile_of(codec));
}

// Mutation: decode_at decodes from the beginning.
TEST_CASE("decode_at gives any block of the whole") {
  for (const std::string_view name : kCodecs) {
    const Codec& codec = samples::codec(name);
    const std::size_t size = 2 * kDriverBlock + 77;
    const Bytes encoded = samples::encode_flat(codec, samples::deltas(size, 8));
    const std::vector<float> all = samples::decode_flat(codec, encoded, size);
    std::vector<float> block(77);
    CHECK(decode_at(codec, encoded, 2 * kDriverBlock, block).ok());
    CHECK(std::equal(block.begin(), block.end(), all.begin() + 2 * kDriverBlock));
  }
}

// Mutation: for_each_piece keeps `skipped` after the first piece.
TEST_CASE("read_block and write_block reach exactly the elements named") {
  std::vector<float> values = samples::deltas(12345, 6);
  const std::vector<float> before = values;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const Segments segments = cut(values, seed);
    CHECK(segments.elements() == values.size());
    const std::size_t offset = random() % values.size();
    const std::size_t count = random() % std::min<std::size_t>(4097, values.size() - offset + 1);
    std::vector<float> block(count);
    read_block(segments, offset, block);
    CHECK(std::equal(block.begin(), block.end(), before.begin() + offset));

    write_block(segments, offset, std::vector<float>(count, 3.0F));
    std::vector<float> expected = before;
    std::fill_n(expected.begin() + offset, count, 3.0F);
    CHECK(values == expected);
    write_block(segments, offset, block);
    CHECK(values == before);
  }
  read_block(cut(values, 1), values.size(), {});
}

}  // namespace outrigger::driver_test
