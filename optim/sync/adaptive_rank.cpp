#include <outrigger/optim/sync/adaptive_rank.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace outrigger {

Status check(const RankOptions& options) {
  const auto wrong = [](std::string why) { return Status(Code::kInvalidArgument, std::move(why)); };
  if (options.rank < 1 || options.rank > kMostRank)
    return wrong(fmt::format("rank is {}; it must be from 1 to {}", options.rank, kMostRank));
  if (!options.adaptive) return {};
  if (options.least < 1 || options.least > options.rank)
    return wrong(fmt::format("the least rank is {}; it must be from 1 to rank, which is {}",
                             options.least, options.rank));
  if (!(options.lost_energy > 0 && options.lost_energy < 1))
    return wrong(fmt::format("lost_energy is {}; it must be above 0 and below 1, such as 0.01",
                             options.lost_energy));
  if (options.window < 1 || options.window > kLongestWindow)
    return wrong(fmt::format("the window is {} rounds; it must be from 1 to {}", options.window,
                             kLongestWindow));
  return {};
}

void AdaptiveRank::observe(std::size_t effective_rank, std::vector<double>& state) const {
  if (!options_.adaptive || effective_rank == 0) return;
  state.push_back(static_cast<double>(effective_rank));
  if (state.size() > 1 + options_.window) state.erase(state.begin() + 1);
  if (state.size() < 1 + options_.window) return;
  const double sum = std::accumulate(state.begin() + 1, state.end(), 0.0);
  const double bound = std::ceil(sum / static_cast<double>(options_.window));
  state[0] = std::max(static_cast<double>(options_.least), std::min(state[0], bound));
}

}  // namespace outrigger
