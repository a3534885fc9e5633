#include <outrigger/comm/collective/plan.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "support/catch.h"

using namespace outrigger;

namespace outrigger::plan_test {
namespace {

constexpr double kFast = 1e8, kSlow = 1e7;

Links equal_links(std::size_t members) {
  return {std::vector(members, kFast), std::vector(members, kFast), {}, {}};
}

double cost_of(const Links& links, const std::vector<std::size_t>& order) {
  double slowest = 0, latency = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::size_t from = order[k], to = order[(k + 1) % order.size()];
    slowest = std::max(slowest, 1 / links.rate[from][to]);
    latency += links.latency_s[from][to];
  }
  return slowest + latency;
}

Links random_links(std::size_t members, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Links links;
  for (std::size_t k = 0; k < members; ++k) {
    std::vector<double> rate, latency;
    for (std::size_t other = 0; other < members; ++other) {
      rate.push_back(1 + static_cast<double>(random() % 100));
      latency.push_back(static_cast<double>(random() % 1000) / 1e4);
    }
    links.rate.push_back(rate);
    links.latency_s.push_back(latency);
  }
  return links;
}

}  // namespace

// Mutation: in plan_shares, hand what rounding leaves over to the first.
TEST_CASE("plan: equal links, or none known, give exactly equal shares") {
  for (std::size_t members = 1; members <= 9; ++members)
    for (const PlannedBytes& bytes : {PlannedBytes{4, 4}, PlannedBytes{1, 2}, PlannedBytes{4, 1}})
      for (const Links& links :
           {equal_links(members),
            Links{std::vector(members, 0.0), std::vector(members, 0.0), {}, {}}}) {
        const auto shares = plan_shares(links, bytes);
        REQUIRE(shares.size() == members);
        CHECK(shares[0] > 0);
        CHECK(std::ranges::count(shares, shares[0]) == static_cast<long>(members));
      }
}

// Mutation: in spans_of, leave out the received bytes' limit; in plan_shares, bisect ten times
// only.
TEST_CASE("plan: shares are as good as any found by trying, and win what the header says") {
  for (const std::size_t members : {2U, 3U, 4U, 6U})
    for (const PlannedBytes& bytes : {PlannedBytes{1e8, 1e8}, PlannedBytes{5e7, 1e8}}) {
      Links links = equal_links(members);
      links.up[1] = links.down[1] = kSlow;
      const auto shares = plan_shares(links, bytes);
      const double planned = shares_time_s(links, bytes, shares);
      const double equal = shares_time_s(links, bytes, {});
      INFO(members << " members, " << equal << " s equal, " << planned << " s planned");
      CHECK(planned <= equal * (1 + 1e-6));
      const double most = static_cast<double>(members - 1) / static_cast<double>(members) *
                          (1 + bytes.result / bytes.contribution);
      CHECK(equal / planned <= most * (1 + 1e-6));
      // Full duplex: the slow one's contribution, or its result, is what is left, and its least
      // share.
      const double least = 1.0 / (16 * static_cast<double>(members));
      const double others = static_cast<double>(members - 1);
      if (members > 2)
        CHECK(planned ==
              Approx(std::max((1 - least) * bytes.contribution + others * least * bytes.result,
                              (1 - least) * bytes.result + others * least * bytes.contribution) /
                     kSlow)
                  .epsilon(1e-4));
      std::mt19937_64 random(members);
      for (int k = 0; k < 2000; ++k) {
        std::vector<std::uint64_t> any;
        for (std::size_t i = 0; i < members; ++i) any.push_back(1 + random() % 1000);
        const auto all = std::accumulate(any.begin(), any.end(), std::uint64_t{0});
        any[1] = std::max(any[1], 1 + all / (16 * members - 1));
        CHECK(shares_time_s(links, bytes, any) >= planned * (1 - 1e-4));
      }
    }
}

// Mutation: in least_share, leave out the chunks (the sixteenth, the equal share).
TEST_CASE("plan: the slowest still gets two chunks or a sixteenth of an equal share") {
  Links links = equal_links(4);
  links.up[1] = links.down[1] = 1;  // no share is worth its while
  const auto part_of_slow = [&](double bytes) {
    const auto shares = plan_shares(links, {bytes, bytes});
    return static_cast<double>(shares[1]) /
           static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}));
  };
  CHECK(part_of_slow(1e9) == Approx(1.0 / 64).epsilon(1e-3));
  const double mebi = 1 << 20;
  CHECK(part_of_slow(8 * mebi) == Approx(1.0 / 16).epsilon(1e-3));  // 512 KiB
  CHECK(part_of_slow(1e5) == Approx(0.25).epsilon(1e-3));
}

// Mutation: in plan_shares, take unknown rates for slow ones.
TEST_CASE("plan: a member of which nothing is known is like the fastest") {
  Links links = equal_links(3);
  links.up[0] = links.down[0] = kSlow;
  const PlannedBytes bytes{1e8, 1e8};
  const auto known = plan_shares(links, bytes);
  links.up[2] = links.down[2] = 0;
  CHECK(plan_shares(links, bytes) == known);
  CHECK(known[1] == known[2]);
  CHECK(known[0] < known[1]);
}

// Mutation: in plan_ring, take the nearest neighbours at 8 members already; in ring_cost, leave out
// the way back to the first.
TEST_CASE(
    "plan: the ring of up to 8 members is the best, larger ones are better than as they come") {
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    for (const std::size_t members : {3U, 5U, 8U, 20U}) {
      const Links links = random_links(members, seed);
      const PlannedBytes bytes{0, static_cast<double>(members) / (2.0 * members - 3)};  // 1 a link
      const auto order = plan_ring(links, bytes);
      std::vector<std::size_t> all(members);
      std::iota(all.begin(), all.end(), 0);
      CHECK(std::is_permutation(order.begin(), order.end(), all.begin(), all.end()));
      CHECK(order[0] == 0);
      CHECK(plan_ring(links, bytes) == order);
      const double cost = cost_of(links, order);
      CHECK(cost <= cost_of(links, all));
      CHECK(ring_time_s(links, bytes, order) == Approx(cost));
      if (members > 8) continue;
      do {
        CHECK(cost_of(links, all) >= cost);
      } while (std::next_permutation(all.begin() + 1, all.end()));
    }
}

// Mutation: in plan_hub, give the last of equals.
TEST_CASE("plan: the hub is who lets the slowest be done soonest") {
  Links links = equal_links(4);
  CHECK(plan_hub(links, {1, 1}) == 0);
  links.up[2] = links.down[2] = 3 * kFast;
  CHECK(plan_hub(links, {1, 1}) == 2);
  links.down[2] = kSlow;
  CHECK(plan_hub(links, {1, 1}) == 0);
}

}  // namespace outrigger::plan_test
