#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/collective/reducer.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// The driver walks a fragment in tiles and does what surrounds the codec in one pass. A tile is
// small, so that the core still computes on one when the next comes in from memory.

// A fragment as it lies in memory: a list of fp32 spans, one a parameter, in the fragment's order.
// The memory is the caller's and must outlive every call that is given the list. Blocks run across
// the borders.
class Segments {
 public:
  void add(std::span<float> span);
  std::size_t elements() const { return elements_; }
  const std::vector<std::span<float>>& spans() const { return spans_; }
  // The offset of each span's first element.
  const std::vector<std::size_t>& starts() const { return starts_; }
  // Index of the span that holds the element. REQUIRES: offset < elements().
  std::size_t find(std::size_t offset) const;

 private:
  std::vector<std::span<float>> spans_;
  std::vector<std::size_t> starts_;
  std::size_t elements_ = 0;
};

// out[i] <- global[offset + i] - local[offset + i].
void read_delta(std::span<const float> global, const Segments& local, std::size_t offset,
                std::span<float> out);

// The same + decay residual[offset + i], in one pass.
void read_delta(std::span<const float> global, const Segments& local,
                std::span<const float> residual, float decay, std::size_t offset,
                std::span<float> out);

// What read_delta will read for `count` values from `offset` on, but for what lies behind a border
// of `local`. An empty residual is left out.
ReadAhead read_ahead(std::span<const float> global, const Segments& local,
                     std::span<const float> residual, std::size_t offset, std::size_t count);

// Writes the values from `offset` on into the span, which is a tile or ends a stretch.
using FillBlock = std::function<void(std::size_t offset, std::span<float> values)>;

struct EncodeOptions {
  Rounding rounding;  // its position: of the first value
  // Of as many of the first values as it has: <- value - decode(encode(value)), what error feedback
  // adds to the next encoding. Zeros, if a value was not finite.
  std::span<float> lost = {};
  std::size_t threads = 1;  // that share the stretches (stretch.h)
  // What `fill` will read for so many values from `offset` on; empty: not told. Asked for a codec
  // that reads_ahead().
  std::function<ReadAhead(std::size_t offset, std::size_t count)> ahead = {};
};

// out <- encode(values), a tile at a time; fill is called once for each tile, from one thread for
// those of a stretch and in their order. Returns whether every value was finite.
// REQUIRES: out.size() == codec.encoded_bytes(elements); lost.size() <= elements.
bool encode_each(const Codec& codec, std::size_t elements, const FillBlock& fill,
                 std::span<std::byte> out, const EncodeOptions& options = {});

// out <- encode_result(reduce(decode(contribution) ...)), tile by tile, in the order given.
// `reduction.offset` is that of the first value in the fragment.
// REQUIRES: reduction.weights.size() == contributions.size() >= 1; each contribution has
// codec.encoded_bytes(elements) bytes and out result_codec.encoded_bytes(elements). A single
// contribution in the result's codec is copied if the reducer keeps it. `rounding` is the result's;
// its position is the fragment's first value. Corruption names the contribution (by
// its index). Internal if the reduced values are not all finite.
Status aggregate(const Codec& codec, std::span<const std::span<const std::byte>> contributions,
                 const Reduction& reduction, const Reducer& reducer, const Codec& result_codec,
                 std::size_t elements, std::span<std::byte> out, const Rounding& rounding = {});

// Calls apply(offset, g) for each tile of the decoded result, in order: `offset` counts elements
// from the fragment's start, g.size() is at most kDriverBlock.
using ApplyBlock = std::function<void(std::size_t offset, std::span<const float> g)>;
Status decode_each(const Codec& codec, std::span<const std::byte> encoded, std::size_t elements,
                   const ApplyBlock& apply);

// values <- all of the decoded values. REQUIRES: values.size() elements were encoded.
Status decode_all(const Codec& codec, std::span<const std::byte> encoded, std::span<float> values);
// What decode_each would return, of bytes that nothing is done with.
Status check_encoded(const Codec& codec, std::span<const std::byte> encoded, std::size_t elements);

// values <- the decoded values from `offset` on. REQUIRES: `offset` is a multiple of the codec's
// block_elements(), and so is values.size(), or it ends the fragment; at most kDriverBlock.
Status decode_at(const Codec& codec, std::span<const std::byte> encoded, std::size_t offset,
                 std::span<float> values);

// A multiple of every codec's block_elements(), and the most that a tile has: where parts of a
// payload that are coded apart begin.
inline constexpr std::size_t kDriverBlock = 4096;

// Elements of a codec's tile: a power of two, whole blocks.
std::size_t tile_of(const Codec& codec);

// Copies elements [offset, offset + out.size()) of the segments out, or `in` back into them.
void read_block(const Segments& segments, std::size_t offset, std::span<float> out);
void write_block(const Segments& segments, std::size_t offset, std::span<const float> in);

}  // namespace outrigger
