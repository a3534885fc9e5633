#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/non_finite.h>
#include <outrigger/comm/codec/two_bit.h>

#include <cassert>

namespace outrigger {

void write_two_bit_levels(const std::array<float, 4>& sums,
                          const std::array<std::uint32_t, 4>& counts, float from, std::byte* out) {
  for (std::size_t q = 0; q < 4; ++q)
    store_little_endian(two_bit_level(sums[q], counts[q], from), out + 2 * q);
}

std::size_t TwoBitCodec::encoded_bytes(std::size_t elements) const {
  const std::size_t blocks = elements / kBlock + (elements % kBlock != 0);
  return kTwoBitLevelBytes * blocks + elements / 4 + (elements % 4 != 0);
}

bool TwoBitCodec::encode_block(std::span<const float> values, std::span<std::byte> out,
                               const Rounding& rounding) const {
  return encode_block_ahead(values, out, rounding, {});
}

bool TwoBitCodec::encode_block_ahead(std::span<const float> values, std::span<std::byte> out,
                                     const Rounding& rounding, const ReadAhead& ahead) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_two_bit_ahead(values, out.data(), rounding, ahead))
    return true;
  simd::encode_two_bit(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status TwoBitCodec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_two_bit(in.data(), values)) return {};
  return {Code::kCorruption,
          "a 2-bit block has a level that is not finite or bits behind the last value: no encoder "
          "writes that"};
}

}  // namespace outrigger
