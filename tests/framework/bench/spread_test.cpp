#include <outrigger/framework/bench/spread.h>

#include "support/catch.h"

namespace outrigger {

// Mutation: spread_of without the sort; the upper one of the two in the middle as the median.
TEST_CASE("a spread is the median with the smallest and the largest") {
  const Spread odd = spread_of({3, 9, 1});
  CHECK(odd.median == 3);
  CHECK(odd.min == 1);
  CHECK(odd.max == 9);
  CHECK(spread_of({4, 1, 2, 8}).median == 3);
  CHECK(spread_of({7}).median == 7);
}

// Mutation: count the warm-up as a repeat (start the loop at 1).
TEST_CASE("a pass runs once more than it is timed") {
  int calls = 0;
  const std::vector<double> seconds = seconds_of(3, [&] { ++calls; });
  CHECK(calls == 4);
  CHECK(seconds.size() == 3);
}

// Mutation: multiply instead of divide.
TEST_CASE("a rate is the amount over the seconds") {
  CHECK(rates_of(12, {2, 4}) == std::vector<double>{6, 3});
}

}  // namespace outrigger
