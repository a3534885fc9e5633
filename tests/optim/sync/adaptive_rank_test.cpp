#include <limits>
#include <string>

#include <outrigger/optim/sync/adaptive_rank.h>

#include "support/catch.h"

namespace outrigger::adaptive_rank_test {

// The ranks after each of the effective ranks was observed.
std::vector<std::size_t> ranks(const RankOptions& options,
                               const std::vector<std::size_t>& measured) {
  const AdaptiveRank rule(options);
  std::vector<double> state = rule.first_state();
  std::vector<std::size_t> all;
  for (const std::size_t effective : measured) {
    rule.observe(effective, state);
    all.push_back(AdaptiveRank::rank(state));
  }
  return all;
}

using Ranks = std::vector<std::size_t>;
const RankOptions kWindowOf3{16, true, 4, 0.01, 3};

// Mutations: std::floor for std::ceil; no test for a full window; erase the newest.
TEST_CASE("the rank follows the window's mean down, rounded up") {
  // Means from the third on: 10, 8 1/3, 8 2/3, 8 2/3, 6 1/3.
  CHECK(ranks(kWindowOf3, {16, 8, 6, 11, 9, 6, 4}) == Ranks{16, 16, 10, 9, 9, 9, 7});
}

// Mutation: in observe leave out std::min (the rank goes up again with the mean).
TEST_CASE("the rank never rises, nor falls below the least") {
  CHECK(ranks(kWindowOf3, {6, 6, 6, 16, 16, 16}) == Ranks{16, 16, 6, 6, 6, 6});
  CHECK(ranks(kWindowOf3, {1, 1, 1, 1}) == Ranks{16, 16, 4, 4});
}

// Mutation: in observe leave out `effective_rank == 0`.
TEST_CASE("an update of zeros says nothing of the rank") {
  CHECK(ranks(kWindowOf3, {9, 0, 9, 0, 0, 9}) == Ranks{16, 16, 16, 16, 16, 9});
}

// Mutation: in observe leave out `!options_.adaptive`.
TEST_CASE("a fixed rank stays and keeps no window") {
  const AdaptiveRank rule({16, false, 1, 0.01, 1});
  std::vector<double> state = rule.first_state();
  rule.observe(2, state);
  CHECK(state == std::vector<double>{16});
}

// Mutation (each): leave out the check.
TEST_CASE("rank options that cannot be are refused with what would be right") {
  const auto refused = [](const RankOptions& options, const std::string& because) {
    const Status status = check(options);
    return status.code() == Code::kInvalidArgument &&
           status.message().find(because) != std::string::npos;
  };
  CHECK(check({}).ok());
  CHECK(check(kWindowOf3).ok());
  CHECK(refused({0, false, 1, 0.01, 5}, "rank is 0; it must be from 1 to 65536"));
  CHECK(refused({65537, false, 1, 0.01, 5}, "rank is 65537"));
  CHECK(refused({8, true, 0, 0.01, 5}, "the least rank is 0"));
  CHECK(refused({8, true, 9, 0.01, 5}, "from 1 to rank, which is 8"));
  CHECK(refused({8, true, 1, 0, 5}, "lost_energy is 0"));
  CHECK(refused({8, true, 1, 1, 5}, "lost_energy is 1"));
  CHECK(refused({8, true, 1, std::numeric_limits<double>::quiet_NaN(), 5}, "lost_energy is nan"));
  CHECK(refused({8, true, 1, 0.01, 0}, "the window is 0 rounds"));
  CHECK(refused({8, true, 1, 0.01, 1001}, "the window is 1001 rounds"));
  CHECK(check({8, false, 9, 2, 0}).ok());
}

}  // namespace outrigger::adaptive_rank_test
