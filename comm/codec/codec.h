#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// How a value between two of a codec's levels is rounded: to the nearer one, or up and down at
// random so that the mean is the value. The random numbers are a function of the seed and of the
// value's place alone: equal on every machine and for any number of threads.
struct Rounding {
  bool stochastic = false;
  std::uint64_t seed = 0;
  std::uint64_t position = 0;  // of the block's first value in what is encoded with this seed
};

// What will be read from memory after this block, for a codec that computes for long to ask for
// meanwhile: else the core waits for it afterwards. Changes no bits.
struct ReadAhead {
  std::array<std::span<const float>, 3> streams = {};  // empty: nothing is known

  ReadAhead part(std::size_t offset, std::size_t count) const;
};

// Turns fp32 values into bytes and back, a block at a time; a block fits the cache, so that the
// driver (driver.h) can do all that surrounds a codec in the same pass over memory. Stateless: one
// object serves any number of threads. Decoding gives the same bits on every machine; encoding may
// differ by machine.
//
// Non-finite values: encode_block writes a finite stand-in and returns false. The announcement then
// says "not finite" and the round leaves the contribution out. Nothing non-finite is ever written
// or decoded:
//
//          NaN   +-Inf                                   rounds up to Inf   -0
//   fp32   +0    +-FLT_MAX                               (none)             -0
//   bf16   +0    +-largest bf16                          +-largest bf16     -0
//   int8   +0    +-largest finite magnitude of the block (none)             +0
//   fp16   +0    +-65504                                 +-65504            -0
//   int4   as int8, and so fp4-e3m0
//   2-bit  what int8 writes is a value of the block,     +-largest bf16     as +0
//          whose level then stands for it; so too
//          2-bit-linear and sign                         (none)             as +0
//   top-k  +0    +-largest finite magnitude of the chunk as its values      as its values
//
// Denormals are values like all others; threads that code must not flush them to zero.
class Codec {
 public:
  virtual ~Codec() = default;

  virtual std::string_view name() const = 0;  // as in `sync.codec`
  // Part of the wire format, never reused or changed: the family in the low 8 bits; a composed
  // codec adds the family that it writes its values with << 8, and its own number << 16.
  virtual std::uint32_t wire_id() const = 0;
  virtual std::size_t block_elements() const = 0;  // a power of two; a block is coded on its own

  // Bytes of `elements` values that start at a block's beginning. The last block may be short.
  virtual std::size_t encoded_bytes(std::size_t elements) const = 0;

  // Whether it leaves values out and writes the others with another codec (top_k.h).
  bool composed() const { return wire_id() > 0xff; }
  // Whether decode(encode(x)) is x for every finite x, so that there is nothing to feed back.
  virtual bool lossless() const { return false; }
  // Whether encode_block can round stochastically; a codec that cannot ignores what it is told.
  virtual bool rounds_stochastically() const { return false; }

  // REQUIRES: values.size() <= block_elements(), out.size() == encoded_bytes(values.size()).
  // Returns whether every value was finite.
  virtual bool encode_block(std::span<const float> values, std::span<std::byte> out,
                            const Rounding& rounding = {}) const = 0;
  // The same; `ahead` is filled in only for a codec that makes use of it.
  virtual bool reads_ahead() const { return false; }
  virtual bool encode_block_ahead(std::span<const float> values, std::span<std::byte> out,
                                  const Rounding& rounding, const ReadAhead&) const {
    return encode_block(values, out, rounding);
  }

  // REQUIRES: in.size() == encoded_bytes(values.size()). Any bytes decode to something; bytes that
  // a conforming encoder cannot have written (a NaN scale, say) give Corruption.
  virtual Status decode_block(std::span<const std::byte> in, std::span<float> values) const = 0;
};

// What the codec makes of a large fragment, in bits a value.
double bits_per_value(const Codec& codec);

// The registry's codecs, in its order, without what is composed of them.
std::vector<std::string_view> codec_names();
// The codec of that name, owned by the registry; NotFound names the codecs that exist. Composed
// ones (top-k-64-int8) are made on first use. Both may be called from any thread.
Result<const Codec*> find_codec(std::string_view name);
// By the id in a frame's header; NotFound says that the peer runs a newer version.
Result<const Codec*> find_codec(std::uint32_t wire_id);

}  // namespace outrigger
