#pragma once

#include <cstdint>

// The model's elementwise work on fp32 in main memory, each in one pass, where ATen would make
// several and keep more between forward and backward. Rows are contiguous. Bits do not depend on
// the instruction set: sums run in a fixed order of 16 lanes. No torch here.
namespace outrigger::kernels {

// y = x * inverse_rms * weight with inverse_rms = 1 / sqrt(mean(x^2) + eps), which is kept for the
// backward pass. x, y: [rows, width]; weight: [width]; inverse_rms: [rows]. Source: arXiv
// 1910.07467, equation 4.
void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
              float* y, float* inverse_rms);

// dx for the rows given; dweight [width] is added to.
void rms_norm_backward(const float* dy, const float* x, const float* weight,
                       const float* inverse_rms, std::int64_t rows, std::int64_t width, float* dx,
                       float* dweight);

// Rotary embedding in half-split order (rotate_half): the pair (x_i, x_{i + dim/2}) of each head
// turns by the angle of its position. x, y: [rows, heads, dim]; row r has position r mod length;
// cosine, sine: [length, dim/2]. `direction` is 1, or -1 for the backward pass. Source: arXiv
// 2104.09864, equation 34.
void rope(const float* x, const float* cosine, const float* sine, float direction,
          std::int64_t first_row, std::int64_t last_row, std::int64_t length, std::int64_t heads,
          std::int64_t dim, float* y);

// y = gate * sigmoid(gate) * up. Source: arXiv 2002.05202, equation 6.
void swiglu(const float* gate, const float* up, std::int64_t size, float* y);
void swiglu_backward(const float* dy, const float* gate, const float* up, std::int64_t size,
                     float* dgate, float* dup);

}  // namespace outrigger::kernels
