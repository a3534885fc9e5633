#include <outrigger/comm/collective/chunks.h>

#include <algorithm>

#include <outrigger/comm/codec/driver.h>

#include "cases.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: in cut_shards, divide before multiplying, or cut at elements.
TEST_CASE("shards are whole blocks, in order, and nothing is left over") {
  for (const std::size_t elements : {0U, 1U, 4095U, 4096U, 4097U, 100001U})
    for (std::size_t count = 1; count <= 7; ++count) {
      std::size_t next = 0, largest = 0, smallest = elements;
      for (const Shard& shard : cut_shards(elements, count)) {
        CHECK((shard.begin == next && (shard.begin % kDriverBlock == 0 || shard.elements == 0)));
        next += shard.elements;
        largest = std::max(largest, shard.elements);
        smallest = std::min(smallest, shard.elements);
      }
      CHECK(next == elements);
      CHECK(largest - smallest < 2 * kDriverBlock);
    }
}

// Mutation: in cut_shards, leave out the greatest common divisor (the sum overflows), or give the
// first shard what rounding leaves over.
TEST_CASE("planned shards are in proportion, in any scale, and 0 is nothing") {
  const std::size_t elements = 1000 * kDriverBlock;
  const std::vector<std::uint64_t> shares = {1, 0, 6, 3, 0};
  const auto shards = cut_shards(elements, 5, shares);
  for (std::size_t k = 0; k < 5; ++k) CHECK(shards[k].elements == shares[k] * 100 * kDriverBlock);
  std::vector<std::uint64_t> large;
  for (const std::uint64_t share : shares) large.push_back(share << 60);
  const auto same = cut_shards(elements, 5, large);
  for (std::size_t k = 0; k < 5; ++k) CHECK(same[k].begin == shards[k].begin);
  const auto odd = cut_shards(4 * kDriverBlock + 1, 3, std::vector<std::uint64_t>{0, 7, 0});
  CHECK((odd[0].elements == 0 && odd[1].elements == 4 * kDriverBlock + 1 && odd[2].elements == 0));
}

// Mutation: in cut_chunks, take the smallest encoding, or leave out either bound.
TEST_CASE("chunks are whole blocks of a shard, of bounded encoded size, and an eighth in between") {
  struct Row {
    std::size_t elements;
    const char *codec, *result_codec;
    std::size_t count;
  };
  for (const Row& row : {Row{0, "fp32", "fp32", 0}, Row{1, "fp32", "fp32", 1},
                         Row{65536, "fp32", "fp32", 1},     // 256 KiB
                         Row{65537, "fp32", "fp32", 2},     //
                         Row{1 << 20, "fp32", "bf16", 8},   // 4 MiB, by eighths
                         Row{1 << 20, "bf16", "fp32", 8},   //
                         Row{1 << 23, "fp32", "fp32", 8},   // 32 MiB
                         Row{1 << 26, "fp32", "int8", 64},  // 256 MiB by 4
                         Row{1 << 26, "top-k-64-2-bit", "int8", 17}}) {
    const Codec* codecs[] = {&codec(row.codec), &codec(row.result_codec)};
    const Shard shard{3 * kDriverBlock, row.elements};
    const auto chunks = cut_chunks(shard, codecs, 5);
    INFO(row.elements << " " << row.codec << " " << row.result_codec);
    CHECK(chunks.size() == row.count);
    std::size_t next = shard.begin;
    std::uint32_t number = 5;
    for (const Chunk& chunk : chunks) {
      CHECK(chunk.begin == next);
      CHECK(chunk.begin % kDriverBlock == 0);
      CHECK(chunk.number == number++);
      for (const Codec* code : codecs)
        CHECK(code->encoded_bytes(chunk.elements) <= kChunkBytesMost);
      next += chunk.elements;
    }
    CHECK(next == shard.begin + shard.elements);
  }
}
