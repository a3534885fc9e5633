#include <outrigger/optim/outer/fedopt.h>

#include <cmath>

namespace outrigger {

FedOpt::FedOpt(Kind kind, const OuterOptions& options)
    : kind_(kind),
      lr_(options.lr),
      beta1_(static_cast<float>(options.beta1)),
      rest1_(static_cast<float>(1 - options.beta1)),
      beta2_(static_cast<float>(options.beta2)),
      rest2_(static_cast<float>(1 - options.beta2)),
      epsilon_(static_cast<float>(options.epsilon)),
      first_(static_cast<float>(options.epsilon * options.epsilon)) {}

std::string_view FedOpt::name() const {
  if (kind_ == Kind::kAdam) return "adam";
  return kind_ == Kind::kYogi ? "yogi" : "adagrad";
}

std::vector<std::string> FedOpt::slots() const {
  if (kind_ == Kind::kAdagrad) return {"variance"};
  return {"variance", "momentum"};
}

template <class Second>
void FedOpt::step_with(Second second, std::span<float> theta, std::span<const float> g,
                       std::span<const std::span<float>> slots, float lr) const {
  const std::span<float> variance = slots[0];
  const std::span<float> momentum = slots.size() > 1 ? slots[1] : std::span<float>();
  for (std::size_t i = 0; i < theta.size(); ++i) {
    variance[i] = second(variance[i] == 0.0F ? first_ : variance[i], g[i] * g[i]);
    float direction = g[i];
    if (!momentum.empty()) {
      momentum[i] = beta1_ * momentum[i] + rest1_ * g[i];
      direction = momentum[i];
    }
    theta[i] -= lr * direction / (std::sqrt(variance[i]) + epsilon_);
  }
}

void FedOpt::step_block(std::span<float> theta, std::span<const float> g,
                        std::span<const std::span<float>> slots, const OuterStep& step) const {
  const float lr = static_cast<float>(lr_ * step.lr_factor);
  const auto adam = [this](float v, float square) { return beta2_ * v + rest2_ * square; };
  const auto adagrad = [](float v, float square) { return v + square; };
  const auto yogi = [this](float v, float square) {
    const float change = rest2_ * square;
    if (v == square) return v;
    return v > square ? v - change : v + change;
  };
  if (kind_ == Kind::kAdam) step_with(adam, theta, g, slots, lr);
  if (kind_ == Kind::kAdagrad) step_with(adagrad, theta, g, slots, lr);
  if (kind_ == Kind::kYogi) step_with(yogi, theta, g, slots, lr);
}

}  // namespace outrigger
