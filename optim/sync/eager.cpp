#include <outrigger/optim/sync/eager.h>

#include <cstddef>

namespace outrigger {

void eager_remember(const LinearStep& rule, double share, std::span<const float> delta,
                    std::span<float> lead) {
  const float momentum = static_cast<float>(rule.momentum), part = static_cast<float>(share);
  for (std::size_t i = 0; i < lead.size(); ++i) lead[i] = momentum * lead[i] + part * delta[i];
}

void eager_correct(const LinearStep& rule, double share, std::span<const float> delta,
                   std::span<const float> lead, std::span<float> values) {
  const float fresh = static_cast<float>(rule.lr * rule.direct * share);
  const float filtered = static_cast<float>(rule.lr * rule.buffered);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] -= fresh * delta[i] + filtered * lead[i];
}

}  // namespace outrigger
