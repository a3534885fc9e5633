#include <outrigger/optim/outer/noloco.h>

namespace outrigger {

void NoLoCo::step_block(std::span<float> theta, std::span<const float> g,
                        std::span<const std::span<float>> slots, const OuterStep& step) const {
  const float lr = static_cast<float>(lr_ * step.lr_factor);
  const std::span<float> velocity = slots[0];
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const float pull = step.peer_mean[i] - theta[i];
    velocity[i] = momentum_ * velocity[i] - lr * g[i] + lr * pull;
    theta[i] += velocity[i];
  }
}

}  // namespace outrigger
