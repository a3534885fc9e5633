#include <outrigger/comm/codec/delta.h>
#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/stretch.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

// Calls visit(piece, at) for the pieces that elements [offset, offset + count) lie in; `at` counts
// elements from `offset`.
template <typename Visit>
void for_each_piece(const Segments& segments, std::size_t offset, std::size_t count, Visit visit) {
  assert(offset + count <= segments.elements());
  if (count == 0) return;
  std::size_t index = segments.find(offset);
  std::size_t skipped = offset - segments.starts()[index];
  for (std::size_t at = 0; at < count; ++index, skipped = 0) {
    const std::span<float> whole = segments.spans()[index];
    const std::span<float> piece =
        whole.subspan(skipped, std::min(whole.size() - skipped, count - at));
    visit(piece, at);
    at += piece.size();
  }
}

// Calls visit(offset, count) for each block of `step` elements, the last of which may be short,
// until one of the calls fails.
template <typename Visit>
Status for_each_block(std::size_t elements, std::size_t step, Visit visit) {
  for (std::size_t offset = 0; offset < elements; offset += step)
    if (Status status = visit(offset, std::min(step, elements - offset)); !status.ok())
      return status;
  return {};
}

// The bytes of elements [offset, offset + count), where offset is at a block's beginning.
template <typename Byte>
std::span<Byte> bytes_of(const Codec& codec, std::span<Byte> all, std::size_t offset,
                         std::size_t count) {
  return all.subspan(codec.encoded_bytes(offset), codec.encoded_bytes(count));
}

bool encode_values(const Codec& codec, std::span<const float> values, Rounding rounding,
                   std::span<std::byte> out, const ReadAhead* ahead = nullptr) {
  bool finite = true;
  const std::size_t first = rounding.position;
  (void)for_each_block(values.size(), codec.block_elements(), [&](auto offset, auto count) {
    rounding.position = first + offset;
    const std::span<const float> block = values.subspan(offset, count);
    const std::span<std::byte> bytes = bytes_of(codec, out, offset, count);
    finite &= ahead == nullptr
                  ? codec.encode_block(block, bytes, rounding)
                  : codec.encode_block_ahead(block, bytes, rounding, ahead->part(offset, count));
    return Status();
  });
  return finite;
}

Status decode_values(const Codec& codec, std::span<const std::byte> in, std::span<float> values) {
  return for_each_block(values.size(), codec.block_elements(), [&](auto offset, auto count) {
    return codec.decode_block(bytes_of(codec, in, offset, count), values.subspan(offset, count));
  });
}

// Elements [offset, offset + count) of a span that may end before.
std::span<float> part_at(std::span<float> all, std::size_t offset, std::size_t count) {
  offset = std::min(offset, all.size());
  return all.subspan(offset, std::min(count, all.size() - offset));
}

void write_lost(const Codec& codec, std::span<const float> values, std::span<const std::byte> bytes,
                std::span<float> lost) {
  if (lost.empty()) return;
  if (codec.lossless()) {
    std::ranges::fill(lost, 0.0F);
    return;
  }
  alignas(64) Block decoded;
  (void)decode_values(codec, bytes, std::span(decoded).first(values.size()));
  simd::stream_difference(values.first(lost.size()), decoded, lost);
}

}  // namespace

ReadAhead ReadAhead::part(std::size_t offset, std::size_t count) const {
  ReadAhead part;
  for (std::size_t k = 0; k < streams.size(); ++k) {
    const std::size_t begin = std::min(offset, streams[k].size());
    part.streams[k] = streams[k].subspan(begin, std::min(count, streams[k].size() - begin));
  }
  return part;
}

std::size_t tile_of(const Codec& codec) {
  return std::max<std::size_t>(512, codec.block_elements());
}

void Segments::add(std::span<float> span) {
  spans_.push_back(span);
  starts_.push_back(elements_);
  elements_ += span.size();
}

std::size_t Segments::find(std::size_t offset) const {
  assert(offset < elements_);
  return std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin() - 1;
}

void read_block(const Segments& segments, std::size_t offset, std::span<float> out) {
  for_each_piece(segments, offset, out.size(), [&](std::span<const float> piece, std::size_t at) {
    std::copy(piece.begin(), piece.end(), out.begin() + at);
  });
}

void write_block(const Segments& segments, std::size_t offset, std::span<const float> in) {
  for_each_piece(segments, offset, in.size(), [&](std::span<float> piece, std::size_t at) {
    std::copy_n(in.begin() + at, piece.size(), piece.begin());
  });
}

void read_delta(std::span<const float> global, const Segments& local, std::size_t offset,
                std::span<float> out) {
  assert(global.size() == local.elements());
  for_each_piece(local, offset, out.size(), [&](std::span<const float> piece, std::size_t at) {
    const float* const from = global.data() + offset + at;
    for (std::size_t i = 0; i < piece.size(); ++i) out[at + i] = from[i] - piece[i];
  });
}

void read_delta(std::span<const float> global, const Segments& local,
                std::span<const float> residual, float decay, std::size_t offset,
                std::span<float> out) {
  assert(global.size() == local.elements() && residual.size() == global.size());
  for_each_piece(local, offset, out.size(), [&](std::span<const float> piece, std::size_t at) {
    const float* const from = global.data() + offset + at;
    const float* const lost = residual.data() + offset + at;
    float* const to = out.data() + at;
    for (std::size_t i = 0; i < piece.size(); ++i)
      to[i] = fed_back_delta(from[i], piece[i], lost[i], decay);
  });
}

ReadAhead read_ahead(std::span<const float> global, const Segments& local,
                     std::span<const float> residual, std::size_t offset, std::size_t count) {
  const std::size_t piece = local.find(offset);
  const ReadAhead all = {{global.subspan(offset),
                          local.spans()[piece].subspan(offset - local.starts()[piece]),
                          residual.empty() ? residual : residual.subspan(offset)}};
  return all.part(0, count);
}

bool encode_each(const Codec& codec, std::size_t elements, const FillBlock& fill,
                 std::span<std::byte> out, const EncodeOptions& options) {
  assert(out.size() == codec.encoded_bytes(elements) && options.lost.size() <= elements);
  const std::size_t tile = tile_of(codec);
  const bool tells = options.ahead && codec.reads_ahead();
  std::atomic<bool> finite = true;
  (void)for_each_stretch(elements, options.threads, [&](auto begin, auto end) {
    alignas(64) Block block;
    for (std::size_t offset = begin; offset < end; offset += tile) {
      const std::span<float> values = std::span(block).first(std::min(tile, end - offset));
      const std::span<std::byte> bytes = bytes_of(codec, out, offset, values.size());
      fill(offset, values);
      Rounding rounding = options.rounding;
      rounding.position += offset;
      const std::size_t next = offset + values.size();
      ReadAhead ahead;
      if (tells && next < end) ahead = options.ahead(next, std::min(tile, end - next));
      if (!encode_values(codec, values, rounding, bytes, tells ? &ahead : nullptr)) finite = false;
      write_lost(codec, values, bytes, part_at(options.lost, offset, values.size()));
    }
    simd::finish_streams();
    return Status();
  });
  if (!finite) std::ranges::fill(options.lost, 0.0F);
  return finite;
}

Status aggregate(const Codec& codec, std::span<const std::span<const std::byte>> contributions,
                 const Reduction& reduction, const Reducer& reducer, const Codec& result_codec,
                 std::size_t elements, std::span<std::byte> out, const Rounding& rounding) {
  assert(!contributions.empty() && reduction.weights.size() == contributions.size());
  assert(out.size() == result_codec.encoded_bytes(elements));
  if (contributions.size() == 1 && &codec == &result_codec && reducer.keeps_one()) {
    std::ranges::copy(contributions[0], out.begin());
    return check_encoded(codec, out, elements).with_context("contribution 0");
  }
  std::vector<Block> blocks(contributions.size());
  std::vector<std::span<const float>> inputs(contributions.size());
  alignas(64) Block reduced;
  const std::size_t tile = std::max(tile_of(codec), tile_of(result_codec));
  return for_each_block(elements, tile, [&](auto offset, auto count) -> Status {
    for (std::size_t k = 0; k < contributions.size(); ++k) {
      assert(contributions[k].size() == codec.encoded_bytes(elements));
      const std::span<float> values = std::span(blocks[k]).first(count);
      const Status status =
          decode_values(codec, bytes_of(codec, contributions[k], offset, count), values);
      if (!status.ok()) return status.with_context(fmt::format("contribution {}", k));
      inputs[k] = values;
    }
    const std::span<float> result = std::span(reduced).first(count);
    Reduction here = reduction;
    here.offset += offset;
    reducer.reduce(here, inputs, result);
    Rounding there = rounding;
    there.position += here.offset;
    if (encode_values(result_codec, result, there, bytes_of(result_codec, out, offset, count)))
      return {};
    return {Code::kInternal,
            fmt::format("the reduction of {} contributions is not finite among values {} to {}",
                        contributions.size(), offset, offset + count - 1)};
  });
}

Status decode_each(const Codec& codec, std::span<const std::byte> encoded, std::size_t elements,
                   const ApplyBlock& apply) {
  assert(encoded.size() == codec.encoded_bytes(elements));
  alignas(64) Block block;
  return for_each_block(elements, tile_of(codec), [&](auto offset, auto count) {
    const std::span<float> values = std::span(block).first(count);
    Status status = decode_at(codec, encoded, offset, values);
    if (status.ok()) apply(offset, values);
    return status;
  });
}

Status decode_all(const Codec& codec, std::span<const std::byte> encoded, std::span<float> values) {
  assert(encoded.size() == codec.encoded_bytes(values.size()));
  return decode_values(codec, encoded, values);
}

Status check_encoded(const Codec& codec, std::span<const std::byte> encoded, std::size_t elements) {
  return decode_each(codec, encoded, elements, [](std::size_t, std::span<const float>) {});
}

Status decode_at(const Codec& codec, std::span<const std::byte> encoded, std::size_t offset,
                 std::span<float> values) {
  assert(offset % codec.block_elements() == 0 && values.size() <= kDriverBlock);
  return decode_values(codec, bytes_of(codec, encoded, offset, values.size()), values);
}

}  // namespace outrigger
