#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/scalar/packed.h>
#include <outrigger/comm/codec/sums.h>
#include <outrigger/comm/codec/two_bit_linear.h>

#include <algorithm>

namespace outrigger::scalar {

bool encode_two_bit_linear(std::span<const float> values, std::byte* out,
                           const Rounding& rounding) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const float lowest = *low + 0.0F, highest = *high + 0.0F;  // -0 becomes +0
  store_little_endian(lowest, out);
  store_little_endian(highest, out + sizeof lowest);
  std::byte* codes = out + kLinearEndBytes;
  std::fill_n(codes, packed_bytes(values.size(), 2), std::byte{0});
  if (lowest == highest) return true;
  const float unit = unit_of(largest).to;
  const auto step = static_cast<float>(linear_step(lowest, highest) * unit);
  const std::uint32_t key = noise_key(rounding);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float noise = noise_unit(key, static_cast<std::uint32_t>(i));
    put_code(codes, i, 2,
             linear_code(values[i] * unit, lowest * unit, step, rounding.stochastic, noise));
  }
  return true;
}

bool decode_two_bit_linear(const std::byte* in, std::span<float> values) {
  std::array<float, 4> levels;
  if (!read_linear_levels(in, packed_bytes(values.size(), 2), levels)) return false;
  const std::byte* codes = in + kLinearEndBytes;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = levels[code_at(codes, i, 2)];
  return rest_is_zero(codes, values.size(), 2);
}

}  // namespace outrigger::scalar
