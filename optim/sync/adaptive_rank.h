#pragma once

#include <cstddef>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

struct RankOptions {
  std::size_t rank = 8;   // of the first rounds, and the most there is
  bool adaptive = false;  // else it stays
  std::size_t least = 1;  // adaptive: the least there is
  double lost_energy =
      0.01;                // adaptive: the part of the energy that an effective rank may leave out
  std::size_t window = 5;  // adaptive: rounds over which effective ranks are averaged
};

inline constexpr std::size_t kMostRank = 65536;
inline constexpr std::size_t kLongestWindow = 1000;

// InvalidArgument says which option is wrong and what would be right.
Status check(const RankOptions& options);

// The rank of a fragment's rounds. DiLoCoX (arXiv 2506.21263) lowers it as a windowed mean of the
// effective rank falls; its exact rule is not known. Ours: once `window` rounds were measured, the
// next rank is at most the mean of the newest `window` effective ranks, rounded up. It never rises:
// with fewer columns nothing tells how much energy further ones would hold. Nor does it run away:
// it rests where the last column holds more than lost_energy of what the columns hold.
//
// The state is SharedState's, a few doubles that are whole numbers, so every sum of them is exact:
// the rank, then the window's effective ranks, the oldest first.
class AdaptiveRank {
 public:
  // REQUIRES: check(options).ok().
  explicit AdaptiveRank(const RankOptions& options) : options_(options) {}

  std::vector<double> first_state() const { return {static_cast<double>(options_.rank)}; }
  static std::size_t rank(const std::vector<double>& state) {
    return static_cast<std::size_t>(state[0]);
  }
  // The part of the energy that LowRank::effective_rank is asked for.
  double kept() const { return 1 - options_.lost_energy; }
  // After each applied round. An effective rank of 0, of an update of zeros, does not count.
  void observe(std::size_t effective_rank, std::vector<double>& state) const;

 private:
  RankOptions options_;
};

}  // namespace outrigger
