#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/non_finite.h>

#include <cassert>

namespace outrigger {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::size_t kScaleBytes = 4;

}  // namespace

std::size_t Int8Codec::encoded_bytes(std::size_t elements) const {
  return elements + kScaleBytes * (elements / kBlock + (elements % kBlock != 0));
}

bool Int8Codec::encode_block(std::span<const float> values, std::span<std::byte> out,
                             const Rounding& rounding) const {
  assert(values.size() <= kBlock && out.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::encode_int8(values, out.data(), rounding)) return true;
  simd::encode_int8(FiniteStandIns<kBlock>(values).values(), out.data(), rounding);
  return false;
}

Status Int8Codec::decode_block(std::span<const std::byte> in, std::span<float> values) const {
  assert(values.size() <= kBlock && in.size() == encoded_bytes(values.size()));
  if (values.empty() || simd::decode_int8(in.data(), values)) return {};
  return {Code::kCorruption,
          "an int8 block has a scale that is no finite magnitude, a code of -128, or codes under a "
          "scale of 0: no encoder writes that"};
}

}  // namespace outrigger
