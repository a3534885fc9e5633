#include <outrigger/framework/data/sharding.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "support/catch.h"

using namespace outrigger;

namespace {

Sampler sampler(const SamplerOptions& options, std::int64_t members, std::int64_t member) {
  return Sampler::create(options, members, member).value_or_throw();
}

std::vector<std::int64_t> starts_of_all(const SamplerOptions& options, std::int64_t members,
                                        std::int64_t steps) {
  std::vector<std::int64_t> all;
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t step = 0; step < steps; ++step)
      for (std::int64_t start : sampler(options, members, member).window_starts(step))
        all.push_back(start);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

// Mutation: window_starts(): kShared -> `part(samples, members_, 0)`.
TEST_CASE("sharding: another number of islands trains on the same windows") {
  std::mt19937 random(5);
  for (int trial = 0; trial < 30; ++trial) {
    const SamplerOptions options{{10, 3000}, 13, 8 + trial, random(), Sharding::kShared};
    const auto alone = starts_of_all(options, 1, 5);
    REQUIRE(std::ssize(alone) == 5 * options.batch);
    for (std::int64_t members = 2; members <= 8; ++members)
      REQUIRE(starts_of_all(options, members, 5) == alone);
  }
}

// Mutation: create(): `own ? section(...) : options.train` -> `options.train`.
// Mutation: window_starts(): kContiguous counts the job's samples, not its own.
TEST_CASE(
    "sharding: contiguous islands stay in their sections and see every window once an epoch") {
  const SamplerOptions options{{100, 3000}, 10, 7, 9, Sharding::kContiguous};
  std::int64_t end = options.train.begin;
  for (std::int64_t member = 0; member < 3; ++member) {
    const TokenRange own = section(options.train, 3, member);
    CHECK(own.begin == end);
    end = own.end;
    const Sampler sampled = sampler(options, 3, member);
    CHECK(sampled.samples_per_step() == (member == 0 ? 3 : 2));
    std::vector<std::int64_t> starts;
    for (std::int64_t step = 0; std::ssize(starts) < sampled.order().windows(); ++step) {
      REQUIRE(std::ssize(sampled.window_starts(step)) == sampled.samples_per_step());
      for (std::int64_t start : sampled.window_starts(step)) starts.push_back(start);
    }
    starts.resize(static_cast<std::size_t>(sampled.order().windows()));
    for (std::int64_t start : starts) {
      REQUIRE(start >= own.begin);
      REQUIRE(start + 11 <= own.end);
    }
    CHECK(std::set(starts.begin(), starts.end()).size() == starts.size());
  }
  CHECK(end == options.train.end);
}

// Mutation: create(): the check of `options.batch < members` dropped.
TEST_CASE("sharding: a batch too small to share out and a section too small are refused") {
  CHECK_FALSE(Sampler::create({{0, 1000}, 10, 3, 0, Sharding::kShared}, 4, 0).ok());
  CHECK(Sampler::create({{0, 40}, 10, 4, 0, Sharding::kShared}, 4, 0).ok());
  const auto section = Sampler::create({{0, 40}, 10, 4, 0, Sharding::kContiguous}, 4, 3);
  REQUIRE_FALSE(section.ok());
  CHECK(section.status().message().find("section 3 of 4") != std::string::npos);
}

// Mutation: sharding_from_name(): "contiguous" answers kShared.
TEST_CASE("sharding: names") {
  CHECK(*sharding_from_name("shared") == Sharding::kShared);
  CHECK(*sharding_from_name("contiguous") == Sharding::kContiguous);
  CHECK(sharding_from_name("random").status().code() == Code::kInvalidArgument);
}
