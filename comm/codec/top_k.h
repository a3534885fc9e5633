#pragma once

#include <cstdint>
#include <string>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/little_endian.h>

namespace outrigger {

// Values of a chunk: what a parameter is cut into, and what 12 bits can index.
inline constexpr std::size_t kTopKChunk = 4096;
// The most values that are kept of a chunk; to keep all of them is the value codec alone.
inline constexpr std::uint32_t kTopKMost = kTopKChunk - 1;
inline constexpr std::uint32_t kTopKFamily = 10;

// `sync.codec: top-k-K` (values in fp32) and `top-k-K-VALUES` (values in another codec, such as
// int8): of each chunk of 4096 values the K largest magnitudes, all others decode as +0. After
// SparseLoCo (arXiv 2508.15706), which has K = 64 and adds the loss to the next round
// by error feedback. A last chunk of n values keeps ceil(K n / 4096).
//
//   chunk    = k indices of 12 bits, in increasing order; then the k values in the same order, as
//              the value codec writes them, block by block
//   indices  = two in 3 bytes: the first's low 8 bits; its high 4 and, above them, the second's
//              low 4; the second's high 8. An odd last one takes 2 bytes, the upper 4 bits are 0
//
// Of equal magnitudes the lower index is kept: the choice is the same on every machine. Zeros are
// kept where fewer than k values differ from 0. NaN counts as 0 and +-Inf as +- the chunk's largest
// finite magnitude (0 where none is finite). Rounding is the value codec's. Corruption: indices
// that do not increase or lie beyond the chunk, unused bits other than 0, and what the value codec
// refuses.
class TopKCodec final : public Codec {
 public:
  // REQUIRES: 1 <= kept <= kTopKMost; `values` is not composed itself, and outlives this.
  TopKCodec(const Codec& values, std::uint32_t kept);
  std::string_view name() const override { return name_; }
  std::uint32_t wire_id() const override;
  std::size_t block_elements() const override { return kTopKChunk; }
  std::size_t encoded_bytes(std::size_t elements) const override;
  bool rounds_stochastically() const override { return values_.rounds_stochastically(); }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;

 private:
  std::size_t kept_of(std::size_t elements) const;
  std::size_t chunk_bytes(std::size_t elements) const;
  void encode_kept(std::span<const float> kept, std::span<std::byte> out, Rounding rounding) const;
  Status decode_kept(std::span<const std::byte> in, std::span<float> kept) const;

  const Codec& values_;
  std::size_t kept_;
  std::string name_;
};

// How many values are kept of a chunk's first `elements`.
constexpr std::size_t top_k_kept(std::size_t kept, std::size_t elements) {
  return (kept * elements + kTopKChunk - 1) / kTopKChunk;
}

constexpr std::size_t top_k_index_bytes(std::size_t count) {
  return count + (count + 1) / 2;
}

// packed <-> indices i, which is even, and i + 1 of `count`.
constexpr void pack_index_pair(const std::uint16_t* indices, std::size_t i, std::size_t count,
                               std::byte* packed) {
  if (i + 1 == count) return store_low_bytes(indices[i], 2, packed + i / 2 * 3);
  store_low_bytes(indices[i] | std::uint32_t{indices[i + 1]} << 12, 3, packed + i / 2 * 3);
}

// Where the unused bits of an odd last index are not 0, it is 4096 or more: beyond any chunk.
constexpr void unpack_index_pair(const std::byte* packed, std::size_t i, std::size_t count,
                                 std::uint16_t* indices) {
  const bool last = i + 1 == count;
  const std::uint32_t bits = load_low_bytes(packed + i / 2 * 3, last ? 2 : 3);
  indices[i] = static_cast<std::uint16_t>(last ? bits : bits & 0xfff);
  if (!last) indices[i + 1] = static_cast<std::uint16_t>(bits >> 12);
}

// The wire id of top-k with `kept` values of each chunk in the codec `values`.
inline std::uint32_t top_k_wire_id(const Codec& values, std::uint32_t kept) {
  return kTopKFamily | values.wire_id() << 8 | kept << 16;
}

}  // namespace outrigger
