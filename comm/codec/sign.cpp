#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/non_finite.h>
#include <outrigger/comm/codec/sign.h>

#include <cassert>

namespace outrigger {

bool read_sign_scale(const std::byte* in, std::size_t sign_bytes, float& scale) {
  scale = load_little_endian<float>(in);
  if (!is_sign_scale(scale)) return false;
  const std::byte* signs = in + sizeof scale;
  return scale != 0.0F || std::all_of(signs, signs + sign_bytes,
                                      [](std::byte byte) { return byte == std::byte{0}; });
}

std::size_t SignCodec::encoded_bytes(std::size_t elements) const {
  const std::size_t blocks = elements / kBlock + (elements % kBlock != 0);
  return 4 * blocks + elements / 8 + (elements % 8 != 0);
}

bool SignCodec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_sign(values, out.data(), rounding)) return true;
  simd::encode_sign(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status SignCodec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_sign(in.data(), values)) return {};
  return {Code::kCorruption,
          "a sign block has a scale that is no finite magnitude, or bits under a scale of 0 or "
          "behind the last value: no encoder writes that"};
}

}  // namespace outrigger
