#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/scalar/packed.h>
#include <outrigger/comm/codec/sign.h>

#include <cmath>

namespace outrigger::scalar {

bool encode_sign(std::span<const float> values, std::byte* out, const Rounding&) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const Unit unit = unit_of(largest);
  Partials sums = {};
  for (std::size_t i = 0; i < values.size(); ++i)
    sums[i % kPartials] += std::fabs(values[i]) * unit.to;
  const float scale = sign_scale(total(sums), values.size(), std::bit_cast<float>(largest), unit);
  store_little_endian(scale, out);
  std::byte* signs = out + sizeof scale;
  std::fill_n(signs, packed_bytes(values.size(), 1), std::byte{0});
  if (scale == 0.0F) return true;
  for (std::size_t i = 0; i < values.size(); ++i) put_code(signs, i, 1, values[i] < 0);
  return true;
}

bool decode_sign(const std::byte* in, std::span<float> values) {
  float scale;
  if (!read_sign_scale(in, packed_bytes(values.size(), 1), scale)) return false;
  const std::byte* signs = in + sizeof scale;
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = code_at(signs, i, 1) == 0 ? scale : -scale;
  return rest_is_zero(signs, values.size(), 1);
}

}  // namespace outrigger::scalar
