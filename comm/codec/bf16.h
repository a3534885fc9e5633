#pragma once

#include <outrigger/comm/codec/codec.h>

namespace outrigger {

// `sync.codec: bf16`: the upper 16 bits of the fp32 value, rounded to nearest, ties to even; 2
// bytes each, little-endian. Denormals round like any other value and the sign of zero stays.
// Values that would round up to Inf are written as +-max (0x7f7f), and so is +-Inf; NaN is written
// as 0. Only NaN and Inf count as not finite. Decoding refuses NaN and Inf with Corruption.
class Bf16Codec final : public Codec {
 public:
  std::string_view name() const override { return "bf16"; }
  std::uint32_t wire_id() const override { return 2; }
  std::size_t block_elements() const override { return 1024; }
  std::size_t encoded_bytes(std::size_t elements) const override { return elements * 2; }
  bool encode_block(std::span<const float> values, std::span<std::byte> out,
                    const Rounding& rounding = {}) const override;
  Status decode_block(std::span<const std::byte> in, std::span<float> values) const override;
};

}  // namespace outrigger
