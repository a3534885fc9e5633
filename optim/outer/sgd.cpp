#include <outrigger/optim/outer/sgd.h>

namespace outrigger {

void OuterSgd::step_block(std::span<float> theta, std::span<const float> g,
                          std::span<const std::span<float>>, const OuterStep& step) const {
  const float lr = static_cast<float>(lr_ * step.lr_factor);
  for (std::size_t i = 0; i < theta.size(); ++i) theta[i] -= lr * g[i];
}

}  // namespace outrigger
