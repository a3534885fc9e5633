#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <span>

namespace outrigger {

// One step of the iteration: X <- a X + (b A + c A A) X with A = X X^T, which maps each singular
// value s to a s + b s^3 + c s^5 and leaves the singular vectors.
struct NewtonSchulzStep {
  double a, b, c;
};

// `muloco`: what MuLoCo (arXiv 2505.23725) trains with; singular values from 0.01 on end
// between 0.97 and 1.04.
inline constexpr std::array<NewtonSchulzStep, 5> kMuLoCoSteps = {{{4.0848, -6.8946, 2.9270},
                                                                  {3.9505, -6.3029, 2.6377},
                                                                  {3.7418, -5.5913, 2.3037},
                                                                  {2.8769, -3.1427, 1.2046},
                                                                  {2.8366, -3.0525, 1.2012}}};
// `keller`: the original Muon's (Keller Jordan), five times the same; they end between 0.68
// and 1.14.
inline constexpr std::array<NewtonSchulzStep, 5> kKellerSteps = {{{3.4445, -4.7750, 2.0315},
                                                                  {3.4445, -4.7750, 2.0315},
                                                                  {3.4445, -4.7750, 2.0315},
                                                                  {3.4445, -4.7750, 2.0315},
                                                                  {3.4445, -4.7750, 2.0315}}};

// About U V^T of the matrix's singular value decomposition U S V^T, from X = matrix / (|matrix|_F +
// 1e-7); a singular value far below the norm (1e-3, say) ends below 1, and 0 stays 0. Works on the
// transpose where there are more rows than columns, so that A is the smaller of the two products.
// In the matrix's own type, which is fp32 here: bf16 is accurate enough for Muon (its authors use
// it), but pays only on a device that multiplies bf16 faster.
at::Tensor newton_schulz(const at::Tensor& matrix, std::span<const NewtonSchulzStep> steps);

}  // namespace outrigger
