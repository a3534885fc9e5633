#pragma once

#include <outrigger/comm/codec/codec.h>

namespace outrigger {

// `sync.codec: fp32`: the values as they are, 4 bytes each, little-endian. Finite values keep every
// bit, denormals and the sign of zero included. NaN is written as 0, +-Inf as +-FLT_MAX. Decoding
// refuses both with Corruption.
class Fp32Codec final : public Codec {
 public:
  std::string_view name() const override { return "fp32"; }
  std::uint32_t wire_id() const override { return 1; }
  std::size_t block_elements() const override { return 256; }
  std::size_t encoded_bytes(std::size_t elements) const override { return elements * 4; }
  bool lossless() const override { return true; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

}  // namespace outrigger
