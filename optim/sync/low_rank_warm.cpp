// LowRank: warm starts, and what their columns' energies say of the rank.
#include <outrigger/optim/sync/low_rank.h>

#include <algorithm>
#include <cassert>
#include <numeric>
#include <random>

#include <outrigger/optim/sync/orthonormal.h>

namespace outrigger {
namespace {

// Sums of four uniform integers, bell-shaped enough. The standard fixes the bits of seed_seq and
// mt19937_64, and the sums are exact.
void draw(const LowRank::Seed& seed, std::size_t part, std::size_t index, std::span<float> column) {
  std::seed_seq sequence{seed.fragment, static_cast<std::uint32_t>(seed.round),
                         static_cast<std::uint32_t>(seed.round >> 32),
                         static_cast<std::uint32_t>(part), static_cast<std::uint32_t>(index)};
  std::mt19937_64 random(sequence);
  for (float& value : column) {
    const std::uint64_t bits = random();
    std::int32_t sum = -2 * 0xffff;
    for (int shift = 0; shift < 64; shift += 16)
      sum += static_cast<std::int32_t>((bits >> shift) & 0xffff);
    value = static_cast<float>(sum);
  }
  normalise(column);
}

std::vector<double> energies(std::span<const float> factor, std::size_t length) {
  std::vector<double> all;
  for (std::size_t begin = 0; begin < factor.size(); begin += length) {
    const std::span<const float> column = factor.subspan(begin, length);
    all.push_back(ordered_dot(column, column));
  }
  return all;
}

}  // namespace

void LowRank::first_warm(const Seed& seed, std::span<float> warm) const {
  assert(warm.size() == warm_elements());
  for (std::size_t t = 0; t < parts().size(); ++t) {
    const LowRankPart& part = parts()[t];
    if (!part.factored) continue;
    for (std::size_t k = 0; k < rank_; ++k)
      draw(seed, t, k, warm.subspan(part.second + k * part.columns, part.columns));
  }
}

void LowRank::next_warm(std::span<const float> second_result, const Seed& seed, const LowRank& next,
                        std::span<float> warm) const {
  assert(second_result.size() == second_elements() && warm.size() == next.warm_elements());
  assert(next.parts().size() == parts().size());
  for (std::size_t t = 0; t < parts().size(); ++t) {
    const LowRankPart& part = parts()[t];
    if (!part.factored) continue;
    const std::span<const float> factor = second_result.subspan(part.second, rank_ * part.columns);
    const std::vector<double> energy = energies(factor, part.columns);
    std::vector<std::size_t> order(rank_);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](auto a, auto b) { return energy[a] > energy[b]; });
    for (std::size_t k = 0; k < next.rank(); ++k) {
      const std::span<float> column =
          warm.subspan(next.parts()[t].second + k * part.columns, part.columns);
      if (k < rank_ && energy[order[k]] > 0) {
        std::ranges::copy(factor.subspan(order[k] * part.columns, part.columns), column.begin());
        normalise(column);
      } else {
        draw(seed, t, k, column);
      }
    }
  }
}

std::size_t LowRank::effective_rank(std::span<const float> second_result, double kept) const {
  assert(second_result.size() == second_elements());
  std::vector<double> held(rank_, 0.0);  // by the k-th largest columns of all matrices
  for (const LowRankPart& part : parts()) {
    if (!part.factored) continue;
    std::vector<double> energy =
        energies(second_result.subspan(part.second, rank_ * part.columns), part.columns);
    std::ranges::sort(energy, std::greater());
    for (std::size_t k = 0; k < rank_; ++k) held[k] += energy[k];
  }
  const double total = std::accumulate(held.begin(), held.end(), 0.0);
  if (total == 0) return 0;
  double sum = 0;
  std::size_t count = 0;
  while (count < rank_ && sum < kept * total) sum += held[count++];
  return std::max<std::size_t>(1, count);
}

}  // namespace outrigger
