#include <outrigger/optim/inner/clip.h>

#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

namespace outrigger {

double clip_grad_norm(const NamedTensors& parameters, double max_norm) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : parameters)
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  if (gradients.empty()) return 0;
  const float norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients))).item<float>();
  const float scale = static_cast<float>(max_norm) / (norm + 1e-6F);
  if (max_norm > 0 && !(scale >= 1)) at::_foreach_mul_(gradients, scale);
  return norm;
}

}  // namespace outrigger
