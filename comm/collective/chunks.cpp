#include <outrigger/comm/collective/chunks.h>

#include <algorithm>
#include <numeric>

#include <outrigger/comm/codec/driver.h>

namespace outrigger {
namespace {

constexpr std::size_t kChunksOfShard = 8;

std::size_t blocks_of(std::size_t elements) {
  return (elements + kDriverBlock - 1) / kDriverBlock;
}

// floor(blocks * part / whole), whose product may not fit 64 bits.
std::size_t proportion(std::size_t blocks, std::uint64_t part, std::uint64_t whole) {
  return static_cast<std::size_t>(static_cast<unsigned __int128>(blocks) * part / whole);
}

}  // namespace

std::vector<Shard> cut_shards(std::size_t elements, std::size_t count,
                              std::span<const std::uint64_t> shares) {
  const std::vector<std::uint64_t> equal(count, 1);
  if (shares.empty()) shares = equal;
  std::uint64_t factor = 0;
  for (const std::uint64_t share : shares) factor = std::gcd(factor, share);
  std::uint64_t whole = 0;
  for (const std::uint64_t share : shares) whole += share / factor;
  std::vector<Shard> shards;
  std::uint64_t before = 0;
  std::size_t begin = 0;
  for (const std::uint64_t share : shares) {
    before += share / factor;
    const std::size_t blocks = proportion(blocks_of(elements), before, whole);
    const std::size_t end = std::min(elements, blocks * kDriverBlock);
    shards.push_back({begin, end - begin});
    begin = end;
  }
  return shards;
}

std::vector<Chunk> cut_evenly(const Shard& shard, std::size_t count, std::uint32_t first) {
  const std::size_t blocks = blocks_of(shard.elements);
  count = std::min(count, blocks);
  std::vector<Chunk> chunks;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t begin = proportion(blocks, k, count) * kDriverBlock;
    const std::size_t end =
        std::min(shard.elements, proportion(blocks, k + 1, count) * kDriverBlock);
    chunks.push_back({first + static_cast<std::uint32_t>(k), shard.begin + begin, end - begin});
  }
  return chunks;
}

std::vector<Chunk> cut_chunks(const Shard& shard, std::span<const Codec* const> codecs,
                              std::uint32_t first) {
  std::size_t block_bytes = 1;
  for (const Codec* codec : codecs)
    block_bytes = std::max(block_bytes, codec->encoded_bytes(kDriverBlock));
  const std::size_t blocks = blocks_of(shard.elements);
  const std::size_t wanted =
      std::clamp(blocks * block_bytes / kChunksOfShard, kChunkBytesLeast, kChunkBytesMost);
  const std::size_t each = std::max<std::size_t>(1, wanted / block_bytes);
  return cut_evenly(shard, (blocks + each - 1) / each, first);
}

std::vector<std::vector<Chunk>> cut_all_chunks(std::span<const Shard> shards,
                                               std::span<const Codec* const> codecs) {
  std::vector<std::vector<Chunk>> all;
  std::uint32_t next = 0;
  for (const Shard& shard : shards) {
    all.push_back(cut_chunks(shard, codecs, next));
    next += static_cast<std::uint32_t>(all.back().size());
  }
  return all;
}

std::span<std::byte> bytes_of(const Codec& codec, std::span<std::byte> encoded,
                              const Chunk& chunk) {
  return encoded.subspan(codec.encoded_bytes(chunk.begin), codec.encoded_bytes(chunk.elements));
}

SharedBytes bytes_of(const Codec& codec, const SharedBytes& encoded, const Chunk& chunk) {
  return encoded.slice(codec.encoded_bytes(chunk.begin), codec.encoded_bytes(chunk.elements));
}

}  // namespace outrigger
