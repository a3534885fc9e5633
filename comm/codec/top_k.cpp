#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>
#include <outrigger/comm/codec/top_k.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace outrigger {
namespace {

using Indices = std::array<std::uint16_t, kTopKMost>;
using Kept = std::array<float, kTopKMost>;

void pack_indices(std::span<const std::uint16_t> indices, std::byte* out) {
  for (std::size_t i = 0; i < indices.size(); i += 2)
    pack_index_pair(indices.data(), i, indices.size(), out);
}

void unpack_indices(const std::byte* in, std::span<std::uint16_t> indices) {
  for (std::size_t i = 0; i < indices.size(); i += 2)
    unpack_index_pair(in, i, indices.size(), indices.data());
}

// Whether an encoder can have written them for a chunk of that many values.
bool are_indices(std::span<const std::uint16_t> indices, std::size_t elements) {
  bool increase = true;
  for (std::size_t i = 1; i < indices.size(); ++i) increase &= indices[i - 1] < indices[i];
  return increase && indices.back() < elements;
}

}  // namespace

TopKCodec::TopKCodec(const Codec& values, std::uint32_t kept) : values_(values), kept_(kept) {
  assert(kept >= 1 && kept <= kTopKMost && values.wire_id() < 256);
  name_ = values.name() == "fp32" ? fmt::format("top-k-{}", kept)
                                  : fmt::format("top-k-{}-{}", kept, values.name());
}

std::uint32_t TopKCodec::wire_id() const {
  return top_k_wire_id(values_, static_cast<std::uint32_t>(kept_));
}

std::size_t TopKCodec::kept_of(std::size_t elements) const {
  return top_k_kept(kept_, elements);
}

std::size_t TopKCodec::chunk_bytes(std::size_t elements) const {
  const std::size_t kept = kept_of(elements);
  return top_k_index_bytes(kept) + values_.encoded_bytes(kept);
}

std::size_t TopKCodec::encoded_bytes(std::size_t elements) const {
  return elements / kTopKChunk * chunk_bytes(kTopKChunk) + chunk_bytes(elements % kTopKChunk);
}

bool TopKCodec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= kTopKChunk && out.size() == encoded_bytes(values.size()));
  if (values.empty()) return true;
  Indices all_indices;
  const std::span<std::uint16_t> indices = std::span(all_indices).first(kept_of(values.size()));
  if (!simd::select_top_k(values, indices)) {
    (void)encode_block(FiniteStandIns<kTopKChunk>(values).values(), out, rounding);
    return false;
  }
  pack_indices(indices, out.data());
  Kept kept;
  for (std::size_t i = 0; i < indices.size(); ++i) kept[i] = values[indices[i]];
  encode_kept(std::span(kept).first(indices.size()), out.subspan(top_k_index_bytes(indices.size())),
              rounding);
  return true;
}

// The first kept value counts as the chunk's first and so on: no other chunk has these positions.
void TopKCodec::encode_kept(std::span<const float> kept, std::span<std::byte> out,
                            Rounding rounding) const {
  while (!kept.empty()) {
    const std::size_t count = std::min(kept.size(), values_.block_elements());
    const std::size_t bytes = values_.encoded_bytes(count);
    (void)values_.encode_block(kept.first(count), out.first(bytes), rounding);
    kept = kept.subspan(count);
    out = out.subspan(bytes);
    rounding.position += count;
  }
}

Status TopKCodec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kTopKChunk && in.size() == encoded_bytes(values.size()));
  if (values.empty()) return {};
  Indices all_indices;
  const std::span<std::uint16_t> indices = std::span(all_indices).first(kept_of(values.size()));
  unpack_indices(in.data(), indices);
  if (!are_indices(indices, values.size()))
    return {Code::kCorruption,
            fmt::format("a {} chunk has indices that do not increase or lie beyond its {} values: "
                        "no encoder writes that",
                        name_, values.size())};
  Kept all_kept;
  const std::span<float> kept = std::span(all_kept).first(indices.size());
  if (Status status = decode_kept(in.subspan(top_k_index_bytes(kept.size())), kept); !status.ok())
    return status.with_context(name_);
  std::fill(values.begin(), values.end(), 0.0F);
  for (std::size_t i = 0; i < indices.size(); ++i) values[indices[i]] = kept[i];
  return {};
}

Status TopKCodec::decode_kept(std::span<const std::byte> in, std::span<float> kept) const {
  while (!kept.empty()) {
    const std::size_t count = std::min(kept.size(), values_.block_elements());
    const std::size_t bytes = values_.encoded_bytes(count);
    if (Status status = values_.decode_block(in.first(bytes), kept.first(count)); !status.ok())
      return status;
    kept = kept.subspan(count);
    in = in.subspan(bytes);
  }
  return {};
}

}  // namespace outrigger
