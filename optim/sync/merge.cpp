#include <outrigger/optim/sync/merge.h>

#include <algorithm>
#include <cstddef>

namespace outrigger {

void mix(std::span<float> local, std::span<const float> global, float alpha) {
  if (alpha == 0.0F) {
    std::copy(global.begin(), global.end(), local.begin());
    return;
  }
  for (std::size_t i = 0; i < local.size(); ++i)
    local[i] = alpha * local[i] + (1.0F - alpha) * global[i];
}

void carry(std::span<float> local, std::span<const float> global_old,
           std::span<const float> global_new, std::span<const float> included, float held) {
  for (std::size_t i = 0; i < local.size(); ++i) {
    const float lead = global_old[i] - local[i];
    local[i] = global_new[i] - (lead - held * included[i]);
  }
}

}  // namespace outrigger
