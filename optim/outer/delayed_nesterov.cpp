#include <outrigger/optim/outer/delayed_nesterov.h>

namespace outrigger {

DelayedNesterov::DelayedNesterov(const OuterOptions& options)
    : lr_(options.lr),
      workers_(options.workers),
      momentum_(static_cast<float>(options.momentum)),
      divisor_(static_cast<float>(options.workers)) {
  const double c = options.early_momentum;
  between_ = static_cast<float>(options.momentum * c);
  last_ = static_cast<float>(options.momentum * (1 - c * static_cast<double>(workers_ - 1)));
}

void DelayedNesterov::step_block(std::span<float> theta, std::span<const float> g,
                                 std::span<const std::span<float>> slots,
                                 const OuterStep& step) const {
  const float lr = static_cast<float>(lr_ * step.lr_factor);
  const std::span<float> momentum = slots[0], accumulator = slots[1];
  const bool last = (step.round + 1) % workers_ == 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    accumulator[i] += g[i];
    if (last) {
      momentum[i] = momentum_ * momentum[i] + accumulator[i] / divisor_;
      accumulator[i] = 0;
    }
    theta[i] -= lr * ((last ? last_ : between_) * momentum[i] + g[i] / divisor_);
  }
}

}  // namespace outrigger
