#include <outrigger/framework/data/order.h>
#include <outrigger/framework/data/split.h>

#include <random>

#include "support/catch.h"

using namespace outrigger;

// Mutation: split_corpus(): `{0, tokens - held_out}` -> `{0, tokens}`.
TEST_CASE("split: no training window touches the held-out tail") {
  std::mt19937 random(4);
  for (int trial = 0; trial < 200; ++trial) {
    const std::int64_t context = 1 + random() % 16;
    const std::int64_t tokens = 1000 + random() % 2000;
    const auto split = split_corpus(tokens, 0.02 + 0.001 * (random() % 400), context);
    REQUIRE(split.ok());
    REQUIRE(split->train.end == split->eval.begin);
    REQUIRE(split->eval.end == tokens);
    const auto order = SampleOrder::create(split->train, context, random());
    REQUIRE(order.ok());
    for (std::int64_t sample = 0; sample < 2 * order->windows(); ++sample)
      REQUIRE(order->position(sample) + context + 1 <= split->eval.begin);
  }
}

// Mutation: split_corpus(): floor -> ceil.
TEST_CASE("split: the tail is the stated fraction") {
  const auto split = split_corpus(4'137'850, 0.05, 128);
  REQUIRE(split.ok());
  CHECK(split->eval == TokenRange{4'137'850 - 206'892, 4'137'850});
  CHECK(split_corpus(100, 0.0, 10)->eval.size() == 0);
}

// Mutation: split_corpus(): `split.eval.size() < context + 1` -> `split.eval.size() < 1`.
// Mutation: split_corpus(): `split.train.size() < context + 1` -> `split.train.size() < 1`.
TEST_CASE("split: parts too short for one window are refused with what would be enough") {
  const auto small = split_corpus(100, 0.0, 100);
  REQUIRE_FALSE(small.ok());
  CHECK(small.status().message().find("at least 101") != std::string::npos);
  const auto tail = split_corpus(1000, 0.05, 50);
  REQUIRE_FALSE(tail.ok());
  CHECK(tail.status().message().find("at least 51") != std::string::npos);
  CHECK_FALSE(split_corpus(0, 0.1, 1).ok());
  CHECK_FALSE(split_corpus(1000, 1.0, 1).ok());
  CHECK_FALSE(split_corpus(1000, -0.1, 1).ok());
  CHECK_FALSE(split_corpus(1000, 0.1, 0).ok());
}

// Mutation: eval_windows(): `* available / count` dropped (only the start of the tail is read).
// Mutation: eval_windows(): `(eval.size() - 1)` -> `eval.size()` (the last target is beyond the
// end).
TEST_CASE("split: evaluation windows are bounded, do not overlap and span the tail") {
  for (std::int64_t length = 0; length < 120; ++length) {
    for (std::int64_t bound : {0, 6, 7, 50, 1000}) {
      const TokenRange eval{500, 500 + length};
      const auto starts = eval_windows(eval, 7, bound);
      REQUIRE(std::ssize(starts) * 7 <= bound);
      for (std::size_t i = 0; i < starts.size(); ++i) {
        REQUIRE(starts[i] >= eval.begin);
        REQUIRE(starts[i] + 8 <= eval.end);
        if (i > 0) REQUIRE(starts[i] >= starts[i - 1] + 7);
      }
      if (bound == 1000) REQUIRE(std::ssize(starts) == (length == 0 ? 0 : (length - 1) / 7));
    }
  }
  CHECK(eval_windows({0, 1001}, 10, 40) == std::vector<std::int64_t>{0, 250, 500, 750});
}
