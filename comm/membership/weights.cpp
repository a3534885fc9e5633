#include <outrigger/comm/membership/weights.h>

#include <algorithm>
#include <cmath>

namespace outrigger {

std::vector<std::uint64_t> round_weights(WeightRule rule, std::span<const std::uint64_t> tokens,
                                         std::span<const double> norms) {
  if (rule == WeightRule::kTokens) {
    if (std::ranges::all_of(tokens, [](std::uint64_t count) { return count == 0; }))
      return std::vector<std::uint64_t>(tokens.size(), 1);
    return {tokens.begin(), tokens.end()};
  }
  const double smallest = norms.empty() ? 0 : std::ranges::min(norms);
  std::vector<std::uint64_t> weights;
  for (const double norm : norms)
    weights.push_back(
        static_cast<std::uint64_t>(std::llround(std::ldexp(std::exp(smallest - norm), 32))));
  return weights;
}

}  // namespace outrigger
