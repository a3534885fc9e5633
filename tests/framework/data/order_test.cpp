#include <outrigger/framework/data/order.h>

#include <random>
#include <set>
#include <vector>

#include "support/catch.h"

using namespace outrigger;

namespace {

SampleOrder order_of(TokenRange tokens, std::int64_t context, std::uint64_t seed) {
  return SampleOrder::create(tokens, context, seed).value_or_throw();
}

}  // namespace

// Mutation: feistel(): `left ^ (... & mask)` -> `(... & mask)` (values collide, or the walk never
// ends).
TEST_CASE("order: permute is a bijection of every size") {
  std::mt19937_64 random(2);
  for (std::int64_t size = 1; size < 300; ++size) {
    const std::uint64_t key = random();
    std::set<std::int64_t> values;
    for (std::int64_t index = 0; index < size; ++index) {
      const std::int64_t value = permute(index, size, key);
      REQUIRE((value >= 0 && value < size));
      values.insert(value);
    }
    REQUIRE(std::ssize(values) == size);
  }
}

// Mutation: mix64(): `>> 27` -> `>> 26` (or any constant: every machine would draw other data).
TEST_CASE("order: the hash and the permutation are fixed for ever") {
  CHECK(mix64(0) == 0xE220A8397B1DCDAF);  // the first outputs of SplitMix64 with seed 0
  CHECK(mix64(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4);
  const SampleOrder order = order_of({0, 4'000'000}, 128, 17);
  CHECK(order.windows() == 31'248);
  CHECK(std::vector{order.position(0), order.position(1), order.position(31'248)} ==
        std::vector<std::int64_t>{435'019, 20'427, 155'055});
}

// Mutation: feistel(): kFeistelRounds 6 -> 0 (the identity).
TEST_CASE("order: the permutation does not follow the index") {
  const std::int64_t size = 10'007;
  int rising = 0;
  std::int64_t displaced = 0;
  for (std::int64_t index = 0; index + 1 < size; ++index) {
    rising += permute(index, size, 5) < permute(index + 1, size, 5);
    displaced += permute(index, size, 5) != index;
  }
  CHECK((rising > size * 45 / 100 && rising < size * 55 / 100));
  CHECK(displaced > size - 20);
}

// Mutation: SampleOrder: `- 1)` of windows_ dropped (an offset then reaches beyond the end).
// Mutation: position(): `sample % windows_` -> `0` (one window again and again).
TEST_CASE("order: an epoch reads every window once and never leaves its tokens") {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const std::int64_t context = 1 + random() % 20;
    const std::int64_t begin = random() % 1000;
    const TokenRange tokens{begin, begin + context + 1 + static_cast<std::int64_t>(random() % 500)};
    const SampleOrder order = order_of(tokens, context, random());
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      std::set<std::int64_t> starts;
      for (std::int64_t i = 0; i < order.windows(); ++i) {
        const std::int64_t start = order.position(epoch * order.windows() + i);
        REQUIRE(start >= tokens.begin);
        REQUIRE(start + context + 1 <= tokens.end);
        REQUIRE((start - tokens.begin - order.offset(epoch)) % context == 0);
        starts.insert(start);
      }
      REQUIRE(std::ssize(starts) == order.windows());
    }
  }
}

// Mutation: epoch_key(): the epoch left out of the hash.
// Mutation: epoch_key(): `mix64(seed)` -> `0`.
TEST_CASE("order: epochs and seeds differ in order and offset") {
  const SampleOrder order = order_of({0, 100'000}, 100, 1);
  const SampleOrder other = order_of({0, 100'000}, 100, 2);
  std::set<std::int64_t> offsets;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) offsets.insert(order.offset(epoch));
  CHECK(offsets.size() > 10);
  int same_epochs = 0;
  int same_seeds = 0;
  const std::int64_t count = order.windows();
  for (std::int64_t i = 0; i < count; ++i) {
    same_epochs +=
        order.position(i) - order.offset(0) == order.position(count + i) - order.offset(1);
    same_seeds += order.position(i) - order.offset(0) == other.position(i) - other.offset(0);
  }
  CHECK(same_epochs < 20);
  CHECK(same_seeds < 20);
}

// Mutation: create(): `context + 1` -> `context`.
TEST_CASE("order: too few tokens for one window are refused") {
  CHECK(SampleOrder::create({10, 19}, 8, 0).ok());
  const auto order = SampleOrder::create({10, 18}, 8, 0);
  REQUIRE_FALSE(order.ok());
  CHECK(order.status().code() == Code::kInvalidArgument);
  CHECK(order.status().message().find("at least 9") != std::string::npos);
}
