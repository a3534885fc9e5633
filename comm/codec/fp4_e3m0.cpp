#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>

namespace outrigger {

std::size_t Fp4E3m0Codec::encoded_bytes(std::size_t elements) const {
  const std::size_t blocks = elements / kBlock + (elements % kBlock != 0);
  return 4 * blocks + elements / 2 + elements % 2;
}

bool Fp4E3m0Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                                const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_fp4_e3m0(values, out.data(), rounding)) return true;
  simd::encode_fp4_e3m0(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status Fp4E3m0Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_fp4_e3m0(in.data(), values)) return {};
  return {Code::kCorruption,
          "an fp4-e3m0 block has a scale that is no finite magnitude, a negative zero, or codes "
          "under a scale of 0 or behind the last value: no encoder writes that"};
}

}  // namespace outrigger
