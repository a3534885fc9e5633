#include <set>

#include <outrigger/optim/sync/adaptive_rank.h>
#include <outrigger/optim/sync/orthonormal.h>

#include "optim/sync/low_rank_samples.h"
#include "support/catch.h"

namespace outrigger::low_rank_warm_test {

using samples::Values;

const std::vector<Shape> kOne = {{40, 60}};
const std::vector<Shape> kTwo = {{40, 60}, {60, 40}};

Values column(const Values& warm, std::size_t length, std::size_t k) {
  const auto begin = warm.begin() + static_cast<std::ptrdiff_t>(k * length);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

Values seeded(const LowRank& low_rank, const LowRank::Seed& seed) {
  Values warm(low_rank.warm_elements());
  low_rank.first_warm(seed, warm);
  return warm;
}

// A second payload of one matrix, with columns of these lengths.
Values columns_of(const std::vector<float>& lengths, std::size_t rows) {
  Values all = samples::deltas(rows * lengths.size(), 8);
  for (std::size_t k = 0; k < lengths.size(); ++k) {
    const std::span<float> column = std::span(all).subspan(k * rows, rows);
    normalise(column);
    for (float& value : column) value *= lengths[k];
  }
  return all;
}

// The rank after 12 rounds of values with that spectrum.
std::size_t rank_after(double decay) {
  const AdaptiveRank rule({8, true, 1, 0.01, 3});
  std::vector<double> state = rule.first_state();
  const Values values = samples::sum_of_products(40, 60, 30, decay, 5);
  LowRank now(kOne, 8, 8);
  Values warm = seeded(now, {0, 0});
  for (std::uint64_t n = 1; n <= 12; ++n) {
    const auto round = samples::round_of(now, warm, {values}, samples::codec("fp32"));
    rule.observe(now.effective_rank(round.second, rule.kept()), state);
    const LowRank next(kOne, 8, AdaptiveRank::rank(state));
    warm.resize(next.warm_elements());
    now.next_warm(round.second, {0, n}, next, warm);
    now = next;
  }
  return now.rank();
}

// Mutations: leave the fragment, either half of the round, the part or the index out of seed_seq.
TEST_CASE("a first warm start has columns of length 1, none like another") {
  const std::vector<Shape> alike = {{40, 60}, {40, 60}};
  const LowRank low_rank(alike, 4, 4);
  std::set<std::vector<std::uint32_t>> starts;
  const std::vector<LowRank::Seed> seeds = {{0, 0}, {1, 0}, {0, 1}, {0, std::uint64_t{1} << 32}};
  for (const LowRank::Seed& seed : seeds) {
    const Values warm = seeded(low_rank, seed);
    for (const LowRankPart& part : low_rank.parts())
      for (std::size_t k = 0; k < 4; ++k) {
        const auto begin = warm.begin() + static_cast<std::ptrdiff_t>(part.second);
        const Values one = column({begin, warm.end()}, part.columns, k);
        CHECK(ordered_dot(one, one) == Approx(1).epsilon(1e-6));
        starts.insert(samples::bits({one[0], one[1], one[2]}));
      }
  }
  CHECK(starts.size() == seeds.size() * 8);
}

// Mutation: in draw begin at `sum = 0`; or with mt19937 in place of mt19937_64.
TEST_CASE("the warm start's bits are fixed") {
  const std::vector<Shape> shapes = {{8, 8}};
  const Values warm = seeded(LowRank(shapes, 1, 1), {3, 5});
  CHECK(samples::bits(warm) == std::vector<std::uint32_t>{3195054488U, 1050021434U, 3201103003U,
                                                          1058618146U, 3203672312U, 1027291262U,
                                                          1043697035U, 3197127289U});
}

// Mutations: sort by `<`; leave out normalise(column).
TEST_CASE("the next warm start has the columns by falling energy, of length 1") {
  const LowRank four(kOne, 4, 4), two(kOne, 4, 2);
  const Values second = columns_of({3, 0.5F, 100, 7}, 60);
  Values warm(four.warm_elements()), cut(two.warm_elements());
  four.next_warm(second, {0, 1}, four, warm);
  four.next_warm(second, {0, 1}, two, cut);
  const std::vector<std::size_t> order = {2, 3, 0, 1};
  for (std::size_t k = 0; k < 4; ++k) {
    Values expected = column(second, 60, order[k]);
    normalise(expected);
    CHECK(column(warm, 60, k) == expected);
    if (k < 2) CHECK(column(cut, 60, k) == expected);
  }
}

// Mutation: `energy[order[k]] >= 0` (zeros stay zeros); leave out `k < rank_`.
TEST_CASE("columns of zeros and missing columns are drawn afresh") {
  const LowRank three(kOne, 5, 3), five(kOne, 5, 5);
  const Values second = columns_of({0, 2, 0}, 60);
  Values warm(five.warm_elements());
  three.next_warm(second, {7, 1}, five, warm);
  const Values fresh = seeded(five, {7, 1});
  for (std::size_t k = 1; k < 5; ++k) CHECK(column(warm, 60, k) == column(fresh, 60, k));
  CHECK(column(warm, 60, 0) != column(fresh, 60, 0));
}

// Mutations: leave out the sorting; `kept` of each matrix by itself; no std::max in the end.
TEST_CASE("the effective rank holds that part of the energy of all matrices together") {
  const LowRank low_rank(kTwo, 4, 4);
  Values second = columns_of({1, 10, 2, 3}, 60);      // energies 1, 100, 4, 9
  const Values other = columns_of({5, 1, 1, 5}, 40);  // 25, 1, 1, 25
  second.insert(second.end(), other.begin(), other.end());
  // Of 166: 125 by the first columns, 159 by two, 164 by three.
  CHECK(low_rank.effective_rank(second, 0) == 1);
  CHECK(low_rank.effective_rank(second, 124.9 / 166) == 1);
  CHECK(low_rank.effective_rank(second, 125.1 / 166) == 2);
  CHECK(low_rank.effective_rank(second, 158.9 / 166) == 2);
  CHECK(low_rank.effective_rank(second, 159.1 / 166) == 3);
  CHECK(low_rank.effective_rank(second, 1) == 4);
  CHECK(low_rank.effective_rank(Values(second.size(), 0.0F), 0.99) == 0);
}

// Mutation: in effective_rank `sum < kept` (every energy is then too much).
TEST_CASE("the rank falls where the spectrum decays and stays where it is flat") {
  CHECK(rank_after(0.3) <= 3);
  CHECK(rank_after(1.0) == 8);
}

}  // namespace outrigger::low_rank_warm_test
