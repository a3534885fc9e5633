#include <outrigger/optim/inner/corrections.h>

#include <cstddef>

namespace outrigger {

void add_proximal(std::span<float> gradient, std::span<const float> theta,
                  std::span<const float> theta_global, float mu) {
  for (std::size_t i = 0; i < gradient.size(); ++i)
    gradient[i] += mu * (theta[i] - theta_global[i]);
}

void add_control(std::span<float> gradient, std::span<const float> global_variate,
                 std::span<const float> local_variate) {
  for (std::size_t i = 0; i < gradient.size(); ++i)
    gradient[i] += global_variate[i] - local_variate[i];
}

}  // namespace outrigger
