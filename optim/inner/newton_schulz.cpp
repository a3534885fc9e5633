#include <outrigger/optim/inner/newton_schulz.h>

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

namespace outrigger {

at::Tensor newton_schulz(const at::Tensor& matrix, std::span<const NewtonSchulzStep> steps) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = tall ? matrix.t().contiguous() : matrix;
  x = x.div(x.norm().add_(1e-7));
  for (const NewtonSchulzStep& step : steps) {
    const at::Tensor a = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(a, a, a, step.b, step.c), x, step.a);
  }
  return tall ? x.t() : x;
}

}  // namespace outrigger
