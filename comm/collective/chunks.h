#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/shared_bytes.h>

namespace outrigger {

// How a fragment is cut for its way over the wire. All of it is a pure function of what every
// member knows from the close, so nothing about it is sent.

// Elements [begin, begin + elements) of a fragment that one owner aggregates. A shard begins on a
// border of the driver's blocks, so the codecs' bytes of it are a slice of the fragment's.
struct Shard {
  std::size_t begin = 0;
  std::size_t elements = 0;
};
// `count` shards, in proportion to `shares` (any scale; empty: equal) as far as whole blocks allow;
// the last may be short, some may be empty; one with share 0 is. REQUIRES: shares is empty or has
// `count` entries, not all 0.
std::vector<Shard> cut_shards(std::size_t elements, std::size_t count,
                              std::span<const std::uint64_t> shares = {});

// What one message carries: whole blocks of the driver, but for the fragment's last one.
struct Chunk {
  std::uint32_t number = 0;  // over the fragment: Tag::shard
  std::size_t begin = 0;
  std::size_t elements = 0;
};

// As equal as whole blocks allow, numbered from `first` on; fewer than `count` if there are fewer
// blocks.
std::vector<Chunk> cut_evenly(const Shard& shard, std::size_t count, std::uint32_t first = 0);

// So many that a chunk's encoded bytes are at most 4 MiB (or a block), and no fewer than 256 KiB
// where the shard has them; between the two an eighth of the shard, so that the hops of a small
// one overlap.
inline constexpr std::size_t kChunkBytesLeast = std::size_t{256} << 10;
inline constexpr std::size_t kChunkBytesMost = std::size_t{4} << 20;
// `codecs` are those that the chunks travel in; the largest encoding counts.
std::vector<Chunk> cut_chunks(const Shard& shard, std::span<const Codec* const> codecs,
                              std::uint32_t first = 0);

// Each shard's chunks, numbered on from shard to shard.
std::vector<std::vector<Chunk>> cut_all_chunks(std::span<const Shard> shards,
                                               std::span<const Codec* const> codecs);

// Where the chunk lies in the fragment's encoding.
std::span<std::byte> bytes_of(const Codec& codec, std::span<std::byte> encoded, const Chunk& chunk);
SharedBytes bytes_of(const Codec& codec, const SharedBytes& encoded, const Chunk& chunk);

}  // namespace outrigger
