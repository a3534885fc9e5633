#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <outrigger/comm/status.h>

namespace outrigger {

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
//
// Denormals are values like all others; threads that code must not flush them to zero.
class Codec {
 public:
  virtual ~Codec() = default;

  virtual std::string_view name() const = 0;  // as in `sync.codec`
  virtual std::uint8_t wire_id() const = 0;   // part of the wire format: never reused or changed
  virtual std::size_t block_elements() const = 0;  // a power of two; a block is coded on its own

  // Bytes of `elements` values that start at a block's beginning. The last block may be short.
  virtual std::size_t encoded_bytes(std::size_t elements) const = 0;

  // REQUIRES: values.size() <= block_elements(), out.size() == encoded_bytes(values.size()).
  // Returns whether every value was finite.
  virtual bool encode_block(std::span<const float> values, std::span<std::byte> out) const = 0;

  // REQUIRES: in.size() == encoded_bytes(values.size()). Any bytes decode to something; bytes that
  // a conforming encoder cannot have written (a NaN scale, say) give Corruption.
  virtual Status decode_block(std::span<const std::byte> in, std::span<float> values) const = 0;
};

// The codec of that name, owned by the registry; NotFound names the codecs that exist.
Result<const Codec*> find_codec(std::string_view name);
// By the id in a frame's header; NotFound says that the peer runs a newer version.
Result<const Codec*> find_codec(std::uint8_t wire_id);

}  // namespace outrigger
