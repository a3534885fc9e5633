#include <outrigger/comm/codec/kernels.h>
#include <outrigger/comm/codec/scalar/packed.h>
#include <outrigger/comm/codec/sums.h>
#include <outrigger/comm/codec/two_bit.h>

#include <algorithm>

namespace outrigger::scalar {
namespace {

float sum_of(std::span<const float> values, float to) {
  Partials sums = {};
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % kPartials] += values[i] * to;
  return total(sums);
}

float sum_of_squares(std::span<const float> values, float to, float mean) {
  Partials sums = {};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float distance = values[i] * to - mean;
    sums[i % kPartials] += distance * distance;
  }
  return total(sums);
}

// Codes the values by their bins and sums each bin.
void fill_bins(std::span<const float> values, float to, const std::array<float, 3>& borders,
               std::byte* codes, std::array<float, 4>& sums, std::array<std::uint32_t, 4>& counts) {
  std::array<Partials, 4> partials = {};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = values[i] * to;
    const unsigned code = two_bit_code(value, borders);
    put_code(codes, i, 2, code);
    partials[code][i % kPartials] += value;
    ++counts[code];
  }
  std::transform(partials.begin(), partials.end(), sums.begin(), total);
}

}  // namespace

bool encode_two_bit(std::span<const float> values, std::byte* out, const Rounding&) {
  const std::int32_t largest = largest_magnitude(values);
  if (largest >= kInfinityBits) return false;
  const Unit unit = unit_of(largest);
  const float mean = sum_of(values, unit.to) / static_cast<float>(values.size());
  const float squares = sum_of_squares(values, unit.to, mean);
  std::byte* codes = out + kTwoBitLevelBytes;
  std::fill_n(codes, packed_bytes(values.size(), 2), std::byte{0});
  std::array<float, 4> sums;
  std::array<std::uint32_t, 4> counts = {};
  fill_bins(values, unit.to, two_bit_borders(mean, squares, values.size()), codes, sums, counts);
  write_two_bit_levels(sums, counts, unit.from, out);
  return true;
}

bool decode_two_bit(const std::byte* in, std::span<float> values) {
  std::array<float, 4> levels;
  if (!read_two_bit_levels(in, levels)) return false;
  const std::byte* codes = in + kTwoBitLevelBytes;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = levels[code_at(codes, i, 2)];
  return rest_is_zero(codes, values.size(), 2);
}

}  // namespace outrigger::scalar
