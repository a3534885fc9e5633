#include <outrigger/optim/outer/heavy_ball.h>

namespace outrigger {

void HeavyBall::step_block(std::span<float> theta, std::span<const float> g,
                           std::span<const std::span<float>> slots, const OuterStep& step) const {
  const float lr = static_cast<float>(lr_ * step.lr_factor);
  const std::span<float> buffer = slots[0];
  for (std::size_t i = 0; i < theta.size(); ++i) {
    buffer[i] = momentum_ * buffer[i] + g[i];
    theta[i] -= lr * buffer[i];
  }
}

}  // namespace outrigger
