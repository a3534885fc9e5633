#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

namespace outrigger {

// Writes values of a normal distribution with mean 0. The stream depends on the seed and the name
// alone, and is computed with integer and correctly rounded operations only (no libm, no vector
// library), so that islands on unlike machines start from the same bits. tensor: contiguous fp32 on
// any device. Source: the polar method, G. Marsaglia, T. A. Bray, SIAM Review 6 (1964).
void fill_normal(const at::Tensor& tensor, double standard_deviation, std::uint64_t seed,
                 std::string_view name);
void fill_ones(const at::Tensor& tensor);

}  // namespace outrigger
