#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>

namespace outrigger {

std::size_t Int4Codec::encoded_bytes(std::size_t elements) const {
  const std::size_t blocks = elements / kBlock + (elements % kBlock != 0);
  return 4 * blocks + elements / 2 + elements % 2;
}

bool Int4Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_int4(values, out.data(), rounding)) return true;
  simd::encode_int4(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status Int4Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_int4(in.data(), values)) return {};
  return {Code::kCorruption,
          "an int4 block has a scale that is no finite magnitude, a code of -8, or codes under a "
          "scale of 0 or behind the last value: no encoder writes that"};
}

}  // namespace outrigger
