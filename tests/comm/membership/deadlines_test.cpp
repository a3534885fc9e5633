#include <outrigger/comm/membership/deadlines.h>

#include "support/catch.h"

using namespace outrigger;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

// Mutation: in Deadlines::timeout, return the floor until enough is measured.
TEST_CASE("until three are measured the ceiling holds") {
  Deadlines deadlines("tests", 1s, 100s);
  deadlines.measured(2s);
  deadlines.measured(2s);
  CHECK(deadlines.timeout() == 100s);
  deadlines.measured(2s);
  CHECK(deadlines.timeout() == 4s);
}

// Mutation: in Deadlines::timeout, 20 -> 2.
TEST_CASE("the time-out is two medians and twenty times the spread, within its bounds") {
  Deadlines deadlines("tests", 1s, 100s);
  for (const int value : {1000, 1100, 900, 1050, 50000}) deadlines.measured(milliseconds(value));
  // Median 1050; distances sorted: 0, 50, 50, 150, 48950.
  CHECK(deadlines.timeout() == milliseconds(2 * 1050 + 20 * 50));
  Deadlines fast("tests", 1s, 100s), slow("tests", 1s, 100s);
  for (int i = 0; i < 3; ++i) {
    fast.measured(1ms);
    slow.measured(1000s);
  }
  CHECK(fast.timeout() == 1s);
  CHECK(slow.timeout() == 100s);
}

// Mutation: in median_of(), leave out the mean of the two middle values.
TEST_CASE("the median of an even count lies between the middle two") {
  Deadlines deadlines("tests", 1ms, 100s);
  for (const int value : {100, 300, 100, 300}) deadlines.measured(milliseconds(value));
  CHECK(deadlines.timeout() == milliseconds(2 * 200 + 20 * 100));
}

// Mutation: in Deadlines::news, leave out `told_ = now`.
TEST_CASE("a time-out that moves notably is told once") {
  Deadlines deadlines("tests", 1s, 100s);
  CHECK(deadlines.news().empty());
  for (int i = 0; i < 3; ++i) deadlines.measured(2s);
  CHECK(deadlines.news().find("time-out of tests is now 4 s (from 3 measured, at most 100 s)") !=
        std::string::npos);
  CHECK(deadlines.news().empty());
}
