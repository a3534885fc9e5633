#include <outrigger/optim/sync/feedback.h>

#include <array>
#include <cstddef>
#include <limits>

#include <outrigger/comm/hash.h>

namespace outrigger {

void add_residual(std::span<float> values, std::span<const float> residual, double beta) {
  const float factor = static_cast<float>(beta);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += factor * residual[i];
}

void subtract_estimate(std::span<float> values, std::span<const float> estimate) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= estimate[i];
}

void take_in(std::span<float> lost, std::span<const float> residual, double beta,
             std::span<const float> sent, std::span<float> estimate) {
  const float kept = static_cast<float>(1 - beta);
  for (std::size_t i = 0; i < lost.size(); ++i) {
    lost[i] += kept * residual[i];
    estimate[i] += sent[i];
  }
}

void add_estimate(std::span<float> g, std::span<float> estimate, std::size_t included,
                  std::size_t islands) {
  const float part = static_cast<float>(included) / static_cast<float>(islands);
  for (std::size_t i = 0; i < g.size(); ++i) g[i] = estimate[i] += part * g[i];
}

std::uint64_t contribution_seed(std::uint64_t seed, RoundId round, std::uint32_t island) {
  const std::array<std::uint64_t, 4> place = {seed, round.fragment, round.number, island};
  return hash64(std::as_bytes(std::span(place)));
}

std::uint64_t result_seed(std::uint64_t seed, RoundId round) {
  return contribution_seed(seed, round, std::numeric_limits<std::uint32_t>::max());
}

}  // namespace outrigger
