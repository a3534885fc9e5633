#pragma once

#include <ATen/core/Tensor.h>

namespace outrigger {

// The three differentiable steps of a Llama block that are not matrix products or attention. On
// fp32 CPU tensors they run the one-pass kernels of kernels.h; elsewhere (another device, bf16
// under autocast) the same formula in ATen's operators. Each returns a new tensor. Every argument
// is contiguous.

// x: [rows, width]; weight: [width].
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x: [rows, heads, dim]; cosine, sine: fp32 [length, dim / 2]; row r has position r mod length.
at::Tensor rope(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine);

// silu(gate) * up, all of one shape.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

}  // namespace outrigger
